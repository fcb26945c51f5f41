"""Starting where something is missing or wrong: one clear line for each, and work begins when it is there."""
import os
import socket
import time

import stack
from stack import contains, equal, said_once, true, watched

SIM = ['--generate', '3', '--seed', '41', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad', '1000', '--churn',
       '20', '--slack-rate', '0']


def nothing_there():
    with stack.Stack(sim=SIM, redis=False, postgres=False, start_sim=False, daemon=False) as s:
        begin = time.monotonic()
        d = s.daemon()
        d.says('redis: ')
        d.says('postgres: ')
        watched(begin)
        said_once(d, 'without anything', r'^redis: ', r'^postgres: ')
        equal((d.status('/healthz')[0], d.status('/readyz')[0]), (200, 503), 'health and readiness')
        s.pg_start()
        s.redis_start()
        d.says(r'badgewatch migrate')
        equal(d.status('/readyz')[0], 503, 'readiness without the schema')
        watched(time.monotonic(), 3)
        said_once(d, 'without the schema', r'badgewatch migrate')
        s.bw('migrate')
        d.says('products are tracked')
        s.bw('asin', 'add', 'B0AAAAAAA1')
        begin = time.monotonic()
        d.says(r'keepa: ')
        watched(begin)
        said_once(d, 'without Keepa', r'^keepa: .*(refused|connect)')
        s.sim_start()
        s.checked(['1:B0AAAAAAA1'], 30)
        d.says('answers again')
        d.ready()


def settings():
    with stack.Stack(redis=False, postgres=False, start_sim=False, daemon=False) as s:
        wrong = {'REDIS_URL': 'http://x', 'BADGEWATCH_LISTEN': 'nonsense', 'BADGEWATCH_LOG_LEVEL': 'loud',
                 'BADGEWATCH_DEFAULT_FREQUENCY': '0', 'BADGEWATCH_TOKEN_RESERVE': '95%', 'BADGEWATCH_CONCURRENCY': '65',
                 'BADGEWATCH_SUMMARY_AT': '25:00', 'BADGEWATCH_BACKFILL': 'some', 'BADGEWATCH_MAX_BODY': '-1',
                 'KEEPA_BASE_URL': 'ftp://x', 'KEEPA_API_KEY_FILE': '/nowhere/key'}
        for name, value in wrong.items():
            extra = {name: value} if name != 'KEEPA_API_KEY_FILE' else {name: value, 'KEEPA_API_KEY': None}
            done = s.bw('run', code=2, env=extra)
            equal(len(done.stderr.splitlines()), 1, f'lines about {name}: {done.stderr}')
            contains(done.stderr, name)
        done = s.bw('check', code=1, env={'BADGEWATCH_LISTN': '127.0.0.1:1', 'BADGEWATCH_SERVICE_HOST': '10.0.0.1'})
        contains(done.stderr, "'BADGEWATCH_LISTEN'")
        equal(len(done.stderr.splitlines()), 1, f'lines about names of others: {done.stderr}')
        path = os.path.join(s.dir, 'bad.conf')
        with open(path, 'w', encoding='utf-8') as f:
            f.write('listen = 127.0.0.1:0\ncolour = red\n')
        done = s.bw('run', '--config', path, code=2)
        contains(done.stderr, 'colour')
        contains(done.stderr, '2')  # the line
        with socket.socket() as taken:
            taken.bind(('127.0.0.1', 0))
            taken.listen()
            address = f'127.0.0.1:{taken.getsockname()[1]}'
            done = s.bw('run', code=1, env={'BADGEWATCH_LISTEN': address})
            contains(done.stderr, address)
            contains(done.stderr.lower(), 'in use')
        done = s.bw('run', code=None, env={'BADGEWATCH_LISTEN': '0.0.0.0:0'})
        true(done.returncode in (1, 2), done.returncode)
        contains(done.stderr, 'BADGEWATCH_STATUS_TOKEN')
        d = s.daemon({'BADGEWATCH_LISTEN': '0.0.0.0:0', 'BADGEWATCH_STATUS_OPEN': 'yes'})
        equal(d.status('/healthz')[0], 200, 'beyond loopback, as was asked for')


if __name__ == '__main__':
    stack.main(nothing_there, settings)

"""The daemon under valgrind, in a build without sanitizers: no error, nothing leaked, no descriptor left open.

Its life: it begins while Redis, Postgres and Keepa are away, gets to work, takes first sights and changes, is asked on the
status port, loses both stores and finds them again, reads its settings again, and is told to end.
"""
import os
import re
import shutil
import signal

import stack
from stack import equal, matches, true

SIM = ['--generate', '30', '--seed', '77', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--churn', '20',
       '--rate', '6000', '--slack-rate', '0']
PATIENCE = 120  # it is twenty times as slow
VALGRIND = ['valgrind', '--leak-check=full', '--show-leak-kinds=definite,indirect,possible', '--track-fds=yes',
            '--errors-for-leak-kinds=definite,indirect,possible', '--error-exitcode=99', '--num-callers=30']


def live(s, d):
    d.says('redis: ', seconds=PATIENCE)
    d.says('postgres: ', seconds=PATIENCE)
    s.redis_start()
    s.pg_start()
    s.bw('migrate')
    d.says('products are tracked', seconds=PATIENCE)
    s.sim_start()
    s.track_all(PATIENCE)
    s.until_changes()
    s.settled(PATIENCE)
    for path in ('/', '/metrics', '/readyz', '/api/v1/status', '/api/v1/products', '/api/v1/changes', '/nowhere'):
        true(d.status(path)[0] in (200, 404), path)
    s.fault(target='keepa', fault='status', status=500, count=1)
    s.fault(target='slack', fault='status', status=503, count=1)
    s.poll()
    s.settled(PATIENCE)
    d.popen.send_signal(signal.SIGHUP)
    d.says('settings read again')
    s.redis_stop()
    s.pg_stop()
    d.says('checks wait: ', 2, PATIENCE)
    s.redis_start()
    s.pg_start()
    d.says('postgres: connected', 2, PATIENCE)
    d.says('checks go on', 2, PATIENCE)
    s.until_changes()
    s.settled(PATIENCE)


def life():
    if not shutil.which('valgrind'):
        raise stack.Skip('no valgrind')
    with stack.Stack(sim=SIM, redis=False, postgres=False, start_sim=False, daemon=False) as s:
        words = os.path.join(s.dir, 'valgrind.log')
        d = s.daemon(under=[*VALGRIND, f'--log-file={words}'])
        live(s, d)
        code = d.end()
        with open(words, encoding='utf-8') as f:
            text = f.read()
        equal(code, 0, f'exit status; {text}')
        matches(text, r'ERROR SUMMARY: 0 errors')
        matches(text, r'All heap blocks were freed')
        matches(text, r'FILE DESCRIPTORS: \d+ open')
        left = [what for what, whence in re.findall(r'Open (.*)\n==\d+== +(.*)', text) if 'inherited' not in whence]
        equal(left, [], 'descriptors left open')  # its own log is inherited
        d.check_log()


if __name__ == '__main__':
    stack.main(life)

"""What a person sees with redis-cli, as the documentation promises it."""
import contextlib
import hashlib
import os
import re
import signal

import stack
from stack import equal, true

SIM = ['--generate', '12', '--seed', '11', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad', '1000', '--churn',
       '3', '--slack-rate', '0']
TIME = re.compile(r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$')


def pairs(text):
    lines = text.splitlines()
    return list(zip(lines[::2], lines[1::2]))


def examples(s, keys):
    held = {}
    for domain, asin, category, since in s.sql(
            'SELECT domain, asin, category_id, extract(epoch FROM started_at)::bigint FROM reigns WHERE ended_at IS NULL'):
        held[f'{domain}:{asin}:{category}'] = since
    true(held, 'nobody holds a badge: nothing would be proved')
    badges = dict(pairs(s.redis_cli('ZRANGE', 'bw:badges', '0', '-1', 'WITHSCORES')))
    equal(badges, held, 'ZRANGE bw:badges: badges held, since')

    one = next(iter(held)).rsplit(':', 1)[0]
    product = dict(pairs(s.redis_cli('HGETALL', f'bw:product:{one}')))
    title = s.value(f"SELECT product_title FROM asin_current_state WHERE asin = '{one[2:]}'")
    equal((product['title'], product['data_state']), (title, 'ok'), 'title and data_state')
    for name in ('checked_at', 'next_check_at', 'keepa_last_update', 'data_at'):
        true(TIME.match(product[name]), f'{name}: {product[name]}')
    true(product['ranks'].startswith('{') and product['badges'].startswith('[{'), product)

    due = pairs(s.redis_cli('ZRANGE', 'bw:due', '0', '9', 'WITHSCORES'))
    equal(len(due), 10, 'ZRANGE bw:due 0 9')
    true({d[0] for d in due} <= set(keys) and all(1.7e9 < float(d[1]) < 4e9 for d in due), due)
    equal([float(d[1]) for d in due], sorted(float(d[1]) for d in due), 'order of bw:due')

    changes = s.redis('XREVRANGE', 'bw:changes', '+', '-', 'COUNT', 10)
    newest = [dict(zip(fields[::2], fields[1::2])) for _, fields in changes]
    rows = {r[0]: r[1:] for r in s.sql(
        "SELECT id, change_type, domain || ':' || asin, category_id, "
        "to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM bestseller_changes")}
    equal(len(newest), min(10, len(rows)), 'XREVRANGE bw:changes + - COUNT 10')
    for c in newest:
        equal((c['type'], c['product'], c['category_id'], c['occurred_at']), rows[c['id']], 'a change')

    groups = dict(pairs(s.redis_cli('XINFO', 'GROUPS', 'bw:history')))
    equal((groups['name'], groups['pending'], groups['lag']), ('postgres', '0', '0'), 'XINFO GROUPS bw:history')
    tokens = dict(pairs(s.redis_cli('HGETALL', 'bw:tokens')))
    state = s.get('/control/state')
    equal((int(tokens['left']), int(tokens['refill_rate'])), (state['tokens_left'], state['refill_rate']), 'bw:tokens')
    true(TIME.match(tokens['at']), tokens['at'])


def redis_keys():
    with stack.Stack(sim=SIM) as s:
        keys = s.track_all()
        s.post('/control/clock', {'advance_s': 21600})
        s.poll()
        s.settled(30)
        examples(s, keys)
        true(all(k.startswith('bw:') for k in s.redis('KEYS', '*')), 'a key without the prefix')


def prefix():
    with stack.Stack(sim=SIM, env={'BADGEWATCH_REDIS_PREFIX': 'team2:'}) as s:
        key = s.get('/control/products')[0]['key']
        s.add(key)
        s.wait('it was checked', lambda: s.redis('HGET', f'team2:product:{key}', 'data_state') == 'ok')
        s.wait('history was written', lambda: s.value('SELECT count(*) FROM checks') == '1')
        equal([k for k in s.redis('KEYS', '*') if not k.startswith('team2:')], [], 'keys without the prefix')


def shipped(s, name):
    """A Redis with the users of conf/redis.acl as they are, not as the other tests have them; and a client of the daemon's."""
    folder = os.path.join(s.dir, 'shipped')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(stack.ROOT, 'conf', 'redis.acl'), encoding='utf-8') as f:
        acl = f.read().replace('PASSWORD_SHA256', hashlib.sha256(stack.REDIS_PASSWORD.encode()).hexdigest())
    with open(os.path.join(folder, 'acl'), 'w', encoding='utf-8') as f:
        f.write(acl)
    path = os.path.join(folder, 'sock')
    p = stack.Process(s, name, ['redis-server', '--dir', folder, '--port', '0', '--unixsocket', path, '--appendonly', 'yes',
                                '--save', '', '--aclfile', os.path.join(folder, 'acl')])
    client = stack.Redis(path)

    def enters():
        with contextlib.suppress(OSError):
            return client('AUTH', 'badgewatch', stack.REDIS_PASSWORD) == 'OK'
        return False
    s.wait('it answers', enters)
    return p, client, path


def kept_after_a_kill():
    """Redis reads its log with the rights of the user `default`: without any, what scripts wrote would be gone after a restart."""
    with stack.Stack(daemon=False, start_sim=False) as s:
        p, client, _ = shipped(s, 'shipped')
        client('EVAL', "redis.call('SET', KEYS[1], '1') return redis.call('HSET', KEYS[2], 'x', '2')", 2, 'bw:a', 'bw:b')
        client.close()
        p.end(signal.SIGKILL)
        p, client, path = shipped(s, 'shipped again')
        equal(client.many([('GET', 'bw:a'), ('HGET', 'bw:b', 'x')]), ['1', '2'], 'what a script wrote')
        client.close()
        true('CRITICAL' not in p.log(), f'the log of Redis:\n{p.log()}')
        nobody = stack.Redis(path)
        for words in (('GET', 'bw:a'), ('AUTH', 'default', ''), ('AUTH', '')):
            try:
                true(False, f'the user default, who is off: {words}: {nobody(*words)}')
            except stack.RedisError:
                pass
        nobody.close()


if __name__ == '__main__':
    stack.main(redis_keys, prefix, kept_after_a_kill)

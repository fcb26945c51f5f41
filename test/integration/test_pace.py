"""Slack allows one message a second in a channel, Keepa what is in the bucket: badgewatch keeps to both by itself, not by
being refused."""
import time

import stack
from stack import contains, equal, true

RESERVE = 120  # a tenth of what 20 tokens a minute fill


def one_message_a_second():
    sim = ['--generate', '60', '--seed', '3', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--churn', '2',
           '--slack-rate', '0', '--pad', '1000']
    with stack.Stack(sim=sim, env={'BADGEWATCH_GROUP_WINDOW': '1ms'}) as s:
        s.track_all()
        for _ in range(12):
            if len(s.messages()) >= 3:
                break
            s.post('/control/clock', {'advance_s': 1800})
            s.poll()
        s.settled(30)
        times = [m['received_ms'] for m in s.messages()]
        true(len(times) >= 3, f'{len(times)} messages are too few to tell')
        gaps = [b - a for a, b in zip(times, times[1:])]
        true(min(gaps) >= 950, f'messages came within {min(gaps)} ms')


def asked(s):
    return [r for r in s.get('/control/requests') if r['path'] in ('/product', '/category')]


def tokens_of_three_daemons():
    """More is due than the bucket holds: it is emptied to the reserve by whoever comes, and not a token further."""
    sim = ['--generate', '200', '--seed', '9', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad', '1000', '--rate',
           '20', '--tokens', '240']
    with stack.Stack(sim=sim) as s:
        others = [s.daemon().ready() for _ in range(2)]
        keys = [p['key'] for p in s.get('/control/products')]
        s.add(*keys)

        def spent():
            left = s.get('/control/state')['tokens_left']
            return left < RESERVE + 2 and s.redis('ZCARD', 'bw:leased') == 0
        s.wait('the bucket is down to the reserve', spent, 40)
        s.wait('all that was spent is in the history', lambda: s.redis('XLEN', 'bw:history') == 0)
        first = asked(s)
        true(min(r['tokens_left'] for r in first) >= RESERVE, 'the reserve was touched')
        checked = [a for r in first for a in r['asins']]
        equal(len(checked), len(set(checked)), 'products that were asked about once')
        true(60 <= len(checked) < 200, f'{len(checked)} checks with 120 tokens, and 20 more a minute')
        equal(s.redis('HGETALL', 'bw:spending'), [], 'tokens reserved when no request is under way')
        # a late one is shown, and a person may have it at once
        late = next(k for k in keys if k[2:] not in checked)
        s.redis('ZADD', 'bw:due', int(time.time()) - 3700, late)
        contains(s.bw('show', late).stdout, 'late by        1 h')
        s.wait('it is counted', lambda: s.d.metrics()['products_overdue'] >= 1)
        s.bw('poll', *[k for k in keys if k[2:] not in checked][:30], late)
        s.wait('the poll', lambda: late[2:] in [a for r in asked(s) for a in r['asins']])
        s.wait('the polled ones are checked', lambda: s.redis('ZCARD', 'bw:poll') + s.redis('ZCARD', 'bw:leased') == 0)
        equal([r['status'] for r in asked(s) if r['status'] != 200], [], 'refused requests')
        s.settled(60)
        s.each_request_logged()
        for d in others:
            d.stop()


if __name__ == '__main__':
    stack.main(one_message_a_second, tokens_of_three_daemons)

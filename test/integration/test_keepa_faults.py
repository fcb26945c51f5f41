"""Keepa at its worst: nothing false is told, the products are asked again, and the counters say what happened.

The simulator's bucket follows its own clock, which stands a second before a refill when Keepa says 429, so that the test
does not wait for a minute.
"""
import time

import stack
from stack import equal, true

SIM = ['--generate', '8', '--seed', '21', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--bucket-clock', 'sim',
       '--pad', '1000', '--churn', '8', '--slack-rate', '0', '--rate', '100']
OUTCOMES = ('ok', 'unknown', 'missing', 'error')

# fault, status that is logged (None: no answer)
REQUEST_FAULTS = [({'fault': 'status', 'status': 429}, '429'), ({'fault': 'status', 'status': 500}, '500'),
                  ({'fault': 'html', 'status': 503}, '503'), ({'fault': 'truncated-gzip'}, None), ({'fault': 'rst'}, None),
                  # the first closed connection may be an old one: libcurl asks once more by itself
                  ({'fault': 'close', 'count': 2}, None)]
# fault, outcome that is counted, why the check is unknown (None: it is not)
PRODUCT_FAULTS = [('omit', 'missing', 'absent'), ('stub', 'unknown', 'stub'), ('inaccessible', 'unknown', 'inaccessible'),
                  ('no-ranks', 'unknown', 'no_ranks'), ('no-category', 'unknown', 'no_ranks'),
                  ('wrong-types', 'error', 'malformed'), ('stale', 'unknown', 'stale'), ('duplicate', 'ok', None),
                  ('bad-utf8', 'ok', None)]


def outcomes(s):
    m = s.d.metrics()
    return {o: int(m[f'checks_total{{outcome="{o}"}}']) for o in OUTCOMES}


def whole_request(s, first, n):
    """The request fails: the same products are asked again by themselves, and nothing is staged for it."""
    for fault, status in REQUEST_FAULTS:
        name = f"{fault['fault']} {fault.get('status', '')}"
        s.wait('rows of the last round', lambda: s.redis('XLEN', 'bw:history') == 0)
        before, checks = outcomes(s), len(s.sql('SELECT 1 FROM checks'))
        failed = int(s.value('SELECT count(*) FROM api_usage_log WHERE error IS NOT NULL'))
        s.until_changes()
        to_refill = s.get('/control/state')['refill_in_ms'] // 1000 - 1
        s.post('/control/clock', {'advance_s': max(to_refill, 0)})
        s.fault(target='keepa', **fault)
        s.poll()
        after = outcomes(s)
        equal(after['ok'] - before['ok'], n, f'{name}: usable checks')
        equal({o: after[o] - before[o] for o in OUTCOMES[1:]}, dict.fromkeys(OUTCOMES[1:], 0), f'{name}: others')
        s.wait(f'{name}: rows of the checks', lambda: len(s.sql('SELECT 1 FROM checks')) == checks + n)
        rows = s.sql('SELECT http_status, error FROM api_usage_log WHERE error IS NOT NULL ORDER BY processing_started_at')
        equal(len(rows), failed + 1, f'{name}: failed requests that are logged')
        if status:
            equal(rows[-1][0], status, f'{name}: status that is logged')
    s.same_as_record(first)


def refused_in_a_200(s, first, n):
    for fault in ({'fault': 'error', 'error': 'invalidParameter'}, {'fault': 'no-products'}):
        before = outcomes(s)
        s.fault(target='keepa', **fault)
        s.poll()
        after = outcomes(s)
        equal(after['ok'], before['ok'], f'{fault}: usable checks')
        equal(sum(after.values()) - sum(before.values()), n, f'{fault}: checks')
        again(s, s.members())


def again(s, members):
    """Asked again after 5 minutes, not after a week."""
    now = time.time()
    for m in members:
        due = float(s.redis('ZSCORE', 'bw:due', m))
        true(now + 200 < due <= now + 610, f'{m} is asked again in {due - now:.0f} s')


def one_product(s, first, keys):
    for i, (fault, outcome, reason) in enumerate(PRODUCT_FAULTS):
        key = keys[i % len(keys)]
        s.until_changes()
        s.poll()
        equal({s.redis('HGET', f'bw:product:{k}', 'data_state') for k in keys}, {'ok'}, f'states before {fault}')
        before = outcomes(s)
        state = s.redis.hash(f'bw:product:{key}')
        extra = {'age': '1d'} if fault == 'stale' else {}
        s.fault(target='keepa', fault=fault, asin=key[2:], **extra)
        s.poll()
        after = outcomes(s)
        equal({o: after[o] - before[o] for o in OUTCOMES}, count(len(keys), outcome), f'{fault}: outcomes')
        now = s.redis.hash(f'bw:product:{key}')
        equal((now['ranks'], now['badges']), (state['ranks'], state['badges']), f'{fault}: ranks and badges')
        equal((now['data_state'], now['data_reason']), ('unknown' if reason else 'ok', reason or ''), f'{fault}: state')
        if reason and reason != 'stale':
            again(s, [key])
    s.poll()
    s.settled(30)
    s.same_as_record(first)


def count(n, outcome):
    c = dict.fromkeys(OUTCOMES, 0)
    c['ok'] = n - 1
    c[outcome] += 1
    return c


def what_is_kept(s):
    """A title that is no UTF-8: mended and flagged, with the digest of what came. Times of not knowing are closed."""
    mended = s.sql("SELECT raw_keepa_response->>'title', raw_sha256, encode(sha256(convert_to(raw_keepa_response::text, "
                   "'UTF8')), 'hex') FROM asin_history WHERE raw_mended")
    equal(len(mended), 1, 'mended answers')
    true(mended[0][0].startswith('broken ') and mended[0][1] != mended[0][2], mended)
    equal(s.value("SELECT count(*) FROM asin_history WHERE data_state = 'ok' AND raw_keepa_response IS NULL"), '0',
          'usable checks without their answer')
    true(int(s.value("SELECT count(*) FROM checks WHERE data_state = 'unknown'")) >= 7, 'unknown checks are rows too')
    true(int(s.value('SELECT count(*) FROM unknown_periods WHERE category_id IS NULL')) >= 6, 'times of not knowing')
    equal(s.value('SELECT count(*) FROM unknown_periods WHERE to_at IS NULL OR to_at < from_at'), '0', 'times that are open')


def requests():
    with stack.Stack(sim=SIM) as s:
        keys = s.track_all()
        first = s.get('/control/state')['now']
        whole_request(s, first, len(keys))
        s.settled(30)
        s.each_told_once()


def answers():
    with stack.Stack(sim=SIM) as s:
        keys = s.track_all()
        first = s.get('/control/state')['now']
        refused_in_a_200(s, first, len(keys))
        s.poll()
        one_product(s, first, keys)
        what_is_kept(s)
        s.each_told_once()


if __name__ == '__main__':
    stack.main(requests, answers)

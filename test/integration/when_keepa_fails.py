"""Keepa at its worst: nothing false is told, the products are asked again, and the counters say what happened. Steps of
test_when_parts_fail.py.

The simulator's bucket follows its own clock, which stands a second before a refill when Keepa says 429, so that the test
does not wait for a minute.
"""
import os
import signal
import time

import stack
from stack import contains, equal, said_once, true, watched

SIM = ['--generate', '8', '--seed', '21', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--bucket-clock', 'sim',
       '--pad', '1000', '--churn', '8', '--slack-rate', '0', '--rate', '100']
OUTCOMES = ('ok', 'unknown', 'missing', 'error')

# fault, status that is logged (None: no answer)
REQUEST_FAULTS = [({'fault': 'status', 'status': 429}, '429'), ({'fault': 'status', 'status': 500}, '500'),
                  ({'fault': 'html', 'status': 503}, '503'), ({'fault': 'truncated-gzip'}, None), ({'fault': 'rst'}, None),
                  # the first closed connection may be an old one: libcurl asks once more by itself
                  ({'fault': 'close', 'count': 2}, None)]
# slow or long, but an answer: it is used, and what comes meanwhile is not held up. Then 100 MB of JSON that is no product
SLOW = [{'fault': 'stall', 'ms': 1500}, {'fault': 'drip', 'ms': 10, 'bytes': 4096}]
HUGE_MB = 100
# fault, outcome that is counted, why the check is unknown (None: it is not)
PRODUCT_FAULTS = [('omit', 'missing', 'absent'), ('stub', 'unknown', 'stub'), ('inaccessible', 'unknown', 'inaccessible'),
                  ('no-ranks', 'unknown', 'no_ranks'), ('no-category', 'unknown', 'no_ranks'),
                  ('wrong-types', 'error', 'malformed'), ('stale', 'unknown', 'stale'), ('duplicate', 'ok', None),
                  ('bad-utf8', 'ok', None)]


def outcomes(s):
    """Of all checks that are staged: Redis has one a moment before the daemon hears of it and counts it."""
    def counted():
        m = s.d.metrics()
        return {o: int(m[f'checks_total{{outcome="{o}"}}']) for o in OUTCOMES}
    staged = sum(s.versions(s.members()))
    s.wait('all checks are counted', lambda: sum(counted().values()) >= staged)
    return counted()


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


def slow_ones(s, keys):
    """One product's answer is slow: the others are asked and answered meanwhile."""
    for fault in SLOW:
        s.until_changes()
        before = s.versions(keys)
        s.fault(target='keepa', asin=keys[0][2:], **fault)
        asked = len(s.asked())
        s.bw('poll', keys[0])
        s.wait('the slow request is under way', lambda: len(s.asked()) > asked)
        s.poll(*keys[1:])
        s.checked(keys, before=before)


def huge_one(s, keys, first):
    """As many bytes as Keepa likes: memory and time stay bounded, and the next answer is used."""
    before, asked = s.versions(keys), len(s.asked())
    peak = s.d.peak_mb()
    s.fault(target='keepa', fault='huge', bytes=HUGE_MB << 20)
    s.bw('poll', '--all')
    s.checked(keys, 40, before)
    true(s.d.peak_mb() - peak < HUGE_MB, f'memory grew from {peak} to {s.d.peak_mb()} MB with {HUGE_MB} MB of answer')
    true(len(s.asked()) > asked, 'requests')
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
        slow_ones(s, keys)
        huge_one(s, keys, first)
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


def key_refused():
    """402 and 400: one request, one line, red; the next try is a minute later, or when a person has mended the key."""
    with stack.Stack(sim=SIM, daemon=False) as s:
        path = os.path.join(s.dir, 'key')
        with open(path, 'w', encoding='utf-8') as f:
            f.write('w' * 64)
        os.chmod(path, 0o600)
        keys = [p['key'] for p in s.get('/control/products')]
        s.add(*keys)
        s.redis('ACL', 'SETUSER', 'badgewatch', '~a:*', '~b:*')
        begin = time.monotonic()
        daemons = [(s.daemon({'KEEPA_API_KEY': None, 'KEEPA_API_KEY_FILE': path, 'BADGEWATCH_REDIS_PREFIX': 'a:'}), '402'),
                   (s.daemon({'KEEPA_API_KEY': 'short', 'BADGEWATCH_REDIS_PREFIX': 'b:'}), '400')]
        for d, _ in daemons:
            d.says('keepa: ')
        watched(begin, 6)
        for d, status in daemons:
            said_once(d, f'key refused with {status}', rf'^keepa: .*refused.*{status}.*next try in 60 s')
            equal(d.status('/readyz')[0], 503, 'readiness')
            equal(d.metrics()['keepa_up'], 0, 'keepa_up')
        asked = [r['status'] for r in s.get('/control/requests')]
        equal(sorted(asked), [400, 402], 'requests in that time')
        true(s.value('SELECT count(*) FROM api_usage_log WHERE error IS NOT NULL') == '2', 'failed requests are logged')
        mended, _ = daemons[0]
        with open(path, 'w', encoding='utf-8') as f:
            f.write(stack.KEY)
        mended.popen.send_signal(signal.SIGHUP)
        s.wait('the mended key is used', lambda: mended.status('/readyz')[0] == 200)
        equal(mended.metrics()['keepa_up'], 1, 'keepa_up with the right key')
        for d, _ in daemons:
            d.stop()


DAY_S = 86400


def down_for_a_day():
    """Afterwards one request for each product that reaches back over the gap: every crossing is found, none is doubled."""
    with stack.Host(sim=['--generate', '4', *SIM[2:]]) as s:
        keys = [p['key'] for p in s.get('/control/products')]
        s.add(*keys, every=60)
        s.checked(keys)
        s.settled()
        first = s.get('/control/state')['now']
        s.fault(target='keepa', fault='status', status=503, count=-1)
        s.post('/control/clock', {'advance_s': DAY_S})
        s.host_clock.step(DAY_S)
        s.d.says('no usable answer: .*503')
        s.wait('it is tried again', lambda: int(s.value('SELECT count(*) FROM api_usage_log WHERE http_status = 503')) >= 2)
        status, _, body = s.d.status('/readyz')
        equal((status, s.d.metrics()['keepa_up']), (503, 0), 'readiness and keepa_up')
        contains(body.decode(), '503', '/readyz')
        before, asked = s.versions(keys), len(s.asked())
        equal(before, [1] * len(keys), 'checks while it was down')
        s.clear_faults()
        s.checked(keys, 40, before)
        s.settled(60)
        answered = [r for r in s.asked()[asked:] if r['status'] == 200]
        equal(sorted(a for r in answered for a in r['asins']), sorted(k[2:] for k in keys), 'products asked afterwards')
        equal(s.versions(keys), [2] * len(keys), 'checks of each product')
        true(s.same_as_record(first) > len(keys), 'a day with so few changes proves nothing')
        equal(s.value('SELECT count(*) FROM unknown_periods'), '0', 'times of not knowing: the points have closed the gap')
        now = s.host_clock.now()
        true(all(now < float(s.redis('ZSCORE', 'bw:due', k)) <= now + 3600 for k in keys), 'next checks')
        s.each_told_once()

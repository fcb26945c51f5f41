"""The status port: metrics, health, JSON, the page; and what it answers when asked wrongly or when a part is gone."""
import json
import re
import shutil
import subprocess

import stack
from stack import contains, equal, true

SIM = ['--generate', '12', '--seed', '11', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad', '1000']
LABELLED = ['checks_total{outcome="ok"}', 'checks_total{outcome="unknown"}', 'checks_total{outcome="missing"}',
            'checks_total{outcome="error"}', 'changes_total{type="gained"}', 'changes_total{type="lost"}',
            'last_success_timestamp_seconds{part="redis"}', 'last_success_timestamp_seconds{part="postgres"}',
            'last_success_timestamp_seconds{part="keepa"}', 'last_success_timestamp_seconds{part="slack"}']
PLAIN = ['badges_held', 'products_tracked', 'products_overdue', 'keepa_tokens_left', 'keepa_tokens_consumed_total',
         'notifications_pending', 'history_backlog', 'history_rows_written_total', 'redis_up', 'postgres_up', 'slack_up',
         'keepa_up', 'cost_cents_total', 'keepa_request_duration_seconds_count', 'keepa_data_age_seconds_count',
         'detection_duration_seconds_count', 'alert_delivery_duration_seconds_count', 'loop_lag_seconds_count',
         'process_start_time_seconds', 'process_resident_memory_bytes', 'process_cpu_seconds_total', 'process_open_fds',
         'process_max_fds', 'process_virtual_memory_bytes']
WITH_ANY_LABELS = ['build_info{', 'keepa_requests_total{endpoint=', 'notifications_total{kind=']


def metrics(s):
    """Before anything was checked: every name of the contract is there, counters at 0."""
    m = s.d.metrics()
    equal([name for name in LABELLED + PLAIN if name not in m], [], 'metrics that are missing')
    for part in WITH_ANY_LABELS:
        true(any(name.startswith(part) for name in m), f'no series of {part}...')
    for name in LABELLED[:6] + ['keepa_tokens_consumed_total', 'history_rows_written_total', 'cost_cents_total']:
        equal(m[name], 0, name)
    # a part that was not asked yet is no part that fails: an alert rule waits for 0
    equal([m[f'{part}_up'] for part in ('redis', 'postgres', 'slack', 'keepa')], [1, 1, 1, 1], 'parts that are up')
    status = as_json(s, '/api/v1/status')
    equal([status[k] for k in ('products_tracked', 'badges_held', 'history_backlog', 'notifications_pending')], [0] * 4, 'counts')
    true(not [name for name in m if 'asin' in name or 'B0' in name], 'a label for a product')


def promtool(s, openmetrics=False):
    status, headers, body = s.d.status('/metrics', headers={'Accept': 'application/openmetrics-text; version=1.0.0'}
                                       if openmetrics else {})
    equal(status, 200, '/metrics')
    kind = headers['Content-Type']
    if openmetrics:
        contains(kind, 'application/openmetrics-text', 'type')
        true(body.endswith(b'# EOF\n'), 'OpenMetrics ends with # EOF')
        return
    contains(kind, 'text/plain', 'type')
    contains(kind, 'version=0.0.4', 'type')
    if shutil.which('promtool'):
        done = subprocess.run(['promtool', 'check', 'metrics'], input=body, capture_output=True, timeout=30)
        true(done.returncode == 0 and not done.stdout and not done.stderr, f'promtool: {done.stdout}{done.stderr}')


def as_json(s, path, code=200):
    status, headers, body = s.d.status(path)
    equal(status, code, f'status of {path} ({body[:200]!r})')
    contains(headers['Content-Type'], 'application/json', f'type of {path}')
    answer = json.loads(body)
    if code >= 400 and not path.startswith('/readyz'):
        true(answer['error']['status'] == code and answer['error']['message'], f'{path}: {answer}')
    return answer


def api(s, keys):
    status = as_json(s, '/api/v1/status')
    equal(sorted(status['parts']), ['keepa', 'postgres', 'redis', 'slack'], 'parts')
    first = as_json(s, '/api/v1/products?limit=5')
    seen = [f"{p['domain']}:{p['asin']}" for p in first['products']]
    equal(len(seen), 5, 'limit')
    after = first['next']
    while after:
        page = as_json(s, f'/api/v1/products?limit=5&after={after}')
        seen += [f"{p['domain']}:{p['asin']}" for p in page['products']]
        after = page['next']
    equal(seen, sorted(keys), 'all pages')
    domain, asin = keys[0].split(':')
    one = as_json(s, f'/api/v1/products/{domain}/{asin}')
    equal((one['asin'], one['data_state']), (asin, 'ok'), 'one product')
    true(one['ranks'] and isinstance(one['badges'], list), one)
    as_json(s, f'/api/v1/products/2/{asin}', 404)
    as_json(s, '/api/v1/products/1/B0NOTTHERE', 404)
    for path in ('products/1/short', 'products/7/B0D8W1YVBX', 'products/x/B0D8W1YVBX', 'products?limit=0', 'products?limit=x',
                 'products?after=nonsense', 'changes?since=yesterday', 'changes?since='):
        as_json(s, '/api/v1/' + path, 400)
    for path in ('/api/v1/products/1', '/api/v1/nonsense', '/nonsense', '/metrics/x', '/../etc/passwd'):
        as_json(s, path, 404)
    s.post('/control/clock', {'advance_s': 86400})
    s.poll()
    s.wait('changes are in Postgres', lambda: s.value('SELECT count(*) FROM bestseller_changes') != '0' and
           s.redis('XLEN', 'bw:history') == 0)
    rows = as_json(s, '/api/v1/changes?since=2026-01-01T00:00:00Z')['changes']
    equal(sorted(r['id'] for r in rows), sorted(r[0] for r in s.sql('SELECT id FROM bestseller_changes')), 'changes')
    equal(as_json(s, '/api/v1/changes?since=2100-01-01T00:00:00Z')['changes'], [], 'changes of the future')
    true(as_json(s, '/api/v1/changes')['changes'], 'changes of the last day')


def methods(s):
    for method in ('POST', 'PUT', 'DELETE'):
        status, headers, body = s.d.status('/api/v1/products', method)
        equal(status, 405, method)
        true(json.loads(body)['error'], body)
        contains(headers['Allow'], 'GET', 'Allow')
    status, headers, body = s.d.status('/metrics', 'HEAD')
    equal((status, body), (200, b''), 'HEAD')
    equal(s.d.status('/healthz')[0], 200, '/healthz')


def page(s, keys):
    status, headers, body = s.d.status('/')
    text = body.decode()
    equal(status, 200, '/')
    contains(headers['Content-Type'], 'text/html', 'type of /')
    true(not re.search(r'<script|javascript:|\son\w+=', text, re.I), 'script on the page')
    true(any(key in text for key in keys), 'no product on the page')


def parts_away(s):
    true(as_json(s, '/readyz')['ready'], 'ready')
    s.redis_stop()
    s.wait('not ready without Redis', lambda: s.d.status('/readyz')[0] == 503)
    answer = as_json(s, '/readyz', 503)
    equal((answer['ready'], answer['parts']['redis']['ok'], answer['parts']['postgres']['ok']), (False, False, True), 'ready')
    true(answer['parts']['redis']['reason'], answer)
    as_json(s, '/api/v1/products', 503)
    equal(s.d.status('/')[0], 200, '/ without Redis')
    equal(s.d.status('/healthz')[0], 200, '/healthz without Redis')
    equal(s.d.metrics()['redis_up'], 0, 'redis_up')
    s.redis_start()
    s.d.ready()
    s.pg_stop()
    s.wait('not ready without Postgres', lambda: s.d.status('/readyz')[0] == 503)
    answer = as_json(s, '/readyz', 503)
    equal((answer['parts']['redis']['ok'], answer['parts']['postgres']['ok']), (True, False), 'ready')
    as_json(s, '/api/v1/changes', 503)
    equal(s.d.metrics()['postgres_up'], 0, 'postgres_up')
    s.pg_start()
    s.d.ready()


def status_port():
    with stack.Stack(sim=SIM) as s:
        metrics(s)
        promtool(s)
        promtool(s, openmetrics=True)
        keys = [p['key'] for p in s.get('/control/products')]
        s.bw('asin', 'add', *keys, '--every', '10080', '--label', '<script>alert(1)</script>')
        s.wait('all are tracked', lambda: len(s.members()) == len(keys))
        s.checked(keys)
        api(s, keys)
        methods(s)
        page(s, keys)
        promtool(s)
        m = s.d.metrics()
        equal(m['checks_total{outcome="ok"}'], 2 * len(keys), 'checks')
        changes = s.sql('SELECT change_type, count(*) FROM bestseller_changes GROUP BY 1')
        equal({t: m[f'changes_total{{type="{t}"}}'] for t, _ in changes}, {t: int(n) for t, n in changes}, 'changes')
        parts_away(s)


def with_a_token():
    with stack.Stack(start_sim=False, postgres=False, redis=False, daemon=False) as s:
        d = s.daemon({'BADGEWATCH_STATUS_TOKEN': 'letmein-3141'})
        equal(d.status('/metrics')[0], 401, 'without the token')
        equal(d.status('/metrics', headers={'Authorization': 'Bearer wrong'})[0], 401, 'with a wrong one')
        equal(d.status('/metrics', headers={'Authorization': 'Bearer letmein-3141'})[0], 200, 'with it')
        equal(d.status('/?token=wrong')[0], 401, 'with a wrong one in the address')
        request = stack.urllib.request.Request(f'http://127.0.0.1:{d.port}/?token=letmein-3141')
        opener = stack.urllib.request.build_opener(NoRedirect)
        try:
            answer = opener.open(request)
        except stack.urllib.error.HTTPError as e:
            answer = e
        with answer:
            true(answer.status in (200, 302, 303), answer.status)
            cookie = answer.headers['Set-Cookie']
        contains(cookie, 'HttpOnly', 'cookie')
        equal(d.status('/', headers={'Cookie': cookie.split(';')[0]})[0], 200, 'the page with the cookie')
        true('letmein' not in d.log(), 'the token is in the log')


class NoRedirect(stack.urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


if __name__ == '__main__':
    stack.main(status_port, with_a_token)

"""Slack at its worst. Whatever becomes of a request, each change is in the channel once in the end; where nobody can
look whether it is there (no scope, or a webhook), it is sent again with a mark, and never silently twice. Steps of
test_when_parts_fail.py."""
import contextlib
import http.client
import http.server
import json
import re
import signal
import threading
import time
import urllib.request

import stack
from stack import contains, equal, said_once, true, watched

SIM = ['--generate', '6', '--seed', '31', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad', '1000', '--churn',
       '8', '--slack-rate', '0']
MARK = '(possible repeat)'

# fault, outcomes that notification_log has to have besides the final one, how the message is told in the end
FAULTS = [({'fault': 'close', 'posted': True}, ['ambiguous', 'found']), ({'fault': 'close'}, ['ambiguous', 'sent']),
          ({'fault': 'status', 'status': 500}, ['ambiguous', 'sent']),
          ({'fault': 'error', 'error': 'internal_error', 'posted': True}, ['ambiguous', 'found']),
          ({'fault': 'status', 'status': 429, 'retry_after': 2}, ['retry', 'sent']),
          ({'fault': 'status', 'status': 429}, ['retry', 'sent']),
          ({'fault': 'error', 'error': 'invalid_blocks'}, ['payload', 'sent'])]


def changes(s):
    """A check that finds changes of one product at least; gives the id of the first that is told."""
    known = {r[0] for r in s.sql('SELECT id FROM bestseller_changes')}
    s.until_changes(1800)
    s.poll()
    return s.wait('the changes are in Postgres',
                  lambda: [r[0] for r in s.sql('SELECT id FROM bestseller_changes') if r[0] not in known])


def outcomes(s, since):
    """Outcomes of each attempt since, in order."""
    return [r[0] for r in s.sql(f'SELECT outcome FROM notification_log WHERE id > {since} ORDER BY id')]


def last_log(s):
    return int(s.value('SELECT coalesce(max(id), 0) FROM notification_log'))


def each_fault_once():
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        for fault, wanted in FAULTS:
            since = last_log(s)
            s.fault(target='slack', **fault)
            changes(s)
            s.settled(30)
            got = outcomes(s, since)
            equal(got[:2], wanted, f'attempts with {fault}')
            equal(set(got[2:]) - {'sent'}, set(), f'attempts after the faulty one with {fault}')
            s.each_told_once()
            true(not [m for m in s.messages() if MARK in m['text']], 'a mark although the history was read')
            if fault.get('error') == 'invalid_blocks':
                plain = [m for m in s.messages() if 'blocks' not in m]
                equal(len(plain), 1, 'messages in plain text')
                true('BEST SELLER' in plain[0]['text'], plain[0])
        # what Slack saw: never two posts within a second
        posts = [r['received_ms'] for r in s.get('/control/requests?service=slack') if r['method'] == 'chat.postMessage']
        gaps = [b - a for a, b in zip(posts, posts[1:])]
        true(min(gaps) >= 950, f'two posts within {min(gaps)} ms')


def operator_must_act():
    """A revoked token, an archived channel: the queue is kept and red; nothing is hammered; after a reload it goes out."""
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        for error in ('token_revoked', 'is_archived'):
            refused_for_now(s, error)
        told = [s.value(f"SELECT max(detected_at) FROM bestseller_changes WHERE id = '{m['metadata']['event_payload']['change_ids'][0]}'")
                for m in s.messages()]
        equal(told, sorted(told), 'order of the messages')


def told_to_wait_for_hours():
    """A rate limit of seconds is no fault; who waits for hours says so."""
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        s.fault(target='slack', fault='status', status=429, retry_after=30000)
        changes(s)
        s.wait('slack is red', lambda: s.d.metrics()['slack_up'] == 0)
        contains(s.d.status('/readyz')[2].decode(), 'ratelimited', '/readyz')
        contains(s.d.log(), 'ratelimited: not before 3600 s')
        s.d.popen.send_signal(signal.SIGHUP)
        s.settled(30)
        s.each_told_once()
        equal(s.d.metrics()['slack_up'], 1, 'slack_up')


def posts(s):
    return len([r for r in s.get('/control/requests?service=slack') if r['method'] == 'chat.postMessage'])


def refused_for_now(s, error):
    messages, posted = len(s.messages()), posts(s)
    s.fault(target='slack', fault='error', error=error, count=-1)
    changes(s)
    s.wait('slack is red', lambda: s.d.metrics()['slack_up'] == 0)
    status, _, body = s.d.status('/readyz')
    equal(status, 503, '/readyz')
    contains(body.decode(), error, '/readyz')
    changes(s)
    equal(len(s.messages()), messages, f'messages with {error}')
    equal(posts(s) - posted, 1, f'posts with {error}')
    equal(len(re.findall(error, s.d.log())), 1, f'lines about {error}')
    s.clear_faults()
    s.d.popen.send_signal(signal.SIGHUP)
    s.settled(30)
    s.each_told_once()
    equal(s.d.metrics()['slack_up'], 1, 'slack_up')


def nobody_can_look():
    """Without the scope, then with a webhook: sent again, marked. Errors that mean "not posted" are never marked."""
    with stack.Stack(sim=SIM + ['--scopes', 'chat:write']) as s:
        s.track_all()
        s.fault(target='slack', fault='close-posted')
        changes(s)
        s.settled(30)
        marked_once(s, 0)
        s.d.stop()
        count = len(s.messages())
        s.daemon({'SLACK_BOT_TOKEN': None, 'SLACK_CHANNEL': None,
                  'SLACK_WEBHOOK_URL': f'{s.sim_url}/services/T000/B000/XXXX'}).ready()
        s.fault(target='slack', fault='close-posted')
        changes(s)
        s.settled(30)
        marked_once(s, count)
        true({m['via'] for m in s.messages()[count:]} == {'webhook'}, 'by which way')
        equal(s.value('SELECT count(*) FROM bestseller_changes WHERE NOT notification_sent'), '0', 'changes not told')
        count = len(s.messages())
        s.fault(target='slack', fault='status', status=429, retry_after=1)
        changes(s)
        s.settled(30)
        true(not [m for m in s.messages()[count:] if MARK in m['text']], 'a mark after a 429, which is certain')


def marked_once(s, begin):
    """Of the messages from there on the second repeats the first, with the mark; no other has it."""
    texts = [m['text'] for m in s.messages()[begin:]]
    equal([MARK in t for t in texts], [False, True] + [False] * (len(texts) - 2), 'which messages are marked')
    asin = re.search(r'\bB0[A-Z0-9]{8}\b', texts[0]).group(0)
    contains(texts[1], asin, 'the repeated message')


def token_revoked_before_the_look():
    """Bad credentials are no reason to send again unseen: the look waits for the person too."""
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        s.fault(target='slack', method='chat.postMessage', fault='close', posted=True)
        for method in ('conversations.history', 'chat.postMessage'):
            s.fault(target='slack', method=method, fault='error', error='token_revoked', count=-1)
        changes(s)
        s.wait('slack is red for the token', lambda: 'token_revoked' in s.d.status('/readyz')[2].decode())
        s.wait('it is looked for again', lambda: looks(s) > 1)
        s.clear_faults()
        s.d.popen.send_signal(signal.SIGHUP)
        s.settled(30)
        s.each_told_once()
        true(not [m for m in s.messages() if MARK in m['text']], 'a mark although the history was read')


def history_is_refused():
    """With a word that nobody knows: it may never be lifted, so the message is sent with the mark in the end."""
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        s.fault(target='slack', method='chat.postMessage', fault='close', posted=True)
        s.fault(target='slack', method='conversations.history', fault='error', error='not_today', count=-1)
        changes(s)
        s.settled(60)
        true(looks(s) > 1, 'one refusal is not the last word')
        marked_once(s, 0)


def looks(s):
    return len([r for r in s.get('/control/requests?service=slack') if r['method'] == 'conversations.history'])


def history_is_limited():
    """A rate limit on the way to the look: it is asked again when Slack says so, and Slack is not red for it."""
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        s.fault(target='slack', fault='close', posted=True)
        s.fault(target='slack', method='conversations.history', fault='status', status=429, retry_after=5)
        changes(s)
        asked = s.wait('it is asked twice', lambda: [
            r['received_ms'] for r in s.get('/control/requests?service=slack') if r['method'] == 'conversations.history'][1:2]
            and [r['received_ms'] for r in s.get('/control/requests?service=slack') if r['method'] == 'conversations.history'])
        true(asked[1] - asked[0] >= 5000, f'asked again after {asked[1] - asked[0]} ms')
        true('ratelimited' not in s.d.log(), 'a rate limit is told as a failure')
        s.settled(30)
        s.each_told_once()


PAGE, EVERY = 15, 1  # messages and seconds: what Slack allows apps of its lowest class, but there it is a minute


class Front(http.server.BaseHTTPRequestHandler):
    """Stands before the simulator's Slack."""
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        self.forward(self.path, self.rfile.read(int(self.headers.get('Content-Length') or 0)))

    def do_GET(self):
        self.forward(self.path, None)

    def forward(self, path, body):
        headers = {k: self.headers[k] for k in ('Authorization', 'Content-Type') if k in self.headers}
        request = urllib.request.Request(self.server.slack + path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as r:
                self.answer(r.status, r.read(), [(k, r.headers[k]) for k in ('Content-Type', 'X-OAuth-Scopes') if k in r.headers])
        except http.client.RemoteDisconnected:  # the fault of the test: passed on as it is
            self.close_connection = True

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in headers + [('Content-Length', str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Limited(Front):
    """Short pages of history, and not more often than allowed."""

    def do_GET(self):
        path = re.sub(r'limit=\d+', f'limit={PAGE}', self.path)
        now = time.monotonic()
        if 'conversations.history' in path and now < self.server.next:
            self.server.refused += 1
            self.answer(429, b'{"ok":false,"error":"ratelimited"}', [('Retry-After', str(EVERY))])
            return
        self.server.next = now + EVERY
        self.forward(path, None)


@contextlib.contextmanager
def behind(handler):
    """Everything works, and Slack is reached through this front; gives both."""
    other = stack.free_port()
    front = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    front.slack, front.next, front.refused, front.late = f'http://127.0.0.1:{other}', 0, 0, None
    threading.Thread(target=front.serve_forever, daemon=True).start()
    try:
        with stack.Stack(sim=SIM + ['--listen', f'127.0.0.1:{other}'],
                         env={'SLACK_BASE_URL': f'http://127.0.0.1:{front.server_port}/api'}) as s:
            s.track_all()
            yield s, front
    finally:
        front.shutdown()
        front.server_close()


class Late(Front):
    """Cuts the first post off, which Slack has all the same: some seconds later."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        if 'chat.postMessage' not in self.path or self.server.refused:
            self.forward(self.path, body)
            return
        self.server.refused += 1
        headers = {k: self.headers[k] for k in ('Authorization', 'Content-Type')}
        self.server.late = threading.Timer(7, self.post, [urllib.request.Request(self.server.slack + self.path, body, headers)])
        self.server.late.start()
        self.close_connection = True

    @staticmethod
    def post(request):
        urllib.request.urlopen(request, timeout=30).close()


def posted_late():
    """The connection is cut, and the look is faster than Slack: it is not sent again before Slack must have it."""
    with behind(Late) as (s, front):
        changes(s)
        s.wait('the post is cut off', lambda: front.late).join(15)
        s.settled(45)
        s.each_told_once()
        true(not [m for m in s.messages() if MARK in m['text']], 'a mark although the history was read')


def each_page_is_limited():
    """Where each page of the history costs a wait, a look goes on at the page it was refused, and comes to an end."""
    with behind(Limited) as (s, front):
        for i in range(PAGE + 1):
            body = json.dumps({'channel': stack.CHANNEL, 'text': f'talk {i}',
                               'metadata': {'event_type': 'talk', 'event_payload': {'change_ids': []}}}).encode()
            urllib.request.urlopen(urllib.request.Request(
                front.slack + '/api/chat.postMessage', body,
                {'Authorization': f'Bearer {stack.TOKEN}', 'Content-Type': 'application/json; charset=utf-8'}), timeout=10).close()
        s.fault(target='slack', method='chat.postMessage', fault='close')
        changes(s)
        s.settled(45)
        true(front.refused > 0, 'no page was refused')
        s.each_told_once()
        true(not [m for m in s.messages() if MARK in m['text']], 'a mark although the history was read')


def away():
    other = stack.free_port()
    with stack.Stack(sim=SIM + ['--listen', f'127.0.0.1:{other}'],
                     env={'SLACK_BASE_URL': f'http://127.0.0.1:{other}/api'}) as s:
        s.track_all()
        begin = time.monotonic()
        s.post('/control/refuse', {'ms': 6000, 'port': other})
        s.until_changes()
        s.poll()
        s.d.says('slack: ')
        watched(begin)
        said_once(s.d, 'without Slack', '^slack: .*(refused|connect)')
        s.settled(30)
        s.each_told_once()
        equal(s.d.metrics()['slack_up'], 1, 'slack_up')

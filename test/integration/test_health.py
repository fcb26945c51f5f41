"""System messages: a part that stays failing is told once, and its recovery once, however many daemons see it."""
import http.server
import signal
import threading

import stack
from stack import contains, equal, true

SIM = ['--generate', '4', '--seed', '81', '--churn', '0', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad', '1000',
       '--slack-rate', '0']
EVERY = {'BADGEWATCH_HEALTH_EVERY': '1s'}


def told(s, word):
    """Headlines of the messages that name the part."""
    return [m['text'].splitlines()[0] for m in s.messages() if word in m['text'].splitlines()[0]]


def several_checks(s, d):
    """Waits until the daemon has judged all parts a few times more; auth.test is part of each idle check."""
    def probes():
        return len([r for r in s.get('/control/requests?service=slack') if r['method'] == 'auth.test'])
    begin = probes()
    s.wait('more health checks', lambda: probes() >= begin + 8)
    true(d.alive(), 'the daemon')


def parts_and_daemons():
    with stack.Stack(sim=SIM, env=EVERY, daemon=False) as s:
        d = s.daemon().ready()
        other = s.daemon().ready()
        s.track_all()
        s.settled()
        several_checks(s, d)
        equal(s.messages(), [], 'messages while all is well')
        s.pg_stop()
        s.wait('Postgres is told', lambda: told(s, 'Postgres'))
        several_checks(s, d)
        equal(told(s, 'Postgres'), ['🔴 badgewatch: Postgres is failing'], 'messages')
        contains(s.messages()[-1]['text'], 'alerts go on')
        s.pg_start()
        s.wait('its recovery is told', lambda: len(told(s, 'Postgres')) > 1)
        several_checks(s, d)
        equal(told(s, 'Postgres')[1:], ['🟢 badgewatch: Postgres works again'], 'messages')
        s.settled()
        equal(s.value("SELECT count(*) FROM notification_log WHERE kind = 'system' AND outcome = 'sent'"), '2', 'attempts')
        # they ask Postgres which of them tells when Redis cannot say it
        s.wait('both have found Postgres', lambda: all(one.metrics()['postgres_up'] == 1 for one in (d, other)))
        s.redis_stop()
        s.wait('Redis is told', lambda: told(s, 'Redis'))
        several_checks(s, d)
        equal(told(s, 'Redis'), ['🔴 badgewatch: Redis is failing'], 'messages')
        s.redis_start()
        s.wait('its recovery is told', lambda: len(told(s, 'Redis')) > 1)
        several_checks(s, d)
        equal(told(s, 'Redis')[1:], ['🟢 badgewatch: Redis works again'], 'messages')
        other.stop()


def slack_and_keepa():
    """Slack cannot be told of itself: it is said afterwards. A key that is refused is one message."""
    with stack.Stack(sim=SIM, env=EVERY) as s:
        s.track_all()
        s.settled()
        s.fault(target='slack', fault='error', error='token_revoked', method='any', count=-1)
        s.d.says('health: Slack is failing')
        equal(s.d.metrics()['slack_up'], 0, 'slack_up')
        equal(s.messages(), [], 'messages')
        s.clear_faults()
        s.wait('it is told afterwards', lambda: told(s, 'Slack'))
        equal(told(s, 'Slack'), ['🟢 badgewatch: Slack works again'], 'messages')
        contains(s.messages()[-1]['text'], 'token_revoked')
        s.fault(target='keepa', fault='status', status=402, count=-1)
        s.bw('poll', '--all')
        s.wait('Keepa is told', lambda: told(s, 'Keepa'))
        several_checks(s, s.d)
        equal(told(s, 'Keepa'), ['🔴 badgewatch: Keepa is failing'], 'messages')
        s.d.stop()  # and another daemon says when it works again, not a second time that it fails
        d = s.daemon()
        several_checks(s, d)
        s.clear_faults()
        d.popen.send_signal(signal.SIGHUP)  # a refused key is tried once a minute, and after a reload
        s.bw('poll', '--all')
        s.wait('its recovery is told', lambda: len(told(s, 'Keepa')) > 1, 40)
        equal(told(s, 'Keepa')[1:], ['🟢 badgewatch: Keepa works again'], 'messages')


def a_moment_is_no_news():
    """Less than three checks in a row: nobody is told."""
    with stack.Stack(sim=SIM, env={'BADGEWATCH_HEALTH_EVERY': '2s'}) as s:
        s.pg_stop()
        s.d.says('postgres: history waits')
        s.pg_start()
        s.d.ready()
        several_checks(s, s.d)
        equal(s.messages(), [], 'messages')


def heartbeat():
    """Called after a sweep, with /fail while a part does not work."""
    paths = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        env = {'BADGEWATCH_HEALTH_EVERY': '1s', 'BADGEWATCH_HEARTBEAT_URL': f'http://127.0.0.1:{server.server_port}/ping/s3cr3t'}
        with stack.Stack(sim=SIM, env=env) as s:
            s.track_all()
            s.wait('the first sweep', lambda: paths)
            s.poll()
            s.wait('the second', lambda: len(paths) >= 2)
            equal(set(paths), {'/ping/s3cr3t'}, 'paths')
            s.pg_stop()
            s.wait('the failure', lambda: paths[-1] == '/ping/s3cr3t/fail')
            s.pg_start()
            s.d.ready()
            s.poll()
            s.wait('a sweep again', lambda: paths[-1] == '/ping/s3cr3t')
            true('s3cr3t' not in s.d.log(), 'the URL is in the log')
    finally:
        server.shutdown()


if __name__ == '__main__':
    stack.main(parts_and_daemons, slack_and_keepa, a_moment_is_no_news, heartbeat)

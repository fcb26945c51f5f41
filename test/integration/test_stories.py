"""One story a reign: a loss answers the message of its gain, a product that flaps goes on in its thread, and the channel is
told once how it settled. The state of it lies in Postgres: restarts and an emptied Redis change nothing."""
import json
import urllib.request

import stack
from stack import equal, true

SIM = ['--generate', '1', '--seed', '3', '--churn', '100', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad', '500',
       '--slack-rate', '0']
STEP = 1200


def call(s, method, **args):
    """A method of the simulated Slack, as any client would call it."""
    query = '&'.join(f'{k}={v}' for k, v in args.items())
    request = urllib.request.Request(f'{s.sim_url}/api/{method}?{query}', headers={'Authorization': 'Bearer ' + stack.TOKEN})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def history(s):
    return call(s, 'conversations.history', channel=s.messages()[0]['channel'], limit=999, include_all_metadata='true')['messages']


def rows(s):
    return s.sql('SELECT id, category_id, change_type, slack_ts, slack_thread_ts, told_quietly, notification_sent, settled_at '
                 'IS NOT NULL FROM bestseller_changes ORDER BY detected_at, occurred_at')


def step(s):
    """Some change more, told."""
    s.until_changes(STEP)
    s.poll()
    s.settled(40)


def quiet(s):
    return [r for r in rows(s) if r[5] == 't']


def until_quiet(s, n):
    for _ in range(60):
        if len(quiet(s)) >= n:
            return
        step(s)
    raise AssertionError(f'{len(quiet(s))} changes were told quietly')


def is_consistent(s):
    """Each change once, where the table says; threads hang on messages of the channel; the history hides what is quiet."""
    messages = {m['ts']: m for m in s.messages()}
    settled = {i for (ids,) in s.sql("SELECT change_ids FROM notification_log WHERE kind = 'settled'") for i in ids.strip('{}').split(',')}
    told = [i for i in s.told_ids() if i not in settled]
    equal(sorted(told), sorted(r[0] for r in rows(s)), 'change ids in channel and threads')
    shown = {m['ts'] for m in history(s)}
    for _, _, _, ts, thread, quietly, sent, _ in rows(s):
        m = messages[ts]
        equal(sent, 't', 'told')
        equal(m.get('thread_ts'), thread, 'thread')
        equal(m.get('reply_broadcast', False), thread is not None and quietly == 'f', 'in the channel too')
        equal(ts in shown, quietly == 'f', 'listed by the history')
        if thread:
            true('thread_ts' not in messages[thread], 'a thread hangs on a reply')
            true(ts in {r['ts'] for r in call(s, 'conversations.replies', channel=m['channel'], ts=thread, limit=999)['messages']},
                 'listed by its thread')


def flapping():
    with stack.Stack(sim=SIM, env={'BADGEWATCH_ALERT_FLAP_SETTLE': '1h'}) as s:
        s.track_all()
        until_quiet(s, 2)
        is_consistent(s)
        marked = [m for m in s.messages() if 'Flapping: more than 3 changes within 1 d. ' in m['text']]
        true(marked, 'nobody is told that it flaps')
        thread = quiet(s)[-1][4]
        s.d.kill()
        s.redis('FLUSHALL')
        s.daemon().ready()
        until_quiet(s, 4)
        is_consistent(s)
        true(thread in {r[4] for r in quiet(s)[2:]}, 'the thread goes on after restart and FLUSHALL')
        losses = [r for r in rows(s) if r[2] == 'lost' and r[5] == 'f' and r[4]]
        true(losses, 'no loss answers its gain')
        plain, lines = len(s.messages()), len(history(s))
        print(f'{plain} messages, {lines} of them in the channel')
        true(lines < plain, 'nothing was spared')


def settles():
    """One line, once, whoever restarts; the next change is told in the channel again."""
    with stack.Stack(sim=SIM, env={'BADGEWATCH_ALERT_FLAP_SETTLE': '20s'}) as s:
        s.track_all()
        until_quiet(s, 1)
        s.wait('it has settled', lambda: [m for m in s.messages() if 'BEST SELLER SETTLED' in m['text']], 60)
        s.wait('that is recorded', lambda: all(r[7] == 't' for r in quiet(s)), 20)
        s.d.kill()
        s.redis('FLUSHALL')
        s.daemon().ready()
        before = len(rows(s))
        step(s)
        is_consistent(s)
        true(all(r[5] == 'f' for r in rows(s)[before:]), 'what follows is told in the channel')
        lines = [m for m in s.messages() if 'BEST SELLER SETTLED' in m['text']]
        equal(len(lines), len({r[1] for r in quiet(s)}), 'lines that say it settled')
        last = quiet(s)[-1]
        domain, asin = s.sql(f"SELECT domain, asin FROM bestseller_changes WHERE id = '{last[0]}'")[0]
        for where in (lines[-1]['text'], json.dumps(lines[-1]['blocks'][-1])):
            true(f'/dp/{asin}|View on Amazon>' in where and f'<https://keepa.com/#!product/{domain}-{asin}|Keepa chart>' in where, where)
        true(('holds' if last[2] == 'gained' else 'does not hold') in lines[-1]['text'], lines[-1]['text'])


def unknown_outcome_in_a_thread():
    """What stands in a thread alone is found there, also by who has only Postgres' word for it."""
    with stack.Stack(sim=SIM, env={'BADGEWATCH_ALERT_FLAP_SETTLE': '1h'}) as s:
        s.track_all()
        until_quiet(s, 1)
        for fault in ({'fault': 'close', 'posted': True}, {'fault': 'close'}):
            n = len(quiet(s))
            s.fault(target='slack', method='chat.postMessage', **fault)
            until_quiet(s, n + 1)
            is_consistent(s)
        replies = [r for r in s.get('/control/requests?service=slack') if r['method'] == 'conversations.replies']
        true(replies, 'no thread was looked into')
        n = len(quiet(s))
        s.fault(target='slack', method='chat.postMessage', fault='stall', ms=30000, posted=True)
        known = len(s.messages())
        s.until_changes(STEP)
        s.bw('poll', '--all')
        s.wait('it is out, without an answer', lambda: len(s.messages()) > known)
        s.d.kill()
        s.redis('FLUSHALL')
        s.daemon().ready()
        s.settled(90)
        until_quiet(s, n + 1)
        is_consistent(s)
        true(not [m for m in s.messages() if '(possible repeat)' in m['text']], 'a mark although all could be read')


def thread_is_gone():
    """Somebody locked the thread: the channel is told."""
    with stack.Stack(sim=SIM, env={'BADGEWATCH_ALERT_FLAP_SETTLE': '1h'}) as s:
        s.track_all()
        until_quiet(s, 1)
        s.fault(target='slack', method='chat.postMessage', fault='error', error='restricted_action_thread_locked')
        before = len(rows(s))
        step(s)
        true([r for r in rows(s)[before:] if r[4] is None], 'nothing was told without the thread')
        is_consistent(s)


if __name__ == '__main__':
    stack.main(flapping, settles, unknown_outcome_in_a_thread, thread_is_gone)

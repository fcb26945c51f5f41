"""The daily summary: its figures are those of the tables, it is printed and sent from one model, and it comes once a day,
whoever restarts, doubles or empties what."""
import datetime
import re

import stack
from stack import contains, equal, true

SIM = ['--generate', '6', '--seed', '71', '--churn', '8', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad', '1000',
       '--slack-rate', '0']


def lines_of(text):
    return dict(line.split(': ', 1) for line in text.strip().splitlines())


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d')


def printed():
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        s.until_changes()
        s.poll()
        s.settled()
        day = s.value("SELECT to_char(max(detected_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM bestseller_changes")
        got = lines_of(s.bw('summary', '--date', day).stdout)
        gained, lost = (s.value(f"SELECT count(*) FROM bestseller_changes WHERE change_type = '{t}'") for t in ('gained', 'lost'))
        calls, tokens = s.sql('SELECT count(*), sum(tokens_consumed) FROM api_usage_log')[0]
        wanted = {'Day': f'{day} (UTC)', 'Changes': str(int(gained) + int(lost)), 'Gained': gained, 'Lost': lost,
                  'Products checked': '6 of 6', 'API calls': calls, 'Tokens': tokens,
                  'Badges held': s.value('SELECT count(*) FROM reigns WHERE ended_at IS NULL')}
        equal({k: got.get(k) for k in wanted}, wanted, 'figures')
        true(re.fullmatch(r'\d+\.\d\d EUR', got['Estimated cost']), got)
        true(got['Top categories'] != 'none' and got['Oldest data'] != 'none', got)
        empty = lines_of(s.bw('summary', '--date', '2025-01-01').stdout)
        equal([empty[k] for k in ('Changes', 'API calls', 'Top categories')], ['0', '0', 'none'], 'a day on which nothing was')
        count = len(s.messages())
        s.bw('summary', '--date', day, '--send')
        text = s.messages()[count]['text']
        for k, v in wanted.items():
            contains(text, f'{k}: {v}')
        contains(str(s.messages()[count]['blocks']), f'Changes: {wanted["Changes"]}')
        contains(s.bw('summary', '--date', '2026-02-29', code=2).stderr, '2026-05-10')


def once_a_day():
    """Due now: two daemons, restarts, an emptied Redis; one message, and the row says so."""
    now = datetime.datetime.now(datetime.timezone.utc)
    at = (now - datetime.timedelta(minutes=1)).strftime('%H:%M')
    yesterday = (now - datetime.timedelta(minutes=1, days=1)).strftime('%Y-%m-%d')
    env = {'BADGEWATCH_SUMMARY_AT': at}
    with stack.Stack(sim=SIM, env=env, daemon=False) as s:
        d = s.daemon().ready()
        other = s.daemon().ready()
        sent = f"SELECT notification_sent, slack_ts IS NOT NULL FROM daily_summaries WHERE day = '{yesterday}'"
        s.wait('it is sent', lambda: s.sql(sent) == [('t', 't')], 40)
        equal(len(s.messages()), 1, 'messages')
        contains(s.messages()[0]['text'], f'Day: {yesterday} (UTC)')
        equal(s.sql("SELECT kind, outcome FROM notification_log"), [('summary', 'sent')], 'attempts')
        other.kill()
        d.stop()
        s.redis('FLUSHALL')
        d = s.daemon().ready()
        d.says('verified against Postgres')
        s.wait('the day is looked after', lambda: s.redis('EXISTS', 'bw:epoch'))
        s.settled()
        # it is sent, but nobody remembers: the channel is looked at
        s.sql('UPDATE daily_summaries SET notification_sent = false, slack_ts = NULL')
        s.redis('FLUSHALL')
        d.says('verified against Postgres', 2)
        s.wait('it is found', lambda: s.sql(sent) == [('t', 't')], 60)
        equal(len(s.messages()), 1, 'messages')
        equal([r[0] for r in s.sql("SELECT outcome FROM notification_log WHERE kind = 'summary' ORDER BY id")],
              ['sent', 'found'], 'outcomes')


def not_at_night():
    """Not before its time, not when it is off."""
    later = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=2)).strftime('%H:%M')
    for at in ('off', later):
        with stack.Stack(sim=SIM, env={'BADGEWATCH_SUMMARY_AT': at}) as s:
            s.track_all()
            s.settled()
            equal(s.value('SELECT count(*) FROM daily_summaries'), '0', f'summaries with {at}')
            equal(s.messages(), [], 'messages')


if __name__ == '__main__':
    stack.main(printed, once_a_day, not_at_night)

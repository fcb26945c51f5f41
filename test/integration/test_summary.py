"""The daily summary: its figures are those of the tables, it is printed and sent from one model, and it comes once a day,
whoever restarts, doubles or empties what."""
import datetime
import re

import stack
from stack import contains, equal, matches, true

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
        done = s.bw('summary', '--date', day)
        got = lines_of(done.stdout)
        equal(done.stderr, f'{day} is not over: these are its figures so far\n', 'stderr')
        gained, lost = (s.value(f"SELECT count(*) FROM bestseller_changes WHERE change_type = '{t}'") for t in ('gained', 'lost'))
        calls, tokens = s.sql('SELECT count(*), sum(tokens_consumed) FROM api_usage_log')[0]
        wanted = {'Day': f'{day} (UTC)', 'Changes': str(int(gained) + int(lost)), 'Gained': gained, 'Lost': lost,
                  'Products checked': '6 of 6', 'API calls': calls, 'Tokens': tokens,
                  'Badges held': s.value('SELECT count(*) FROM reigns WHERE ended_at IS NULL')}
        equal({k: got.get(k) for k in wanted}, wanted, 'figures')
        true(re.fullmatch(r'\d+\.\d\d EUR', got['Estimated cost']), got)
        true(got['Top categories'] != 'none' and got['Oldest data'] != 'none', got)
        # a change is told before its category's name is known; the summary has the name that came
        s.sql("INSERT INTO categories SELECT DISTINCT domain, category_id, 'The name' FROM bestseller_changes "
              "ON CONFLICT (domain, category_id) DO UPDATE SET name = 'The name'")
        matches(lines_of(s.bw('summary', '--date', day).stdout)['Top categories'], r'^The name \(\d+\)(, The name \(\d+\))*$')
        s.bw('asin', 'pause', s.members()[0])
        equal(lines_of(s.bw('summary', '--date', day).stdout)['Products checked'], '6 of 6', 'with one that is paused by now')
        done = s.bw('summary', '--date', '2025-01-01')
        empty = lines_of(done.stdout)
        equal(done.stderr, '', 'stderr for a day that is over')
        equal([empty[k] for k in ('Changes', 'API calls', 'Top categories')], ['0', '0', 'none'], 'a day on which nothing was')
        count = len(s.messages())
        s.bw('summary', '--date', day, '--send')
        text = s.messages()[count]['text']
        contains(text, f'summary of {day} (so far)\n')
        for k, v in wanted.items():
            contains(text, f'{k}: {v}')
        contains(str(s.messages()[count]['blocks']), f'Changes: {wanted["Changes"]}')
        contains(s.bw('summary', '--date', '2026-02-29', code=2).stderr, '2026-05-10')
        week, month = (datetime.date.fromisoformat(day).strftime(form) for form in ('%G-W%V', '%Y-%m'))
        for name, label in ((week, 'Week'), (month, 'Month')):
            longer = lines_of(s.bw('summary', '--date', name).stdout)
            true(longer[label].startswith(f'{name}, ') and longer[label].endswith(' (UTC)'), longer)
            equal({k: v for k, v in longer.items() if k in wanted}, {k: v for k, v in wanted.items() if k != 'Day'}, name)


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


def restored_after_it():
    """Both stores are older than a summary that was sent: the channel is asked before it is sent again."""
    due = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=3)
    with stack.Stack(sim=SIM, env={'BADGEWATCH_SUMMARY_AT': due.strftime('%H:%M')}) as s:
        for what in ('sent', 'found'):
            s.wait(f'it is {what}', lambda: s.sql('SELECT notification_sent FROM daily_summaries') == [('t',)], 60)
            equal(len(s.messages()), 1, 'messages')
            if what == 'sent':
                s.sql('DELETE FROM daily_summaries')
                s.redis('FLUSHALL')
                s.d.says('verified against Postgres', 2)


def monday_the_first():
    """A day on which all three are due: each comes once, and a daemon that starts later sends none again."""
    due = datetime.datetime(2027, 2, 1, 8, 0, 20, tzinfo=datetime.timezone.utc)
    wanted = ['2027-01', '2027-01-31', '2027-W04']
    sent = ('SELECT day::text FROM daily_summaries WHERE notification_sent UNION ALL '
            'SELECT period FROM period_summaries WHERE notification_sent ORDER BY 1')
    with stack.Host(sim=SIM, daemon=False, env={'BADGEWATCH_SUMMARY_AT': '08:00', 'BADGEWATCH_SUMMARIES': 'daily,weekly,monthly'}) as s:
        d = s.daemon().ready()
        s.host_clock.step(due.timestamp() - s.host_clock.now())
        s.wait('all are sent', lambda: [r[0] for r in s.sql(sent)] == wanted, 40)
        d.stop()
        s.daemon().ready().says('verified against Postgres|products are tracked')
        s.wait('its first look is over', lambda: s.d.metrics()['postgres_up'] == 1)
        s.settled()
        equal(sorted(m['text'].split('summary of ')[1].split()[0] for m in s.messages()), wanted, 'messages')
        contains(next(m['text'] for m in s.messages() if 'W04' in m['text']), 'Week: 2027-W04, 2027-01-25 to 2027-01-31 (UTC)')


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
    stack.main(printed, once_a_day, restored_after_it, monday_the_first, not_at_night)

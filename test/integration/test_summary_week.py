"""A week of daily summaries, each once in the channel, with the figures of the simulator's own record: while daemons are killed,
ended and doubled, one is killed as its summary goes out, the machine sleeps through a night, and its clock goes back over the
time at which the summary is due.

All programs live by one clock, which is moved three hours at a time, the simulator's with it; in each step every product is
checked. What was detected on a day is then what the record says of the steps of that day.
"""
import collections
import datetime
import html
import time

import stack
from stack import equal, true

PRODUCTS = 8
FIRST = datetime.datetime(2027, 3, 1, 1, 30, tzinfo=datetime.timezone.utc)
DAYS = 8  # the last has only the summary of the one before
HOUR = datetime.timedelta(hours=1)
DUE_AT = 10  # the step in which the summary of the day before is due
SIM = ['--generate', str(PRODUCTS), '--seed', '17', '--churn', '2', '--clock', 'stopped', '--pad', '1000', '--slack-rate', '0',
       '--rate', '20']
MONTH_CENTS = 490000
CENTS_A_TOKEN = MONTH_CENTS / (20 * 44640)


class Week:
    def __init__(self, s):
        self.s = s
        self.keys = [p['key'] for p in s.get('/control/products')]
        self.spent = collections.defaultdict(lambda: [0, 0])  # day: requests, tokens
        self.seen = [0, 0]
        self.steps = []

    def counted(self):
        state = self.s.get('/control/state')
        return [state['keepa_requests'], state['tokens_charged']]

    def go_to(self, at):
        """The clocks stand at that moment, every product is checked, and nothing is under way."""
        s, before = self.s, self.s.versions(self.keys)
        s.host_clock.step(at.timestamp() - s.host_clock.now())
        s.clock_on(int(at.timestamp()) - s.get('/control/state')['now_ms'] // 1000)
        s.checked(self.keys, 40, before)
        s.settled(40)
        s.each_request_logged()
        self.steps.append(at)
        now, day = self.counted(), at.date().isoformat()
        self.spent[day] = [a + b - c for a, b, c in zip(self.spent[day], now, self.seen)]
        self.seen = now

    def told(self, day):
        return [m for m in self.s.messages() if f'summary of {day}' in m['text']]

    def summary_of(self, day):
        self.s.wait(f'the summary of {day}', lambda: self.told(day), 40)
        self.s.settled(40)


def badges_at(held, record, moment):
    held = set(held)
    for r in sorted(record, key=lambda r: r['occurred_at']):
        if r['occurred_at'] < moment:
            badge = f'{r["domain"]}:{r["asin"]}:{r["category_id"]}'
            (held.add if r['type'] == 'gained' else held.discard)(badge)
    return held


def wanted(w, day, record, held):
    """What the summary of that day has to say."""
    def detected(r):
        return next(at for at in w.steps if stack.iso(at.timestamp()) >= r['occurred_at']).date().isoformat()
    midnight = datetime.date.fromisoformat(day) + datetime.timedelta(days=1)
    mine = [r for r in record if r['occurred_at'] <= stack.iso(w.steps[-1].timestamp()) and detected(r) == day]
    kinds = collections.Counter(r['type'] for r in mine)
    top = collections.Counter(r['category'] for r in mine)
    requests, tokens = w.spent[day]
    return {'Day': f'{day} (UTC)', 'Changes': str(len(mine)), 'Gained': str(kinds['gained']), 'Lost': str(kinds['lost']),
            'Products checked': f'{PRODUCTS} of {PRODUCTS}', 'API calls': str(requests), 'Tokens': str(tokens),
            'Estimated cost': f'{tokens * CENTS_A_TOKEN / 100:.2f} EUR',
            'Badges held': str(len(badges_at(held, record, f'{midnight}T00:00:00Z'))),
            'Top categories': ', '.join(f'{name} ({n})' for name, n in sorted(top.items(), key=lambda i: (-i[1], i[0]))[:5]) or 'none'}


def trouble(w, day, hour):
    """What happens after that step."""
    s = w.s
    if (day, hour) in ((1, 13), (4, 22)):
        s.d.kill()
        s.daemon().ready()
    elif (day, hour) in ((2, 7), (2, 19), (6, 4)):
        s.d.stop()
        s.daemon().ready()
    elif (day, hour) == (5, 1):
        w.other = s.daemon().ready()
    elif (day, hour) == (5, 13):  # back over the time at which it is due
        s.host_clock.step(-6 * 3600)
        stack.watched(time.monotonic(), 12)
    elif (day, hour) == (5, 16):
        w.other.stop()


def sleeps(day, hour):
    """The machine does, from the evening of one day until its summary is due."""
    return (day, hour) in ((3, 19), (3, 22), (4, 1), (4, 4), (4, 7))


def week():
    with stack.Host(sim=[*SIM, '--start', FIRST.strftime('%Y-%m-%dT%H:%MZ')], daemon=False,
                    env={'BADGEWATCH_SUMMARY_AT': '08:00', 'BADGEWATCH_MONTHLY_COST_CENTS': str(MONTH_CENTS)}) as s:
        s.host_clock.step(FIRST.timestamp() - s.host_clock.now())
        s.daemon().ready()
        w = Week(s)
        s.bw('asin', 'add', *w.keys, '--every', '60')
        s.checked(w.keys)
        s.settled(40)
        held, begin = s.redis('ZRANGE', 'bw:badges', 0, -1), s.get('/control/state')['now_ms'] // 1000
        for step in range(1, DAYS * 8):
            at = FIRST + step * 3 * HOUR
            day, hour = (at - FIRST).days, at.hour
            if sleeps(day, hour):
                continue
            if (day, hour) == (6, DUE_AT):  # killed as soon as Slack has it
                kill_while_it_is_told(w, at)
            w.go_to(at)
            if hour == DUE_AT and day > 0:
                w.summary_of((at - 24 * HOUR).date().isoformat())
            trouble(w, day, hour)
            if (day, hour) == (DAYS - 1, DUE_AT):
                break
        record = s.get(f'/control/record?from={stack.iso(begin + 1)}')
        compare(w, record, held)


def kill_while_it_is_told(w, at):
    s, day = w.s, (at - 24 * HOUR).date().isoformat()
    s.host_clock.step(at.timestamp() - 3600 - s.host_clock.now())  # due, and no product is
    s.wait('Slack has it', lambda: w.told(day), 40)
    s.d.kill()
    s.daemon().ready()


def compare(w, record, held):
    s = w.s
    true(len(record) > 60, f'{len(record)} changes in a week are too few to prove anything')
    told = [m for m in s.messages() if ': summary of ' in m['text']]
    days = [(FIRST + i * 24 * HOUR).date().isoformat() for i in range(DAYS - 1)]
    equal([m['text'].split('summary of ')[1].split()[0] for m in told], days, 'summaries in the channel')
    for day, message in zip(days[1:], told[1:]):  # on the first day products were new
        lines = dict(line.split(': ', 1) for line in html.unescape(message['text']).strip().splitlines()[1:] if ': ' in line)
        right = wanted(w, day, record, held)
        equal({k: lines.get(k) for k in right}, right, f'the summary of {day}')
        print(f'{day}: ' + ', '.join(f'{k} {v}' for k, v in right.items() if k not in ('Day', 'Top categories')))


if __name__ == '__main__':
    stack.main(week)

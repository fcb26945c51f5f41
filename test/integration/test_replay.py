"""Captured answers of Keepa, replayed: every badge gained and lost in them is recorded once and told once.

The judge is crossings.py, which reads the same captures and shares nothing with badgewatch. The simulator's clock stands
still and is moved by the test, so that it is exact what a check could see. Steps are uneven: minutes, hours, weeks; one
falls into the shortest reign, one on the very minute of a crossing, one on the minute before.
"""
import json
import re

import crossings
import stack
from stack import equal, iso, true

MESSAGES_S = 60  # one a second


def moments(products, begin, end, strides):
    """Times of checks after begin, up to end."""
    times, at, i = set(), begin, 0
    while at < end:
        at += strides[i % len(strides)]
        i += 1
        times.add(min(at, end))
    ended = [r for p in products for r in crossings.reigns(p, end) if r[3] and r[2] > begin]
    if ended:
        shortest = min(ended, key=lambda r: r[3] - r[2])
        times |= {(shortest[2] + shortest[3]) // 2, shortest[3]}
    crossed = [c[6] for p in products for c in crossings.crossings(p, begin, end)]
    if crossed:
        times |= {crossed[0] - 60, crossed[0], crossed[-1]}
    return sorted(t for t in times if t > begin)


def begin_of(product):
    return crossings.points(product, 1 << 62)[0][2]


def last_of(product):
    return crossings.points(product, 1 << 62)[-1][2]


def unix(column):
    return f'extract(epoch FROM {column})::bigint'


def number(text):
    return None if text is None else int(text)


def check_changes(s, products, baselines, end):
    wanted = sorted((c for p in products for c in crossings.crossings(p, baselines[p['asin']], end)),
                    key=lambda c: (c[6], c[0], c[1]))
    rows = s.sql('SELECT asin, category_id, change_type, reason, previous_rank, new_rank, ' + unix('occurred_at') +
                 ' FROM bestseller_changes ORDER BY occurred_at, asin, category_id')
    got = [(r[0], int(r[1]), r[2], r[3], number(r[4]), number(r[5]), int(r[6])) for r in rows]
    true(wanted, 'the capture has no crossing after the first check: nothing would be proved')
    equal(got, wanted, 'changes')
    names = {k: v for p in products for k, v in crossings.names(p).items()}
    for category_id, category in s.sql('SELECT DISTINCT category_id, category FROM bestseller_changes'):
        equal(category, names.get(int(category_id), f'Category {category_id}'), 'category')


def check_points(s, products, end):
    wanted = sorted(x for p in products for x in crossings.points(p, end))
    rows = s.sql('SELECT asin, category_id, ' + unix('at') + ', rank FROM rank_points')
    equal(sorted([(r[0], int(r[1]), int(r[2]), number(r[3])) for r in rows], key=lambda x: x[:3]),
          sorted(wanted, key=lambda x: x[:3]), 'rank points')


def check_reigns(s, products, end):
    wanted = sorted((x for p in products for x in crossings.reigns(p, end)), key=lambda x: x[:3])
    rows = s.sql('SELECT asin, category_id, ' + unix('started_at') + ', ' + unix('ended_at') + ', ended_by FROM reigns')
    equal(sorted(((r[0], int(r[1]), int(r[2]), number(r[3]), r[4]) for r in rows), key=lambda x: x[:3]), wanted, 'reigns')
    true(s.value('SELECT count(*) FROM reigns WHERE start_not_before > started_at OR end_not_before > ended_at') == '0',
         'a reign was confirmed before its edge')


def check_messages(s):
    """One for each product and check that found something, with links, and all rows marked with it."""
    wanted = {}
    for row in s.sql('SELECT id, asin, detected_at, notification_sent, slack_channel, slack_ts, notified_at '
                     'FROM bestseller_changes'):
        equal(row[3], 't', f'notification_sent of {row[0]}')
        true(row[4] and row[5] and row[6], f'channel, ts and time of {row[0]}')
        wanted.setdefault((row[1], row[2]), {})[row[0]] = (row[4], row[5])
    messages = s.messages()
    equal(len(messages), len(wanted), 'messages for products with changes in a check')
    for message in messages:
        equal(message['metadata']['event_type'], 'badgewatch_changes', 'event_type')
        ids = message['metadata']['event_payload']['change_ids']
        (asin, _), rows = next(item for item in wanted.items() if ids[0] in item[1])
        equal(sorted(ids), sorted(rows), 'change ids of a message')
        for channel, ts in rows.values():
            equal((channel, ts), (message['channel'], message['ts']), 'where the row says that it was told')
        whole = json.dumps(message['blocks'], ensure_ascii=False)
        for link in (f'https://www.amazon.com/dp/{asin}', f'https://keepa.com/#!product/1-{asin}'):
            true(link in whole, f'{link} is not in {whole}')
        true(asin in message['text'], 'the ASIN is not in the plain text')
        true(re.search(r'GAINED|LOST|BEST SELLER', message['text']), message['text'])


def replay(begin, strides):
    files = stack.fixtures()
    products = crossings.load(files)
    end = max(last_of(p) for p in products) + 3600
    sim = [arg for f in files for arg in ('--replay', f)] + ['--clock', 'stopped', '--start', iso(begin(products)),
                                                             '--slack-rate', '0', '--channel', 'any']
    with stack.Stack(sim=sim) as s:
        asins = [p['asin'] for p in products]
        for i, asin in enumerate(asins):  # a channel each: a channel gets one message a second
            s.bw('asin', 'add', asin, '--every', '10080', '--channel', f'C00{i}')
        s.wait('all are tracked', lambda: len(s.members()) == len(asins))
        s.checked(s.members())
        times = [begin(products)] + moments(products, begin(products), end, strides)
        for at in times[1:]:
            s.clock(at)
            s.poll()
        # a product's baseline is its first check that brought any point
        baselines = {p['asin']: next(t for t in times if t >= begin_of(p)) for p in products}
        s.settled(MESSAGES_S)
        check_changes(s, products, baselines, end)
        check_points(s, products, end)
        check_reigns(s, products, end)
        check_messages(s)
        equal(s.value('SELECT count(*) FROM checks'), str(len(times) * len(asins)), 'checks: one row each')
        s.each_request_logged()
        longest = max(b - a for a, b in zip(times, times[1:])) / 86400
        widest = max(r['days'] for r in s.asked())
        true(widest >= longest or longest < 1, f'after {longest:.0f} days no request looked back further than {widest}')


def from_the_middle():
    """First sight in the middle of the series, then steps from minutes to weeks."""
    day = 86400
    replay(lambda ps: (min(begin_of(p) for p in ps) * 2 + max(last_of(p) for p in ps)) // 3,
           (3600, 30 * day + 1260, 300, 140 * day))


def from_the_beginning():
    """Before there was any rank: unknown until the first point, then all of it in few long steps."""
    replay(lambda ps: min(begin_of(p) for p in ps) - 3600, (7200, 250 * 86400))


if __name__ == '__main__':
    stack.main(from_the_middle, from_the_beginning)

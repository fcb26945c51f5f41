"""Many changes at once: a line for each product instead of a message for each, so that a thousand of them are told within
half a minute at Slack's one message a second."""
import re

import stack
from stack import equal, true

MOST = 40


def products_of(message):
    """ASINs, in the order of the lines of the text."""
    return re.findall(r'^• (?:\d+:)?(B0[A-Z0-9]{8}) ', message['text'], re.M)


def told_well(s, messages):
    """Each change once; a group has a line, in text and blocks, for each product whose changes it carries."""
    s.each_told_once()
    asin_of = dict(s.sql('SELECT id, asin FROM bestseller_changes'))
    for m in messages:
        ids = m['metadata']['event_payload']['change_ids']
        asins = {asin_of[i] for i in ids}
        if len(asins) == 1:
            continue
        lines = products_of(m)
        equal(set(lines), asins, 'products of a grouped message')
        true(len(lines) <= MOST, f'{len(lines)} lines')
        blocks = str(m['blocks'])
        for asin in asins:
            true(blocks.count(asin) >= 3, f'{asin}: its line and its two links in the blocks')


def thousand():
    with stack.Stack(sim=['--generate', '1800', '--seed', '61', '--churn', '100', '--clock', 'stopped', '--start',
                          '2026-05-01T00:00Z', '--pad', '500', '--history-days', '1', '--rate', '10000']) as s:
        s.track_all(90)
        s.settled(60)
        s.clock_on(2400)
        before = s.versions(s.members())
        s.bw('poll', '--all')
        s.checked(s.members(), 60, before)
        s.settled(90)
        messages = s.messages()
        told_well(s, messages)
        changed = int(s.value('SELECT count(DISTINCT asin) FROM bestseller_changes'))
        true(changed > 950, f'only {changed} products changed')
        true(len(messages) <= changed / MOST + 4, f'{len(messages)} messages for {changed} products')
        posts = [r['received_ms'] for r in s.get('/control/requests?service=slack') if r['method'] == 'chat.postMessage']
        true(min(b - a for a, b in zip(posts, posts[1:])) >= 950, 'posts within a second')
        print(f'{s.value("SELECT count(*) FROM bestseller_changes")} changes on {changed} products: {len(messages)} messages, '
              'the last ' + s.value('SELECT round(extract(epoch FROM max(notified_at - detected_at)), 1) '
                                    'FROM bestseller_changes') + ' s after it was seen')


def six_are_grouped():
    """More than five products: one message. Five: one each."""
    for products, wanted in ((5, 5), (6, 1)):
        with stack.Stack(sim=['--generate', str(products), '--seed', '62', '--churn', '100', '--clock', 'stopped', '--start',
                              '2026-05-01T00:00Z', '--pad', '500', '--slack-rate', '0']) as s:
            s.track_all()
            s.settled()
            s.clock_on(6 * 3600)
            s.poll()
            s.settled(30)
            equal(s.value('SELECT count(DISTINCT asin) FROM bestseller_changes'), str(products), 'products that changed')
            equal(len(s.messages()), wanted, f'messages for {products} products')
            told_well(s, s.messages())


def group_of_unknown_outcome():
    """The connection breaks after Slack took a group: it is found, by any of its changes; and one that was not taken is
    told once. The same when the daemon dies instead."""
    with stack.Stack(sim=['--generate', '30', '--seed', '63', '--churn', '100', '--clock', 'stopped', '--start',
                          '2026-05-01T00:00Z', '--pad', '500', '--slack-rate', '0']) as s:
        s.track_all()
        s.settled()
        for fault in ({'fault': 'close', 'posted': True}, {'fault': 'close'}):
            s.fault(target='slack', **fault)
            s.clock_on(3600)
            s.poll()
            s.settled(40)
            s.each_told_once()
        s.fault(target='slack', fault='stall', ms=1500)
        posts = len([r for r in s.get('/control/requests?service=slack') if r['method'] == 'chat.postMessage'])
        s.clock_on(3600)
        s.poll()
        s.wait('the request is under way', lambda: len([r for r in s.get('/control/requests?service=slack')
                                                        if r['method'] == 'chat.postMessage']) > posts)
        s.d.kill()
        s.daemon().ready()
        s.settled(60)
        told_well(s, s.messages())


if __name__ == '__main__':
    stack.main(six_are_grouped, group_of_unknown_outcome, thousand)

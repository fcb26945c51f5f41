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
        s.fault(target='slack', fault='stall', ms=300, count=1000)  # as far away as Slack is
        s.bw('poll', '--all')
        s.checked(s.members(), 60, before)
        s.settled(90)
        s.clear_faults()
        messages = s.messages()
        told_well(s, messages)
        changed = int(s.value('SELECT count(DISTINCT asin) FROM bestseller_changes'))
        true(changed > 950, f'only {changed} products changed')
        true(len(messages) <= changed / MOST + 4, f'{len(messages)} messages for {changed} products')
        posts = [r['received_ms'] for r in s.get('/control/requests?service=slack') if r['method'] == 'chat.postMessage']
        gaps = [b - a for a, b in zip(posts, posts[1:])]
        true(min(gaps) >= 950, f'posts within a second: {gaps}')
        true(sum(gaps) <= 1200 * len(gaps), f'Slack could have taken more: {gaps}')
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


def families():
    """Children of one parent: one message, also where they are few; a line each in a group of many."""
    with stack.Stack(sim=['--generate', '6', '--family', '3', '--seed', '62', '--churn', '100', '--clock', 'stopped', '--start',
                          '2026-05-01T00:00Z', '--pad', '500', '--slack-rate', '0']) as s:
        s.track_all()
        s.settled()
        s.clock_on(6 * 3600)
        s.poll()
        s.settled(30)
        equal(s.value('SELECT count(DISTINCT asin) FROM bestseller_changes'), '6', 'products that changed')
        messages = s.messages()
        equal(len(messages), 2, 'messages for two families of three')
        told_well(s, messages)
        parents = {p for (p,) in s.sql('SELECT DISTINCT parent_asin FROM asin_current_state')}
        equal({re.search(r'^3 variations of (BP\w{8}):$', m['text'], re.M)[1] for m in messages}, parents, 'parents')


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


def group_with_one_that_was_told():
    """A power cut: Redis has lost the intention of the message that was on its way, only Postgres has it. What waited
    behind it would now be told with it, in one group: only that one message is left out."""
    with stack.Stack(sim=['--generate', '30', '--seed', '63', '--churn', '24', '--clock', 'stopped', '--start',
                          '2026-05-01T00:00Z', '--pad', '500', '--slack-rate', '0']) as s:
        s.track_all()
        s.settled()
        s.fault(target='slack', fault='stall', ms=30000, posted=True)
        alone = s.until_changes(600)[0]['asin']
        s.bw('poll', alone)
        s.wait('it is out, without an answer', lambda: len(s.messages()) == 1)
        s.clock_on(7200)
        s.poll(*[m[2:] for m in s.members() if m[2:] != alone])
        s.d.kill()
        true(s.told() > 10, 'changes that wait')
        equal(s.redis('DEL', 'bw:delivery'), 1, 'intentions')
        s.clear_faults()
        s.daemon().ready()
        s.settled(60)
        s.each_told_once()


MANY = ['--generate', '30', '--seed', '63', '--churn', '100', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad', '500',
        '--slack-rate', '0']


def emptied_while_many_wait(s):
    """Redis is emptied while many alerts wait, and one was told whose outcome was not written."""
    s.track_all()
    s.settled()
    s.fault(target='slack', fault='stall', ms=30000, posted=True, method='chat.postMessage')
    alone = s.until_changes(600)[0]['asin']
    s.poll(alone)
    s.wait('one is out, without an answer', lambda: len(s.messages()) == 1)
    s.clock_on(1800)
    s.poll(*[m[2:] for m in s.members() if m[2:] != alone])
    s.wait('Postgres has all', lambda: s.redis('XLEN', 'bw:history') == 0 and s.told() > 20)
    s.d.kill()
    s.redis('FLUSHALL')
    s.clear_faults()


def many_in_doubt():
    """One look for all of them."""
    with stack.Stack(sim=MANY) as s:
        emptied_while_many_wait(s)
        s.daemon().ready()
        s.settled(60)
        told_well(s, s.messages())
        true(len(s.messages()) <= 3, f'{len(s.messages())} messages')
        looks = [r for r in s.get('/control/requests?service=slack') if r['method'] == 'conversations.history']
        true(len(looks) <= 6, f'{len(looks)} looks for 30 products')


def killed_behind_the_look():
    """That look found one of them, the others are on their way as a group when the daemon dies: none of their intentions stays
    behind, nor does that of the one that was found."""
    with stack.Stack(sim=MANY) as s:
        emptied_while_many_wait(s)
        s.fault(target='slack', fault='stall', ms=30000, posted=True, method='chat.postMessage')
        s.daemon().ready()
        s.wait('the others are out, without an answer', lambda: len(s.messages()) == 2, 60)
        s.d.kill()
        s.clear_faults()
        s.daemon().ready()
        s.settled(120)
        told_well(s, s.messages())
        equal(s.redis('HGETALL', 'bw:delivery'), [], 'intentions that stay')


def group_refused():
    """Slack refuses a group for good, also as plain text: its products go alone, and only the one that is refused alone too
    is set aside."""
    with stack.Stack(sim=['--generate', '8', '--seed', '62', '--churn', '100', '--clock', 'stopped', '--start',
                          '2026-05-01T00:00Z', '--pad', '500', '--slack-rate', '0']) as s:
        s.track_all()
        s.settled()
        s.fault(target='slack', fault='error', error='invalid_blocks', count=4, method='chat.postMessage')
        s.clock_on(6 * 3600)
        s.poll()
        s.wait('one is set aside, nothing else waits', lambda: s.redis('XLEN', 'bw:set_aside') > 0 and s.told() == 0, 60)
        aside = {dict(zip(f[::2], f[1::2]))['check'].split(':')[1] for _, f in s.redis('XRANGE', 'bw:set_aside', '-', '+')}
        equal(len(aside), 1, 'products set aside')
        s.wait('it is recorded', lambda: s.redis('XLEN', 'bw:history') == 0)
        changed = {r[0] for r in s.sql('SELECT DISTINCT asin FROM bestseller_changes')}
        true(len(changed) > 5, 'a group')
        equal({r[0] for r in s.sql('SELECT DISTINCT asin FROM bestseller_changes WHERE notification_sent')}, changed - aside,
              'products told')
        equal(len(s.messages()), len(changed) - 1, 'messages')
        s.redis('DEL', 'bw:set_aside')


def note_refused_for_good():
    """Slack refuses a message about no change, also as plain text: it is set aside where a person finds it, and nothing of
    it stays behind."""
    with stack.Stack(sim=['--generate', '1', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--slack-rate', '0']) as s:
        s.fault(target='slack', fault='error', error='invalid_blocks', count=2)
        s.redis('XADD', 'bw:outbox', '*', 'check', 'summary:2026-04-30', 'of', '1', 'id', '11111111-1111-5111-8111-111111111111',
                'kind', 'summary', 'headline', 'Summary', 'lines', 'Changes: 0\n')
        s.wait('it is set aside', lambda: s.redis('XLEN', 'bw:set_aside') == 1)
        _, fields = s.redis('XRANGE', 'bw:set_aside', '-', '+')[0]
        equal(fields[1], 'bw:outbox', 'where it was')
        s.wait('nothing is pending', lambda: s.redis('XPENDING', 'bw:outbox', 'slack')[0] == 0)
        s.wait('no intention stays', lambda: s.redis('HLEN', 'bw:delivery') == 0)
        equal(s.messages(), [], 'messages')
        s.redis('DEL', 'bw:set_aside')


if __name__ == '__main__':
    stack.main(six_are_grouped, families, group_of_unknown_outcome, group_with_one_that_was_told, many_in_doubt, killed_behind_the_look, group_refused, note_refused_for_good, thousand)

"""Routes of the settings file: which channel, which changes, at what hours."""
import json
import os
import signal
import uuid

import stack
from stack import contains, equal, iso, true

CHANNELS = ('C0DEMO', 'C0ACME', 'C0OWN')
SIM = ['--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad', '500', '--slack-rate', '0',
       *(word for c in CHANNELS for word in ('--channel', c))]


class Routed(stack.Stack):
    """With a settings file that can be rewritten: settings() before the daemon starts, reload() later."""

    def prepare(self):
        super().prepare()
        self.path = os.path.join(self.dir, 'badgewatch.conf')
        self.given_env['BADGEWATCH_CONFIG'] = self.path
        self.settings('')

    def settings(self, text):
        with open(self.path, 'w', encoding='utf-8') as f:
            f.write(text)

    def reload(self, text):
        self.settings(text)
        times = self.d.log().count('settings read again')
        self.d.popen.send_signal(signal.SIGHUP)
        self.d.says('settings read again', times + 1)

    def track(self, *groups):
        """groups: options of `asin add` for an equal share of the products each. Gives the keys of each group."""
        keys = [p['key'] for p in self.get('/control/products')]
        shares = [keys[i::len(groups)] for i in range(len(groups))]
        for share, options in zip(shares, groups):
            self.bw('asin', 'add', *share, '--every', '10080', *options)
        self.wait('all are tracked', lambda: len(self.members()) == len(keys))
        self.checked(keys)
        self.settled()
        return shares

    def change_all(self, of, step_s=3600):
        """Moves the clock until each of these products has a change, and checks them."""
        since = self.get('/control/state')['now_ms'] // 1000
        left = set(of)
        for _ in range(100):
            self.clock_on(step_s)
            left -= {f'{r["domain"]}:{r["asin"]}' for r in self.get(f'/control/record?from={iso(since + 1)}')}
            if not left:
                self.poll()
                return
        raise AssertionError(f'nothing changes of {left}')

    def rows(self):
        """{change id: (product, type, withheld, channel, sent)}"""
        return {r[0]: r[1:] for r in self.sql("SELECT id, domain || ':' || asin, change_type, coalesce(withheld, ''), "
                                              "coalesce(slack_channel, ''), notification_sent FROM bestseller_changes")}

    def category_of(self, change):
        return self.value(f"SELECT category_id || ' ' || detected_at FROM bestseller_changes WHERE id = '{change}'")

    def told_in(self):
        """{change id: channel} as Slack has it; each once."""
        told = [(i, m['channel']) for m in self.messages() for i in m['metadata']['event_payload']['change_ids']]
        equal(len(told), len(dict(told)), 'changes told once')
        return dict(told)


DAY = "SELECT to_char(max(detected_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM bestseller_changes"

ROUTES = """
[route "tag=acme"]
channel = C0ACME

[route "tag=low"]
min_priority = 3

[route "tag=gains"]
trigger_on_lost = no
"""


def chosen():
    """The product's channel, else that of its first route, else the default; what a route does not want is written and told
    to nobody."""
    with Routed(sim=[*SIM, '--generate', '18', '--seed', '71', '--churn', '24'], daemon=False) as s:
        s.settings(ROUTES)
        s.daemon().ready()
        acme, own, low, high, gains, plain = s.track(
            ['--tag', 'x', '--tag', 'acme'], ['--tag', 'acme', '--channel', 'C0OWN'], ['--tag', 'low', '--priority', '4'],
            ['--tag', 'low', '--priority', '3'], ['--tag', 'gains'], ['--tag', 'acme2'])
        s.change_all([*acme, *own, *low, *high, *gains, *plain])
        while not s.value("SELECT count(*) FROM bestseller_changes WHERE withheld = 'trigger'") > '0':
            s.until_changes(300)
            s.poll()
            s.settled(30)
        s.settled(30)
        told, rows = s.told_in(), s.rows()
        group = {k: name for name, keys in (('acme', acme), ('own', own), ('low', low), ('high', high), ('gains', gains),
                                            ('plain', plain)) for k in keys}
        channel = {'acme': 'C0ACME', 'own': 'C0OWN', 'high': 'C0DEMO', 'gains': 'C0DEMO', 'plain': 'C0DEMO'}
        # of a category in one check both or none is told: half of what came and went would not be the truth
        gained = {(product, m) for i, (product, kind, *_) in rows.items() if kind == 'gained' for m in [s.category_of(i)]}
        kinds = set()
        for i, (product, kind, withheld, at, sent) in rows.items():
            of = group[product]
            if of == 'low':
                wanted = ('priority', '', 'f')
            elif of == 'gains' and kind == 'lost' and (product, s.category_of(i)) not in gained:
                wanted = ('trigger', '', 'f')
            else:
                wanted = ('', channel[of], 't')
            kinds.add((of, wanted[0]))
            equal((withheld, at, sent), wanted, f'{of}: {kind} of {product}')
            equal(told.get(i, ''), at, f'{of}: channel in Slack')
        left_out = sum(row[2] != '' for row in rows.values())
        printed = s.bw('summary', '--date', s.value(DAY)).stdout
        contains(printed, f'\nLeft out: {left_out} of them, by a route or for want of Slack\n', 'the summary')
        true('Muted' not in printed, printed)
        equal(kinds, {('acme', ''), ('own', ''), ('low', 'priority'), ('high', ''), ('gains', ''), ('gains', 'trigger'),
                      ('plain', '')}, 'all of it was seen')
        contains(s.bw('check').stdout, 'C0ACME (tag=acme): the bot is in it')
        contains(s.bw('help', 'config').stdout, 'trigger_on_lost')


def removed_while_it_waits():
    """Slack is away; the product is removed; its alert goes to its own channel all the same, and by its tag's route."""
    with Routed(sim=[*SIM, '--generate', '4', '--seed', '72', '--churn', '24'], daemon=False) as s:
        s.settings('[route "tag=acme"]\nchannel = C0ACME\n')
        s.daemon().ready()
        own, acme = s.track(['--channel', 'C0OWN'], ['--tag', 'acme'])
        s.fault(target='slack', fault='status', status=503, count=100000)
        s.change_all([*own, *acme])
        true(s.told() > 0, 'alerts wait')
        s.bw('asin', 'remove', *own, *acme)
        s.wait('they are tracked no more', lambda: not s.members())
        s.clear_faults()
        s.d.popen.send_signal(signal.SIGHUP)
        s.settled(60)
        rows, told = s.rows(), s.told_in()
        equal({i: 'C0OWN' if r[0] in own else 'C0ACME' for i, r in rows.items()}, told, 'channels')


def mended_by_reload():
    """A channel that is not there: `check` says it, alerts wait, and go to the right one once the file is mended, also where
    they had been one message. A file that is wrong is refused whole."""
    with Routed(sim=[*SIM, '--generate', '14', '--seed', '73', '--churn', '6'], daemon=False) as s:
        s.settings('[route "tag=acme"]\nchannel = C0GONE\n')
        s.daemon().ready()
        _, vip = s.track(['--tag', 'acme'], ['--tag', 'acme', '--tag', 'vip'])
        contains(s.bw('check', code=1).stdout, 'C0GONE (tag=acme): channel_not_found')
        s.change_all(s.members())
        s.d.says('channel_not_found')
        posts = 'SELECT count(*) FROM notification_log'
        s.wait('the attempt is written', lambda: s.value(posts) == '1')
        equal(s.value('SELECT cardinality(change_ids) > 14 FROM notification_log'), 't', 'many in one message')
        s.settings('[route "tag=acme"]\nchannel = C0ACME\nquiet = yes\n')
        s.d.popen.send_signal(signal.SIGHUP)
        contains(s.d.says('SIGHUP: settings refused.*').group(0), "badgewatch.conf:3: unknown setting 'quiet' of a route")
        s.reload('[route "tag=vip"]\nchannel = C0OWN\n[route "tag=acme"]\nchannel = C0ACME\n')
        s.settled(30)
        equal(s.told_in(), {i: 'C0OWN' if r[0] in vip else 'C0ACME' for i, r in s.rows().items()}, 'channels')
        equal(sorted(m['channel'] for m in s.messages()), ['C0ACME', 'C0OWN'], 'messages')


# ---- quiet hours ----

QUIET = """
[route "tag=acme"]
channel = C0ACME
quiet_hours = 22:00-07:00
"""


def many_channels():
    """A channel for each product, and some are not there: theirs wait, the others are told, however many channels there are."""
    there = [f'C0THERE{i}' for i in range(22)]
    gone = ['C0' + 'GONE' * 19 + f'{i:02}' for i in range(22)]  # of 80 characters, the most that a name may have
    with Routed(sim=[*SIM, '--generate', '44', '--seed', '78', '--churn', '24', *(w for c in there for w in ('--channel', c))],
                daemon=False) as s:
        s.daemon().ready()
        shares = s.track(*(['--channel', c] for pair in zip(gone, there) for c in pair))
        s.change_all(s.members())
        wanted = {c: share for c, share in zip(there, shares[1::2])}
        s.wait(lambda: f'told in {set(s.told_in().values())}',
               lambda: set(s.told_in().values()) == set(there) and s.told() == len([r for r in s.rows().values() if r[3] == '']))
        for i, (product, _, _, channel, sent) in s.rows().items():
            equal(sent, 't' if [c for c in wanted if product in wanted[c]] else 'f', f'{product}: told in {channel!r}')


def moved_while_it_waits():
    """The channel is not there. Products that are moved to another one, by whatever client, take their waiting alerts along: the
    one whose alert was refused, and one behind it."""
    with Routed(sim=[*SIM, '--generate', '3', '--seed', '79', '--churn', '24'], daemon=False) as s:
        s.daemon().ready()
        (gone,) = s.track(['--channel', 'C0GONE'])
        s.change_all(gone)
        s.d.says('channel_not_found')
        for product, channel in zip(gone, ('C0OWN', 'C0ACME')):
            s.sql(f"UPDATE tracked_asins SET channel = '{channel}' WHERE asin = '{product.split(':')[1]}'")
        s.wait('those that were moved are told', lambda: set(s.told_in().values()) == {'C0OWN', 'C0ACME'})
        s.sql(f"UPDATE tracked_asins SET channel = NULL WHERE asin = '{gone[2].split(':')[1]}'")
        s.settled()
        rows = s.rows()
        equal(s.told_in(), {i: {gone[0]: 'C0OWN', gone[1]: 'C0ACME', gone[2]: 'C0DEMO'}[r[0]] for i, r in rows.items()}, 'channels')


MORE = 1300  # messages: more than are kept in memory


def crowd_for_a_gone_channel():
    """However many messages wait for a channel that is not there, the others are told; and so are they, in order, in the end."""
    with Routed(sim=[*SIM, '--generate', '2', '--seed', '79', '--churn', '24'], daemon=False) as s:
        s.daemon().ready()
        (gone,), (there,) = s.track(['--channel', 'C0GONE'], [])
        s.change_all([gone])
        s.d.says('channel_not_found')
        waiting = [c for _, c in s.redis('XRANGE', 'bw:changes', '-', '+')]
        entry = next(dict(zip(c[::2], c[1::2])) for c in waiting if gone in c)
        doc, ids = json.loads(entry['doc']), [c[c.index('id') + 1] for c in waiting if gone in c]
        for i in range(MORE):
            ids.append(str(uuid.uuid4()))
            doc['change'].update(id=ids[-1], occurred_at=doc['change']['occurred_at'] + 60)
            more = {**entry, 'id': ids[-1], 'doc': json.dumps(doc), 'check': f'{gone}:more{i}', 'of': '1'}
            s.redis('XADD', 'bw:changes', '*', *(w for field in more.items() for w in field))
        s.change_all([there])
        s.wait('the other is told', lambda: 'C0DEMO' in s.told_in().values())
        s.sql(f"UPDATE tracked_asins SET channel = 'C0ACME' WHERE asin = '{gone[2:]}'")
        s.settled(60)
        moved = [i for m in s.messages() if m['channel'] == 'C0ACME' for i in m['metadata']['event_payload']['change_ids']]
        equal([i for i in moved if i in ids], ids, 'changes of the product that was moved, in order')


class Night(Routed, stack.Host):
    """All programs read one clock; it begins at 21:00."""

    def prepare(self):
        super().prepare()
        self.settings(QUIET)
        midnight = int(self.host_clock.now()) // 86400 * 86400
        self.host_clock.step(midnight + 86400 + 21 * 3600 - self.host_clock.now())

    def at(self, hour):
        """Steps the clock to that hour: of the next day, where it is past."""
        now = self.host_clock.now()
        self.host_clock.step((hour * 3600 - now) % 86400)

    def waiting(self):
        return [(m.split(' ')[0], m.split(' ')[1]) for m in self.redis('ZRANGE', 'bw:quiet', 0, -1)]

    def all_but_quiet(self):
        """Waits until nothing is under way but what waits for the end of quiet hours."""
        self.wait('what is not quiet is told', lambda: self.redis('XLEN', 'bw:history') == self.redis('HLEN', 'bw:delivery') ==
                  self.redis('ZCARD', 'bw:leased') == 0 and self.told() == len(self.waiting()))


def one_digest():
    """Alerts of the route wait, others do not; whatever is killed, they come as one digest when the hours end."""
    with Night(sim=[*SIM, '--generate', '8', '--seed', '74', '--churn', '12'], daemon=False) as s:
        s.daemon().ready()
        quiet, plain = s.track(['--tag', 'acme'], [])
        s.change_all([*quiet, *plain])
        s.settled(30)
        before = set(s.rows())
        s.at(23)
        s.change_all([*quiet, *plain])
        s.all_but_quiet()
        waiting = s.waiting()
        equal({p for _, p in waiting}, set(quiet), 'who waits')
        s.wait('it is counted', lambda: {s.d.metrics()[f'notifications_{g}'] for g in ('quiet', 'pending')} == {len(waiting)})
        equal(s.d.status('/readyz')[0], 200, '/readyz')
        equal({r[0] for i, r in s.rows().items() if i not in before and r[4] == 't'}, set(plain), 'who was told')
        s.d.kill()
        s.redis_kill()
        s.redis_start()
        first, second = s.daemon().ready(), s.daemon().ready()
        s.at(2)
        s.change_all([*quiet, *plain])
        s.all_but_quiet()
        s.wait('more wait', lambda: len(s.waiting()) > len(waiting))  # who begins to tell asks for the rules anew, once
        s.bw('asin', 'remove', quiet[0])
        s.wait('it is tracked no more', lambda: quiet[0] not in s.members())
        night = {i: r for i, r in s.rows().items() if i not in before and r[0] in quiet}
        s.wait('all of the night wait', lambda: len(s.waiting()) == len(night))
        seen = len(s.messages())
        s.at(7)
        s.settled(30)
        digest = s.messages()[seen:]
        equal([m['channel'] for m in digest], ['C0ACME'], 'messages in the morning')
        equal(set(digest[0]['metadata']['event_payload']['change_ids']), set(night), 'changes of the digest')
        contains(digest[0]['text'], '(quiet hours: ')
        for product in quiet:
            equal(digest[0]['text'].count(product[2:]), 1, f'lines of {product}')
        s.each_told_once()
        slowest = max(d.metrics().get('alert_delivery_duration_seconds_sum', 0) for d in (first, second))
        true(slowest < 600, f'hours of quiet count as delay: {slowest} s')
        equal((s.redis('ZCARD', 'bw:quiet'), s.redis('HLEN', 'bw:digest')), (0, 0), 'what is left')
        second.stop()


def emptied_at_night():
    """What is moved to another route waits no more. Redis forgets who waits: they come back, wait on, and are told once."""
    with Night(sim=[*SIM, '--generate', '3', '--seed', '75', '--churn', '12'], daemon=False) as s:
        s.daemon().ready()
        s.track(['--tag', 'acme'])
        s.at(23)
        s.change_all(s.members())
        s.all_but_quiet()
        moved = s.waiting()[0][1]
        s.sql(f"UPDATE tracked_asins SET tags = '{{other}}' WHERE asin = '{moved[2:]}'")
        s.wait('one is told elsewhere', lambda: [m['channel'] for m in s.messages()] == ['C0DEMO'])
        s.all_but_quiet()
        waiting = len(s.waiting())
        equal({p for _, p in s.waiting()}, set(s.members()) - {moved}, 'who waits')
        s.wait('Postgres has them', lambda: s.value('SELECT count(*) FROM bestseller_changes WHERE NOT notification_sent') == str(waiting))
        s.redis('FLUSHALL')
        s.wait('they wait again', lambda: len(s.waiting()) == waiting)
        equal(len(s.messages()), 1, 'messages at night')
        s.at(7)
        s.settled(60)
        s.each_told_once()
        equal(len(s.messages()), 2, 'messages in the morning')


def lifted():
    """Hours that are taken away let go at once what waits; those that begin hold back what Slack could not take before."""
    with Night(sim=[*SIM, '--generate', '3', '--seed', '76', '--churn', '12'], daemon=False) as s:
        s.daemon().ready()
        s.track(['--tag', 'acme'])
        s.fault(target='slack', fault='status', status=503, count=100000)
        s.change_all(s.members())
        s.d.says('http_503')
        s.at(23)
        s.wait('what could not be sent waits', lambda: s.told() > 0 and s.told() == len(s.waiting()))
        s.clear_faults()
        s.change_all(s.members())
        s.all_but_quiet()
        equal(s.messages(), [], 'messages at night')
        s.reload('[route "tag=acme"]\nchannel = C0ACME\nquiet_hours = 22:30-06:00\n')
        s.d.says('waited for the end of quiet hours')
        s.wait('they wait on', lambda: s.told() > 0 and s.told() == len(s.waiting()))
        equal(s.messages(), [], 'messages at night')
        s.reload('[route "tag=acme"]\nchannel = C0OWN\n')
        s.settled(30)
        s.each_told_once()
        equal({m['channel'] for m in s.messages()}, {'C0OWN'}, 'channels')


if __name__ == '__main__':
    stack.main(chosen, removed_while_it_waits, mended_by_reload, many_channels, moved_while_it_waits,
               crowd_for_a_gone_channel, one_digest, emptied_at_night, lifted)

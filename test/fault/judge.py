"""Compares what badgewatch recorded and told with the simulator's own record.

The happy way: Judge(world, first).verdict() gives {figure: [finding, ...]}; all lists empty is a run that kept the promise.
A finding is a line that names the change or product. explain() gives the events and log lines around one.

    lost      in the simulator's record, not in bestseller_changes
    invented  in bestseller_changes, or told, and not in the record
    differing in both, but with other ranks or another reason
    doubled   a change in the channels more than once, or a row of history more than once
    untold    in bestseller_changes, and not in the channels or not marked as told
    disorder  of one badge in one channel, told before what happened to it before
    stuck     left over in streams, leases, intentions, or set aside
    history   checks without their row, rows with a wrong hash or another product's answer
    tokens    api_usage_log counts more than the simulator charged
"""
import collections
import hashlib
import json
import re
import time

import stack

COLUMNS = ("id, domain || ':' || asin, category_id, change_type, to_char(occurred_at AT TIME ZONE 'UTC', "
           "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), reason, previous_rank, new_rank, notification_sent, "
           'extract(epoch FROM detected_at)')
Row = collections.namedtuple('Row', 'id product category type occurred reason previous new told detected')
NOTE = re.compile(r'\S+ (BEST SELLER SETTLED - |badgewatch: )')  # a message about no new change
FIGURES = ('lost', 'invented', 'differing', 'doubled', 'untold', 'disorder', 'stuck', 'history', 'tokens', 'broken')


def name_of(key):
    product, category, kind, occurred = key
    return f'{product} {kind} #1 in {category} at {occurred}'


class Judge:
    def __init__(self, world, first, flushed):
        self.world, self.flushed = world, flushed
        self.rows = [Row(*r) for r in world.sql(f'SELECT {COLUMNS} FROM bestseller_changes ORDER BY occurred_at')]
        self.record = world.get(f'/control/record?from={first}')
        self.messages = world.messages()
        self.settled = {i for m in self.messages if NOTE.match(m['text']) for i in m['metadata']['event_payload']['change_ids']}
        self.found = {f: [] for f in FIGURES}

    def verdict(self):
        self.compare_changes()
        self.compare_messages()
        self.compare_order()
        self.compare_threads()
        self.look_for_leftovers()
        self.compare_history()
        self.compare_tokens()
        self.found['broken'] = [(None, p) for p in self.world.problems]
        return self.found

    def add(self, figure, product, text):
        self.found[figure].append((product, text))

    # ---- changes ----

    def compare_changes(self):
        wanted = {(f'{r["domain"]}:{r["asin"]}', str(r['category_id']), r['type'], r['occurred_at']): r for r in self.record}
        got = {(r.product, r.category, r.type, r.occurred): r for r in self.rows}
        self.leave_out_guarded(wanted, got)
        for key in wanted.keys() - got.keys():
            self.add('lost', key[0], name_of(key))
        for key in got.keys() - wanted.keys():
            self.add('invented', key[0], f'{name_of(key)} ({got[key].id}, {got[key].reason})')
        for key in wanted.keys() & got.keys():
            w, g = wanted[key], got[key]
            text = [str(w[n]) if w[n] is not None else None for n in ('reason', 'previous_rank', 'new_rank')]
            if text != [g.reason, g.previous, g.new]:
                self.add('differing', key[0], f'{name_of(key)} ({g.id}): {[g.reason, g.previous, g.new]} instead of {text}')
        doubled = len(self.rows) - len({(r.product, r.category, r.type, r.occurred) for r in self.rows})
        if doubled:
            self.add('doubled', None, f'{doubled} changes with another id for the same')

    def leave_out_guarded(self, wanted, got):
        """While the source was found ill: back at #1 it was never lost, at another rank it was lost only then."""
        form = """to_char(%s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
        for product, category, begin, end in self.world.sql(
                f"SELECT domain || ':' || asin, category_id, {form % 'from_at'}, {form % 'to_at'} FROM unknown_periods "
                "WHERE reason = 'guard'"):
            if (product, category, 'lost', begin) in got:
                continue  # it was held back, and told as it was
            wanted.pop((product, category, 'lost', begin), None)
            if (product, category, 'gained', end) not in got:
                wanted.pop((product, category, 'gained', end), None)
            if (product, category, 'lost', end) not in wanted:
                got.pop((product, category, 'lost', end), None)

    def compare_messages(self):
        told = collections.Counter()
        posts = collections.defaultdict(list)
        for m in self.messages:
            for i in m['metadata']['event_payload']['change_ids']:
                told[i] += 1
                posts[i].append(f'{m["channel"]} {m["ts"]}')
        by_id = {r.id: r for r in self.rows}
        for i, times in told.items():
            if i in self.settled:
                if times > 1:
                    self.add('doubled', None, f'a settled line or a system message ({i}) was told {times} times: {posts[i]}')
            elif i not in by_id:
                self.add('invented', None, f'{i} was told ({posts[i]}) and is not in the table')
            elif times > 1:
                self.add('doubled', by_id[i].product, f'{self.row_name(by_id[i])} was told {times} times: {posts[i]}')
        for r in self.rows:
            if r.id not in told:
                self.add('untold', r.product, f'{self.row_name(r)} is in no channel (notification_sent {r.told})')
            elif r.told != 't':
                self.add('untold', r.product, f'{self.row_name(r)} was told ({posts[r.id]}) and is not marked so')

    def compare_order(self):
        """Messages about a product's rank in a category stand in a channel in the order in which it changed."""
        place = {i: (m['channel'], n) for n, m in enumerate(self.messages) for i in m['metadata']['event_payload']['change_ids']}
        newest = {}
        for r in (r for r in self.rows if r.id in place):
            channel, n = place[r.id]
            badge = (r.product, r.category, channel)
            before, n_before = newest.get(badge, (r, n))
            if n < n_before:
                self.add('disorder', r.product, f'{self.row_name(r)} was told before {self.row_name(before)}')
            newest[badge] = max((before, n_before), (r, n), key=lambda x: x[1])

    def compare_threads(self):
        """What the table says of a message's place is so. A thread hangs on a message of its channel, and what only a thread
        shows has another of its product before it, that the channel shows."""
        by_ts = {(m['channel'], m['ts']): m for m in self.messages}
        shown, quiet = set(), 0
        for channel, ts, thread, quietly, product in self.world.sql(
                "SELECT slack_channel, slack_ts, slack_thread_ts, told_quietly, domain || ':' || asin FROM bestseller_changes "
                'WHERE notification_sent ORDER BY notified_at'):
            m, root = by_ts.get((channel, ts)), by_ts.get((channel, thread))
            if not m:
                self.add('untold', product, f'{product}: there is no message {channel} {ts}')
            elif m.get('thread_ts') != thread or (thread is not None and m.get('reply_broadcast', False) == (quietly == 't')):
                self.add('broken', product, f'{product}: {channel} {ts} does not stand where the table says ({thread}, {quietly})')
            elif thread and (not root or 'thread_ts' in root):
                self.add('broken', product, f'{product}: {channel} {ts} answers {thread}, which is no message of the channel')
            if quietly == 't':
                quiet += 1
                if product not in shown:
                    self.add('untold', product, f'{product}: {channel} {ts} stands in a thread alone, and the channel shows nothing')
            shown.add(product)
        self.threads = (quiet, len(self.messages))

    @staticmethod
    def row_name(r):
        return f'{name_of((r.product, r.category, r.type, r.occurred))} ({r.id})'

    # ---- what is left over ----

    def look_for_leftovers(self):
        w = self.world
        left = dict(zip(('history', 'delivery', 'leased', 'lease', 'poll', 'set_aside', 'guard:waiting'), w.redis.many([
            ('XLEN', 'bw:history'), ('HLEN', 'bw:delivery'), ('ZCARD', 'bw:leased'), ('HLEN', 'bw:lease'), ('ZCARD', 'bw:poll'),
            ('XLEN', 'bw:set_aside'), ('ZCARD', 'bw:guard:waiting')])))
        left['changes to be told'] = w.told()
        for what, n in left.items():
            if n:
                self.add('stuck', None, f'{n} in {what}: {self.sample(what)}')
        members, due = w.redis.many([('ZRANGE', 'bw:tracked', 0, -1), ('ZRANGE', 'bw:due', 0, -1)])
        for member in sorted(set(members) ^ set(due)):
            self.add('stuck', member, f'{member} is tracked and not due, or due and not tracked')
        scored = [w.redis('ZRANGE', key, 0, -1, 'WITHSCORES') for key in ('bw:due', *(f'bw:due:{i}' for i in range(1, 10)))]
        pairs = [list(zip(flat[::2], flat[1::2])) for flat in scored]
        if sorted(pairs[0]) != sorted(sum(pairs[1:], [])):
            self.add('stuck', None, 'bw:due and its copies by priority differ')

    def sample(self, what):
        r = self.world.redis
        if what == 'delivery':
            return str(r.hash('bw:delivery'))[:600]
        if what == 'changes to be told':
            return str(r('XINFO', 'GROUPS', 'bw:changes'))[:400] + str(r('XPENDING', 'bw:changes', 'slack', '-', '+', 5))
        if what in ('history', 'set_aside'):
            return str(r('XRANGE', f'bw:{what}', '-', '+', 'COUNT', 2))[:1200]
        if what == 'lease':
            return str(r.hash('bw:lease'))[:600]
        return str(r('ZRANGE', f'bw:{what}', 0, 4, 'WITHSCORES'))

    # ---- history ----

    def compare_history(self):
        """A state's version counts its checks, and the decisions of the guard, each of which left a loss or an unknown period.
        Emptying Redis may cost checks that Postgres did not have yet, no other."""
        w = self.world
        counts = dict(w.sql("SELECT domain || ':' || asin, count(*) FROM asin_history GROUP BY 1"))
        decided = dict(w.sql("SELECT domain || ':' || asin, count(*) FROM (SELECT domain, asin FROM bestseller_changes WHERE "
                             "reason = 'unranked' UNION ALL SELECT domain, asin FROM unknown_periods WHERE reason = 'guard') d "
                             "GROUP BY 1"))
        members = w.members()
        for member, version in zip(members, w.versions(members)):
            rows = int(counts.get(member, 0))
            if not version - int(decided.get(member, 0)) <= rows <= version and not (self.flushed and rows > 0):
                self.add('history', member, f'{member}: {rows} rows of asin_history for {version} checks')
        # read in pages: a raw answer is a few KB, and there are thousands
        query = ("SELECT domain || ':' || asin, batch_id, raw_sha256, raw_keepa_response::text FROM asin_history "
                 'WHERE raw_keepa_response IS NOT NULL AND NOT raw_mended')
        for product, batch, sha, raw in w.sql(query):
            if hashlib.sha256(raw.encode('utf-8')).hexdigest() != sha:
                self.add('history', product, f'{product} in {batch}: raw_sha256 is not that of the raw answer')
            elif json.loads(raw)['asin'] != product.split(':')[1]:
                self.add('history', product, f'{product} in {batch}: the raw answer is of {json.loads(raw)["asin"]}')
        twice = w.sql('SELECT domain, asin, batch_id, count(*) FROM asin_history GROUP BY 1, 2, 3 HAVING count(*) > 1')
        for domain, asin, batch, n in twice:
            self.add('doubled', f'{domain}:{asin}', f'{domain}:{asin} has {n} rows of history for the answer {batch}')

    def compare_tokens(self):
        """Not more than was charged, ever. Less is possible: an answer that was lost did not say what it cost."""
        logged = int(self.world.value('SELECT coalesce(sum(tokens_consumed), 0) FROM api_usage_log'))
        charged = self.world.get('/control/state')['tokens_charged']
        self.tokens = (logged, charged)
        if logged > charged:
            self.add('tokens', None, f'api_usage_log has {logged} tokens, the simulator charged {charged}')

    # ---- for a person ----

    def explain(self, product, text, around=10):
        """Log lines that name the product or an id of the finding, and the events around the first of them."""
        words = set(re.findall(r'[0-9a-f]{8}-[0-9a-f-]{27}', text))
        times = [float(r.detected) for r in self.rows if r.id in words]
        times += [float(t) for t in re.findall(r'\b(\d{10}\.\d{6})\b', text)]
        if product:
            words.add(product)
        lines = [f'{p.log_path.rsplit("/", 1)[1]}: {line}' for p in self.world.processes if p.name == 'badgewatch'
                 for line in p.log().splitlines() if any(word in line for word in words)]
        attempts = [str(a) for i in words if i.count('-') == 4 for a in self.world.sql(
            f"SELECT at, kind, channel, attempt, outcome, error FROM notification_log WHERE change_ids @> ARRAY['{i}'::uuid] "
            'ORDER BY id')]
        near = [f'{stack.iso(t)[11:19]}.{int(t * 1000) % 1000:03d} {what}' for t, what in self.world.trace
                if any(abs(t - x) <= around for x in times)]
        detected = [f'detected {time.strftime("%H:%M:%S", time.gmtime(t))}' for t in times]
        return detected + attempts + near[:30] + lines[-10:]

    def save(self, folder):
        """All that was compared, beside the logs."""
        for name, value in (('record', self.record), ('messages', self.messages), ('changes', self.rows)):
            with open(f'{folder}/{name}.json', 'w', encoding='utf-8') as f:
                json.dump(value, f, indent=1)
        with open(f'{folder}/notification_log.json', 'w', encoding='utf-8') as f:
            json.dump(self.world.sql('SELECT * FROM notification_log ORDER BY id'), f, indent=1)

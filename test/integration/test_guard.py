"""Rule 8 of detection: ranks or answers that vanish together are a fault of the source. Nothing is told as lost, two system
messages say it, and what became of each badge is right in the end."""
import itertools
import os
import random
import signal

import stack
from stack import contains, equal, true

SIM = ['--generate', '20', '--seed', '81', '--churn', '2', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad', '500',
       '--slack-rate', '0']


def held(s):
    return dict(zip(*[iter(s.redis('ZRANGE', 'bw:badges', 0, -1, 'WITHSCORES'))] * 2))


def begin(s):
    s.track_all()
    s.settled()
    badges = held(s)
    true(len(badges) >= 5, f'only {len(badges)} badges')
    return badges


def system(s):
    return [m['text'].splitlines()[0] for m in s.messages() if 'badgewatch:' in m['text']]


def vanish(s):
    """Every rank goes, in one answer."""
    s.clock_on(600)
    s.fault(target='keepa', fault='unranked', count=-1)
    s.clock_on(120)
    s.poll()
    s.settled(30)
    s.wait('it is told', lambda: len(system(s)) == 1)


def nothing_lost(s, badges):
    equal(s.sql("SELECT asin FROM bestseller_changes WHERE reason = 'unranked'"), [], 'losses for want of a rank')
    equal(set(badges) - set(held(s)) - lost(s), set(), 'badges that went without a word')


def lost(s):
    return {f'{d}:{a}:{c}' for d, a, c in s.sql("SELECT domain, asin, category_id FROM bestseller_changes "
                                                 "WHERE change_type = 'lost'")}


def is_ill(s, badges):
    before = lost(s)
    contains(system(s)[0], "Keepa's data is ill", 'system message')
    nothing_lost(s, badges)
    s.wait('it is shown', lambda: s.d.metrics()['source_ill'] == 1 and s.d.metrics()['badges_guarded'] > 0)
    s.wait('badges are held', lambda: s.d.metrics()['badges_held'] >= 5)
    contains(s.bw('check').stdout, "Keepa's data   ok     ill", 'check')
    key = next(iter(set(badges) - before)).rsplit(':', 1)[0]
    contains(s.bw('show', key).stdout, 'its loss is held back', 'show')
    open_periods = int(s.value("SELECT count(*) FROM unknown_periods WHERE reason = 'guard' AND to_at IS NULL"))
    equal(open_periods, len(set(badges) - before), 'unknown periods')
    now = int(s.redis('TIME')[0])
    for key in {b.rsplit(':', 1)[0] for b in set(badges) - before}:
        due = float(s.redis('ZSCORE', 'bw:due', key))
        true(due <= now + 601, f'{key} is asked about again in {due - now:.0f} s')


def recovers(s, badges):
    s.clear_faults()
    s.clock_on(3600)
    s.poll()
    s.settled(30)
    s.wait(lambda: f'its end is told: {s.redis("HGETALL", "bw:guard")}, under guard {s.redis("SMEMBERS", "bw:guard:guarded")}', lambda: len(system(s)) == 2)
    contains(system(s)[1], 'well again', 'system message')
    nothing_lost(s, badges)
    equal(s.value("SELECT count(*) FROM unknown_periods WHERE reason = 'guard' AND to_at IS NULL"), '0', 'open periods')
    s.wait('it is shown', lambda: s.d.metrics()['source_ill'] == 0)
    for badge, since in held(s).items():
        if badge in badges and badge not in lost(s):
            equal(since, badges[badge], f'{badge} is held since')
    s.each_told_once()


def all_vanish_and_come_back():
    with stack.Stack(sim=SIM) as s:
        badges = begin(s)
        vanish(s)
        is_ill(s, badges)
        recovers(s, badges)


def five_requests():
    """The ranks go in five answers, not in one: the first of them are not told either. All must come within the three seconds
    that a lone loss waits, so there are not more of them."""
    with stack.Stack(sim=SIM) as s:
        badges = begin(s)
        s.clock_on(600)
        s.fault(target='keepa', fault='unranked', count=-1)
        s.clock_on(120)
        asins = [a for _, a in s.sql('SELECT domain, asin FROM tracked_asins ORDER BY asin')]
        true(len(asins) == 20, f'{len(asins)} products')
        for i in range(0, 20, 4):
            s.poll(*asins[i:i + 4])
        s.settled(30)
        s.wait('it is told', lambda: len(system(s)) == 1)
        is_ill(s, badges)
        recovers(s, badges)


def whatever_happens_meanwhile():
    """Daemons are killed, another works beside, Redis is emptied: nobody forgets that the source is ill, or tells it twice."""
    with stack.Stack(sim=SIM) as s:
        badges = begin(s)
        other = s.daemon()
        vanish(s)
        s.d.kill()
        other.kill()
        s.redis('FLUSHALL')
        s.daemon().ready()
        s.poll()
        s.settled(60)
        is_ill(s, badges)
        s.d.popen.send_signal(signal.SIGHUP)
        recovers(s, badges)


def killed_while_a_loss_waits():
    """A lone loss waits some seconds for others: whoever starts next decides it, and it is told once."""
    with stack.Stack(sim=SIM) as s:
        key = next(iter(begin(s))).rsplit(':', 1)[0]
        s.clock_on(600)
        s.fault(target='keepa', fault='unranked', count=-1, asin=key.split(':')[1])
        s.clock_on(120)
        s.bw('poll', key)
        s.wait('its loss waits', lambda: s.redis('ZCARD', 'bw:guard:waiting') > 0)
        s.d.kill()
        true(s.redis('ZCARD', 'bw:guard:waiting') > 0, 'it was decided before the daemon was killed')
        s.daemon().ready()
        s.wait('it is lost', lambda: s.sql("SELECT asin FROM bestseller_changes WHERE reason = 'unranked'"), 40)
        s.settled(40)
        equal(system(s), [], 'system messages')
        s.each_told_once()


def still_gone_after_a_day():
    """They were lost after all, when the source said so; told together."""
    with stack.Stack(sim=SIM) as s:
        badges = begin(s)
        vanish(s)
        gone = {f'{d}:{a}:{c}' for d, a, c in s.sql('SELECT domain, asin, category_id FROM unknown_periods WHERE to_at IS NULL')}
        true(len(gone) >= 5, f'{len(gone)} badges under guard')
        s.clock_on(86400 + 600)
        s.poll()
        s.settled(60)
        s.wait('its end is told', lambda: len(system(s)) == 2)
        rows = s.sql("SELECT domain || ':' || asin || ':' || category_id, occurred_at FROM bestseller_changes "
                     "WHERE reason = 'unranked'")
        true(gone <= {r[0] for r in rows}, 'not all of them are lost')
        equal(len({r[1] for r in rows if r[0] in gone}), 1, 'times of the losses')
        equal(set(held(s)) & gone, set(), 'badges still held')
        true(len(s.messages()) <= 8, f'{len(s.messages())} messages for {len(badges)} badges')
        s.each_told_once()


def few_stay():
    """The source is well when nearly all are back: the message says how many are not, and they are held back still."""
    with stack.Stack(sim=SIM) as s:
        badges = begin(s)
        vanish(s)
        gone = [key.split(':')[1] for key in sorted({b.rsplit(':', 1)[0] for b in set(badges) - lost(s)})[:1]]
        s.clear_faults()
        s.fault(target='keepa', fault='unranked', count=-1, asin=gone[0])
        s.clock_on(3600)
        s.poll()
        s.settled(30)
        s.wait('its end is told', lambda: len(system(s)) == 2)
        guarded = len(s.redis('SMEMBERS', 'bw:guard:guarded'))
        true(guarded >= 1, f'{guarded} badges under guard')
        text = next(m['text'] for m in s.messages() if 'well again' in m['text'])
        contains(text, f"Without a rank still, and held back: {guarded} badge{'s' * (guarded > 1)}.", 'its end')
        nothing_lost(s, badges)


def alone():
    """One product loses its rank: it is told, within seconds."""
    with stack.Stack(sim=SIM) as s:
        badges = begin(s)
        asin, category = next(iter(badges)).split(':')[1:]
        s.clock_on(60)
        s.fault(target='keepa', fault='unranked', count=-1, asin=asin)
        s.clock_on(120)
        s.poll(asin)
        s.wait('it is told', lambda: any('no rank' in m['text'] for m in s.messages()))
        s.settled(20)
        row = s.sql("SELECT asin, category_id, extract(epoch FROM notified_at - detected_at) < 8 FROM bestseller_changes "
                    "WHERE reason = 'unranked'")
        true((asin, category, 't') in row, row)
        equal(system(s), [], 'system messages')
        s.each_told_once()


def answers_vanish():
    """More than 30 % of the products have no usable answer: said once, and its end; no change is made of it."""
    with stack.Stack(sim=SIM) as s:
        begin(s)
        s.fault(target='keepa', fault='stub', count=-1)
        s.poll()
        s.wait('it is told', lambda: len(system(s)) == 1)
        s.clear_faults()
        s.poll()
        s.wait('its end is told', lambda: len(system(s)) == 2)
        equal(s.sql('SELECT asin FROM bestseller_changes'), [], 'changes')
        equal(len(s.messages()), 2, 'messages')


def few_asked_again():
    """A quarter of the products has no usable answer. Asked again, they are all that is checked in those minutes: no sign."""
    with stack.Stack(sim=SIM) as s:
        begin(s)
        dead = [asin for asin, in s.sql('SELECT asin FROM tracked_asins ORDER BY asin LIMIT 5')]
        for asin in dead:
            s.fault(target='keepa', fault='stub', count=-1, asin=asin)
        s.poll()
        for _ in range(2):
            s.clock_on(900)
            s.poll(*dead)
            s.settled(20)
            s.wait('a look at these minutes', lambda: s.redis('ZCARD', 'bw:guard:seen') == 5)
            equal(s.redis('EXISTS', 'bw:guard'), 0, 'the guard')
        equal(system(s), [], 'system messages')


def threshold():
    """The rule in Redis against a naive model of it, for made-up minutes around its edges."""
    with open(os.path.join(stack.ROOT, 'src', 'app', 'lua', 'guard.lua'), encoding='utf-8') as f:
        script = f.read() + 'return guard_judge(KEYS[1], KEYS[2], KEYS[3], KEYS[4], tonumber(ARGV[1])) and 1 or 0'
    rng, at, minutes, both = random.Random(8), 1_800_000_000_000, 600_000, [0, 0]
    with stack.Stack(postgres=False, start_sim=False, daemon=False) as s:
        for _ in range(600):
            products, held = rng.randint(5, 60), rng.randint(0, 40)

            def some(most, names):
                return {f'{names}{i}': at - rng.choice([0, 1, minutes - 1, minutes, minutes + 1, rng.randint(0, 2 * minutes)])
                        for i in range(rng.randint(0, most))}
            seen, lost, gone = some(products, 'p'), some(rng.choice([6, held + 1]), 'l'), some(3, 'g')
            unknown = {k: v for k, v in seen.items() if rng.random() < rng.choice([0.2, 0.32])}
            sets = {'bw:guard:seen': seen, 'bw:guard:unknown': unknown, 'bw:guard:lost': lost, 'bw:guard:gone': gone,
                    'bw:badges': {f'b{i}': 1 for i in range(held)}, 'bw:due': {f'p{i}': 1 for i in range(products)}}
            add = [('ZADD', k, *itertools.chain(*((score, m) for m, score in v.items()))) for k, v in sets.items() if v]
            s.redis.many([('FLUSHALL',), *add])
            got = s.redis('EVAL', script, 4, 'bw:guard', 'bw:badges', 'bw:due', 'bw:leased', at)
            n_seen, n_unknown, n_lost, n_gone = (sum(t > at - minutes for t in x.values()) for x in (seen, unknown, lost, gone))
            badges = held + n_gone
            if 20 <= n_seen < products:  # a part of the products stands for that part of the badges
                badges = -(-badges * n_seen // products)
            ill = (n_lost >= 5 and 10 * n_lost > 3 * badges) or (n_unknown >= 5 and 10 * n_unknown > 3 * n_seen)
            equal(got, int(ill), f'lost {n_lost} of {badges}, unknown {n_unknown} of {n_seen}, {products} products')
            both[ill] += 1
    true(min(both) > 100, f'ill and well: {both}')


if __name__ == '__main__':
    stack.main(all_vanish_and_come_back, five_requests, whatever_happens_meanwhile, killed_while_a_loss_waits, still_gone_after_a_day,
               few_stay, alone, answers_vanish, few_asked_again, threshold)

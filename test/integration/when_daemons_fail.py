"""Daemons that are killed, stopped, doubled, ended, or whose clock is stepped. Steps of test_when_parts_fail.py."""
import os
import random
import signal
import time

import stack
from stack import equal, true, watched

BASE = ['--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad', '1000', '--slack-rate', '0']
SIM = ['--generate', '6', '--seed', '51', '--churn', '8'] + BASE
DAY_S = 86400


def now_of(s):
    return s.get('/control/state')['now']


def killed():
    """kill -9 at any moment, again and again."""
    moments = random.Random(7)
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        first = now_of(s)
        s.fault(target='slack', fault='stall', ms=150, count=-1)
        for _ in range(5):
            s.until_changes()
            before = s.versions(s.members())
            s.bw('poll', '--all')
            # a moment somewhere between the request and the end of the delivery
            deadline = time.monotonic() + moments.uniform(0.2, 1.1)
            s.wait('the moment has come', lambda: time.monotonic() > deadline)
            s.d.kill()
            s.daemon()
            s.checked(s.members(), 30, before)
        s.d.ready()
        s.settled(60)
        s.same_as_record(first)
        s.each_told_once()
        equal(s.value('SELECT count(*) - count(DISTINCT (domain, asin, batch_id)) FROM checks'), '0', 'doubled checks')
        points = s.sql('SELECT count(*), count(DISTINCT (domain, asin, category_id, at)) FROM rank_points')[0]
        equal(points[0], points[1], 'rank points')


def two_daemons():
    """They share the work; one killed in the middle loses nothing."""
    with stack.Stack(sim=['--generate', '20', '--seed', '52', '--churn', '3'] + BASE) as s:
        keys = s.track_all()
        first = now_of(s)
        other = s.daemon().ready()
        for _ in range(6):
            s.until_changes(1800)
            since = len(s.asked())
            s.poll()
            asked = [a for r in s.asked()[since:] for a in r['asins']]
            equal(sorted(asked), sorted(k[2:] for k in keys), 'asked in one round')
        s.settled(30)
        s.each_told_once()
        s.fault(target='keepa', fault='stall', ms=3000, count=1)
        since = len(s.asked())
        s.until_changes(1800)
        before = s.versions(keys)
        s.bw('poll', '--all')
        s.wait('the request is under way', lambda: len(s.asked()) > since)
        holder = s.redis('HVALS', 'bw:lease')[0].split('|')[0]
        victim, survivor = (s.d, other) if holder in s.d.log() else (other, s.d)
        victim.kill()
        s.checked(keys, 30, before)
        s.settled(30)
        s.same_as_record(first)
        s.each_told_once()
        s.d = survivor


def told_in_order():
    """What waits for Slack at one daemon is not overtaken by what the other finds of the same product, also when one dies."""
    with stack.Stack(sim=['--generate', '1', '--seed', '51', '--churn', '60'] + BASE) as s:
        s.track_all()
        s.settled()
        other = s.daemon().ready()
        for idle in (other, s.d):
            refused(s) if idle is other else s.until_changes(600)
            idle.popen.send_signal(signal.SIGSTOP)
            s.poll()
            idle.popen.send_signal(signal.SIGCONT)
        s.settled(40)
        refused(s)
        s.poll()
        victim, s.d = (s.d, other) if s.redis('GET', 'bw:teller') in s.d.log() else (other, s.d)
        victim.kill()
        s.until_changes(600)
        s.poll()
        s.settled(40)
        s.each_told_once()
        order_is_kept(s)


def refused(s):
    """A change whose message Slack does not want now."""
    s.fault(target='slack', fault='status', status=429, retry_after=5, count=1)
    s.until_changes(600)


def order_is_kept(s):
    """The messages about a product are in the order of what happened."""
    place = {change: i for i, m in enumerate(s.messages())
             for change in m['metadata']['event_payload']['change_ids']}
    for key in s.members():
        changes = s.sql(f"SELECT id FROM bestseller_changes WHERE asin = '{key[2:]}' ORDER BY occurred_at")
        places = [place[c[0]] for c in changes]
        equal(places, sorted(places), f'messages about {key} in the order of its changes')
    true(len(set(place.values())) > 1, 'more than one message')


def ended():
    """SIGTERM: what is in flight is handed back in time; a second one does not wait for Keepa."""
    with stack.Stack(sim=SIM) as s:
        d = s.d
        s.track_all()
        s.settled()
        s.fault(target='keepa', fault='stall', ms=60000)
        asked = len(s.asked())
        s.bw('poll', '--all')
        s.wait('the request is under way', lambda: len(s.asked()) > asked)
        begin = time.monotonic()
        d.popen.send_signal(signal.SIGTERM)
        d.says('finishing what is under way')
        d.stop()
        true(time.monotonic() - begin < 4, f'the second SIGTERM took {time.monotonic() - begin:.1f} s')
        equal(s.redis('ZCARD', 'bw:leased'), 0, 'leases of an ended daemon')
        equal(s.redis('ZCARD', 'bw:due'), 6, 'products that are due')


def ended_in_the_middle():
    """SIGTERM while Postgres is being asked and answers only then: what it answers comes to a daemon that is closing."""
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        s.settled()
        locker = stack.Process(s, 'psql', ['psql', '-X', '-h', s.pg_dir, '-U', 'postgres', '-d', 'badgewatch', '-c',
                                           'BEGIN; LOCK TABLE tracked_asins; SELECT pg_sleep(60)'])
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'badgewatch'"
        s.wait('the table is locked', lambda: s.value(
            "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = "
            "'tracked_asins'::regclass", user='postgres') == '1')
        s.sql("NOTIFY badgewatch_tracked, '*'")
        s.wait('the daemon waits for the lock', lambda: s.value(waiting, user='postgres') != '0')
        s.d.popen.send_signal(signal.SIGTERM)
        s.d.says('finishing what is under way')
        locker.end(signal.SIGINT)
        s.d.stopped()


# ---- clocks ----

def planned(s, keys, now):
    """All are due at the next full hour of that clock, none sooner, none later."""
    due = [float(d) for d in s.redis.many([('ZSCORE', 'bw:due', k) for k in keys])]
    return all(now < d <= now + 3600 for d in due)


def track_hourly(s):
    keys = [p['key'] for p in s.get('/control/products')]
    s.add(*keys, every=60)
    s.checked(keys)
    s.settled()
    return keys


def quiet(s, keys, what):
    """No burst: nothing more is checked for a while."""
    before = s.versions(keys)
    watched(time.monotonic(), 1.5)
    equal(s.versions(keys), before, f'checks after {what}')


def own_clock_stepped():
    """The clock of one daemon is wrong by days: it plans by that of Redis, so nothing comes late and nothing at once; and it
    finds in the channel, which has Slack's clock, what it posted without an answer."""
    with stack.Stack(sim=SIM, daemon=False) as s:
        clock = stack.Clock(os.path.join(s.dir, 'clock'))
        s.daemon(clock.env).ready()
        keys = track_hourly(s)
        first = now_of(s)
        for step in (DAY_S, -2 * DAY_S):
            s.until_changes(1800)
            clock.step(step)
            s.fault(target='slack', fault='close-posted')
            s.poll()
            true(planned(s, keys, time.time()), f'next checks after a step of {step} s')
            quiet(s, keys, f'a step of {step} s')
        s.settled(40)
        s.same_as_record(first)
        s.each_told_once()


def host_clock_stepped():
    """The clock of the host, so of Redis too. Forward: each product is due, and is checked once. Back: what was planned would
    be days ahead, and is planned anew."""
    with stack.Host(sim=SIM) as s:
        keys = track_hourly(s)
        clock, first = s.host_clock, now_of(s)
        for step in (DAY_S, -2 * DAY_S):
            before = s.versions(keys)
            s.until_changes(1800)
            clock.step(step)
            if step > 0:
                s.checked(keys, before=before)
            else:
                s.d.says('clock of the server went back')
                s.wait('the checks are planned anew', lambda: planned(s, keys, clock.now()))
            true(planned(s, keys, clock.now()), f'next checks after a step of {step} s')
            quiet(s, keys, f'a step of {step} s')
            equal([v - b for v, b in zip(s.versions(keys), before)], [1 if step > 0 else 0] * len(keys), 'checks of each')
        s.poll()
        s.settled(40)
        s.same_as_record(first)
        s.each_told_once()


def sign_of_life_lost():
    """A clock that is stepped forward ends the daemon's sign of life in Redis: it does not take itself for dead, and what it asks
    Keepa about is not due again."""
    with stack.Stack(sim=SIM) as s:
        keys = track_hourly(s)
        s.fault(target='keepa', fault='stall', ms=7000)
        before = s.versions(keys)
        s.bw('poll', '--all')

        def checked():
            signs = s.redis('KEYS', 'bw:daemon:*')
            if signs:
                s.redis('DEL', *signs)
            return all(v > b for v, b in zip(s.versions(keys), before))
        s.wait('the answer', checked, 30)
        s.settled()
        equal([v - b for v, b in zip(s.versions(keys), before)], [1] * len(keys), 'checks of each')


def suspended():
    """One of two daemons sleeps with an answer on its way and alerts to be told. The other does its work; what the sleeper
    brings when it wakes is old news: nothing moves back, nothing is told twice."""
    with stack.Stack(sim=SIM) as s:
        keys = s.track_all()
        first = now_of(s)
        s.settled()
        s.post('/control/clock', {'advance_s': DAY_S // 2})
        s.poll()
        s.wait('some are told, and some not yet', lambda: 0 < len(s.told_ids()) and s.told() > 0)
        s.fault(target='keepa', fault='stall', ms=1000)
        asked, before = len(s.asked()), s.versions(keys)
        s.bw('poll', '--all')
        s.wait('the request is under way', lambda: len(s.asked()) > asked)
        with s.d.stopped_by_signal():
            other = s.daemon().ready()
            s.until_changes()
            s.checked(keys, 40, before)
            s.settled(40)
            state = {k: s.redis.hash(f'bw:product:{k}') for k in keys}
            told = s.told_ids()
        s.wait('the sleeper is back', lambda: s.d.status('/readyz')[0] == 200)
        s.settled(40)
        equal(s.told_ids(), told, 'what is in the channel')
        now = {k: s.redis.hash(f'bw:product:{k}') for k in keys}
        equal([now[k]['ranks'] for k in keys], [state[k]['ranks'] for k in keys], 'ranks')
        s.same_as_record(first)
        s.each_told_once()
        equal(s.value('SELECT count(*) - count(DISTINCT (domain, asin, batch_id)) FROM checks'), '0', 'doubled checks')
        other.stop()

#!/usr/bin/python3
"""Postgres is away under load: alerts go out as fast as before, and afterwards each row is there once and in order.

    test/fault/away.py [--minutes M] [--seed S] [--keep]

Postgres is stopped for M minutes (10), with a third of that before and after it, while products are asked about all the
time and badges change hands at a rate that Slack's one message a second can carry. The delay of each alert, from detected
to accepted by Slack, is what bestseller_changes says. judge.py compares the rest with the simulator's own record.

It prints the delays of the three times. It exits 0 only if the judge found nothing, rows were written in the order of their
checks, and the 99th percentile of the middle is not above that of the rest by more than half of it and half a second:
what one more turn of Slack's pace costs. The binaries come from BW_BUILD.
"""
import argparse
import signal
import statistics
import sys
import time

import soak
from soak import judge, run, stack, world

SPEED = 120  # simulated seconds a second: a change every two seconds and more
NOISE = (1.5, 0.5)  # a part, and seconds
ENOUGH = 30  # alerts, to speak of percentiles
PHASES = ('before', 'away', 'after')
# The order of the transactions that wrote them.
OUT_OF_ORDER = """SELECT count(*) FROM (SELECT check_timestamp, lag(check_timestamp) OVER
    (PARTITION BY domain, asin ORDER BY xmin::text::bigint, check_timestamp) AS before FROM checks) c
    WHERE check_timestamp < before"""


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split('\n\n', maxsplit=1)[0])
    p.add_argument('--minutes', type=float, default=10.0, help='how long Postgres is away')
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--keep', action='store_true', help='keep the folder in any case')
    return p.parse_args()


class Absence:
    """Stops Postgres at its time, and lets it come back at its time: the world's supervisor starts what is dead."""

    def __init__(self, w, minutes):
        self.world, self.begin, self.end = w, minutes * 20, minutes * 80
        self.began = self.ended = None

    def look(self, now):
        if now >= self.begin and self.began is None:
            self.world.server_up_at['postgres'] = time.monotonic() + self.end - self.begin
            self.world.pg_stop()
            self.began = time.time()
        if self.began and self.ended is None and self.world.pg_process.alive():
            self.ended = time.time()

    def phase(self, detected):
        return PHASES[(detected >= self.began) + (detected >= self.ended)]


def p99(delays):
    return statistics.quantiles(delays, n=100)[98]


def delays_by_phase(w, absence):
    found = {phase: [] for phase in PHASES}
    for detected, delay in w.sql('SELECT extract(epoch FROM detected_at), extract(epoch FROM notified_at - detected_at) '
                                 'FROM bestseller_changes WHERE notification_sent'):
        found[absence.phase(float(detected))].append(float(delay))
    for phase, delays in found.items():
        stack.true(len(delays) >= ENOUGH, f'{phase}: {len(delays)} alerts are too few to judge')
        print(f'{phase:>6}: {len(delays)} alerts, from detected to told: p50 {statistics.median(delays):.2f} s, '
              f'p99 {p99(delays):.2f} s, most {max(delays):.2f} s')
    return found


def live(a, w):
    w.start_daemons()
    keys = run.track(w)
    first = w.get('/control/state')['now_ms'] // 1000 + 1
    absence = Absence(w, a.minutes)
    w.post('/control/clock', {'stopped': False, 'speed': SPEED})
    run.carry_out(w, [], a.minutes * 100, absence.look)
    w.calm()
    run.catch_up(w, keys)
    w.stop_daemons()
    w.check_logs()
    print(f'Postgres was away for {(absence.ended - absence.began) / 60:.1f} minutes')
    delays = delays_by_phase(w, absence)
    usual = p99(delays['before'] + delays['after'])
    as_fast = p99(delays['away']) <= usual * NOISE[0] + NOISE[1]
    disordered = int(w.value(OUT_OF_ORDER))
    j = judge.Judge(w, stack.iso(first), False)
    found = j.verdict()
    run.report(a, w, j, found)
    print(f'alerts while it was away were {"as fast" if as_fast else "SLOWER"}; rows out of order: {disordered}', flush=True)
    good = as_fast and not disordered and not any(found.values())
    w.keep = a.keep or not good
    if w.keep:
        j.save(w.dir)
        run.save(a, w, [])
        print(f'kept: {w.dir}', flush=True)
    return good


def main():
    a = arguments()
    a.daemons = 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('ended by SIGTERM'))  # what was started is taken down
    with world.World(run.simulator(a.seed), a.daemons, False) as w:
        w.keep = True  # until it is known to be good
        good = live(a, w)
    sys.exit(0 if good else 1)


if __name__ == '__main__':
    main()

#!/usr/bin/python3
"""A day of simulated time with all faults at a low rate: what the daemon and Redis hold stays flat, nothing is lost.

    test/fault/soak.py [--minutes M] [--hours H] [--seed S] [--keep]

The same servers, load, faults and judge as run; the simulator's clock is so fast that H hours (24) pass in M minutes (5).
One daemon lives through all of it; Redis and Postgres are now and then killed or cut off, Keepa and Slack fail now and then.
Each two seconds a sample is taken: memory, descriptors and threads of the daemon; Redis' memory, keys and streams. The
medians of the second and of the last quarter are compared: the first is the warming up.

It prints the samples and the medians, and exits 0 only if nothing grew and the judge found nothing. The binaries come from
BW_BUILD.
"""
import argparse
import contextlib
import importlib.machinery
import importlib.util
import os
import random
import signal
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
sys.dont_write_bytecode = True
import judge  # noqa: E402
import plan  # noqa: E402
import stack  # noqa: E402
import world  # noqa: E402

EVERY_S = 2
LOW = 0.2  # of the faults of a run that wants to break things
ROWS = 30  # of the table
KINDS = [k for k in plan.KINDS if k not in ('flush', 'term', 'full')]  # these end the daemon, or empty what is measured
# figure: how much more its later median may be: a part, and an amount for what is small. Of connections curl keeps up to eight
# (net/http/multi.c) for up to 50 s, as many as looks into channels went side by side.
LIMITS = {'rss_kb': (1.10, 2048), 'fds': (1.0, 7), 'threads': (1.0, 1), 'redis_kb': (1.10, 512), 'keys': (1.10, 5),
          'history': (1.0, 50), 'untold': (1.0, 20)}
SANITIZED = {'rss_kb': (1.15, 8192)}  # freed memory is kept in a quarantine, of the size below
QUARANTINE = 'quarantine_size_mb=4:thread_local_quarantine_size_kb=64'


def load_run():
    """The driver of fault runs has no .py, since it is a command."""
    loader = importlib.machinery.SourceFileLoader('fault_run', os.path.join(HERE, 'run'))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('fault_run', loader))
    loader.exec_module(module)
    return module


run = load_run()


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split('\n\n', maxsplit=1)[0])
    p.add_argument('--minutes', type=float, default=5.0)
    p.add_argument('--hours', type=float, default=24.0)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--keep', action='store_true', help='keep the folder in any case')
    return p.parse_args()


def faults(a, products):
    """Those of a run, thinned out; none that ends the daemon."""
    rng = random.Random(a.seed)
    every = plan.make(a.seed, a.minutes * 60, 1, KINDS, products)
    mild = [e for e in every if e['kind'] != 'kill' or not e['target'].startswith('daemon')]
    return [e for e in mild if rng.random() < LOW or e['kind'] == 'kill']


def process_figures(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        status = dict(line.split(':', 1) for line in f)
    return {'rss_kb': int(status['VmRSS'].split()[0]), 'threads': int(status['Threads']),
            'fds': len(os.listdir(f'/proc/{pid}/fd'))}


def redis_figures(w):
    """Empty while Redis is away: what it answers later is the next sample's."""
    if not w.redis_process.alive() or 'redis' in w.frozen:
        return {}
    with contextlib.suppress(OSError, stack.RedisError):
        memory, keys, history = w.redis.many([('INFO', 'memory'), ('DBSIZE',), ('XLEN', 'bw:history')])
        used = next(line for line in memory.splitlines() if line.startswith('used_memory:'))
        return {'redis_kb': int(used.split(':')[1]) // 1024, 'keys': keys, 'history': history, 'untold': w.told()}
    return {}


class Samples:
    def __init__(self, w):
        self.world, self.rows, self.at = w, [], 0.0

    def take(self, now):
        if now < self.at or not self.world.watched[0].alive():
            return
        self.at = now + EVERY_S
        self.rows.append({'at': now, **process_figures(self.world.watched[0].process.popen.pid),
                          **redis_figures(self.world)})

    def print(self, speed):
        print('  hour ' + ' '.join(f'{f:>9}' for f in LIMITS))
        for row in self.rows[::max(1, len(self.rows) // ROWS)]:
            print(f'{row["at"] * speed / 3600:6.1f} ' + ' '.join(f'{row.get(f, "-"):>9}' for f in LIMITS))

    def median(self, figure, quarter):
        n = len(self.rows)
        values = [r[figure] for r in self.rows[n * quarter // 4:n * (quarter + 1) // 4] if figure in r]
        stack.true(len(values) >= 5, f'{figure}: {len(values)} samples are too few to judge')
        return statistics.median(values)

    def grown(self, limits):
        """The figures that are not flat."""
        found = []
        for figure, (part, amount) in limits.items():
            early, late = self.median(figure, 1), self.median(figure, 3)
            flat = late <= early * part + amount
            print(f'{figure}: median {early:g} in the second quarter, {late:g} in the last{"" if flat else ": GROWN"}')
            if not flat:
                found.append(figure)
        return found


def sanitized():
    with open(stack.BADGEWATCH, 'rb') as f:
        return b'__asan_init' in f.read()


def live(a, w):
    """The whole day. True: flat, and nothing lost."""
    w.start_daemons()
    keys = run.track(w)
    first = w.get('/control/state')['now_ms'] // 1000 + 1
    events = faults(a, [k.split(':')[1] for k in keys])
    speed = a.hours * 3600 / (a.minutes * 60)
    samples = Samples(w)
    w.post('/control/clock', {'stopped': False, 'speed': speed})
    run.carry_out(w, events, a.minutes * 60, samples.take)
    w.calm()
    run.catch_up(w, keys)
    w.stop_daemons()
    w.check_logs()
    passed = (w.get('/control/state')['now_ms'] // 1000 - first) / 3600
    samples.print(speed)
    grown = samples.grown({**LIMITS, **(SANITIZED if sanitized() else {})})
    j = judge.Judge(w, stack.iso(first), False)
    found = j.verdict()
    run.report(a, w, j, found)
    print(f'{passed:.1f} hours in {a.minutes:g} minutes, {len(samples.rows)} samples; not flat: {" ".join(grown) or "nothing"}',
          flush=True)
    good = not grown and not any(found.values()) and passed >= a.hours * 0.95
    w.keep = a.keep or not good
    if w.keep:
        j.save(w.dir)
        run.save(a, w, events)
        print(f'kept: {w.dir}', flush=True)
    return good


def main():
    a = arguments()
    a.daemons = 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('ended by SIGTERM'))  # what was started is taken down
    with world.World(run.simulator(a.seed), a.daemons, False) as w:
        w.given_env['ASAN_OPTIONS'] = f'detect_stack_use_after_return=1:{QUARANTINE}'
        w.keep = True  # until it is known to be good
        good = live(a, w)
    sys.exit(0 if good else 1)


if __name__ == '__main__':
    main()

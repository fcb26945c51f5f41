"""What a process costs, and the stack that is measured."""
import glob
import os
import re

import stack

BATCH = 100


def spread(values):
    """p50, p99 and the largest; p99 is a value that was measured, the largest of less than a hundred."""
    ordered = sorted(values)
    if not ordered:
        return None
    return {'p50': ordered[len(ordered) // 2], 'p99': ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
            'max': ordered[-1], 'n': len(ordered)}


def cpu_s(pid):
    """Of all threads, as the scheduler counted it: a tick of 10 ms is too coarse for an idle process."""
    total = 0
    for path in glob.glob(f'/proc/{pid}/task/*/schedstat'):
        with open(path, encoding='ascii') as f:
            total += int(f.read().split()[0])
    return total / 1e9


def family_cpu_s(pid):
    """Of a process and its children, those that ended too (in ticks of 10 ms): a Postgres with its backends."""
    ticks = 0
    children = []
    with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
        children = f.read().split()
    for one in [str(pid), *children]:
        try:
            with open(f'/proc/{one}/stat', encoding='ascii') as f:
                fields = f.read().rpartition(')')[2].split()
        except FileNotFoundError:
            continue  # ended meanwhile: its time is among the parent's
        ticks += sum(map(int, fields[11:15] if one == str(pid) else fields[11:13]))
    return ticks / os.sysconf('SC_CLK_TCK')


def memory_mb(pid, field):
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        return int(re.search(rf'^{field}:\s+(\d+) kB', f.read(), re.M).group(1)) / 1024


def lag_p99(before, after):
    """Upper bound of the bucket in which the 99th percentile of the turns of the loop lies, in ms."""
    name = re.compile(r'loop_lag_seconds_bucket\{le="([^"]+)"\}')
    turns = sorted((float(m.group(1)), v - before.get(k, 0)) for k, v in after.items() if (m := name.match(k)))
    return next(1000 * bound for bound, n in turns if n >= 0.99 * turns[-1][1])


class Bench(stack.Stack):
    """Postgres as in earnest: with fsync, which the tests do without."""

    def pg_start(self):
        super().pg_start()
        self.pg_stop()
        self.pg_process = stack.Process(
            self, 'postgres', [f'{self.pg_bin}/postgres', '-D', os.path.join(self.pg_dir, 'data'), '-k', self.pg_dir,
                               '-c', 'listen_addresses='], become=self._as_postgres(), ends_by='QUIT')
        stack.wait('postgres answers', lambda: self._psql('SELECT 1', 'postgres', 'postgres').returncode == 0)

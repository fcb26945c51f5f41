"""Many products, several daemons, long histories. Each of growth, daemons and history measures, prints its lines, and
gives (figures, are its limits held). What each line means is in README.md."""
import subprocess
import time

import measure
import stack
from measure import Bench

COUNTS = (1000, 10000, 100000)
CHECKS = 20000  # of a measured round at least, in several rounds where there are fewer products
LIMITS = {'memory': 64, 'growth': 1.15, 'core': 50, 'lag': 10, 'import_s': 20, 'sql_s': 5}
DAEMONS = 5000  # products that 1, 2 and 4 daemons share
HISTORY = {'products': 1000, 'days': 900}


def sim_args(products, *more):
    return ['--generate', str(products), '--seed', '5', '--clock', 'stopped', '--rate', '100000', '--slack-rate', '0',
            '--churn', '0.03', *more]


def products_csv(s):
    return stack.request('GET', f'{s.sim_url}/control/products.csv')[2].decode()


def timed(call, *args, **kwargs):
    began = time.monotonic()
    call(*args, **kwargs)
    return time.monotonic() - began


def command(s, *args, stdin=None):
    """Seconds, CPU seconds and peak MB of a command of badgewatch. Its output is not kept."""
    done = subprocess.run(['/usr/bin/python3', '-c', COUNT, stack.BADGEWATCH, *args], cwd=s.dir, env=s.env(), input=stdin,
                          capture_output=True, text=True, timeout=600, check=False)
    stack.true(done.returncode == 0, f'{args}: {done.stderr[-1000:]}')
    seconds, cpu, peak = map(float, done.stderr.splitlines()[-1].split())
    return {'s': seconds, 'cpu_s': cpu, 'peak_mb': peak / 1024}


COUNT = """
import resource, subprocess, sys, time
began = time.monotonic()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


class Scale:
    """A stack and what is asked of it; nothing is asked of the daemon itself while it is measured."""

    def __init__(self, s, products):
        self.s, self.products = s, products

    def busy(self):
        """CPU seconds so far of the daemon, of Redis and of Postgres."""
        return (measure.cpu_s(self.s.d.popen.pid), measure.cpu_s(self.s.redis_process.popen.pid),
                measure.family_cpu_s(self.s.pg_process.popen.pid))

    def all_due(self):
        """As if an hour had passed: every product is due, in all the sets that the scheduler reads."""
        stack.request('POST', f'{self.s.sim_url}/control/clock', '{"advance_s": 3600}')
        self.s.redis.many([('ZUNIONSTORE', key, 1, key, 'WEIGHTS', 0)
                           for key in ['bw:due'] + [f'bw:due:{i}' for i in range(1, 10)] if self.s.redis('EXISTS', key)])

    def some_due(self, n=COUNTS[0]):
        """The same for n of them, those that would be due first."""
        stack.request('POST', f'{self.s.sim_url}/control/clock', '{"advance_s": 3600}')
        members = self.s.redis('ZRANGE', 'bw:due', 0, n - 1)
        scores = [x for m in members for x in (0, m)]
        self.s.redis.many([('ZADD', key, 'XX', *scores) for key in ('bw:due', 'bw:due:5')])

    def idle(self):
        leased, late, history = self.s.redis.many([('ZCARD', 'bw:leased'), ('ZCOUNT', 'bw:due', '-inf', int(time.time())),
                                                   ('XLEN', 'bw:history')])
        return leased + late + history == 0

    def await_idle(self):
        stack.wait('all is checked and written', self.idle, 900, 0.2)

    def tracked(self):
        return self.s.redis('ZCARD', 'bw:tracked') == self.products

    def round(self, due=None):
        """Every product is due at once, and is checked. CPU seconds of each, and how long it took."""
        before, began = self.busy(), time.monotonic()
        (due or self.all_due)()
        self.await_idle()
        seconds = time.monotonic() - began
        return [a - b for a, b in zip(self.busy(), before)] + [seconds]

    def rounds(self, due=None):
        """due: as in round; then so many products are due as COUNTS begins with."""
        metrics = self.s.d.metrics()
        products = COUNTS[0] if due else self.products
        n = max(1, CHECKS // products)
        daemon, redis, postgres, seconds = map(sum, zip(*[self.round(due) for _ in range(n)]))
        checks = n * products
        return {'checks': checks, 'daemon_ms': 1000 * daemon / checks, 'redis_ms': 1000 * redis / checks,
                'postgres_ms': 1000 * postgres / checks, 'checks_a_second': checks / seconds,
                'lag_p99_ms': measure.lag_p99(metrics, self.s.d.metrics()),
                # of one core, when the round is made once an hour
                'core_percent': 100 * daemon / n / 3600, 'all_percent': 100 * (daemon + redis + postgres) / n / 3600}

    def start(self, due=True):
        """A daemon's start: to its first answer that counts, to /readyz, to all products known."""
        if due:
            self.all_due()
        began = time.monotonic()
        d = self.s.daemon()
        stack.wait('the status port', lambda: d.port, 60, 0.005)
        first = ready = None
        while not (first and ready):
            stack.true(time.monotonic() - began < 300, 'the daemon is not ready')
            ready = ready or (d.status('/readyz')[0] == 200 and time.monotonic() - began)
            checks = sum(v for k, v in d.metrics().items() if k.startswith('checks_total'))
            first = first or (checks > 0 and time.monotonic() - began)
            time.sleep(0.01)
        synced = d.says(r'products are tracked') and time.monotonic() - began
        return {'first_check_s': first, 'ready_s': ready, 'synced_s': synced, 'lag_p99_ms': measure.lag_p99({}, d.metrics()),
                'peak_mb': measure.memory_mb(d.popen.pid, 'VmHWM')}

    def by_sql(self):
        """From the commit of a client to Redis: one row; one while all others are read again; all."""
        s, log = self.s, self.s.d.log
        member = s.redis('ZRANGE', 'bw:tracked', -1, -1)[0]

        def takes(sql, label):
            s.sql(sql)
            return timed(stack.wait, f'label {label}', lambda: s.redis('HGET', f'bw:product:{member}', 'label') == label, 120,
                         0.005)

        def syncs():
            return log().count(' products are tracked')
        one = f"UPDATE tracked_asins SET label = '%s' WHERE asin = '{member[2:]}'"
        f, before = {'one_s': takes(one % 'one', 'one')}, syncs()
        s.sql(f"UPDATE tracked_asins SET label = 'most' WHERE asin <> '{member[2:]}'")
        f['one_behind_all_s'] = takes(one % 'behind', 'behind')
        stack.wait('all others are read', lambda: syncs() > before, 120)
        f['all_s'] = takes("UPDATE tracked_asins SET label = 'all'", 'all')
        return f

    def status_port(self):
        """The longest answers of the status port: ms each, and what they do to the loop."""
        d = self.s.d
        before, f = d.metrics(), {}
        for path in ('/metrics', '/', '/api/v1/products?limit=1000', '/api/v1/status'):
            f[path] = 1000 * min(timed(d.status, path) for _ in range(10))
        f['lag_p99_ms'] = measure.lag_p99(before, d.metrics())
        return f


def growth_of(products, yardstick):
    """yardstick: a stack of the fewest products, whose rounds before and after say what a check costs on the machine as it
    is at that time: on a shared one the same work costs more CPU while others fill its caches."""
    with Bench(daemon=False, sim=sim_args(products, '--pad', '2000', '--history-days', '2')) as s:
        x, f = Scale(s, products), {'products': products}
        rows = products_csv(s)
        f['import'] = command(s, 'asin', 'import', '-', stdin=rows)
        f['import_again'] = command(s, 'asin', 'import', '-', stdin=rows)
        f['export'] = command(s, 'asin', 'export')
        f['list'] = command(s, 'asin', 'list')
        f['new'] = x.start(due=False)
        f['first_sight_s'] = timed(x.await_idle)
        least = [yardstick.rounds()['daemon_ms']]
        f['waves'] = x.rounds(x.some_due)
        least.append(yardstick.rounds()['daemon_ms'])
        f['round'] = x.rounds()
        least.append(yardstick.rounds()['daemon_ms'])
        f['waves']['growth'] = f['waves']['daemon_ms'] / (sum(least[:2]) / 2)
        f['round']['growth'] = f['round']['daemon_ms'] / (sum(least[1:]) / 2)
        f['sql'] = x.by_sql()
        f['status'] = x.status_port()
        f['rss_mb'] = measure.memory_mb(s.d.popen.pid, 'VmRSS')
        f['peak_mb'] = measure.memory_mb(s.d.popen.pid, 'VmHWM')
        s.d.stop()
        f['again'] = x.start()
        x.await_idle()
        s.d.stop()
        s.redis('FLUSHALL')
        f['emptied'] = x.start(due=False)
        return f


def line(what, value, over=None):
    """over: None where nothing is promised."""
    print(f'  {what:52} {value:44} {"" if over is None else "OVER" if over else "ok"}'.rstrip(), flush=True)
    return not over


def show_growth(f):
    print(f'\n{f["products"]} products', flush=True)
    r, sql, status, big = f['round'], f['sql'], f['status'], f['products'] >= COUNTS[-1]
    held = []
    for name, over in (('import', f['import']['s'] >= LIMITS['import_s']), ('import_again', None), ('export', None),
                       ('list', None)):
        c = f[name]
        held.append(line(f'asin {name.replace("_", ", the same ")}', f'{c["s"]:.2f} s, CPU {c["cpu_s"]:.2f} s, '
                         f'{c["peak_mb"]:.0f} MB', over))
    for name, what in (('new', 'start, all products new'), ('again', 'start, all due'), ('emptied', 'start, Redis emptied')):
        c = f[name]
        held.append(line(what + ': first check/ready/all known', f'{c["first_check_s"]:.1f}/{c["ready_s"]:.1f}/'
                         f'{c["synced_s"]:.1f} s, loop {c["lag_p99_ms"]:g} ms', c['lag_p99_ms'] > LIMITS['lag']))
    per_check = [f'{r[k]:.3f}' for k in ('daemon_ms', 'redis_ms', 'postgres_ms')]
    line('CPU a check: daemon/Redis/Postgres', '/'.join(per_check) + f' ms, {r["checks_a_second"]:.0f} checks/s')
    for what, k in ((f'{COUNTS[0]} due at a time', f['waves']), ('all due at once', r)):
        held.append(line(f'the daemon\'s, {what}, against {COUNTS[0]} products', f'{k["growth"]:.2f} x',
                         k['growth'] > LIMITS['growth']))
    held.append(line('a round once an hour: of a core', f'{r["core_percent"]:.2f} %, with the stores {r["all_percent"]:.2f} %',
                     r['all_percent'] >= LIMITS['core']))
    held.append(line('one turn of the loop in the rounds, p99', f'at most {r["lag_p99_ms"]:g} ms',
                     r['lag_p99_ms'] > LIMITS['lag']))
    held.append(line('by SQL: one row/one behind all/all rows',
                     f'{sql["one_s"]:.2f}/{sql["one_behind_all_s"]:.2f}/{sql["all_s"]:.2f} s',
                     max(sql.values()) >= LIMITS['sql_s']))
    held.append(line('status port: metrics/page/1,000 products', '/'.join(f'{v:.0f}' for v in list(status.values())[:3]) +
                     f' ms, loop {status["lag_p99_ms"]:g} ms', status['lag_p99_ms'] > LIMITS['lag']))
    held.append(line('resident memory now/peak', f'{f["rss_mb"]:.0f}/{f["peak_mb"]:.0f} MB', f['peak_mb'] >= LIMITS['memory']))
    return all(held)


def growth():
    figures, held = [], True
    with Bench(daemon=False, sim=sim_args(COUNTS[0], '--pad', '2000', '--history-days', '2')) as s:
        yardstick = Scale(s, COUNTS[0])
        s.bw('asin', 'import', '-', stdin=products_csv(s))
        s.daemon().ready()
        yardstick.await_idle()
        for n in COUNTS:
            figures.append(growth_of(n, yardstick))
            held = show_growth(figures[-1]) and held
    return figures, held


def daemons():
    """The same round by one, two and four daemons."""
    figures = []
    with Bench(daemon=False, sim=sim_args(DAEMONS, '--pad', '2000', '--history-days', '2')) as s:
        x = Scale(s, DAEMONS)
        s.bw('asin', 'import', '-', stdin=products_csv(s))
        running = [s.daemon().ready()]
        x.await_idle()
        for n in (1, 2, 4):
            running += [s.daemon().ready() for _ in range(n - len(running))]
            before = s.value('SELECT now()')
            seconds = x.round()[-1]
            requests, asked = s.sql("SELECT count(*), sum(asins_processed) FROM api_usage_log WHERE endpoint = 'product'"
                                    f" AND processing_started_at > '{before}'")[0]
            twice = s.value(f"SELECT count(*) FROM (SELECT FROM checks WHERE check_timestamp > '{before}'"
                            ' GROUP BY domain, asin HAVING count(*) > 1) AS t')
            figures.append({'daemons': n, 'seconds': seconds, 'requests': int(requests), 'asked': int(asked),
                            'twice': int(twice), 'lag_p99_ms': max(measure.lag_p99({}, d.metrics()) for d in running)})
        for d in running[1:]:
            d.stop()
    print(f'\n{DAEMONS} products, shared', flush=True)
    held = [line(f'{f["daemons"]} daemon{"s" if f["daemons"] > 1 else ""}',
                 f'{f["requests"]} requests, {f["asked"]} checks, {f["twice"]} products twice, {f["seconds"]:.1f} s',
                 f['requests'] > figures[0]['requests'] or f['twice'] > 0 or f['asked'] != DAEMONS) for f in figures]
    return figures, all(held)


def history():
    """Import and first sight of products with long histories, until Postgres has all of it."""
    n = HISTORY['products']
    with Bench(daemon=False, sim=sim_args(n, '--history-days', str(HISTORY['days']))) as s:
        x = Scale(s, n)
        rows = products_csv(s)
        s.daemon().ready()
        before, began = x.busy(), time.monotonic()
        s.bw('asin', 'import', '-', stdin=rows)
        stack.wait('all are seen', lambda: sum(v > 0 for v in s.versions(s.members())) == n, 600, 0.2)
        seen = time.monotonic() - began
        x.await_idle()
        f = dict(zip(('daemon_cpu_s', 'redis_cpu_s', 'postgres_cpu_s'), (a - b for a, b in zip(x.busy(), before))))
        f.update(products=n, seen_s=seen, written_s=time.monotonic() - began,
                 peak_mb=measure.memory_mb(s.d.popen.pid, 'VmHWM'), lag_p99_ms=measure.lag_p99({}, s.d.metrics()),
                 bytes=int(s.value('SELECT avg(octet_length(raw::text))::int FROM raw_responses')),
                 points=int(s.value('SELECT (SELECT count(*) FROM rank_points) + (SELECT count(*) FROM value_points)')))
    print(f'\n{n} products with a history of {f["bytes"]} bytes', flush=True)
    line('import to all seen/all written', f'{f["seen_s"]:.1f}/{f["written_s"]:.1f} s, {f["points"]} points')
    line('CPU: daemon/Redis/Postgres', f'{f["daemon_cpu_s"]:.1f}/{f["redis_cpu_s"]:.1f}/{f["postgres_cpu_s"]:.1f} s')
    held = [line('one turn of the loop, p99', f'at most {f["lag_p99_ms"]:g} ms', f['lag_p99_ms'] > LIMITS['lag']),
            line('resident memory, peak', f'{f["peak_mb"]:.0f} MB', f['peak_mb'] >= LIMITS['memory'])]
    return f, all(held)

#!/usr/bin/python3
"""The Nth call fails, for each N: of system calls and of the client libraries' calls on the main path.

    test/fault/nth.py [--functions A,B] [--from N] [--to N] [--seconds S] [--seed S] [--jobs N]
                      [--all-ways] [-v]

Each run is one life of the real daemon with one fault in it (nth_shim.c): start, first sight of a few generated products,
a badge that changes hands, its alert, a look at the status port, SIGTERM. The fault happens once. The daemon may end by it
only while it starts, with 1 and a line that says why; a new one then takes over. It may not crash, hang, spin or leak
descriptors, and in the end every change is in Postgres once, told once, nothing is left under way, and SIGTERM gives 0.

For each function N is 1, 2, 3 ... until a run passes without that call. The ways in which a call fails (EINTR, a short
write, a socket cut) take turns with N; --all-ways tries each way for each N. With --seconds a sample that the seed draws
is run until the time is over, the first calls of every function first. Redis, Postgres stay up for all runs and are emptied
in between; the simulator starts anew.

It prints functions, calls reached, failures; exits 0 only if no run failed. The binaries come from BW_BUILD.
"""
import argparse
import contextlib
import http.client
import json
import multiprocessing
import os
import queue
import random
import re
import signal
import struct
import subprocess
import sys
import time
import typing

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), 'integration')]
sys.dont_write_bytecode = True
import stack  # noqa: E402

SHIM = os.path.join(stack.BUILD, 'test', 'fault', 'nth_shim.so')
ROW = struct.Struct('48sII')
IN = ('ECONNRESET', 'short', '0', 'EINTR', 'EAGAIN')
OUT = ('ECONNRESET', 'short', 'EPIPE', 'EINTR', 'EAGAIN')
FILES = ('EMFILE', 'ENFILE')
OWN = ('fail',)

# How each function fails. What only memory can make fail is not here, the house ends the program then; nor is getrandom,
# which no signal interrupts for so few bytes.
WAYS = {
    'read': IN, 'recv': IN, 'recvfrom': IN, 'recvmsg': ('EINTR', 'EAGAIN'),
    'write': ('EINTR',), 'send': OUT, 'sendto': OUT, 'sendmsg': OUT, 'writev': ('EPIPE', 'EINTR'),
    'poll': ('EINTR',), 'epoll_wait': ('EINTR',), 'epoll_pwait': ('EINTR',), 'epoll_ctl': ('ENOSPC',),
    'epoll_create1': FILES, 'eventfd': FILES, 'pipe2': FILES, 'socketpair': FILES, 'open': (*FILES, 'EACCES'),
    'fopen': (*FILES, 'EACCES'), 'opendir': FILES, 'socket': (*FILES, 'ENOBUFS'), 'accept4': (*FILES, 'ECONNABORTED', 'EINTR'),
    'connect': ('ECONNREFUSED', 'EINTR', 'ENETUNREACH', 'EAGAIN', 'ETIMEDOUT'), 'bind': ('EADDRINUSE', 'EACCES'),
    'listen': ('EADDRINUSE',), 'setsockopt': ('ENOBUFS', 'EINVAL'), 'getsockopt': ('ENOBUFS',), 'getsockname': ('ENOBUFS',),
    'getpeername': ('ENOTCONN',), 'shutdown': ('ENOTCONN',), 'close': ('EINTR', 'EIO'), 'fcntl': ('EINVAL',),
    'ioctl': ('EINVAL',), 'gethostname': ('EINVAL',), 'getrlimit': ('EINVAL',),
    'getrusage': ('EINVAL',), 'pthread_create': OWN, 'getaddrinfo': ('-3', '-2'), 'getnameinfo': ('-3',),
    'uv_poll_init': OWN, 'uv_poll_start': OWN, 'uv_getaddrinfo': OWN,
    'curl_easy_init': OWN, 'curl_multi_add_handle': OWN, 'curl_multi_socket_action': OWN,
    'curl_multi_remove_handle': OWN,
    'redisConnectUnixNonBlock': OWN, 'redisConnectNonBlock': OWN, 'redisBufferRead': ('fail', 'cut'),
    'redisGetReplyFromReader': OWN, 'redisEnableKeepAlive': OWN,
    'PQconninfoParse': OWN, 'PQconnectStartParams': OWN, 'PQconnectPoll': OWN, 'PQsetnonblocking': OWN,
    'PQenterPipelineMode': OWN, 'PQexitPipelineMode': OWN, 'PQsendQueryParams': OWN, 'PQsendQuery': OWN,
    'PQsendFlushRequest': OWN, 'PQpipelineSync': OWN, 'PQflush': OWN, 'PQconsumeInput': ('fail', 'cut'),
    'PQgetResult': ('fail', 'cut'), 'PQescapeIdentifier': OWN,
    'json_tokener_parse_ex': OWN, 'ini_parse_stream': OWN,
    'MHD_start_daemon': OWN, 'MHD_run': OWN, 'MHD_get_timeout': OWN, 'MHD_get_daemon_info': OWN,
    'MHD_add_response_header': OWN, 'MHD_queue_response': OWN,
}
# libuv itself aborts where these fail (its signal pipe, its pool, what it has to watch): the same as a kill -9.
LIBUV_ABORTS = {'pipe2', 'pthread_create', 'epoll_ctl'}
RUN_S = 25  # of one run, to the moment at which nothing is under way
ROUND_S = 4  # of one round of checks, until it is asked for again
SPARE_FDS = 4  # connections kept for the next request
SLOW_S = 8  # is told, no failure
CHANNELS = ('C0ONE', 'C0TWO', 'C0THREE')  # one for each product: one channel gets a message a second


class Daemon(stack.Daemon):
    """With the shim, and perhaps a fault."""

    def __init__(self, world, fault, unix):
        with open(world.calls_path, 'wb'):
            pass
        env = world.addresses(unix)
        env['BW_NTH_FILE'] = world.calls_path
        if fault:
            env['BW_NTH'] = fault
        stack.Process.__init__(self, world, 'badgewatch',
                               ['env', f'LD_PRELOAD={world.preload}', stack.BADGEWATCH, 'run'], env)

    def began(self):
        return re.search(r'port (\d+) on', self.log())

    def cpu_s(self):
        with open(f'/proc/{self.popen.pid}/stat', encoding='ascii') as f:
            words = f.read().rsplit(')', 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf('SC_CLK_TCK')

    def busy(self, seconds):
        """Its share of one processor."""
        begin, spent = time.monotonic(), self.cpu_s()
        time.sleep(seconds)  # a measurement, not a wait for something
        return (self.cpu_s() - spent) / (time.monotonic() - begin)

    def descriptors(self):
        return len(os.listdir(f'/proc/{self.popen.pid}/fd'))


class World(stack.Stack):
    def __init__(self):
        start = time.strftime('%Y-%m-%dT%H:00Z', time.gmtime())  # an answer without its own time has ours
        channels = [word for c in CHANNELS for word in ('--channel', c)]
        super().__init__(sim=[*channels, '--generate', str(len(CHANNELS)), '--clock', 'stopped', '--start', start, '--pad',
                              '500', '--churn', '24', '--history-days', '2', '--domains', '1,3', '--slack-rate', '0'],
                         daemon=False, start_sim=False)
        self.fds = None  # of a run without a fault

    def prepare(self):
        self.redis_port, self.pg_port = stack.free_port(), stack.free_port()
        self.redis_args = ['--port', str(self.redis_port), '--bind', '127.0.0.1']
        self.pg_args = ['-c', 'listen_addresses=127.0.0.1', '-c', f'port={self.pg_port}']
        self.calls_path = os.path.join(self.dir, 'calls')
        libraries = subprocess.run(['ldd', stack.BADGEWATCH], capture_output=True, text=True, check=True).stdout
        sanitizer = re.search(r'=> (\S*lib[at]san\S*)', libraries)  # wants to be the first
        self.preload = ':'.join(([sanitizer.group(1)] if sanitizer else []) + [SHIM])
        for name, text in (('key', stack.KEY), ('token', stack.TOKEN), ('conf', 'health_every = 15m\n')):
            with open(os.path.join(self.dir, name), 'w', encoding='ascii') as f:
                f.write(text + '\n')
                os.fchmod(f.fileno(), 0o600)

    def addresses(self, unix):
        """Names to be looked up, sockets of the network, secrets in files; or sockets of files."""
        e = {'KEEPA_BASE_URL': f'http://localhost:{self.sim_port}', 'KEEPA_API_KEY': None,
             'KEEPA_API_KEY_FILE': os.path.join(self.dir, 'key'), 'SLACK_BOT_TOKEN': None,
             'SLACK_BOT_TOKEN_FILE': os.path.join(self.dir, 'token'), 'BADGEWATCH_CONFIG': os.path.join(self.dir, 'conf')}
        if not unix:
            e['REDIS_URL'] = f'redis://localhost:{self.redis_port}/0'
            e['DATABASE_URL'] = f'postgresql://badgewatch@localhost:{self.pg_port}/badgewatch'
        return e

    def _psql(self, query, user, database, env=None):
        return super()._psql(query, user, database, {'PGPORT': str(self.pg_port), **(env or {})})

    def env(self, extra=None):
        return super().env({'PGPORT': str(self.pg_port), **(extra or {})})

    # ---- one run ----

    def reset(self):
        """Everything as on the first day."""
        self.redis('FLUSHALL')
        self.redis('SCRIPT', 'FLUSH')
        self.sim_start()
        self.keys = [p['key'] for p in self.get('/control/products')]
        rows = ', '.join("({}, '{}', 10080, '{}')".format(*k.split(':'), c) for k, c in zip(self.keys, CHANNELS))
        self.sql(f"""DO $$ BEGIN EXECUTE (SELECT 'TRUNCATE ' || string_agg(quote_ident(relname), ', ') FROM pg_class
                     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
                     AND relname <> 'schema_migrations'); END $$;
                 INSERT INTO tracked_asins (domain, asin, monitoring_frequency, channel) VALUES {rows}""")
        self.first = self.now() + 1
        self.until = time.monotonic() + RUN_S

    def end_run(self):
        """Nothing of it is left."""
        for p in self.processes:
            if p.name in ('badgewatch', 'sim') and p.alive():
                p.end(signal.SIGKILL)
        for p in [p for p in self.processes if not p.alive()]:
            self.processes.remove(p)
            os.unlink(p.log_path)

    def now(self):
        return self.get('/control/state')['now_ms'] // 1000

    def calls(self):
        """{function: (calls, the fault happened)} of the newest daemon."""
        with open(self.calls_path, 'rb') as f:
            data = f.read()
        return {name.rstrip(b'\0').decode(): (n, bool(fired)) for name, n, fired in ROW.iter_unpack(data)}

    def fired(self):
        return any(fired for _, fired in self.calls().values())

    def left(self):
        stack.true(time.monotonic() < self.until, f'not over within {RUN_S} s: {self.under_way()}')
        return self.until - time.monotonic()

    def under_way(self):
        with contextlib.suppress(stack.RedisError):
            return (f'behind {self.behind(self.now())}, leased {self.redis("ZCARD", "bw:leased")}, untold {self.told()}, '
                    f'history {self.redis("XLEN", "bw:history")}')
        return 'Redis has nothing'

    def living(self):
        """The daemon; the next one when the fault ended the first."""
        if not self.d.alive():
            code, log = self.d.popen.returncode, self.d.log()
            self.d.check_log()
            stack.true(self.fired(), f'the daemon ended by itself with {code}')
            if code == -signal.SIGABRT and self.fault.split(':')[0] in LIBUV_ABORTS and 'Assertion' not in log:
                self.ended = 'aborted by libuv'
                self.d = Daemon(self, None, False)
                return self.d
            stack.true(code in (1, 2) and not self.d.began(), f'the daemon ended with {code}; '
                       f'it may end with 1, or with 2 for its settings, and while it starts, not later')
            stack.matches(log, r'(?m) error |^badgewatch: ', 'what the daemon says of its end')
            self.ended = 'ended at start'
            self.d = Daemon(self, None, False)
        return self.d

    def until_true(self, condition, seconds=RUN_S):
        """True when it came true in time."""
        deadline = min(time.monotonic() + seconds, self.until)
        while not condition():
            self.living()
            if time.monotonic() > deadline:
                self.left()
                return False
            time.sleep(0.02)
        return True

    def behind(self, now):
        states = self.redis.many([('HGET', f'bw:product:{k}', 'state') for k in self.keys])
        return [k for k, s in zip(self.keys, states) if not s or json.loads(s)[1][4:5] < [now]]  # ok_at: codec/state_json.c

    def quiet(self):
        with contextlib.suppress(stack.RedisError):
            leased, polled, aside, waits = self.redis.many([('ZCARD', 'bw:leased'), ('ZCARD', 'bw:poll'), ('XLEN', 'bw:set_aside'),
                                                            ('ZCARD', 'bw:guard:waiting')])
            if aside:  # a text of our own that cannot be read any more: kept for a person, and in nobody's way
                stack.true(aside == 1 and (self.fault or '').startswith('json_tokener'), 'an entry was set aside')
                self.ended = 'set aside'
            return leased + polled + waits + self.redis('XLEN', 'bw:history') + self.told() == 0
        return False

    def check_all(self):
        """Each product with the data of this moment, however often it has to be asked for."""
        now = self.now()
        while not self.until_true(lambda: not self.behind(now), ROUND_S):
            self.bw('poll', '--all')

    def look(self):
        """The status port answers, if not at once."""
        def answers():
            try:
                return self.living().began() and all(self.d.status(p)[0] == 200 for p in ('/readyz', '/metrics', '/'))
            except (OSError, http.client.HTTPException):
                return False
        self.until_true(answers)

    def settle(self):
        untold = 'SELECT count(*) FROM bestseller_changes WHERE NOT notification_sent'
        self.until_true(lambda: self.quiet() and (self.ended == 'set aside' or self.value(untold) == '0'))

    def measure(self, fault):
        """Neither busy nor leaking."""
        if self.d.busy(0.1) > 0.5:
            share = self.d.busy(1)
            stack.true(share < 0.5, f'nothing to do, and {share:.0%} of a processor')
        if not fault:
            self.fds = self.d.descriptors()
        self.until_true(lambda: self.d.descriptors() <= self.fds + SPARE_FDS, 5)
        fds = self.d.descriptors()
        stack.true(fds <= self.fds + SPARE_FDS, f'{fds} descriptors, {self.fds} without a fault')

    def judge(self):
        stack.equal(self.behind(self.now()), [], 'products not checked')
        stack.true(self.quiet(), f'under way: {self.under_way()}')
        if self.ended == 'set aside':
            return
        stack.true(self.same_as_record(stack.iso(self.first)) > 0, 'no badge changed hands')
        self.each_told_once()

    def run(self, fault, unix=False):
        """One life. Gives whether the fault happened, and what came of it."""
        self.reset()
        self.fault, self.ended = fault, ''
        self.d = Daemon(self, fault, unix)
        self.until_true(lambda: not self.behind(0))
        self.until_changes(1800)
        self.bw('poll', '--all')
        self.check_all()
        self.settle()
        self.look()
        self.settle()
        self.living()
        self.measure(fault)
        before = self.fired()
        self.living().stop()
        fired = self.fired()
        if (fired and not before) or not self.quiet():  # the next one finds what it left when it was told to end
            self.d = Daemon(self, None, False)
            self.look()  # from here on it heeds SIGTERM
            self.settle()
            self.living().stop()
        self.judge()
        stack.equal(self.sim.end(), 0, 'exit status of the simulator')
        self.sim.check_log()
        self.end_run()
        return fired or bool(self.ended), self.ended


# ---- the range ----

def unix(function):
    return function == 'redisConnectUnixNonBlock'


class Result(typing.NamedTuple):
    fault: str
    fired: bool
    ended: str  # how the daemon ended by the fault, 'failed' for a finding, '' for a life to its end
    seconds: float
    text: str = ''


def try_one(w, function, n, how):
    fault = f'{function}:{n}:{how}'
    begin = time.monotonic()
    try:
        fired, ended = w.run(fault, unix(function))
        return Result(fault, fired, ended, time.monotonic() - begin)
    except (AssertionError, OSError, http.client.HTTPException) as e:
        fired = w.fired()
        logs = [p.log().splitlines()[-40:] for p in w.processes if p.name == 'badgewatch']
        w.end_run()
        text = '\n    '.join([str(e), *(line for log in logs for line in log)])
        return Result(fault, fired, 'failed', time.monotonic() - begin, text)


def whole(calls, first, last):
    """Longest first, so that nobody waits for one worker at the end."""
    return [(f, first, last, None) for f in sorted(calls, key=calls.get, reverse=True)]


def sample(calls, seed):
    """The first call of each function, then whatever the seed draws among the calls of a run without a fault."""
    draw = random.Random(seed)
    firsts = [(f, 1) for f in calls]
    rest = [(f, n) for f, count in calls.items() for n in range(2, count + 1)]
    few = [pair for pair in rest if pair[1] <= 3]
    for some in (firsts, few, rest):
        draw.shuffle(some)
    return [(f, n, n, draw.choice(WAYS[f])) for f, n in dict.fromkeys(firsts + few + rest)]


def work(a, tasks, taken, deadline, results):
    """One worker with servers of its own. Lives wait most of their time, so that more of them than processors pay."""
    with World() as w:
        w.run(None)
        while time.monotonic() < deadline:
            with taken.get_lock():
                i = taken.value
                taken.value += 1
            if i >= len(tasks):
                break
            function, first, last, how = tasks[i]
            for n in range(first, last + 1):
                ways = [how] if how else WAYS[function] if a.all_ways else [WAYS[function][n % len(WAYS[function])]]
                of_n = [try_one(w, function, n, way) for way in ways]
                for r in of_n:
                    results.put(r)
                if not any(r.fired for r in of_n) or time.monotonic() > deadline:
                    break


def collect(a, tasks):
    """The results of all workers, as they come."""
    taken, results = multiprocessing.Value('i', 0), multiprocessing.Queue()
    deadline = time.monotonic() + a.seconds if a.seconds else float('inf')
    workers = [multiprocessing.Process(target=work, args=(a, tasks, taken, deadline, results), daemon=True)
               for _ in range(a.jobs)]
    for p in workers:
        p.start()
    every = []
    while True:
        ended = not any(p.is_alive() for p in workers)  # asked first: what they left in the queue is still taken
        try:
            r = results.get(timeout=0.2)
        except queue.Empty:
            if ended:
                break
            continue
        every.append(r)
        if a.verbose or r.ended == 'failed':
            print(f'{r.fault} {r.seconds:.1f} s {"" if r.fired else "not reached"} {r.ended} {r.text}', flush=True)
    return every, all(p.exitcode == 0 for p in workers)


def report(every):
    reached, ended = {}, {}
    for r in every:
        function, n, _ = r.fault.split(':')
        if r.fired:
            reached[function] = max(reached.get(function, 0), int(n))
        ended[r.ended] = ended.get(r.ended, 0) + 1
    print('last call reached: ' + ', '.join(f'{f} {n}' for f, n in reached.items()))
    print(f'{len(every)} runs, {len(reached)} functions, {sum(r.fired for r in every)} faults, '
          f'{ended.get("ended at start", 0)} ended at start with an error, {ended.get("aborted by libuv", 0)} aborted by '
          f'libuv, {ended.get("set aside", 0)} an entry set aside, {ended.get("failed", 0)} failed', flush=True)
    for r in every:
        if r.ended == 'failed':
            print(f'FAILED {r.fault}: {r.text.splitlines()[0]}')
        elif r.seconds > SLOW_S:
            print(f'slow {r.fault}: {r.seconds:.1f} s')
    return bool(reached) and 'failed' not in ended


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split('\n\n', maxsplit=1)[0])
    p.add_argument('--functions', default='', help='separated by commas; all')
    p.add_argument('--from', type=int, default=1, dest='first')
    p.add_argument('--to', type=int, default=10**6, dest='last')
    p.add_argument('--seconds', type=float, help='a sample that takes so long')
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--jobs', type=int, default=3, help='workers, each with servers of its own (3)')
    p.add_argument('--all-ways', action='store_true')
    p.add_argument('-v', '--verbose', action='store_true')
    a = p.parse_args()
    a.functions = [f for f in a.functions.split(',') if f] or list(WAYS)
    if set(a.functions) - set(WAYS):
        p.error(f'no such function: {" ".join(sorted(set(a.functions) - set(WAYS)))}')
    return a


def count_calls(a):
    """{function: calls of a life without a fault}."""
    calls = {}
    with World() as w:
        for with_files in (False, True):
            w.run(None, with_files)
            counted = w.calls()
            stack.equal(set(counted), set(WAYS), 'functions of nth_shim.c')
            calls.update({f: n for f, (n, _) in counted.items() if n > 0 and unix(f) == with_files and f in a.functions})
    print(f'without a fault: {sum(calls.values())} calls of {len(calls)} functions; '
          f'never called: {" ".join(f for f in a.functions if f not in calls)}', flush=True)
    if a.verbose:
        print(' '.join(f'{f} {n}' for f, n in calls.items()), flush=True)
    return calls


def main():
    a = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('ended by SIGTERM'))  # also of the workers: servers and folders go
    calls = count_calls(a)
    every, complete = collect(a, sample(calls, a.seed) if a.seconds else whole(calls, a.first, a.last))
    sys.exit(0 if report(every) and complete else 1)


if __name__ == '__main__':
    main()

"""The whole system for a test: Redis, Postgres, badgewatch-sim and badgewatch, each of this test alone.

The happy way: `with Stack(...) as s:` starts Redis and Postgres on unix sockets in a temporary folder, the simulator on a
loopback port, runs `badgewatch migrate` and the daemon. `s.bw()` runs a command, `s.sql()` and `s.redis()` ask the
stores, `s.get()` and `s.post()` the simulator, `s.wait()` waits for a condition with a deadline.

How it fails: an assertion ends the test; main() then prints the logs. Every daemon must end with 0 on SIGTERM within
10 s, without a word of a sanitizer and without a secret in its log; so must every command. All servers end with the
test, also when it is killed (setpriv --pdeathsig).

Binaries come from BW_BUILD (default build/asan), the captured answers from BW_FIXTURES.
"""
import contextlib
import csv
import glob
import hashlib
import io
import json
import os
import pty
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get('BW_BUILD', os.path.join(ROOT, 'build', 'asan')))
BADGEWATCH = os.path.join(BUILD, 'badgewatch')
SIM = os.path.join(BUILD, 'src', 'sim', 'badgewatch-sim')
KEY = 'k3y0' * 16
TOKEN = 'xoxb-1234-integration'
CHANNEL = 'C0DEMO'
REDIS_PASSWORD = 'r3d1s' * 5
SECRETS = (KEY, TOKEN, REDIS_PASSWORD)
SANITIZER = re.compile(r'AddressSanitizer|LeakSanitizer|UndefinedBehavior|runtime error:|ThreadSanitizer')
WAIT = 20
NULL = '∅'


class Skip(Exception):
    """What the test needs is not there."""


# ---- small helpers ----

def equal(got, wanted, what):
    """Lists are compared one by one, so that a difference is told and not two pages of rows."""
    if got == wanted:
        return
    if isinstance(got, (list, set)) and isinstance(wanted, (list, set)):
        missing = [x for x in wanted if x not in got]
        extra = [x for x in got if x not in wanted]
        raise AssertionError(f'{what}: {len(got)} instead of {len(wanted)}\n  missing: {missing[:10]}\n'
                             f'  not expected: {extra[:10]}')
    raise AssertionError(f'{what}: {got!r} instead of {wanted!r}')


def true(condition, what):
    if not condition:
        raise AssertionError(what)


def contains(text, part, what='output'):
    true(part in text, f'{what}: {part!r} is not in:\n{text}')


def matches(text, pattern, what='output'):
    true(re.search(pattern, text), f'{what}: /{pattern}/ does not match:\n{text}')


def wait(what, condition, seconds=WAIT, every=0.03):
    """The first true value of the condition."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f'not within {seconds} s: {what() if callable(what) else what}')
        time.sleep(every)


def free_port():
    """Below those that the kernel gives to outgoing connections, which would take it before its server is there."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(('127.0.0.1', port))
            return port


def iso(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(seconds))


def fixtures():
    """The captured answers of Keepa, or those of the project where they are absent."""
    base = os.environ.get('BW_FIXTURES') or os.path.join(os.path.dirname(ROOT), 'shared', 'fixtures')
    for folder in (base, os.path.join(base, 'keepa'), os.path.join(ROOT, 'test', 'data', 'sim')):
        files = sorted(glob.glob(os.path.join(folder, '*.json')))
        if files:
            return files
    raise Skip('no captured answers')


def request(method, url, body=None, headers=None):
    """Status, headers, bytes; also of error answers."""
    data = body.encode() if isinstance(body, str) else body
    r = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(r, timeout=WAIT) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.headers, e.read()


def watched(since, seconds=5):
    """Until so much time has passed since: a line that is repeated would be in the log by then."""
    wait('time passes', lambda: time.monotonic() - since > seconds, seconds + 5)


def complaints(d):
    """Warnings and errors of the log, without their times."""
    return re.findall(r'^\S+ (?:warning|error) +(.*)$', d.log(), re.M)


def said_once(d, what, *patterns):
    lines = complaints(d)
    equal([line for line in set(lines) if lines.count(line) > 1], [], f'{what}: lines that are repeated')
    for pattern in patterns:
        equal(len([line for line in lines if re.search(pattern, line)]), 1, f'{what}: lines with /{pattern}/ in {lines}')


# ---- Redis' protocol, enough for a test ----

class RedisError(Exception):
    pass


class Redis:
    def __init__(self, path):
        self.path = path
        self.file = None

    def close(self):
        if self.file:
            self.file.close()
            self.socket.close()
        self.file = None

    def _connect(self):
        if self.file:
            return
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(WAIT)
        try:
            self.socket.connect(self.path)
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile('rb')

    def _read(self):
        line = self.file.readline()
        if not line.endswith(b'\r\n'):
            raise OSError('redis closed the connection')
        kind, rest = line[:1], line[1:-2]
        if kind == b'+':
            return rest.decode()
        if kind == b'-':
            return RedisError(rest.decode())
        if kind == b':':
            return int(rest)
        n = int(rest)
        if n < 0:
            return None
        if kind == b'$':
            return self.file.read(n + 2)[:-2].decode('utf-8', 'surrogateescape')
        return [self._read() for _ in range(n)]

    def many(self, commands):
        """The answers of several commands sent together."""
        out = b''
        for words in commands:
            words = [str(w).encode('utf-8', 'surrogateescape') for w in words]
            out += b'*%d\r\n' % len(words) + b''.join(b'$%d\r\n%s\r\n' % (len(w), w) for w in words)
        try:
            self._connect()
            self.socket.sendall(out)
            answers = [self._read() for _ in commands]
        except OSError:
            self.close()
            raise
        for answer in answers:
            if isinstance(answer, RedisError):
                raise answer
        return answers

    def __call__(self, *words):
        return self.many([words])[0]

    def hash(self, key):
        flat = self('HGETALL', key)
        return dict(zip(flat[::2], flat[1::2]))


# ---- a process of the test ----

class Process:
    def __init__(self, stack, name, argv, env=None, become=(), ends_by='KILL'):
        self.stack, self.name = stack, name
        self.log_path = os.path.join(stack.dir, f'{len(stack.processes):02d}-{name}.log')
        with open(self.log_path, 'wb') as log:
            self.popen = subprocess.Popen(['setpriv', *become, '--pdeathsig', ends_by, '--', *argv], cwd=stack.dir,
                                          env=stack.env(env), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        stack.processes.append(self)

    def log(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as f:
            return f.read()

    def alive(self):
        return self.popen.poll() is None

    def says(self, pattern, times=1, seconds=WAIT):
        """Waits until the log has the pattern so many times; gives the last match."""
        def found():
            ended = not self.alive()  # before its last words are read
            all_found = list(re.finditer(pattern, self.log(), re.M))
            if len(all_found) >= times:
                return all_found[-1]
            true(not ended, f'{self.name} ended ({self.popen.returncode}) and never said /{pattern}/: {self.log()[-2000:]}')
            return None
        return wait(f'{self.name} says /{pattern}/', found, seconds)

    def end(self, signum=signal.SIGTERM, seconds=30):
        if self.alive():
            self.popen.send_signal(signum)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f'{self.name} did not end within {seconds} s of signal {signum}') from None

    def check_log(self):
        text = self.log()
        true(not SANITIZER.search(text), f'{self.name}: a sanitizer spoke')
        for secret in SECRETS:
            true(secret not in text, f'{self.name}: a secret is in the log')


    def family(self):
        """Its process ids, and those of its children."""
        ids = [self.popen.pid]
        for path in glob.glob('/proc/[0-9]*/stat'):
            with contextlib.suppress(OSError), open(path, encoding='utf-8', errors='replace') as f:
                pid, parent = path.split('/')[2], f.read().rsplit(')', 1)[1].split()[1]
                if int(parent) in ids:
                    ids.append(int(pid))
        return ids

    @contextlib.contextmanager
    def stopped_by_signal(self):
        """SIGSTOP: connections stay, nobody answers."""
        ids = self.family()

        def send(signum):
            for pid in ids:
                with contextlib.suppress(ProcessLookupError):  # a child that has just ended
                    os.kill(pid, signum)
        send(signal.SIGSTOP)
        try:
            yield
        finally:
            send(signal.SIGCONT)


class Daemon(Process):
    def __init__(self, stack, env=None, under=()):
        self.extra_env = dict(env or {})
        super().__init__(stack, 'badgewatch', [*under, BADGEWATCH, 'run'], self.extra_env)

    @property
    def port(self):
        return int(self.says(r'port (\d+) on').group(1))

    def status(self, path, method='GET', headers=None):
        return request(method, f'http://127.0.0.1:{self.port}{path}', headers=headers)

    def ready(self):
        wait('the daemon is ready', lambda: self.status('/readyz')[0] == 200)
        return self

    def metrics(self):
        """{'name{labels}': value} without the prefix."""
        lines = self.status('/metrics')[2].decode().splitlines()
        pairs = (line.rsplit(' ', 1) for line in lines if line and not line.startswith('#'))
        return {name.removeprefix('badgewatch_'): float(value) for name, value in pairs}

    def peak_mb(self):
        """The most memory it ever had."""
        with open(f'/proc/{self.popen.pid}/status', encoding='utf-8') as f:
            return int(re.search(r'VmHWM:\s+(\d+)', f.read()).group(1)) >> 10

    def stop(self):
        """SIGTERM: 0 within 10 s, nothing of a sanitizer."""
        true(self.alive(), f'the daemon ended by itself: {self.popen.returncode}')
        self.popen.send_signal(signal.SIGTERM)
        self.stopped()

    def stopped(self):
        """After a SIGTERM."""
        try:
            code = self.popen.wait(10)
        except subprocess.TimeoutExpired:
            raise AssertionError('the daemon did not end within 10 s of SIGTERM') from None
        self.check_log()
        equal(code, 0, 'exit status of the daemon on SIGTERM')

    def kill(self):
        self.end(signal.SIGKILL)
        self.check_log()


# ---- all of it ----

class Stack:
    def __init__(self, sim=(), env=None, daemon=True, redis=True, postgres=True, start_sim=True, migrate=True):
        self.sim_args, self.given_env = list(sim), dict(env or {})
        self.wanted = (redis, postgres, start_sim, migrate, daemon)
        self.processes, self.d = [], None
        self.redis_args, self.pg_args = [], []
        self.pg_bin = sorted(glob.glob('/usr/lib/postgresql/*/bin'))[-1]

    def __enter__(self):
        try:
            self._begin()
        except BaseException:
            self.tell()
            self._clear()
            raise
        return self

    def _begin(self):
        self.dir = tempfile.mkdtemp(prefix='bw-', dir='/tmp')
        os.chmod(self.dir, 0o711)
        self.redis = Redis(os.path.join(self.dir, 'redis.sock'))
        self.redis_dir = self.dir
        self.redis_url = f'unix://badgewatch:{REDIS_PASSWORD}@{self.redis.path}?db=0'
        self.redis_acl = self.write_acl()
        self.pg_dir = os.path.join(self.dir, 'pg')
        self.database_url = f'postgresql:///badgewatch?host={self.pg_dir}&user=badgewatch'
        self.sim_port = free_port()
        self.sim_url = f'http://127.0.0.1:{self.sim_port}'
        self.prepare()
        redis, postgres, sim, migrate, daemon = self.wanted
        if redis:
            self.redis_start()
        if postgres:
            self.pg_start()
        if sim:
            self.sim_start()
        if migrate and postgres:
            self.bw('migrate')
        if daemon:
            self.daemon().ready()

    def prepare(self):
        """For a test with more around the servers than this; they are not started yet."""

    def __exit__(self, kind, value, tb):
        try:
            if kind is None and self.d and self.d.alive():
                self.d.stop()
            if kind is None:
                self.settle_processes()
        except BaseException:
            self.tell()
            raise
        finally:
            if kind is not None and not issubclass(kind, Skip):
                self.tell()
            self._clear()

    def settle_processes(self):
        with contextlib.suppress(OSError):
            refused = [e[e.index('object') + 1] for e in self.redis('ACL', 'LOG') if e[e.index('reason') + 1] != 'auth']
            equal(refused, [], 'commands that conf/redis.acl does not allow')
        for p in self.processes:
            if p.name == 'sim' and p.alive():
                equal(p.end(), 0, 'exit status of the simulator')
                p.check_log()

    def tell(self):
        """The ends of the logs, for whoever has to find out."""
        for p in self.processes:
            lines = p.log().splitlines()
            print(f'---- {p.name} ({len(lines)} lines, exit {p.popen.poll()}) ----', file=sys.stderr)
            print('\n'.join(lines[-80 if p.name == 'badgewatch' else -15:]), file=sys.stderr)

    def _clear(self):
        self.end_processes()
        shutil.rmtree(self.dir, ignore_errors=True)

    def end_processes(self):
        self.redis.close()
        for p in reversed(self.processes):
            if p.alive():
                with contextlib.suppress(AssertionError):
                    p.end(signal.SIGQUIT if p.name == 'postgres' else signal.SIGKILL)

    def env(self, extra=None):
        e = {'PATH': os.environ.get('PATH', '/usr/bin:/bin'), 'LANG': 'C.UTF-8', 'HOME': self.dir, 'NO_COLOR': '1',
             'ASAN_OPTIONS': 'detect_stack_use_after_return=1', 'UBSAN_OPTIONS': 'print_stacktrace=1',
             'KEEPA_API_KEY': KEY, 'KEEPA_BASE_URL': self.sim_url,
             'SLACK_BOT_TOKEN': TOKEN, 'SLACK_CHANNEL': CHANNEL, 'SLACK_BASE_URL': self.sim_url + '/api',
             'REDIS_URL': self.redis_url, 'DATABASE_URL': self.database_url, 'BADGEWATCH_LISTEN': '127.0.0.1:0',
             'BADGEWATCH_SUMMARY_AT': 'off'}
        e.update(self.given_env)
        e.update(extra or {})
        return {k: v for k, v in e.items() if v is not None}

    # ---- servers ----

    def write_acl(self):
        """The daemon has the rights of conf/redis.acl in each test; the test itself, as the default user, has all."""
        with open(os.path.join(ROOT, 'conf', 'redis.acl'), encoding='utf-8') as f:
            acl = f.read().replace('PASSWORD_SHA256', hashlib.sha256(REDIS_PASSWORD.encode()).hexdigest())
        acl = acl.replace('~bw:', '~' + self.given_env.get('BADGEWATCH_REDIS_PREFIX', 'bw:'))
        path = os.path.join(self.dir, 'redis.acl')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(acl.replace('user default off resetpass', 'user default on nopass ~* &* +@all'))
        return path

    def redis_spawn(self):
        self.redis_process = Process(self, 'redis', [
            'redis-server', '--dir', self.redis_dir, '--port', '0', '--unixsocket', self.redis.path, '--appendonly', 'yes',
            '--save', '', '--aclfile', self.redis_acl, *self.redis_args])

    def redis_start(self):
        self.redis_spawn()

        def answers():
            try:
                return self.redis('PING') == 'PONG'
            except (OSError, RedisError):
                return False
        wait('redis answers', answers)

    def redis_stop(self):
        self.redis.close()
        self.redis_process.end(signal.SIGTERM)

    def redis_kill(self):
        self.redis.close()
        self.redis_process.end(signal.SIGKILL)

    def redis_cli(self, *words):
        done = subprocess.run(['redis-cli', '-s', self.redis.path, *words], capture_output=True, text=True, timeout=WAIT,
                              check=True)
        return done.stdout

    def _as_postgres(self):
        if os.geteuid() != 0:
            return []
        return ['--reuid=postgres', '--regid=postgres', '--init-groups']

    def pg_start(self):
        data = os.path.join(self.pg_dir, 'data')
        if not os.path.exists(os.path.join(data, 'PG_VERSION')):
            os.makedirs(self.pg_dir, exist_ok=True)
            if os.geteuid() == 0:
                shutil.chown(self.pg_dir, 'postgres', 'postgres')
            made = subprocess.run(['setpriv', *self._as_postgres(), '--', f'{self.pg_bin}/initdb', '--no-sync', '-A',
                                   'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C.UTF-8', '-D', data], cwd='/',
                                  capture_output=True, text=True, timeout=60)
            true(made.returncode == 0, f'initdb: {made.stdout[-1000:]}{made.stderr}')
        self.pg_spawn()
        wait('postgres answers', lambda: self._psql('SELECT 1', 'postgres', 'postgres').returncode == 0)
        if self._rows(self._psql("SELECT 1 FROM pg_roles WHERE rolname = 'badgewatch'", 'postgres', 'postgres')) == []:
            for q in ('CREATE ROLE badgewatch LOGIN CREATEROLE', 'CREATE DATABASE badgewatch OWNER badgewatch'):
                true(self._psql(q, 'postgres', 'postgres').returncode == 0, q)

    def pg_spawn(self):
        self.pg_process = Process(self, 'postgres', [
            f'{self.pg_bin}/postgres', '-D', os.path.join(self.pg_dir, 'data'), '-k', self.pg_dir, '-c', 'listen_addresses=',
            '-c', 'fsync=off', '-c', 'timezone=Asia/Tokyo', *self.pg_args], become=self._as_postgres(), ends_by='QUIT')

    def pg_stop(self, signum=signal.SIGINT):
        self.pg_process.end(signum)

    def sim_start(self, extra=()):
        self.sim = Process(self, 'sim', [SIM, '--listen', f'127.0.0.1:{self.sim_port}', '--key', KEY, '--slack-token',
                                         TOKEN, '--rate', '1000', *self.sim_args, *extra])
        self.sim.says('listening on')

    def daemon(self, env=None, under=()):
        d = Daemon(self, env, under)
        self.d = self.d if self.d and self.d.alive() else d
        return d

    # ---- asking ----

    def wait(self, what, condition, seconds=WAIT):
        return wait(what, condition, seconds)

    def bw(self, *args, code=0, env=None, stdin=None):
        """Runs a command; code None: any. Gives the CompletedProcess with text."""
        done = subprocess.run([BADGEWATCH, *args], cwd=self.dir, env=self.env(env), input=stdin, capture_output=True,
                              text=True, timeout=60, **({} if stdin is not None else {'stdin': subprocess.DEVNULL}))
        what = ' '.join(args)
        true(not SANITIZER.search(done.stderr), f'badgewatch {what}: a sanitizer spoke:\n{done.stderr}')
        for secret in SECRETS:
            true(secret not in done.stderr + done.stdout, f'badgewatch {what}: tells a secret')
        if code is not None and done.returncode != code:
            raise AssertionError(f'badgewatch {what}: exit {done.returncode} instead of {code}\n'
                                 f'{done.stdout}{done.stderr}')
        return done

    def on_a_terminal(self, *args, until=None, signum=None, env=None):
        """The command's exit status, all that it drew on the terminal, its stdout; at the pattern it gets the signal."""
        main, terminal = pty.openpty()
        with open(os.path.join(self.dir, 'out'), 'w+', encoding='utf-8') as out:
            p = subprocess.Popen([BADGEWATCH, *args], cwd=self.dir, env=self.env(env), stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=terminal)
            os.close(terminal)
            drawn = b''
            while True:
                try:
                    data = os.read(main, 65536)
                except OSError:  # nobody has the terminal open any more
                    break
                drawn += data
                if until and re.search(until, drawn):
                    p.send_signal(signum)
                    until = None
            os.close(main)
            code = p.wait(WAIT)
            out.seek(0)
            true(until is None, f'{until} never came: {drawn!r}')
            return code, drawn.decode(), out.read()

    def _psql(self, query, user, database, env=None):
        return subprocess.run(['psql', '-X', '-q', '--csv', '-t', '-P', f'null={NULL}', '-v', 'ON_ERROR_STOP=1', '-h',
                               self.pg_dir, '-U', user, '-d', database, '-c', query], capture_output=True, text=True,
                              timeout=60, env=self.env({'PGTZ': 'UTC', **(env or {})}))

    @staticmethod
    def _rows(done):
        return [tuple(None if v == NULL else v for v in row) for row in csv.reader(io.StringIO(done.stdout))]

    def sql(self, query, user='badgewatch'):
        """Rows as tuples of texts, NULL as None."""
        csv.field_size_limit(1 << 30)
        done = self._psql(query, user, 'badgewatch')
        true(done.returncode == 0, f'{query}: {done.stderr}')
        return self._rows(done)

    def value(self, query, user='badgewatch'):
        return self.sql(query, user)[0][0]

    def get(self, path):
        status, _, body = request('GET', self.sim_url + path)
        equal(status, 200, f'simulator, {path}')
        return json.loads(body)

    def post(self, path, body):
        status, _, answer = request('POST', self.sim_url + path, json.dumps(body))
        true(status == 200, f'simulator, {path}: {status} {answer!r}')
        return json.loads(answer)

    def delete(self, path):
        return request('DELETE', self.sim_url + path)[0]

    def fault(self, **members):
        return self.post('/control/faults', members)[-1]['id']

    def clear_faults(self):
        self.delete('/control/faults')

    def clock(self, seconds):
        return self.post('/control/clock', {'now': iso(seconds)})

    def clock_on(self, seconds):
        return self.post('/control/clock', {'advance_s': seconds})

    def messages(self):
        return self.get('/control/messages')

    # ---- what tests do all the time ----

    def add(self, *asins, every=10080):
        """Tracks products so that no routine check comes between those that the test asks for."""
        self.bw('asin', 'add', *asins, '--every', str(every))

    def members(self):
        return self.redis('ZRANGE', 'bw:tracked', 0, -1)

    def versions(self, members):
        return [int(v or 0) for v in self.redis.many([('HGET', f'bw:product:{m}', 'version') for m in members])]

    def checked(self, members, seconds=WAIT, before=None):
        """Waits until each of the products was checked (again, if the versions before are given)."""
        before = before or [0] * len(members)

        def late():
            return [m for m, v, b in zip(members, self.versions(members), before) if v <= b]
        wait(lambda: f'checks of {late()[:5]}', lambda: not late(), seconds)

    def poll(self, *asins):
        """`badgewatch poll`, and waits for the checks."""
        members = [a if ':' in a else '1:' + a for a in asins] or self.members()
        before = self.versions(members)
        self.bw('poll', *(asins or ['--all']))
        self.checked(members, before=before)

    def asked(self):
        """What Keepa was asked of products, in order. The names of categories are asked in between, when they are missing."""
        return [r for r in self.get('/control/requests') if r['path'] == '/product']

    def until_changes(self, step_s=3600):
        """Moves the simulator's clock until some badge changes hands, without a check. Gives what changes."""
        since = self.get('/control/state')['now_ms'] // 1000
        for _ in range(100):
            self.post('/control/clock', {'advance_s': step_s})
            record = self.get(f'/control/record?from={iso(since + 1)}')
            if record:
                return record
        raise AssertionError('nothing changes in the simulator')

    def told_ids(self):
        """Change ids in the channels, in the order of the messages; not those of messages about badgewatch itself."""
        return [i for m in self.messages() for i in m['metadata']['event_payload']['change_ids']
                if not re.match(r'\S+ badgewatch: ', m['text'])]

    def each_told_once(self):
        """Every change of the table is in the channels once, and marked so."""
        rows = self.sql('SELECT id, notification_sent FROM bestseller_changes')
        equal(sorted(self.told_ids()), sorted(r[0] for r in rows), 'change ids in the channels')
        equal([r[0] for r in rows if r[1] != 't'], [], 'changes not marked as told')

    def each_request_logged(self):
        """Each request to Keepa is a row, with what it cost. Names of categories may have been asked for just now."""
        def both():
            state = self.get('/control/state')
            return (self.sql('SELECT sum(tokens_consumed), count(*) FROM api_usage_log'),
                    [(str(state['tokens_charged']), str(state['keepa_requests']))])
        wait(lambda: 'tokens and requests: %s instead of %s' % both(), lambda: len(set(map(str, both()))) == 1)

    def same_as_record(self, first):
        """The table of changes is the simulator's own record since that moment."""
        record = self.get(f'/control/record?from={first}')
        wanted = sorted((r['asin'], str(r['category_id']), r['type'], r['reason'], r['occurred_at']) for r in record)
        rows = self.sql('SELECT asin, category_id, change_type, reason, '
                        "to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM bestseller_changes")
        equal(sorted(rows), wanted, 'changes')
        return len(rows)

    def track_all(self, seconds=WAIT):
        """Tracks all products of the simulator; gives their keys once each was checked."""
        keys = [p['key'] for p in self.get('/control/products')]
        self.add(*keys)
        self.wait('all are tracked', lambda: len(self.members()) == len(keys))
        self.checked(keys, seconds)
        return keys

    def told(self):
        """Changes, and messages about no change, that Slack has to be told of."""
        return self._waiting('bw:changes') + (self._waiting('bw:outbox') if self.redis('EXISTS', 'bw:outbox') else 0)

    def _waiting(self, stream):
        groups = self.redis('XINFO', 'GROUPS', stream)
        group = dict(zip(groups[0][::2], groups[0][1::2])) if groups else {}
        return (group.get('pending') or 0) + (group.get('lag') or 0)

    def settled(self, seconds=WAIT):
        """Waits until nothing is under way: no check, no message, no history."""
        def quiet():
            with contextlib.suppress(RedisError):
                leased, polled, aside = self.redis.many([('ZCARD', 'bw:leased'), ('ZCARD', 'bw:poll'),
                                                         ('XLEN', 'bw:set_aside')])
                true(aside == 0, 'an entry was set aside')
                waits = self.redis('ZCARD', 'bw:guard:waiting')
                return leased + polled + waits == 0 and self.told() == 0 and self.redis('XLEN', 'bw:history') == 0
            return False
        wait(lambda: f'nothing under way (untold {self.told()}, history {self.redis("XLEN", "bw:history")})', quiet, seconds)


class Clock:
    """A wall clock that can be stepped, for one daemon (env) or for all programs of a test (Host)."""
    LIBRARY = os.path.join(BUILD, 'test', 'support', 'libclock_shift.so')

    def __init__(self, path):
        if not os.path.exists(self.LIBRARY):
            raise Skip(f'{self.LIBRARY} is not built')
        self.path, self.shift = path, 0
        self.step(0)
        library = shutil.copy(self.LIBRARY, path + '.so')  # the user postgres may not read /root
        self.env = {'LD_PRELOAD': library, 'CLOCK_SHIFT_FILE': path, 'ASAN_OPTIONS': 'verify_asan_link_order=0'}

    def step(self, seconds):
        self.shift += seconds
        with open(self.path + '.new', 'w', encoding='utf-8') as f:
            f.write(str(self.shift))
        os.rename(self.path + '.new', self.path)

    def now(self):
        return time.time() + self.shift


class Host(Stack):
    """All programs read one clock, which can be stepped: self.host_clock."""
    def prepare(self):
        self.host_clock = Clock(os.path.join(self.dir, 'clock'))
        self.given_env.update(self.host_clock.env)


# ---- running ----

def main(*tests):
    """Runs the tests of a file, or those named on the command line. Exit 77: nothing could be run."""
    wanted = sys.argv[1:]
    unknown = set(wanted) - {t.__name__ for t in tests}
    if unknown:
        sys.exit(f'no such test: {unknown}')
    ran = 0
    for test in tests:
        if wanted and test.__name__ not in wanted:
            continue
        begin = time.monotonic()
        try:
            test()
        except Skip as e:
            print(f'SKIP {test.__name__}: {e}', flush=True)
            continue
        except BaseException:
            traceback.print_exc()
            print(f'FAIL {test.__name__}', flush=True)
            sys.exit(1)
        ran += 1
        print(f'ok   {test.__name__} ({time.monotonic() - begin:.1f} s)', flush=True)
    sys.exit(0 if ran else 77)

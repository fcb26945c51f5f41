"""The servers, the daemons and the simulator of a fault run, with a proxy between each daemon and each of its services.

The happy way: `with World(...) as w:` starts all of it (stack.py), the data of Redis and Postgres on small disks of their
own where that is possible; begin(event) and finish(event) carry out what plan.py drew; supervise(), called again and again,
starts what died anew and notes what died without being asked to; calm() ends all faults.

How it fails: problems are collected in `problems` (a daemon that crashed or did not end, a word of a sanitizer); what
cannot be carried out just now, because its target is down, is counted as skipped and nothing else. With `keep` the folder
stays when it ends.
"""
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time

import proxy
import stack

CHANNELS = [stack.CHANNEL, 'C0BETA', 'C0GAMMA', 'C0DELTA']
DISKS = {'redis': '64m', 'postgres': '400m'}
END_S = 10  # CONTRACT.md 9: SIGTERM
COMMAND_S = 60


def children(pid):
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f'/proc/{pid}/task'):
            with open(f'/proc/{pid}/task/{task}/children', encoding='ascii') as f:
                found += [int(p) for p in f.read().split()]
    return found


def can_mount():
    """Root may still lack the right to mount, in a container."""
    if os.geteuid() != 0:
        return 'it needs root'
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place], capture_output=True, text=True)
        if done.returncode == 0:
            subprocess.run(['umount', place], check=True)
        return done.stderr.strip()


class Watched:
    """One of the daemons: its process, its proxies, and what is meant to happen to it."""

    def __init__(self, world, index):
        self.world, self.index, self.name = world, index, f'daemon{index}'
        self.process = None
        self.doomed = False  # its death is wanted
        self.stopped = False
        self.down_until = 0.0
        self.down_s = 0.0  # after the death that is wanted
        self.end_by = None  # SIGTERM was sent: until then
        targets = {'redis': world.redis.path, 'postgres': os.path.join(world.pg_dir, '.s.PGSQL.5432'),
                   'keepa': ('127.0.0.1', world.faulty_port), 'slack': ('127.0.0.1', world.faulty_port)}
        self.proxies = {name: world.proxies.add(f'{self.name}.{name}', t) for name, t in targets.items()}

    def start(self):
        port = {name: p.port for name, p in self.proxies.items()}
        self.process = stack.Daemon(self.world, {
            'KEEPA_BASE_URL': f'http://127.0.0.1:{port["keepa"]}', 'SLACK_BASE_URL': f'http://127.0.0.1:{port["slack"]}/api',
            'REDIS_URL': f'redis://127.0.0.1:{port["redis"]}/0',
            'DATABASE_URL': f'postgresql://badgewatch@127.0.0.1:{port["postgres"]}/badgewatch',
            'BADGEWATCH_MAX_BODY': '16MB', 'BADGEWATCH_ALERT_FLAP_SETTLE': '15s', 'BADGEWATCH_LOG_LEVEL': 'debug' if self.world.debug else 'info'})
        self.doomed, self.stopped, self.end_by = False, False, None

    def alive(self):
        return self.process is not None and self.process.alive()

    def signal(self, number):
        self.process.popen.send_signal(number)


class World(stack.Stack):
    def __init__(self, sim, daemons, disks, debug=False, night=False):
        super().__init__(sim=sim, daemon=False)
        self.night = night
        self.n_daemons, self.disks, self.debug = daemons, disks, debug
        self.proxies = proxy.Proxies()
        self.watched, self.mounts, self.problems, self.trace = [], [], [], []
        self.kills = {'daemon': 0, 'redis': 0, 'postgres': 0}
        self.survived, self.skipped, self.started = {}, {}, time.time()
        self.server_up_at = {'redis': 0.0, 'postgres': 0.0}
        self.frozen = set()
        self.load = None
        self.keep = False
        self.under_way = []  # events that have to be finished
        self.again = []  # those whose end has to be tried again

    # ---- start and end ----

    def prepare(self):
        self.faulty_port = stack.free_port()
        if self.night:
            self._quiet_minute()
        if self.disks:
            self.redis_dir = self._disk('redis', os.path.join(self.dir, 'redis'), '0755')
            self._disk('postgres', os.path.join(self.pg_dir, 'data'), '0700')
            shutil.chown(os.path.join(self.pg_dir, 'data'), 'postgres', 'postgres')
        self.pg_args = ['-c', 'max_wal_size=64MB', '-c', 'min_wal_size=32MB']

    def _quiet_minute(self):
        """The next whole minute belongs to the quiet hours of products with the tag night."""
        path = os.path.join(self.dir, 'badgewatch.conf')
        first, end = (time.strftime('%H:%M', time.gmtime(time.time() + s)) for s in (60, 120))
        with open(path, 'w', encoding='utf-8') as f:
            f.write(f'[route "tag=night"]\nquiet_hours = {first}-{end}\n')
        self.given_env['BADGEWATCH_CONFIG'] = path

    def _disk(self, name, path, mode):
        os.makedirs(path)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={DISKS[name]},mode={mode}', 'tmpfs', path], check=True)
        self.mounts.append(path)
        return path

    def sim_start(self, extra=()):
        super().sim_start(['--listen', f'127.0.0.1:{self.faulty_port}', '--rate', '100000', *extra])

    def start_daemons(self):
        self.proxies.start()
        self.watched = [Watched(self, i) for i in range(self.n_daemons)]
        for w in self.watched:
            w.start()
        for w in self.watched:
            w.process.ready()

    def tell(self):
        """The logs stay in the folder."""

    def _clear(self):
        if self.proxies.thread.is_alive():
            self.proxies.stop()
        for p in self.processes:
            with contextlib.suppress(ProcessLookupError):
                p.popen.send_signal(signal.SIGCONT)
        self.end_processes()
        for path in self.mounts:
            subprocess.run(['umount', path], check=True)
        if not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    # ---- what happened ----

    def note(self, text):
        self.trace.append((time.time(), text))

    def problem(self, text):
        self.note('PROBLEM ' + text)
        self.problems.append(text)

    def count(self, event, done=True):
        counts = self.survived if done else self.skipped
        counts[event['kind']] = counts.get(event['kind'], 0) + 1

    # ---- events ----

    def begin(self, event):
        """False: its target is not there just now."""
        self.note(f'begin {describe(event)}')
        try:
            done = getattr(self, '_' + event['kind'])(event)
        except (OSError, stack.RedisError, AssertionError, subprocess.SubprocessError) as e:
            self.note(f'not done: {e}')
            done = False
        self.count(event, done is not False)
        if done is not False:
            self.under_way.append(event)

    def occupied(self, event):
        return any(e['target'] == event['target'] for e in self.under_way)

    def finish(self, event):
        if event not in self.under_way:
            return
        self.under_way.remove(event)
        end = getattr(self, '_end_' + event['kind'], None)
        if end:
            self.note(f'end {describe(event)}')
            end(event)

    def one(self, target):
        return self.watched[int(target.removeprefix('daemon').split('.')[0])]

    def _kill(self, event):
        target = event['target']
        if target == 'redis':
            return self._kill_redis(event)
        if target == 'postgres':
            return self._kill_postgres(event)
        w = self.one(target)
        if not w.alive() or w.end_by:
            return False
        w.doomed = True
        w.down_s = min(event['for'], 3)
        if 'moment' in event:
            service, direction, needle, moment = event['moment']
            w.proxies[service].kill_at(direction, needle.encode(), moment, w.process.popen.pid)
        else:
            w.signal(signal.SIGKILL)
        return True

    def _end_kill(self, event):
        """Its moment did not come: now."""
        if not event['target'].startswith('daemon'):
            return
        w = self.one(event['target'])
        if w.doomed and w.alive():
            for p in w.proxies.values():
                p.disarm()
            w.signal(signal.SIGKILL)

    def _kill_redis(self, event):
        if not self.redis_process.alive():
            return False
        self.redis.close()
        self.redis_process.end(signal.SIGKILL)
        self.kills['redis'] += 1
        self.server_up_at['redis'] = time.monotonic() + min(event['for'], 3)
        return True

    def _kill_postgres(self, event):
        """All of its processes: a new one does not start beside an old one's children."""
        if not self.pg_process.alive():
            return False
        self.end_postgres()
        self.kills['postgres'] += 1
        self.server_up_at['postgres'] = time.monotonic() + min(event['for'], 3)
        return True

    def end_postgres(self):
        pids = [self.pg_process.popen.pid] + children(self.pg_process.popen.pid)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.pg_process.popen.wait()
        stack.wait('postgres is gone', lambda: not [p for p in pids[1:] if running(p)])

    def _flush(self, event):
        return self.redis('FLUSHALL') == 'OK'

    def link(self, event):
        name, service = event['target'].split('.')
        return self.one(name).proxies[service]

    def _reset(self, event):
        if event['how'] == 'now':
            self.link(event).reset()
        else:
            self.link(event).cut()

    def _stall(self, event):
        self.link(event).stall(event['for'])

    def _slow(self, event):
        self.link(event).slow(event['for'])

    def _keepa(self, event):
        spec = dict(event['spec'])
        if spec.get('port') == 'faulty':
            spec['port'] = self.faulty_port
        self.fault(**spec)

    _slack = _keepa

    def processes_of(self, target):
        if target == 'redis':
            return [self.redis_process.popen.pid] if self.redis_process.alive() else []
        if target == 'postgres':
            pid = self.pg_process.popen.pid
            return [pid] + children(pid) if self.pg_process.alive() else []
        w = self.one(target)
        return [w.process.popen.pid] if w.alive() and not w.end_by and not w.doomed else []

    def _stop(self, event):
        pids = self.processes_of(event['target'])
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        self.frozen.add(event['target'])
        return bool(pids)

    def _end_stop(self, event):
        self.frozen.discard(event['target'])
        for pid in self.processes_of(event['target']):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def disk_of(self, event):
        return self.redis_dir if event['target'] == 'redis.disk' else os.path.join(self.pg_dir, 'data')

    def _full(self, event):
        """Everything that is free, to the last byte."""
        with open(os.path.join(self.disk_of(event), 'ballast'), 'wb', buffering=0) as f:
            with contextlib.suppress(OSError):
                free = os.statvfs(f.name)
                os.posix_fallocate(f.fileno(), 0, free.f_bavail * free.f_frsize)
            with contextlib.suppress(OSError):
                f.seek(0, os.SEEK_END)
                while True:
                    f.write(b'\0' * 4096)

    def _end_full(self, event):
        os.unlink(os.path.join(self.disk_of(event), 'ballast'))

    def as_superuser(self, query):
        done = self._psql(query, 'postgres', 'badgewatch',
                          {'PGOPTIONS': '-c default_transaction_read_only=off -c statement_timeout=3s',
                           'PGCONNECT_TIMEOUT': '3'})
        return done.returncode == 0

    def _readonly(self, event):
        if 'postgres' in self.frozen:
            return False
        return self.as_superuser('ALTER SYSTEM SET default_transaction_read_only = on') and self.as_superuser(
            'SELECT pg_reload_conf()')

    def _end_readonly(self, event):
        """Where Postgres does not take it now (down, or its disk is full), it is tried again."""
        if 'postgres' in self.frozen or not (self.as_superuser('ALTER SYSTEM RESET default_transaction_read_only') and
                                             self.as_superuser('SELECT pg_reload_conf()')):
            event['at'] = time.monotonic() + 0.5
            self.under_way.append(event)
            self.again.append(event)

    def _term(self, event):
        w = self.one(event['target'])
        if not w.alive() or w.doomed:
            return False
        w.end_by = time.monotonic() + END_S
        w.down_s = 0
        w.signal(signal.SIGTERM)
        return True

    # ---- what is to run, runs ----

    def supervise(self):
        now = time.monotonic()
        for w in self.watched:
            self._supervise_daemon(w, now)
        for event in [e for e in self.again if e['at'] <= now]:
            self.again.remove(event)
            self.finish(event)
        if not self.redis_process.alive() and now >= self.server_up_at['redis']:
            self.note('redis starts')
            self.redis_spawn()
            self.server_up_at['redis'] = now + 0.5
        if not self.pg_process.alive() and now >= self.server_up_at['postgres']:
            self.note('postgres starts')
            self.pg_spawn()
            self.server_up_at['postgres'] = now + 0.5

    def _supervise_daemon(self, w, now):
        if w.process is None:
            if now >= w.down_until:
                w.start()
                self.note(f'{w.name} starts as {os.path.basename(w.process.log_path)}')
            return
        if w.alive():
            if w.end_by and now > w.end_by:
                self.problem(f'{w.name} did not end within {END_S} s of SIGTERM ({w.process.log_path})')
                w.doomed, w.end_by = True, None
                w.signal(signal.SIGKILL)
            return
        code = w.process.popen.returncode
        if w.doomed:
            self.kills['daemon'] += 1
            self.note(f'{w.name} is dead')
        elif w.end_by is None:
            self.problem(f'{w.name} ended by itself with {code} ({w.process.log_path})')
        elif code != 0:
            self.problem(f'{w.name} ended with {code} on SIGTERM ({w.process.log_path})')
        w.down_until = now + w.down_s
        w.process = None

    def poll_load(self):
        """`badgewatch poll --all`, one at a time; it may fail while Redis is away, it may not crash or hang."""
        if self.load is not None:
            code = self.load.popen.poll()
            if code is None:
                if time.monotonic() > self.load_until:
                    self.problem(f'badgewatch poll did not end within {COMMAND_S} s ({self.load.log_path})')
                    self.load.end(signal.SIGKILL)
                return
            if code not in (0, 1):
                self.problem(f'badgewatch poll ended with {code} ({self.load.log_path})')
        self.load = stack.Process(self, 'poll', [stack.BADGEWATCH, 'poll', '--all'])
        self.load_until = time.monotonic() + COMMAND_S

    # ---- the end of all faults ----

    def calm(self):
        """All faults off, all processes up, the clock still."""
        for event in list(self.under_way):
            self.finish(event)
        self.proxies.clear()
        self.clear_faults()
        self.post('/control/clock', {'stopped': True})

        def up():
            self.supervise()
            return not self.again and all(w.process is not None and not w.doomed and not w.end_by for w in self.watched) and \
                self._redis_answers() and self._psql('SELECT 1', 'badgewatch', 'badgewatch').returncode == 0
        stack.wait('everything is up again', up, 60)
        if self.load:
            stack.wait('the last poll ends', lambda: not self.load.alive(), COMMAND_S)
        for w in self.watched:
            w.process.says(r'port (\d+) on')  # its signals are handled from here on
            w.signal(signal.SIGHUP)  # what waits for a person is tried at once

    def _redis_answers(self):
        try:
            return self.redis('PING') == 'PONG'
        except (OSError, stack.RedisError):
            return False

    def stop_daemons(self):
        """A clean end of all, at the same time."""
        for w in self.watched:
            w.signal(signal.SIGTERM)
        for w in self.watched:
            try:
                w.process.stopped()
            except AssertionError as e:
                self.problem(f'{w.name}: {e} ({w.process.log_path})')

    def check_logs(self):
        for p in self.processes:
            if p.name in ('badgewatch', 'poll', 'sim'):
                try:
                    p.check_log()
                except AssertionError as e:
                    self.problem(f'{e} ({p.log_path})')


def describe(event):
    more = {k: v for k, v in event.items() if k not in ('at', 'kind', 'target')}
    return f'{event["kind"]} {event["target"]} {more}'


def running(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii') as f:
            return f.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False

"""What `cmake --install` lays down, the unit as systemd sees it, the manual, and what the daemon tells systemd."""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import stack
from stack import contains, equal, true

UNIT = 'usr/lib/systemd/system/badgewatch.service'


def run(*words, **options):
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, **options)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise stack.Skip(f'{program} is not installed')


class Installed:
    """An installation with prefix /usr below a temporary folder."""
    def __enter__(self):
        with open(os.path.join(stack.BUILD, 'CMakeCache.txt'), encoding='utf-8') as f:
            if 'CMAKE_INSTALL_PREFIX:PATH=/usr\n' not in f.read():
                raise stack.Skip('this build is not for /usr')
        self.dir = tempfile.mkdtemp(prefix='bw-install-')
        self.again()
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir)

    def again(self):
        done = run('cmake', '--install', stack.BUILD, env=os.environ | {'DESTDIR': self.dir})
        equal(done.returncode, 0, f'cmake --install: {done.stderr}')

    def path(self, name):
        return os.path.join(self.dir, name)

    def read(self, name):
        with open(self.path(name), encoding='utf-8') as f:
            return f.read()


def layout():
    with Installed() as i:
        for name in ('usr/bin/badgewatch', UNIT, 'usr/lib/sysusers.d/badgewatch.conf', 'usr/share/badgewatch/roles.sql',
                     'usr/share/man/man1/badgewatch.1', 'usr/share/man/man5/badgewatch.conf.5',
                     'usr/share/doc/badgewatch/badgewatch.conf.sample', 'etc/badgewatch/badgewatch.conf'):
            true(os.path.getsize(i.path(name)) > 0, name)
        equal(os.stat(i.path('etc/badgewatch/credentials')).st_mode & 0o7777, 0o700, 'mode of the folder of secrets')
        true('@' not in re.sub(r'@(system-service|privileged|resources)', '', i.read(UNIT)), 'a place that was not filled in')
        with open(i.path('etc/badgewatch/badgewatch.conf'), 'w', encoding='utf-8') as f:
            f.write('currency = USD\n')
        i.again()
        equal(i.read('etc/badgewatch/badgewatch.conf'), 'currency = USD\n', 'settings after an upgrade')


def unit():
    need('systemd-analyze', 'man')
    with Installed() as i:
        units = []
        for name in ('badgewatch.service', 'badgewatch-backup.service', 'badgewatch-backup.timer'):
            units.append(i.path(name))
            with open(i.path(name), 'w', encoding='utf-8') as f:
                f.write(i.read(os.path.join(os.path.dirname(UNIT), name)).replace('/usr/bin/badgewatch',
                                                                                  i.path('usr/bin/badgewatch')))
        done = run('systemd-analyze', 'verify', '--man=no', *units)
        equal((done.returncode, done.stdout + done.stderr), (0, ''), 'systemd-analyze verify')
        done = run('systemd-analyze', 'security', '--offline=yes', '--no-pager', '--threshold=20', i.path(UNIT))
        exposure = float(re.search(r'Overall exposure level for \S+: ([0-9.]+)', done.stdout)[1])
        true(done.returncode == 0 and exposure <= 2.0, f'exposure {exposure}: {done.stdout[-400:]}')


def manual():
    """It has each command and each setting of the help, and nothing that a reader of manuals stumbles over."""
    need('mandoc')
    pages = {}
    for page in ('badgewatch.1', 'badgewatch.conf.5'):
        path = os.path.join(stack.BUILD, 'src', 'cli', page)
        done = run('mandoc', '-T', 'lint', '-W', 'warning', path)
        # without a date: a build is the same on each day
        equal([x for x in done.stdout.splitlines() if 'missing date' not in x], [], f'mandoc -T lint {page}')
        done = run('mandoc', '-T', 'ascii', '-O', 'width=200', path)
        pages[page] = re.sub('.\b', '', done.stdout)
    for line in run(stack.BADGEWATCH, 'help').stdout.splitlines():
        command = re.match(r'  ([a-z-]+( [a-z]+)?)  +(\S.*)', line)
        if command and not command[3].startswith(('a command', 'all settings')):
            contains(pages['badgewatch.1'], command[1], 'badgewatch(1)')
            contains(' '.join(pages['badgewatch.1'].split()), command[3], 'badgewatch(1)')
    with open(os.path.join(stack.ROOT, 'conf', 'badgewatch.conf.sample'), encoding='utf-8') as f:
        names = re.findall(r'^;([a-z_]+ =.*)$', f.read(), re.M)
    true(len(names) > 20, names)
    for name in names:
        contains(pages['badgewatch.conf.5'], name.strip(), 'badgewatch.conf(5)')


def told_to_systemd():
    """READY once, the watchdog again and again while the loop turns and not while it stands, STOPPING before the end; the stores
    are away all the time."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(os.path.join(folder, 'notify'))
        s.settimeout(stack.WAIT)
        env = {'NOTIFY_SOCKET': s.getsockname(), 'WATCHDOG_USEC': '600000', 'REDIS_URL': f'unix://{folder}/no.sock'}
        with stack.Stack(start_sim=False, postgres=False, redis=False, daemon=False) as whole:
            d = whole.daemon(env)
            equal(s.recv(100), b'READY=1', 'the first word')
            begin = time.monotonic()
            for _ in range(3):
                equal(s.recv(100), b'WATCHDOG=1', 'then')
            true(time.monotonic() - begin < 0.6 * 3, 'the watchdog was fed too late')
            with d.stopped_by_signal():
                s.settimeout(0.7)
                words = []
                try:
                    while len(words) < 3:
                        words.append(s.recv(100))
                except TimeoutError:
                    pass
                true(len(words) <= 1, f'a daemon that stands says {words}')
            s.settimeout(stack.WAIT)
            equal(s.recv(100), b'WATCHDOG=1', 'when it goes on')
            d.popen.send_signal(signal.SIGTERM)
            word = s.recv(100)
            while word == b'WATCHDOG=1':
                word = s.recv(100)
            equal(word, b'STOPPING=1', 'at the end')
            d.stopped()


if __name__ == '__main__':
    stack.main(layout, unit, manual, told_to_systemd)

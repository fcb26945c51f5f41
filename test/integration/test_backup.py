#!/usr/bin/env python3
"""`badgewatch backup`, `restore`, `verify`: copies made while the daemon works, damaged ones, interrupted ones."""
import contextlib
import glob
import os
import signal
import subprocess

import stack
from stack import contains, equal, true

SIM = ['--generate', '6', '--seed', '51', '--churn', '8', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad',
       '1000', '--slack-rate', '0']
PASSWORD = 'pa55word' * 4


@contextlib.contextmanager
def slow_pg_dump(s):
    """A pg_dump that begins its file and never ends by itself; PATH for it."""
    folder = os.path.join(s.dir, 'slow')
    os.makedirs(folder)
    path = os.path.join(folder, 'pg_dump')
    with open(path, 'w', encoding='utf-8') as f:
        f.write('#!/bin/sh\nfor a; do case $a in */dump) f=$a ;; esac; done\n'
                f'tr "\\0" "\\n" </proc/$$/cmdline >{s.dir}/args\necho half >"$f"\nexec sleep 100\n')
    os.chmod(path, 0o755)
    yield {'PATH': f'{folder}:{os.environ["PATH"]}'}


def admin(s, database):
    return f'postgresql://postgres:{PASSWORD}@/{database}?host={s.pg_dir}'


def contents(s, database):
    tables = ('tracked_asins', 'checks', 'bestseller_changes', 'reigns', 'notification_log', 'schema_migrations')
    query = ' UNION ALL '.join(f'SELECT md5(coalesce(string_agg(t::text, $$;$$ ORDER BY t::text), $$$$)) FROM {t} t'
                               for t in tables)
    done = s._psql(query, 'postgres', database)
    equal(done.returncode, 0, done.stderr)
    return done.stdout


def copies():
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        since = stack.iso(s.get('/control/state')['now_ms'] // 1000)
        moved(s)
        folder = os.path.join(s.dir, 'copies')
        url = {'DATABASE_URL': admin(s, 'badgewatch')}

        # while the daemon works, then once more when all is written
        first = s.bw('backup', folder, env=url).stdout.strip()
        moved(s)
        equal(os.stat(first).st_mode & 0o777, 0o700, 'rights of a backup')
        contains(s.bw('verify', first, env=url).stdout, f'{first} is good')
        contains(s.bw('verify', folder, env=url).stdout, '6 products, ')

        older = database(s, 'older')
        s.bw('restore', folder, '--into', older, env=url)
        true(int(s.value('SELECT count(*) FROM bestseller_changes')) > 1, 'changes behind the backup')

        # it is restored into an empty database, and into no other
        s.d.stop()
        s.bw('backup', folder, '--keep', '1', env=url)
        last = glob.glob(folder + '/badgewatch-*')
        equal(len(last), 1, 'backups that are kept')
        true(last[0] >= first, 'the newest is kept')
        refused = s.bw('restore', folder, env=url, code=1)
        contains(refused.stderr, 'the database is not empty')
        s.bw('restore', folder, '--into', database(s, 'again'), env=url)
        equal(contents(s, 'again'), contents(s, 'badgewatch'), 'what was restored')
        done = subprocess.run(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', os.path.join(stack.ROOT, 'db', 'roles.sql'),
                               admin(s, 'again')], capture_output=True, text=True, timeout=60, check=False, env=s.env())
        equal(done.returncode, 0, f'roles.sql: {done.stderr}')
        contains(s.bw('check', env={'DATABASE_URL': admin(s, 'again')}).stdout, '6 products are tracked')

        interrupted(s, folder, url, last)
        damaged(s, folder, url, last[0])
        equal(s._psql("SELECT count(*) FROM pg_database WHERE datname LIKE '%verify%'", 'postgres', 'postgres').stdout.strip(),
              '0', 'scratch databases that are left')


        # a daemon goes on with the older copy and a Redis that knows more: each change is told once, also the next one
        s.d = None
        d = s.daemon({'DATABASE_URL': older})
        d.ready()
        moved(s)
        ids = s.told_ids()
        equal(len(ids), len(set(ids)), 'changes that were told twice')
        equal(len(ids), len(s.get(f'/control/record?from={since}')), 'changes that were told, and those of the simulator')


def database(s, name):
    equal(s._psql(f'CREATE DATABASE {name}', 'postgres', 'postgres').returncode, 0, 'createdb')
    return admin(s, name)


def moved(s):
    """Badges change hands, which is seen, told and written."""
    s.until_changes()
    s.poll()
    s.settled()


def interrupted(s, folder, url, before):
    """Nothing half is left, two keep out of each other's way, and the password is on no command line."""
    with slow_pg_dump(s) as slow:
        partial = os.path.join(folder, '.partial', 'dump')
        p = subprocess.Popen([stack.BADGEWATCH, 'backup', folder, '--keep', '1'], env=s.env({**url, **slow}),
                             stderr=subprocess.PIPE, text=True)
        s.wait('it is half written', lambda: os.path.exists(partial) and os.path.getsize(partial) > 0)
        contains(s.bw('backup', folder, env=url, code=1).stderr, 'another backup is being written there')
        with open(os.path.join(s.dir, 'args'), encoding='utf-8') as f:
            true(PASSWORD not in f.read(), 'the password is on the command line')
        p.send_signal(signal.SIGINT)
        contains(p.communicate(timeout=20)[1], 'interrupted')
        equal(p.returncode, 1, 'exit of an interrupted backup')
        equal(sorted(os.listdir(folder)), [os.path.basename(before[0])], 'what is left')

    # one that was killed is cleared up by the next
    os.makedirs(os.path.join(folder, '.partial'))
    with open(partial, 'w', encoding='utf-8') as f:
        f.write('half')
    failing = os.path.join(s.dir, 'slow', 'pg_dump')
    with open(failing, 'w', encoding='utf-8') as f:
        f.write('#!/bin/sh\necho "pg_dump: error: aborting because of server version mismatch" >&2\nexit 1\n')
    done = s.bw('backup', folder, env={**url, **slow}, code=1)
    contains(done.stderr, 'server version mismatch')
    contains(done.stderr, 'pg_dump failed (status 1)')
    true(PASSWORD not in done.stderr, 'the password is told')
    equal(sorted(os.listdir(folder)), [os.path.basename(before[0])], 'what is left')


def damaged(s, folder, url, backup):
    """Refused before anything is touched."""
    with open(os.path.join(backup, 'dump'), 'r+b') as f:
        f.seek(200)
        byte = f.read(1)
        f.seek(200)
        f.write(bytes([byte[0] ^ 1]))
    for command in ('verify', 'restore'):
        contains(s.bw(command, folder, env=url, code=1).stderr, 'is damaged')
    contains(s.bw('verify', s.dir, env=url, code=1).stderr, 'no backup is in it')


if __name__ == '__main__':
    stack.main(copies)

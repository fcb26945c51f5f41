#!/usr/bin/env python3
"""`badgewatch backup`, `restore`, `verify`: copies made while the daemon works, damaged ones, interrupted ones."""
import glob
import hashlib
import os
import re
import shutil
import signal
import subprocess
import time

import stack
from stack import contains, equal, matches, true

SIM = ['--generate', '6', '--seed', '51', '--churn', '8', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad',
       '1000', '--slack-rate', '0']
PASSWORD = 'pa55word' * 4


def pg_dump(s, script):
    """Another pg_dump; PATH for it."""
    folder = os.path.join(s.dir, 'other')
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, 'pg_dump')
    with open(path, 'w', encoding='utf-8') as f:
        f.write('#!/bin/sh\n' + script)
    os.chmod(path, 0o755)
    return {'PATH': f'{folder}:{os.environ["PATH"]}'}


def slow_pg_dump(s, before=''):
    """One that begins its file and never ends by itself."""
    return pg_dump(s, f'{before}\nfor a; do case $a in */dump) f=$a ;; esac; done\n'
                   f'tr "\\0" "\\n" </proc/$$/cmdline >{s.dir}/args\necho half >"$f"\nexec sleep 100\n')


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
        left_by_others(s, url)
        counted_in_the_snapshot(s, url)
        of_the_first_version(s)
        on_a_terminal(s)
        rows_that_do_not_fit(s)
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
    partial = os.path.join(folder, '.partial', 'dump')

    def half_written(env, signum, times):
        p = subprocess.Popen([stack.BADGEWATCH, 'backup', folder, '--keep', '1'], env=s.env({**url, **env}),
                             stderr=subprocess.PIPE, text=True)
        s.wait('it is half written', lambda: os.path.exists(partial) and os.path.getsize(partial) > 0)
        contains(s.bw('backup', folder, env=url, code=1).stderr, 'another backup is being written there')
        for _ in range(times):
            p.send_signal(signum)
        contains(p.communicate(timeout=20)[1], 'interrupted')
        equal(p.returncode, 1, 'exit of an interrupted backup')
        equal(sorted(os.listdir(folder)), [os.path.basename(before[0])], 'what is left')
        equal(s.sql("SELECT pid FROM pg_stat_activity WHERE application_name IN ('psql', 'pg_dump') AND datname = 'badgewatch' "
                    'AND pid <> pg_backend_pid()', 'postgres'), [], 'snapshots that are kept')

    half_written(slow_pg_dump(s), signal.SIGINT, 1)
    with open(os.path.join(s.dir, 'args'), encoding='utf-8') as f:
        true(PASSWORD not in f.read(), 'the password is on the command line')
    half_written(slow_pg_dump(s, "trap '' TERM"), signal.SIGTERM, 1)  # it does not listen, and is killed

    # one that was killed is cleared up by the next
    os.makedirs(os.path.join(folder, '.partial'))
    with open(partial, 'w', encoding='utf-8') as f:
        f.write('half')
    failing = pg_dump(s, 'echo "pg_dump: error: aborting because of server version mismatch" >&2\nexit 1\n')
    done = s.bw('backup', folder, env={**url, **failing}, code=1)
    contains(done.stderr, 'server version mismatch')
    contains(done.stderr, 'pg_dump failed (status 1)')
    true(PASSWORD not in done.stderr, 'the password is told')
    equal(sorted(os.listdir(folder)), [os.path.basename(before[0])], 'what is left')


def left_by_others(s, url):
    """Scratch databases of a verify that was killed go; folders that are no backups stay; one of a wrong clock is told."""
    folder = os.path.join(s.dir, 'others')
    noted = os.path.join(folder, 'badgewatch-before-upgrade-2')  # as long as the name of a backup
    os.makedirs(noted)
    with open(os.path.join(noted, 'dump'), 'w', encoding='utf-8') as f:
        f.write('mine')
    first = s.bw('backup', folder, '--keep', '1', env=url).stdout.strip()
    now = f'badgewatch_verify_{int(time.time()):010}_1'
    for name in ('badgewatch_verify_1000000000_1', 'badgewatch_verify_mine', now):
        database(s, name)
    s.bw('verify', folder, env=url)
    scratch = s._psql("SELECT datname FROM pg_database WHERE datname LIKE '%verify%'", 'postgres', 'postgres').stdout.split()
    equal(sorted(scratch), sorted(['badgewatch_verify_mine', now]), 'scratch databases')
    for name in scratch:
        equal(s._psql(f'DROP DATABASE {name}', 'postgres', 'postgres').returncode, 0, 'dropdb')

    later = os.path.join(folder, 'badgewatch-20991231T235959Z')
    os.rename(first, later)
    said = s.bw('backup', folder, '--keep', '1', env=url, code=1)
    contains(said.stderr, f'{later} is dated after the backup that was made now')
    made = said.stdout.strip()
    equal(sorted(glob.glob(folder + '/*')), sorted([noted, later, made]), 'folders')
    true(os.path.exists(os.path.join(noted, 'dump')), 'the folder of a person was touched')
    os.rename(later, os.path.join(s.dir, 'moved'))
    contains(s.bw('verify', folder, env=url).stdout, f'{made} is good')


def of_the_first_version(s):
    """A copy of the oldest schema, with a manifest of before there were counts: verified, restored, brought up to this one."""
    first, folder, into = database(s, 'first'), os.path.join(s.dir, 'first'), database(s, 'first_again')
    with open(os.path.join(stack.ROOT, 'db', '001_schema.sql'), 'rb') as f:
        sql = f.read()
    made = s._psql(sql.decode() + 'CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text NOT NULL, sha256 text '
                   'NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()); INSERT INTO schema_migrations VALUES '
                   f"(1, '001_schema.sql', '{hashlib.sha256(sql).hexdigest()}'); INSERT INTO tracked_asins (asin) "
                   "VALUES ('B000000001')", 'postgres', 'first')
    equal(made.returncode, 0, made.stderr)
    backup = s.bw('backup', folder, env={'DATABASE_URL': first}).stdout.strip()
    manifest(backup, without_counts(manifest(backup)), summed=False)
    said = s.bw('verify', folder, env={'DATABASE_URL': first}).stdout
    contains(said, 'knows no counts')
    contains(said, 'is good')
    s.bw('restore', folder, '--into', into)
    s.bw('migrate', env={'DATABASE_URL': into})
    equal(s.bw('asin', 'export', env={'DATABASE_URL': into}).stdout.count('B000000001'), 1, 'products')


def empty_again(s):
    """Where the last row was in before the interruption, the whole copy may be there; never a part of it."""
    held = s._psql('SELECT count(*) FROM many', 'postgres', 'many_again')
    if held.returncode == 0:
        true('150000' in str(held.stdout), f'rows of an interrupted restore: {held.stdout}')
        equal(s._psql('DROP TABLE many, schema_migrations', 'postgres', 'many_again').returncode, 0, 'dropped')


def on_a_terminal(s):
    """What takes long is drawn; a restore that is interrupted leaves nothing, and is repeated."""
    many, folder, into = database(s, 'many'), os.path.join(s.dir, 'many'), database(s, 'many_again')
    equal(s._psql('CREATE TABLE schema_migrations AS SELECT 9 AS version; CREATE TABLE many AS '
                  'SELECT n, md5(n::text) FROM generate_series(1, 150000) n', 'postgres', 'many').returncode, 0, 'many rows')
    code, drawn, made = s.on_a_terminal('backup', folder, env={'DATABASE_URL': many})
    equal(code, 0, f'exit of the backup: {drawn}')
    matches(drawn, r'\rbacking up: \d+\.\d MB ')
    code, drawn, _ = s.on_a_terminal('restore', folder, '--into', into, until=rb'restoring \[#+-+\]  ', signum=signal.SIGINT)
    equal(code, 1, 'exit of an interrupted restore')
    contains(drawn, 'interrupted; nothing half is left')
    empty_again(s)
    code, drawn, said = s.on_a_terminal('restore', folder, '--into', into)
    equal((code, said), (0, f'restored {made}'), f'a restore that is repeated: {drawn}')
    matches(drawn, r'\rrestoring \[-+\] +0 %.*\rrestoring \[#+-*\] +[1-9]\d* %.*\r +\r$')
    true('restoring' not in s.bw('restore', folder, '--into', database(s, 'quiet')).stderr, 'a bar without a terminal')


def counted_in_the_snapshot(s, url):
    """Rows that come between the counting and the dump are in neither."""
    folder = os.path.join(s.dir, 'moment')
    n = int(s.value('SELECT count(*) FROM categories'))
    later = pg_dump(s, f"""{shutil.which('psql')} -X -q -c "INSERT INTO categories SELECT 1, n, 'later' FROM generate_series(1, 9) n"
exec {shutil.which('pg_dump')} "$@"
""")
    made = s.bw('backup', folder, env={**url, **later}).stdout.strip()
    equal(int(s.value('SELECT count(*) FROM categories')), n + 9, 'rows that came meanwhile')
    contains(manifest(made), f'\nrows {n} public.categories\n')
    matches(manifest(made), r'\nrows \d+ public\.raw_responses_\d{4}_\d{2}\n')
    contains(s.bw('verify', folder, env=url).stdout, 'is good')


# What breaks a rule, and what verify says of it.
BROKEN = [
    ("INSERT INTO bestseller_changes (id, domain, asin, change_type, reason, category_id, category, occurred_at, detected_at) "
     "VALUES (gen_random_uuid(), 1, 'B0NOBODY00', 'lost', 'unranked', 7, 'c', now(), now())",
     '1 changes are of products that are neither tracked nor were ever checked'),
    ("INSERT INTO bestseller_changes (id, domain, asin, change_type, reason, category_id, category, occurred_at, detected_at) "
     'SELECT gen_random_uuid(), domain, asin, change_type, reason, category_id, category, occurred_at, detected_at '
     'FROM bestseller_changes WHERE asin <> $$B0NOBODY00$$ LIMIT 1', '1 changes are there twice'),
    ("INSERT INTO bestseller_changes (id, domain, asin, change_type, reason, category_id, category, occurred_at, detected_at) "
     "SELECT gen_random_uuid(), domain, asin, 'gained', 'reached_top', 7, 'c', '2020-01-01', check_timestamp FROM checks LIMIT 1",
     '1 gains have no reign'),
    ("INSERT INTO reigns (id, domain, asin, category_id, category, started_at) "
     "SELECT gen_random_uuid(), domain, asin, 8, 'c', '2020-01-01' FROM checks LIMIT 1; INSERT INTO bestseller_changes "
     '(id, domain, asin, change_type, reason, category_id, category, occurred_at, detected_at, held_since) '
     "SELECT gen_random_uuid(), domain, asin, 'lost', 'outranked', 8, 'c', '2020-01-02', check_timestamp, '2020-01-01' "
     'FROM checks LIMIT 1', '1 losses left their reign open'),
    ("INSERT INTO reigns (id, domain, asin, category_id, category, started_at, ended_at) VALUES "
     "(gen_random_uuid(), 1, 'B000000001', 9, 'c', '2020-01-02', '2020-01-01')", '1 reigns end before they begin'),
    ("INSERT INTO reigns (id, domain, asin, category_id, category, started_at) SELECT gen_random_uuid(), 1, 'B000000001', 10, 'c', "
     'd::timestamptz FROM unnest($${2020-01-01,2020-01-02}$$::text[]) AS d', '1 badges have two open reigns'),
    ("INSERT INTO reigns (id, domain, asin, category_id, category, started_at, ended_at) VALUES (gen_random_uuid(), 1, 'B000000001', "
     "11, 'c', '2020-01-01', '2020-01-03'), (gen_random_uuid(), 1, 'B000000001', 11, 'c', '2020-01-02', '2020-01-04')",
     '1 reigns overlap'),
    ("INSERT INTO asin_current_state (domain, asin, sales_ranks, bestseller_badges, last_updated, version, state) VALUES "
     "(1, 'B0NOBODY01', '{}', '[]', now(), 1, '{}')", '1 current states are of products that are not tracked'),
    ('UPDATE asin_current_state SET last_updated = now(), bestseller_badges = (SELECT jsonb_build_array(jsonb_build_object('
     "'category_id', category_id, 'since', held_since)) FROM bestseller_changes WHERE category_id = 8) "
     'WHERE (domain, asin) = (SELECT domain, asin FROM bestseller_changes WHERE category_id = 8)',
     '1 current states hold a badge whose loss they have seen'),
    ("UPDATE tracked_asins SET created_at = '2000-01-01'", 'current states lack a badge that their product gained last'),
    ("ALTER TABLE raw_responses_{month} RENAME TO raw_responses_1999_01",
     '1 partitions of raw_responses are of another month than their name says'),
]


def rows_that_do_not_fit(s):
    """Each rule is seen to be broken, and all of them are told at once."""
    broken, folder = admin(s, 'again'), os.path.join(s.dir, 'broken')
    month = s.sql("SELECT max(right(relname, 7)) FROM pg_class WHERE relname ~ '^raw_responses_[0-9]{4}_[0-9]{2}$'")[0][0]
    for query, _ in BROKEN:
        done = s._psql(query.replace('{month}', month), 'postgres', 'again')
        equal(done.returncode, 0, f'{query}: {done.stderr}')
    s.bw('backup', folder, env={'DATABASE_URL': broken})
    said = s.bw('verify', folder, env={'DATABASE_URL': broken}, code=1)
    for _, wanted in BROKEN:
        contains(said.stderr, wanted)
    equal(len(said.stderr.splitlines()), len(BROKEN), f'lines of\n{said.stderr}')
    true('is good' not in said.stdout, 'it is called good')


def without_counts(text):
    return re.sub(r'rows .*\n|end .*\n', '', text).replace('backup 2', 'backup 1')


def manifest(backup, text=None, summed=True):
    """The manifest of a backup; with a text: another one, whose own sum fits."""
    path = os.path.join(backup, 'manifest')
    if text is None:
        with open(path, encoding='utf-8') as f:
            return f.read()
    if summed:
        text = text[:text.index('end ')]
        text += f'end {hashlib.sha256(text.encode()).hexdigest()}\n'
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    return text


def damaged(s, folder, url, backup):
    """Refused before anything is touched, and told exactly."""
    whole = manifest(backup)
    n = int(re.search(r'\nrows (\d+) public\.checks\n', whole)[1])

    def refused(text, *wanted, summed=True, command='verify'):
        manifest(backup, text, summed)
        said = s.bw(command, folder, env=url, code=1).stderr
        for part in wanted:
            contains(said, part)

    other = whole.replace(f'\nrows {n} public.checks\n', f'\nrows {n + 1} public.checks\n')
    for command in ('verify', 'restore'):
        refused(other, 'manifest is damaged: its lines are not those that were written', summed=False, command=command)
    refused(re.sub(r'\nschema \d+', '\nschema 7', other.replace(' public.reigns\n', ' public.rains\n')),
            f'table public.checks has {n} rows, and had {n + 1}', 'table public.rains with its ',
            'table public.reigns is in the dump, and the manifest does not know it', 'the manifest says 7')
    refused(whole.replace('\nbytes ', '\nbites '), 'is not understood')
    refused(whole.replace('backup 2', 'backup 3'), 'is of a later badgewatch (format 3, this one knows 2)')
    refused('', 'it is no manifest of a backup', summed=False)

    manifest(backup, whole)

    with open(os.path.join(backup, 'dump'), 'r+b') as f:
        f.seek(200)
        byte = f.read(1)
        f.seek(200)
        f.write(bytes([byte[0] ^ 1]))
    for command in ('verify', 'restore'):
        contains(s.bw(command, folder, env=url, code=1).stderr, 'dump is damaged: it has ')
    contains(s.bw('verify', s.dir, env=url, code=1).stderr, 'no backup is in it')
    for into in ('', 'mysql://host/x'):
        contains(s.bw('restore', folder, '--into', into, env=url, code=2).stderr, 'a database like postgresql://host/name was expected')


# ---- restored while the daemon works ----

def documented():
    """The commands of doc/operations.md that restore."""
    with open(os.path.join(stack.ROOT, 'doc', 'operations.md'), encoding='utf-8') as f:
        return re.search(r'^To restore, .*?```sh\n(.*?)```', f.read(), re.M | re.S)[1].splitlines()


def run_documented(s, lines, folder):
    env = s.env({'PGHOST': s.pg_dir, 'PGUSER': 'badgewatch', 'PATH': f'{stack.BUILD}:{os.environ["PATH"]}'})
    for line in lines:
        line = line.replace(' DIR ', f' {folder} ').replace('redis-cli ', f'redis-cli -s {s.redis.path} ')
        done = subprocess.run(['sh', '-c', line], cwd=stack.ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
        equal(done.returncode, 0, f'{line}:\n{done.stdout}{done.stderr}')


def restored(s, emptied):
    """A copy, four rounds of changes (the last one is told while the database is already away), restored: what is told then.
    Gives the first moment, and the ids told before the restore."""
    equal(s._psql('ALTER ROLE badgewatch CREATEDB', 'postgres', 'postgres').returncode, 0, 'CREATEDB')
    s.track_all()
    first = stack.iso(s.get('/control/state')['now_ms'] // 1000)
    moved(s)
    folder = os.path.join(s.dir, 'copies')
    s.bw('backup', folder)
    for _ in range(3):
        moved(s)
    lines = documented()
    cut = next(i for i, line in enumerate(lines) if 'FLUSHDB' in line)
    run_documented(s, lines[:cut], folder)
    known = len(s.told_ids())
    s.until_changes()
    s.poll()
    s.wait('what came meanwhile is told', lambda: s.told() == 0 and len(s.told_ids()) > known)
    told = s.told_ids()
    run_documented(s, lines[cut if emptied else cut + 1:], folder)
    if emptied:
        s.d.says('verified against Postgres', 2)
    s.wait('the daemon has the restored database', lambda: s.sql(
        "SELECT 1 FROM pg_stat_activity WHERE datname = 'badgewatch' AND application_name LIKE 'badgewatch%'"), 30)
    s.poll()
    s.settled(60)
    equal(sorted(s.told_ids()), sorted(told), 'what is told after the restore')
    for _ in range(2):
        moved(s)
    return first, told


def restored_meanwhile():
    """As documented: all that was lost is found again, nothing is told twice or invented, what is new is told once."""
    with stack.Stack(sim=SIM) as s:
        first, told = restored(s, True)
        true(s.same_as_record(first) > len(told), 'changes behind the restore')
        s.each_told_once()
        folder = os.path.join(s.dir, 'after')
        s.bw('backup', folder)
        contains(s.bw('verify', folder).stdout, 'is good')


def restored_with_other_products():
    """One that was removed since the backup is tracked again and tells nothing twice, one that was added is forgotten."""
    with stack.Stack(sim=SIM) as s:
        equal(s._psql('ALTER ROLE badgewatch CREATEDB', 'postgres', 'postgres').returncode, 0, 'CREATEDB')
        s.track_all()
        first = stack.iso(s.get('/control/state')['now_ms'] // 1000)
        folder = os.path.join(s.dir, 'copies')
        s.bw('backup', folder)
        for _ in range(3):
            moved(s)
        removed = s.value('SELECT asin FROM bestseller_changes ORDER BY detected_at DESC LIMIT 1')
        s.bw('asin', 'remove', removed)
        s.bw('asin', 'add', 'B0ADDED001')
        s.wait('it is forgotten', lambda: not s.redis('EXISTS', f'bw:product:1:{removed}'))
        told = s.told_ids()
        run_documented(s, documented(), folder)
        s.wait('it is back', lambda: f'1:{removed}' in s.members() and '1:B0ADDED001' not in s.members(), 40)
        s.poll()
        s.settled(60)
        equal(sorted(s.told_ids()), sorted(told), 'what is told after the restore')
        moved(s)
        s.same_as_record(first)
        s.each_told_once()


def restored_beside_redis():
    """Redis is left as it is: the same for the channel; Postgres keeps the hole that the documentation tells of."""
    with stack.Stack(sim=SIM) as s:
        first, told = restored(s, False)
        ids = s.told_ids()
        record = len(s.get(f'/control/record?from={first}'))
        equal((len(ids), len(set(ids))), (record, record), 'changes that are told, and those of the simulator')
        true(len(ids) > len(told), 'changes behind the restore')
        rows = s.sql('SELECT id FROM bestseller_changes')
        true(set(ids[len(told):]) <= {r[0] for r in rows} and len(rows) < record, f'{len(rows)} rows of {record} changes')


if __name__ == '__main__':
    stack.main(copies, restored_meanwhile, restored_with_other_products, restored_beside_redis)

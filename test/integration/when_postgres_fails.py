"""Postgres away, restarted, read-only, full, locked: checks and alerts go on, history waits in Redis, in order, and each row
is there once afterwards. Steps of test_when_parts_fail.py."""
import contextlib
import os
import re
import signal
import time

import stack
from stack import contains, equal, true, watched

BASE = ['--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad', '1000', '--slack-rate', '0']
ONE = ['--generate', '1', '--seed', '61', '--churn', '24'] + BASE
SIX = ['--generate', '6', '--seed', '51', '--churn', '8'] + BASE
ROUNDS = 4
LIMIT_KB = 128
SUPER = {'PGOPTIONS': '-c default_transaction_read_only=off'}

# What Postgres says about itself and not about an entry: the history waits, and nothing is set aside.
REFUSALS = ['53100', '53200', '55P03', '57014', '42501']


def admin(s, query):
    done = s._psql(query, 'postgres', 'badgewatch', SUPER)
    true(done.returncode == 0, f'{query}: {done.stderr}')


def drop_connections(s):
    admin(s, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'badgewatch'")


def rounds(s, n):
    """Checks that find a change; each told before the next one. Gives the mean time from detection to Slack."""
    def delivered():
        m = s.d.metrics()
        return [m[f'alert_delivery_duration_seconds_{x}'] for x in ('sum', 'count')]
    before = delivered()
    for _ in range(n):
        s.until_changes()
        s.poll()
        s.wait('it is told', lambda: s.told() == 0)
    after = delivered()
    true(after[1] - before[1] >= n, 'too few alerts')
    return (after[0] - before[0]) / (after[1] - before[1])


def all_there(s, first, checks):
    """What waited is in the tables: each row once, in order, and the newest state is what stays."""
    s.settled(40)
    s.same_as_record(first)
    s.each_told_once()
    equal(s.value('SELECT count(*) FROM checks'), str(checks), 'rows of checks')
    equal(s.value('SELECT count(*) FROM checks AS a JOIN checks AS b USING (domain, asin) WHERE a.xmin::text::bigint < '
                  'b.xmin::text::bigint AND a.check_timestamp > b.check_timestamp'), '0', 'rows written before an older one')
    members = sorted(s.members())
    versions = s.sql("SELECT version FROM asin_current_state ORDER BY domain || ':' || asin")
    equal([int(r[0]) for r in versions], s.versions(members), 'versions in Postgres and Redis')


def away_and_restarted():
    with stack.Stack(sim=ONE) as s:
        s.track_all()
        first = s.get('/control/state')['now']
        with_it = rounds(s, ROUNDS)
        s.settled()
        s.pg_stop()
        s.d.says('postgres: history waits')
        without = rounds(s, ROUNDS)
        true(without < 3 * with_it, f'alerts took {without:.3f} s without Postgres, {with_it:.3f} s with it')
        m = s.d.metrics()
        equal((m['postgres_up'], s.d.status('/readyz')[0], s.d.status('/healthz')[0]), (0, 503, 200), 'health')
        true(m['history_backlog'] >= 0 and s.redis('XLEN', 'bw:history') >= ROUNDS, 'entries that wait')
        s.pg_start()
        all_there(s, first, 1 + 2 * ROUNDS)
        s.pg_stop(signal.SIGQUIT)  # a crash
        s.pg_start()
        rounds(s, 1)
        all_there(s, first, 2 + 2 * ROUNDS)


def read_only(s, on):
    admin(s, f"ALTER SYSTEM SET default_transaction_read_only = {'on' if on else 'off'}")
    admin(s, 'SELECT pg_reload_conf()')


def connections(s, most):
    admin(s, f'ALTER ROLE badgewatch CONNECTION LIMIT {most}')
    drop_connections(s)


def password(s, wanted):
    path = os.path.join(s.pg_dir, 'data', 'pg_hba.conf')
    with open(path, encoding='utf-8') as f:
        lines = [line for line in f if 'scram' not in line]
    with open(path, 'w', encoding='utf-8') as f:
        f.writelines(['local all badgewatch scram-sha-256\n'] * wanted + lines)
    admin(s, 'SELECT pg_reload_conf()')
    drop_connections(s)


def refused(s, first, checks, what, begin, end):
    """No connection is to be had: said once, tried again, and all is written afterwards."""
    begin()
    rounds(s, 1)
    s.d.says(f'postgres: history waits in Redis: .*{what}')
    watched(time.monotonic(), 1.5)
    equal(len(re.findall(f'postgres: .*{what}', s.d.log())), 1, f'lines about: {what}')
    contains(s.d.status('/readyz')[2].decode(), what, '/readyz')
    end()
    s.wait('connected again', lambda: s.d.metrics()['postgres_up'] == 1)
    all_there(s, first, checks)


def read_only_out_of_connections_or_wrong_password():
    with stack.Stack(sim=ONE) as s:
        s.track_all()
        first = s.get('/control/state')['now']
        s.settled()
        refused(s, first, 2, 'read-only', lambda: read_only(s, True), lambda: read_only(s, False))
        refused(s, first, 3, 'too many connections', lambda: connections(s, 0), lambda: connections(s, -1))
        refused(s, first, 4, 'credentials refused', lambda: password(s, True), lambda: password(s, False))


def refuses_what_is_written_or_stands_still():
    """A full disk, no memory, locks, rights: errors that a trigger raises, by the way all errors come."""
    with stack.Stack(sim=ONE) as s:
        s.track_all()
        first = s.get('/control/state')['now']
        s.settled()
        for n, code in enumerate(REFUSALS):
            admin(s, 'CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '
                  f"'refused for the test' USING ERRCODE = '{code}'; END $$; CREATE TRIGGER refuse BEFORE INSERT ON checks "
                  'EXECUTE FUNCTION refuse()')
            rounds(s, 1)
            s.d.says(rf'writer: history waits in Redis: refused for the test \({code}\)')
            equal((s.d.metrics()['postgres_up'], s.d.status('/readyz')[0]), (0, 503), 'health')
            contains(s.d.status('/readyz')[2].decode(), code, '/readyz')
            admin(s, 'DROP TRIGGER refuse ON checks; DROP FUNCTION refuse()')
            all_there(s, first, 2 + n)
            equal(len(re.findall(rf'history waits in Redis: .*{code}', s.d.log())), 1, f'lines about {code}')
            equal((s.d.metrics()['postgres_up'], s.d.status('/readyz')[0]), (1, 200), 'health afterwards')
        half_open(s, first, 1 + len(REFUSALS))


def half_open(s, first, checks):
    """Its processes stand still: connections stay, nothing is answered. Nothing else is held up."""
    with s.pg_process.stopped_by_signal():
        rounds(s, 2)
        equal(s.d.status('/healthz')[0], 200, 'health')
    all_there(s, first, checks + 2)


def products_asked(s):
    return len(s.asked())


def backlog():
    """More than BADGEWATCH_STAGE_LIMIT waits: checks pause, also those a person asks for, until it drains."""
    with stack.Stack(sim=SIX, env={'BADGEWATCH_STAGE_LIMIT': f'{LIMIT_KB}KB'}) as s:
        s.track_all()
        first = s.get('/control/state')['now']
        s.settled()
        s.pg_stop()
        s.d.says('postgres: history waits')
        full = 'BADGEWATCH_STAGE_LIMIT'
        said = s.d.log().count(full)  # first sights are long
        for _ in range(40):
            s.until_changes()
            with contextlib.suppress(AssertionError):
                before = s.versions(s.members())
                s.bw('poll', '--all')
                s.wait('checked, or full', lambda: s.d.log().count(full) > said or s.versions(s.members()) > before)
            if s.d.log().count(full) > said:
                break
        equal(s.d.log().count(full), said + 1, 'lines about ' + full)
        asked = products_asked(s)
        s.bw('poll', '--all')
        s.wait('the metrics say so', lambda: s.d.metrics()['history_backlog_bytes'] > LIMIT_KB << 10)
        equal(s.d.metrics()['checks_waiting'], 1, 'checks_waiting')
        status, _, body = s.d.status('/readyz')
        equal(status, 503, '/readyz')
        contains(body.decode(), full, '/readyz')
        contains(s.bw('show', s.members()[0], code=1).stdout, full, 'show')
        contains(s.bw('check', code=1).stdout, full, 'check')
        watched(time.monotonic(), 2)
        equal(products_asked(s), asked, 'requests while checks wait')
        s.wait('alerts go on', lambda: s.told() == 0)
        checks = sum(s.versions(s.members()))
        waiting = s.redis('XLEN', 'bw:history')
        true(waiting > 6, f'{waiting} entries wait')
        s.pg_start()
        all_there(s, first, checks + 6)
        equal(s.d.metrics()['checks_waiting'], 0, 'checks_waiting at the end')
        equal(s.d.log().count(full), said + 1, 'lines about ' + full)

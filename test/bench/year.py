#!/usr/bin/python3
"""A year of 95 products checked hourly: what the database weighs with the default settings.

    test/bench/year.py [--pad BYTES] [--days N]

Two days are lived for real: the daemon, its stores and the simulator, 48 rounds of 95 checks. Then their rows are copied by
SQL to every other day of the year, with times and requests of their own; Keepa's raw answers to as many days as
BADGEWATCH_RAW_RETENTION keeps (90), in their monthly partitions. So each table and index has the rows that a year leaves.
What a product's first check brings (its whole history) is counted once, as it is.

It prints a line for each table, and exits 1 where all of it is 2 GB or more. The binaries come from BW_BUILD.
"""
import argparse
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), 'integration')]
sys.dont_write_bytecode = True
import stack  # noqa: E402

PRODUCTS, LIVED, RAW_DAYS, GB = 95, 2, 90, 1 << 30
# table: its columns of time, and what else makes a row another one. Rows of the days that were lived are what is copied.
COPIED = {
    'checks': (['check_timestamp', 'keepa_last_update'], ['batch_id']),
    'raw_responses': (['check_timestamp'], ['batch_id']),
    'rank_points': (['at'], []),
    'value_points': (['at'], []),
    'bestseller_changes': (['occurred_at', 'detected_at', 'previous_check_at', 'held_since', 'data_at', 'notified_at',
                            'intended_at', 'settling_at', 'settled_at', 'received_at', 'queued_at'], ['id']),
    'reigns': (['started_at', 'ended_at', 'start_not_before', 'end_not_before'], ['id']),
    'api_usage_log': (['processing_started_at', 'processing_completed_at'], ['batch_id']),
    'notification_log': (['at'], ['dedupe']),
}


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split('\n\n', maxsplit=1)[0])
    p.add_argument('--pad', type=int, default=6000, help='size of a product in an answer, about')
    p.add_argument('--days', type=int, default=365)
    return p.parse_args()


def live(s, first):
    """Two days, on the clock of the host: 48 rounds."""
    keys = [p['key'] for p in s.get('/control/products')]
    s.bw('asin', 'add', *keys, '--every', '60')
    s.checked(keys, 60)
    s.settled(60)
    s.sql('CREATE TABLE IF NOT EXISTS year_begin AS SELECT now() AS at')
    for hour in range(1, LIVED * 24 + 1):
        before = s.versions(keys)
        s.host_clock.step(first + hour * 3600 - s.host_clock.now())
        s.clock_on(first + hour * 3600 - s.get('/control/state')['now_ms'] // 1000)
        s.checked(keys, 60, before)
    s.settled(120)


def columns(s, table):
    return [r[0] for r in s.sql("SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND "
                                f"table_name = '{table}' AND is_identity = 'NO' ORDER BY ordinal_position")]


def copy(s, table, days):
    times, other = COPIED[table]
    picked = []
    for c in columns(s, table):
        if c in times:
            picked.append(f"t.{c} + n * interval '{LIVED} days'")
        elif c in other:
            picked.append(f"md5(t.{c}::text || ':' || n)" + ('' if c == 'dedupe' else '::uuid'))
        else:
            picked.append(f't.{c}')
    s.sql(f'INSERT INTO {table} ({", ".join(columns(s, table))}) SELECT {", ".join(picked)} FROM {table} t, year_begin, '
          f"generate_series(1, {days // LIVED - 1}) n WHERE t.{times[0]} > year_begin.at ON CONFLICT DO NOTHING")


def figures(s):
    rows = s.sql("SELECT coalesce(p.relname, c.relname), sum(pg_total_relation_size(c.oid))::bigint, sum(c.reltuples)::bigint "
                 "FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent "
                 "WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'year_begin' "
                 'GROUP BY 1 ORDER BY 2 DESC')
    total = sum(int(r[1]) for r in rows)
    print(f'{"table":24} {"rows":>10} {"MB":>8}  of it with its indexes')
    for name, size, n in rows:
        if int(size) > 1 << 20:
            print(f'{name:24} {n:>10} {int(size) / (1 << 20):>8.1f}')
    print(f'{"all":24} {"":>10} {total / (1 << 20):>8.1f}')
    return total


def main():
    a = arguments()
    first = int(time.time()) // 3600 * 3600 + 1800
    sim = ['--generate', str(PRODUCTS), '--seed', '5', '--churn', '1.5', '--clock', 'stopped', '--slack-rate', '0', '--rate', '5000',
           '--start', stack.iso(first)[:16] + 'Z', '--pad', str(a.pad), '--history-days', '365']
    with stack.Host(sim=sim, daemon=False, env={'BADGEWATCH_GROUP_WINDOW': '1ms'}) as s:
        s.host_clock.step(first - s.host_clock.now())
        s.daemon().ready()
        live(s, first)
        s.d.stop()
        print(f'{s.value("SELECT count(*) FROM checks")} checks lived, {s.value("SELECT count(*) FROM bestseller_changes")} changes; '
              f'a raw answer is {s.value("SELECT round(avg(octet_length(raw::text))) FROM raw_responses")} bytes', flush=True)
        for month in range(13):
            s.sql(f"SELECT badgewatch_partition_for((SELECT at FROM year_begin) + interval '{month} months')")
        for table in COPIED:
            copy(s, table, RAW_DAYS if table == 'raw_responses' else a.days)
        s.sql('ANALYZE')
        total = figures(s)
    sys.exit(0 if total < 2 * GB else 1)


if __name__ == '__main__':
    main()

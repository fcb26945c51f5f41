"""Each query and each command that README.md and doc/ print is run, as printed, but for the names of what is asked about."""
import glob
import os
import re
import shlex
import subprocess

import stack
from stack import equal, true

SIM = ['--generate', '12', '--seed', '71', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad', '1000', '--churn',
       '3', '--slack-rate', '0', '--history-days', '45']
DOCUMENTS = [os.path.join(stack.ROOT, 'README.md'), *sorted(glob.glob(os.path.join(stack.ROOT, 'doc', '*.md')))]
PRODUCT, CATEGORY = 'B0YAO3022Q', '7700000571'  # of the demo
FENCE = re.compile(r'^( *)```(\w*)\n(.*?)^ *```$', re.M | re.S)

# What begins so is run by another test, or can be run by a person only.
ELSEWHERE = {
    './run': 'test/arch/test_run.py', './test/run': '.ci/run', '. var/env': 'test/arch/test_run.py',
    'export': 'test/integration/stack.py', 'docker compose': 'test/compose/run', 'tools/compose-setup.sh': 'test/compose/run',
    'badgewatch restore ': 'test/integration/test_backup.py', 'psql -v ': 'test/integration/test_backup.py',
    'DATABASE_URL=postgresql:///badgewatch_new ': 'test/integration/test_backup.py',
    'createdb ': 'test/integration/test_backup.py', 'redis-cli FLUSHDB': 'test/integration/test_backup.py',
    **dict.fromkeys(('tools/packages.sh', 'cmake ', 'systemd-sysusers ', 'sudo -u ', 'install -m ', 'echo ', 'systemctl '),
                    'test/compose/systemd'),
}


def blocks(language):
    """(document, text) of each fenced block of that language."""
    for path in DOCUMENTS:
        with open(path, encoding='utf-8') as f:
            for margin, found, text in FENCE.findall(f.read()):
                if found == language:
                    yield os.path.relpath(path, stack.ROOT), re.sub(f'^{margin}', '', text, flags=re.M)


def one_held(s):
    """A product and a category of which all kinds of rows are there."""
    return s.sql('SELECT asin, category_id FROM reigns JOIN rank_points USING (domain, asin, category_id) '
                 'GROUP BY 1, 2 ORDER BY count(*) DESC LIMIT 1')[0]


def psql(s, query):
    done = subprocess.run(['psql', '-X', '-q', '-A', '-v', 'ON_ERROR_STOP=1', '-h', s.pg_dir, '-U', 'postgres', '-d',
                           'badgewatch'], input=f'SET ROLE badgewatch_reader;\n{query}', capture_output=True, text=True,
                          timeout=60, env=s.env({'PGTZ': 'UTC'}))
    true(done.returncode == 0, f'{query}\n{done.stderr}')
    return done.stdout.splitlines()


def untagged():
    for where, text in blocks(''):
        true(not re.search(r'^ *(\./|badgewatch |redis-cli |psql |docker |systemctl |sudo )', text, re.M),
             f'{where}: commands in a block that is not marked as sh:\n{text}')


def settings(s):
    """To make it new: what `badgewatch help config` prints, between the fences."""
    told = s.bw('help', 'config').stdout
    equal([text for where, text in blocks('text') if where == 'doc/settings.md'], [told], 'doc/settings.md')


def queries(s, asin, category):
    n = 0
    for where, text in blocks('sql'):
        for query in re.split(r'(?<=;)\n\n', text):
            lines = psql(s, query.replace(PRODUCT, asin).replace(CATEGORY, category))
            true(len(lines) > 2 or 'unknown_periods ORDER' in query, f'{where}: no row from\n{query}')
            n += 1
    true(n > 15, f'only {n} queries')


def commands(s, asin, category):
    seen = set()
    for where, text in blocks('sh'):
        for line in text.splitlines():
            words = re.sub(r'(   +|  +#).*', '', line.strip())
            if not words or words.startswith('#'):
                continue
            seen.add(words.split()[0])
            command(s, where, words.replace(PRODUCT, asin).replace(CATEGORY, category))
    true({'badgewatch', 'redis-cli'} <= seen, f'commands of {seen}')


def command(s, where, words):
    if any(words.startswith(begin) for begin in ELSEWHERE):
        return
    if words.startswith('redis-cli -s var/'):
        told = s.redis_cli(*shlex.split(re.sub(r'redis-cli -s \S+', '', words)))
        true(told.strip(), f'{where}: nothing from {words}')
    elif words.startswith('badgewatch '):
        s.bw(*shlex.split(words)[1:])
    else:
        raise AssertionError(f'{where}: no test runs: {words}')


def hours_at_the_top(s):
    """The monthly report, against the reigns that the simulator's points make."""
    report = {}
    for where, text in blocks('sql'):
        if 'monthly report' in text:
            for line in psql(s, text)[1:-1]:
                month, asin, category, hours, unknown, reigns, _ = line.split('|')
                equal(float(unknown), 0, f'{where}: unknown hours of {asin}')
                report[asin, category, month] = float(hours), int(reigns)
    true(report, 'no monthly report in the documents')
    for asin in {key[0] for key in report}:
        whole = float(s.value(f"SELECT sum(extract(epoch FROM coalesce(ended_at, now()) - started_at)) / 3600 FROM reigns "
                              f"WHERE asin = '{asin}'"))
        told = sum(hours for (a, _, _), (hours, _) in report.items() if a == asin)
        true(abs(told - whole) < 0.06 * len(report), f'{asin}: {told} hours reported, {whole} held')


def as_printed():
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        s.settled(30)
        s.clock_on(86400)
        s.poll()
        s.settled(30)
        done = subprocess.run(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', s.pg_dir, '-U', 'postgres', '-d', 'badgewatch',
                               '-f', os.path.join(stack.ROOT, 'db', 'roles.sql')], capture_output=True, text=True, timeout=60,
                              check=False, env=s.env())
        equal(done.returncode, 0, f'roles.sql: {done.stderr}')
        asin, category = one_held(s)
        queries(s, asin, category)
        hours_at_the_top(s)
        with open(os.path.join(s.dir, 'products.csv'), 'w', encoding='utf-8') as f:
            f.write(s.bw('asin', 'export').stdout)
        untagged()
        settings(s)
        commands(s, asin, category)


if __name__ == '__main__':
    stack.main(as_printed)

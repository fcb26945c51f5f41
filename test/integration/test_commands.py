"""Every command: what it prints, where, and its exit status; a wrong one names what is wrong and changes nothing."""
import json
import os
import re
import subprocess

import stack
from stack import contains, equal, matches, true

COLUMNS = {'domain', 'asin', 'priority', 'monitoring_frequency', 'is_active', 'label', 'tags', 'channel', 'muted_until',
           'paused_until', 'created_at', 'updated_at'}
CHANGE_COLUMNS = {'id', 'domain', 'asin', 'change_type', 'reason', 'category_id', 'category', 'previous_rank', 'new_rank',
                  'occurred_at', 'detected_at', 'previous_check_at', 'notification_sent', 'notified_at', 'slack_channel',
                  'slack_ts'}
HEADER = 'asin,domain,priority,monitoring_frequency,label,tags,channel,is_active'
SIM = ['--generate', '20', '--seed', '5', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--churn', '1.5',
       '--slack-rate', '0', '--pad', '1000']


def tracked(s):
    return s.sql('SELECT * FROM tracked_asins ORDER BY domain, asin')


def unchanged(s, *args, code=2, says=(), stdin=None, env=None):
    """The command fails, names what is wrong on stderr, prints nothing, and applies nothing."""
    before = tracked(s)
    done = s.bw(*args, code=code, stdin=stdin, env=env)
    equal(done.stdout, '', f'stdout of {args}')
    for part in says:
        contains(done.stderr, part, f'stderr of {args}')
    equal(tracked(s), before, f'tracked_asins after {args}')


def help_and_wrong_usage(s):
    matches(s.bw('--version').stdout, r'^badgewatch \d+\.\d+\.\d+\n$')
    for text in (s.bw('--help').stdout, s.bw('help').stdout):
        for command in ('run', 'migrate', 'check', 'asin add', 'asin remove', 'asin pause', 'asin resume', 'asin mute',
                        'asin list', 'asin import', 'asin export', 'poll', 'show', 'changes', 'notify-test', 'help'):
            contains(text, command, 'help')
    contains(s.bw('help', 'poll').stdout, '--all')
    contains(s.bw('asin', 'add', '--help').stdout, '--priority')
    contains(s.bw('help', 'asin', 'add').stdout, '--priority')
    for part in ('asin add', 'asin mute', 'asin export'):
        contains(s.bw('asin', '--help').stdout, part)
    settings = s.bw('help', 'config').stdout
    for name in ('KEEPA_API_KEY', 'REDIS_URL', 'BADGEWATCH_TOKEN_RESERVE', 'BADGEWATCH_MAX_PRODUCT'):
        contains(settings, name, 'help config')
    for args in ((), ('nonsense',), ('asin',), ('asin', 'nonsense'), ('show',), ('show', 'B0D8W1YVBX', 'B0F7XPYCSJ'),
                 ('poll',), ('poll', '--all', 'B0D8W1YVBX'), ('asin', 'add'), ('asin', 'list', 'x'), ('changes', 'x'),
                 ('changes', '--since', 'yesterday'), ('run', 'x'), ('migrate', 'x'), ('asin', 'import'),
                 ('asin', 'add', 'B0D8W1YVBX', '--bogus'), ('asin', 'add', 'B0D8W1YVBX', '--label'),
                 ('asin', 'pause', 'B0D8W1YVBX', '--priority', '1'), ('help', 'nonsense'), ('help', 'config', 'extra'),
                 ('help', 'asin', 'add', 'x'), ('help', 'poll', 'x'), ('--version', 'x'), ('--config',)):
        done = s.bw(*args, code=2)
        equal(done.stdout, '', f'stdout of {args}')
        true(done.stderr.startswith('badgewatch'), f'{args}: {done.stderr}')


def bad_names(s):
    unchanged(s, 'asin', 'add', 'B0D8W1YVBX', 'B0D8W1YVB', says=['B0D8W1YVB'])
    unchanged(s, 'asin', 'add', 'B0D8W1YVBX', 'b0-8W1YVB!', says=['b0-8W1YVB!'])
    unchanged(s, 'asin', 'add', '7:B0D8W1YVBX', says=['7:B0D8W1YVBX'])
    unchanged(s, 'asin', 'add', '13:B0D8W1YVBX', says=['13:B0D8W1YVBX'])
    unchanged(s, 'asin', 'add', 'B0D8W1YVBX', '--priority', '0', says=['priority', '0'])
    unchanged(s, 'asin', 'add', 'B0D8W1YVBX', '--every', '10081', says=['every', '10081', '10080'])
    unchanged(s, 'asin', 'add', 'B0D8W1YVBX', '--priority', ' 5', says=['priority', "' 5'"])
    unchanged(s, 'asin', 'add', 'B0D8W1YVBX', '-xy', says=["'-x' is no option"])
    unchanged(s, 'asin', 'list', '--json=5', says=["'--json=5' is no option"])
    unchanged(s, 'asin', 'mute', 'B0D8W1YVBX', '--for', 'soon', says=['for', 'soon'])
    for word in ('remove', 'pause', 'resume', 'mute'):
        unchanged(s, 'asin', word, 'B0NOTTHERE', code=1, says=['1:B0NOTTHERE', 'not'])
    unchanged(s, 'poll', 'B0NOTTHERE', code=1, says=['1:B0NOTTHERE'])
    unchanged(s, 'show', 'B0NOTTHERE', code=1, says=['1:B0NOTTHERE'])
    unchanged(s, 'check', env={'BADGEWATCH_CONCURRENCY': 'many'}, says=['BADGEWATCH_CONCURRENCY', 'many'])
    unchanged(s, 'check', '--config', '/nowhere/badgewatch.conf', says=['/nowhere/badgewatch.conf'])


def not_written(s):
    """Output that gets lost is a failure; a reader that has had enough is none; a closed place is not taken by a socket."""
    def shell(line):
        done = subprocess.run(['sh', '-c', line.replace('badgewatch', stack.BADGEWATCH, 1)], env=s.env(), cwd=s.dir,
                              capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stderr

    equal(shell('badgewatch asin export >/dev/full'), (1, 'badgewatch: standard output: No space left on device\n'), 'a full disk')
    equal(shell('badgewatch help config >/dev/full'), (1, 'badgewatch: standard output: not all could be written\n'), 'help')
    equal(shell('badgewatch asin export >&-'), (1, 'badgewatch: standard output: Bad file descriptor\n'), 'a closed output')
    equal(shell('badgewatch asin export <&- >/dev/null'), (0, ''), 'a closed input')
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([stack.BADGEWATCH, 'help', 'config'], env=s.env(), stdout=writer, stderr=subprocess.PIPE, timeout=60,
                          check=False)
    os.close(writer)
    equal((done.returncode, done.stderr), (0, b''), 'a reader that has gone')


def edit(s, first, second):
    out = s.bw('asin', 'add', first, '1:' + second, '--priority', '2', '--every', '30', '--label', 'a, "b"', '--tag', 'x',
               '--tag', 'y z', '--channel', 'C0OTHER').stdout
    contains(out, '2 added')
    row = s.sql(f"SELECT priority, monitoring_frequency, label, tags, channel, is_active FROM tracked_asins "
                f"WHERE asin = '{first}'")
    equal(row, [('2', '30', 'a, "b"', '{x,"y z"}', 'C0OTHER', 't')], 'the row')
    contains(s.bw('asin', 'add', first, '--priority', '7').stdout, '0 added, 1 changed')
    equal(s.sql(f"SELECT priority, monitoring_frequency, label FROM tracked_asins WHERE asin = '{first}'"),
          [('7', '30', 'a, "b"')], 'what is not given stays')
    s.bw('asin', 'add', first, '--label', '\x1b[2Jtwo\nlines \u202e', '--channel', '')
    equal(s.sql(f"SELECT channel FROM tracked_asins WHERE asin = '{first}'"), [(None,)], 'a channel that is taken away')
    contains(s.bw('asin', 'list').stdout, r'\x1b[2Jtwo\nlines \u202e')
    s.wait('the daemon has it', lambda: 'two' in (s.redis('HGET', f'bw:product:1:{first}', 'label') or ''))
    contains(s.bw('show', first).stdout, r'\x1b[2Jtwo\nlines \u202e')
    s.bw('asin', 'add', first, '--label', 'a, "b"', '--channel', 'C0OTHER')
    rows = json.loads(s.bw('asin', 'list', '--json').stdout)
    true(isinstance(rows, list) and len(rows) == 2, rows)
    for row in rows:
        true(COLUMNS <= set(row), f'columns {sorted(row)}')
    equal(rows[0]['tags'], ['x', 'y z'], 'tags in JSON')
    listed = s.bw('asin', 'list').stdout
    contains(listed, f'1:{first}')
    s.bw('asin', 'pause', first)
    matches(s.bw('asin', 'list').stdout, rf'1:{first} .*paused  ')
    s.wait('show says it', lambda: 'paused         until resumed' in s.bw('show', first).stdout)
    s.bw('asin', 'pause', first, '--for', '8h')
    matches(s.value(f"SELECT paused_until - now() FROM tracked_asins WHERE asin = '{first}'"), r'^0?[78]:')
    matches(s.bw('asin', 'list').stdout, rf'1:{first} .*paused   20\d\d-\d\d-\d\d \d\d:\d\dZ ')
    s.wait('show says it', lambda: re.search(r'^paused +until 20\d\d-', s.bw('show', first).stdout, re.M))
    s.wait('a paused product is not due', lambda: s.redis('ZSCORE', 'bw:due', f'1:{first}') is None)
    unchanged(s, 'poll', first, code=1, says=[f'1:{first}'])
    # one of two is not tracked: neither is changed
    unchanged(s, 'asin', 'resume', first, 'B0NOTTHERE', code=1, says=['B0NOTTHERE'])
    s.bw('asin', 'resume', first)
    s.wait('a resumed product is due', lambda: s.redis('ZSCORE', 'bw:due', f'1:{first}') is not None)
    s.bw('asin', 'mute', first, '--for', '8h')
    matches(s.value(f"SELECT muted_until - now() FROM tracked_asins WHERE asin = '{first}'"), r'^0?[78]:')
    matches(s.bw('asin', 'list').stdout, rf'1:{first} .*muted    20\d\d-\d\d-\d\d \d\d:\d\dZ ')
    s.wait('show says it', lambda: re.search(r'^muted +until 20\d\d-', s.bw('show', first).stdout, re.M))
    s.sql(f"UPDATE tracked_asins SET muted_until = 'infinity' WHERE asin = '{first}'")
    s.wait('show says it', lambda: re.search(r'^muted +until resumed$', s.bw('show', first).stdout, re.M))
    s.bw('asin', 'resume', first)
    equal(s.sql(f"SELECT is_active, paused_until, muted_until FROM tracked_asins WHERE asin = '{first}'"), [('t', None, None)],
          'after resume')
    s.bw('asin', 'remove', first, second)
    equal(tracked(s), [], 'after remove')
    s.wait('Redis has forgotten them', lambda: s.redis('KEYS', 'bw:product:*') == [])


def import_and_export(s):
    bad = [('asin\nB0D8W1YVBX\nB0SHORT\n', 'line 3', 'asin'), (f'{HEADER}\nB0D8W1YVBX,7,,,,,,\n', 'line 2', 'domain'),
           (f'{HEADER}\nB0D8W1YVBX,1,5,60,,,,\nB0F7XPYCSJ,1,5,0,,,,\n', 'line 3', 'monitoring_frequency'),
           (f'{HEADER}\n\nB0D8W1YVBX,1,x,60,,,,\n', 'line 3', 'priority'),
           (f'{HEADER}\nB0D8W1YVBX,1,5,60,,,,maybe\n', 'line 2', 'is_active'), ('name\nB0D8W1YVBX\n', 'line 1', 'asin'),
           ('asin,colour\nB0D8W1YVBX,red\n', 'line 1', 'colour'), ('', 'asin', 'header')]
    for text, *says in bad:
        unchanged(s, 'asin', 'import', '-', code=1, stdin=text, says=says)
    unchanged(s, 'asin', 'import', '/nowhere/products.csv', code=1, says=['/nowhere/products.csv'])
    text = ('\ufeffdomain,asin,label,tags,priority,is_active\r\n3,B0D8W1YVBX,"Köln, ""alt""\nzwei",a;b,1,true\r\n'
            ',B0F7XPYCSJ,,,,no\r\n')
    contains(s.bw('asin', 'import', '-', stdin=text).stdout, '2')
    exported = s.bw('asin', 'export').stdout
    equal(exported.splitlines()[0], HEADER, 'header')
    before = s.sql('SELECT domain, asin, priority, monitoring_frequency, label, tags, channel, is_active FROM tracked_asins '
                   'ORDER BY 1, 2')
    equal(before, [('1', 'B0F7XPYCSJ', '5', '60', None, '{}', None, 'f'),
                   ('3', 'B0D8W1YVBX', '1', '60', 'Köln, "alt"\nzwei', '{a,b}', None, 't')], 'imported')
    s.bw('asin', 'remove', 'B0F7XPYCSJ', '3:B0D8W1YVBX')
    s.bw('asin', 'import', '-', stdin=exported)
    equal(s.sql('SELECT domain, asin, priority, monitoring_frequency, label, tags, channel, is_active FROM tracked_asins '
                'ORDER BY 1, 2'), before, 'export and import')
    equal(s.bw('asin', 'export').stdout, exported, 'the second export')
    s.bw('asin', 'remove', 'B0F7XPYCSJ', '3:B0D8W1YVBX')


def live(s):
    keys = s.track_all()
    s.post('/control/clock', {'advance_s': 14400})
    contains(s.bw('poll', keys[0], keys[1][2:]).stdout, '2')
    s.poll()
    s.settled(40)
    rows = json.loads(s.bw('changes', '--json').stdout)
    count = int(s.value('SELECT count(*) FROM bestseller_changes'))
    true(count > 0, 'the simulator changed nothing')
    equal(len(rows), count, 'changes --json')
    for row in rows:
        true(CHANGE_COLUMNS <= set(row), f'columns {sorted(row)}')
    one = f"{rows[0]['domain']}:{rows[0]['asin']}"
    of_one = json.loads(s.bw('changes', '--json', '--asin', one, '--since', '1h').stdout)
    equal({r['asin'] for r in of_one}, {rows[0]['asin']}, 'changes --asin')
    equal(json.loads(s.bw('changes', '--json', '--since', '2100-01-01T00:00:00Z').stdout), [], 'changes of the future')
    s.sql(f"UPDATE bestseller_changes SET detected_at = '2020-01-01Z' WHERE id = '{rows[0]['id']}'")
    for since, wanted in (('1970-01-01', count), ('1969-12-31', count), ('7d', count - 1)):
        equal(len(json.loads(s.bw('changes', '--json', '--since', since).stdout)), wanted, f'changes since {since}')
    s.sql(f"UPDATE bestseller_changes SET detected_at = '{rows[0]['detected_at']}' WHERE id = '{rows[0]['id']}'")
    contains(s.bw('changes').stdout, one)
    held = s.redis('ZRANGE', 'bw:badges', 0, 0)[0].rsplit(':', 1)
    shown = s.bw('show', held[0]).stdout
    for part in (held[0], s.redis('HGET', f'bw:product:{held[0]}', 'title'), '#1', 'next check', 'reigns'):
        contains(shown, part, 'show')


def check_and_notify_test(s):
    tokens = s.get('/control/state')['tokens_charged']
    posted = len(s.messages())
    lines = s.bw('check').stdout.splitlines()
    equal([re.split(r'[ :]', line.strip())[0].lower() for line in lines], ['settings', 'redis', 'postgres', 'keepa', 'slack'],
          'check: one line each')
    equal(s.get('/control/state')['tokens_charged'], tokens, 'tokens spent by check')
    equal(len(s.messages()), posted, 'messages posted by check')
    broken = [({'KEEPA_API_KEY': 'w' * 64}, 'keepa', '402'), ({'SLACK_BOT_TOKEN': 'xoxb-wrong'}, 'slack', 'invalid_auth'),
              ({'BADGEWATCH_LISTEN': '0.0.0.0:9787'}, 'settings', "FAILED BADGEWATCH_LISTEN: '0.0.0.0:9787' can be reached"),
              ({'BADGEWATCH_LISTEN': 'here:9787'}, 'settings', "FAILED BADGEWATCH_LISTEN: 'here:9787' is not an address"),
              ({'REDIS_URL': 'unix:///nowhere.sock?db=0'}, 'redis', 'no such file or directory (/nowhere.sock)'),
              ({'DATABASE_URL': 'postgresql:///nosuch?host=' + s.pg_dir + '&user=badgewatch'}, 'postgres', 'nosuch')]
    for env, part, says in broken:
        done = s.bw('check', code=1, env=env)
        equal(len(done.stdout.splitlines()), 5, f'lines with {part} broken')
        contains(done.stdout, says, f'check with {part} broken')
    s.bw('notify-test')
    message = s.messages()[-1]
    contains(message['text'], 'TEST')
    done = s.bw('notify-test', code=1, env={'SLACK_CHANNEL': 'C0WRONG'})
    contains(done.stderr, 'channel_not_found')
    done = s.bw('notify-test', code=1, env={'SLACK_BOT_TOKEN': None, 'SLACK_CHANNEL': None})
    contains(done.stderr, 'SLACK_BOT_TOKEN')
    s.bw('notify-test', env={'SLACK_BOT_TOKEN': None, 'SLACK_CHANNEL': None,
                             'SLACK_WEBHOOK_URL': f'{s.sim_url}/services/T000/B000/XXXX'})
    equal(s.messages()[-1]['via'], 'webhook', 'by which way')


def commands():
    with stack.Stack(sim=SIM) as s:
        contains(s.bw('migrate').stdout, 'already')
        help_and_wrong_usage(s)
        bad_names(s)
        not_written(s)
        edit(s, 'B0D8W1YVBX', 'B0F7XPYCSJ')
        import_and_export(s)
        live(s)
        check_and_notify_test(s)


def what_it_costs():
    """asin add and import say the new total's tokens and whether the plan keeps up; nothing of it fails them."""
    with stack.Stack(daemon=False, start_sim=False) as s:
        contains(s.bw('asin', 'add', 'B0D8W1YVBX', '--every', '7').stdout, '1 active product: 8.57 checks an hour, ')
        out = s.bw('asin', 'add', 'B0D8W1YVBX', '--every', '30').stdout
        contains(out, '1 active product: 2 checks an hour, 2 to 4 tokens an hour, 1488 to 2976 in a month')
        contains(out, 'not known yet: Keepa tells it with its first answer')
        away = s.bw('asin', 'add', 'B0D8W1YVBX', env={'REDIS_URL': 'unix:///nowhere.sock?db=0'})
        contains(away.stdout, 'not known yet: Redis')
        equal(away.stderr, '', 'Redis is not needed')
        s.redis('HSET', 'bw:tokens', 'refill_rate', 20, 'rate', 20)
        default = {'BADGEWATCH_KEEPA_UPDATE': '1', 'BADGEWATCH_MONTHLY_COST_CENTS': '5000', 'BADGEWATCH_CURRENCY': 'USD'}
        rows = 'asin,monitoring_frequency\n' + ''.join(f'B0{i:08},1\n' for i in range(9))
        out = s.bw('asin', 'import', '-', stdin=rows, env=default).stdout
        contains(out, '10 active products: 542 checks an hour, 542 tokens an hour, 403248 in a month of 31 days')
        contains(out, 'the plan gives 1200 tokens an hour: 45.2 % of it, USD 22.58 of 50.00 a month')
        out = s.bw('asin', 'add', 'B0D8W1YVBX', env={'BADGEWATCH_KEEPA_UPDATE': '0'}).stdout
        contains(out, 'at most 1084 tokens an hour')
        done = s.bw('asin', 'add', 'B0D8W1YVBX', *(f'B01{i:07}' for i in range(19)), '--every', '1', env=default)
        contains(done.stdout, 'it does not keep up')
        contains(done.stderr, 'would not keep up: 1740 tokens an hour are wanted, 1200 come; products of high priority go first, '
                 'on average a check comes after 1.4 times its interval')


if __name__ == '__main__':
    stack.main(commands, what_it_costs)

"""Redis away, restarted, mute, full, a replica, or with entries in it that nobody can read. Steps of
test_when_parts_fail.py."""
import os
import re
import shutil
import signal

import stack
from stack import contains, equal, true

SIM = ['--generate', '6', '--seed', '51', '--churn', '8', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad', '1000',
       '--slack-rate', '0']
PUT_BACK = os.path.join(stack.ROOT, 'tools', 'put-back.lua')


def found_again(s, first):
    """It is there again: what moved meanwhile is found and told, once."""
    s.wait('the daemon is ready', lambda: s.d.status('/readyz')[0] == 200, 30)
    s.poll()
    s.settled(40)
    s.same_as_record(first)
    s.each_told_once()


def is_red(s, words):
    status, _, body = s.d.status('/readyz')
    equal(status, 503, '/readyz')
    contains(body.decode(), words, '/readyz')
    m = s.d.metrics()
    equal(m['redis_up'], 0, 'redis_up')
    equal(s.d.status('/healthz')[0], 200, '/healthz')


def away_and_restarted():
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        first = s.get('/control/state')['now']
        s.settled()
        for end in (s.redis_stop, s.redis_kill):
            lines = len(re.findall('redis: checks wait', s.d.log()))
            asked = len(s.asked())
            s.fault(target='keepa', fault='stall', ms=700)
            s.bw('poll', '--all')
            s.wait('a request is under way', lambda: len(s.asked()) > asked)
            end()
            s.d.says('redis: checks wait', lines + 1)
            s.until_changes()
            is_red(s, '"redis":{"ok":false')
            s.redis_start()
            found_again(s, first)
        asked = s.asked()
        equal(s.value("SELECT count(*) FROM api_usage_log WHERE endpoint = 'product'"), str(len(asked)), 'requests in the log')


def told_once_though_older(s, first, told):
    s.pg_start()
    found_again(s, first)
    equal(s.told_ids(), told, 'what is in the channel')


def older_than_what_was_told():
    """Alerts leave while Postgres is away, then Redis comes back without remembering them: nobody but the daemon knows. Nor
    does it after a power cut; but that messages were sent in such a time, Redis had known before."""
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        first = s.get('/control/state')['now']
        s.settled()
        files = os.path.join(s.dir, 'appendonlydir')
        for power_cut in (False, True):
            older = f'{files}.{power_cut}'
            if not power_cut:
                shutil.copytree(files, older)
            s.pg_stop()
            s.d.says('postgres: history waits', 1 + power_cut)
            for _ in range(2):
                before = len(s.messages())
                s.until_changes()
                s.poll()
                s.wait('it is told', lambda: s.told() == 0 and len(s.messages()) > before)
                if not os.path.exists(older):
                    shutil.copytree(files, older)
            if power_cut:
                s.d.kill()
            told = s.told_ids()
            s.redis_kill()
            shutil.rmtree(files)
            os.rename(older, files)
            s.redis_start()
            if power_cut:
                s.daemon()
            told_once_though_older(s, first, told)


def half_open():
    """It stands still: connections stay, nothing is answered. The daemon's own time-out tells."""
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        first = s.get('/control/state')['now']
        s.settled()
        with s.redis_process.stopped_by_signal():
            s.until_changes()
            s.d.says('redis: checks wait: no answer within')
            is_red(s, 'no answer')
        found_again(s, first)


def refuses_writes():
    """Full memory, a failed save, a replica, a user who may not: said once, red, and over by itself when it is mended."""
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        first = s.get('/control/state')['now']
        s.settled()
        dump = os.path.join(s.redis_dir, 'dump.rdb')

        def save_fails():
            os.mkdir(dump)  # what is to be renamed to it cannot be
            s.redis('CONFIG', 'SET', 'save', '3600 1')
            s.redis('BGSAVE')
            s.wait('the save has failed', lambda: 'rdb_last_bgsave_status:err' in s.redis('INFO', 'persistence'))

        def save_works():
            os.rmdir(dump)
            s.redis('BGSAVE')

        def refused():
            s.redis('ACL', 'SETUSER', 'badgewatch', 'off')
            s.redis('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')

        for words, begin, end in [
                ('OOM ', lambda: s.redis('CONFIG', 'SET', 'maxmemory', '1'), lambda: s.redis('CONFIG', 'SET', 'maxmemory', '0')),
                ('MISCONF ', save_fails, save_works),
                ('a replica', lambda: s.redis('REPLICAOF', '127.0.0.1', '1'), lambda: s.redis('REPLICAOF', 'NO', 'ONE')),
                ('the user is disabled', refused, lambda: s.redis('ACL', 'SETUSER', 'badgewatch', 'on'))]:
            refused_with(s, words, begin, end)
            found_again(s, first)
        s.redis('CONFIG', 'SET', 'requirepass', 'secret')
        done = s.bw('check', code=1, env={'REDIS_URL': f'unix://{s.redis.path}'})
        true('a password is needed' in done.stdout, done.stdout)


def refused_with(s, words, begin, end):
    """It begins while an answer is on its way: that answer is lost, and no other is asked for."""
    s.until_changes()
    s.fault(target='keepa', fault='stall', ms=500)
    asked = len(s.asked())
    before = s.versions(s.members())
    s.bw('poll', '--all')
    s.wait('the request is under way', lambda: len(s.asked()) > asked)
    begin()
    s.d.says(f'redis: checks.* wait.*{words}')
    is_red(s, words)
    done = s.bw('poll', '--all', code=1)
    true(done.stderr, 'poll says nothing')
    s.wait('the answer has come', lambda: s.get('/control/state') and not s.d.metrics()['checks_waiting'] > 1)
    equal(s.versions(s.members()), before, f'checks staged with {words}')
    equal(len(s.asked()), asked + 1, f'requests with {words}')
    equal(len(re.findall(f'redis: checks.* wait.*{words}', s.d.log())), 1, f'lines about {words}')
    end()
    s.checked(s.members(), 30, before)  # what was asked for by then is not forgotten


# What a person might write by hand, and what a hostile one would.
HISTORY = [('nonsense', 'x'), ('kind', 'check'), ('kind', 'check', 'doc', 'no json'), ('kind', 'check', 'doc', '{}'),
           ('kind', 'told', 'doc', '{"changes":[1]}'), ('kind', 'request', 'doc', '[' * 500), ('kind', 'rubbish', 'doc', '{}'),
           ('kind', 'request', 'doc', '{"batch_id":"no uuid","endpoint":"product"}')]
CHANGES = [('nonsense', 'x'), ('doc', '{}', 'check', '1:B000000001:1', 'of', '1'), ('doc', '\udcff\udcfe', 'check', 'x', 'of', '-1')]


def entries_nobody_can_read():
    """They are set aside, counted and shown; the others go on; a person can put them back."""
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        first = s.get('/control/state')['now']
        s.settled()
        s.until_changes()
        for entry in HISTORY:
            s.redis('XADD', 'bw:history', '*', *entry)
        for entry in CHANGES:
            s.redis('XADD', 'bw:changes', '*', *entry)
        s.poll()
        n = len(HISTORY) + len(CHANGES)
        s.wait('all of them are set aside', lambda: s.redis('XLEN', 'bw:set_aside') == n)
        s.wait('the others went on', lambda: s.told() == 0 and s.redis('XLEN', 'bw:history') == 0)
        s.same_as_record(first)
        s.each_told_once()
        s.wait('they are shown', lambda: s.d.metrics()['set_aside_entries'] == n)
        equal(s.d.metrics()['entries_set_aside_total'], n, 'entries_set_aside_total')
        shown = s.bw('check', code=1).stdout
        contains(shown, f'{n} set aside', 'check')
        contains(shown, 'XRANGE bw:set_aside - +', 'check')
        for _, fields in s.redis('XRANGE', 'bw:set_aside', '-', '+'):
            equal(fields[::2][:3], ['from', 'id', 'why'], 'what is kept')
            true(fields[5], 'why is empty')
        what_was_mended(s, n)


def what_was_mended(s, n):
    """One that Postgres refuses for a while (a constraint somebody added) is put back when that is gone."""
    s.sql('ALTER TABLE checks ADD CONSTRAINT too_strict CHECK (false) NOT VALID')
    before = int(s.value('SELECT count(*) FROM checks'))
    s.poll(s.members()[0])
    s.wait('it is set aside', lambda: s.redis('XLEN', 'bw:set_aside') == n + 1)
    s.sql('ALTER TABLE checks DROP CONSTRAINT too_strict')
    equal(s.redis_cli('--eval', PUT_BACK, 'bw:set_aside', 'bw:staged_bytes').strip(), str(n + 1), 'put back')
    s.wait('the good one is written', lambda: int(s.value('SELECT count(*) FROM checks')) == before + 1)
    s.wait('the bad ones are set aside again', lambda: s.redis('XLEN', 'bw:set_aside') == n and s.redis('XLEN', 'bw:history') == 0)
    equal(s.redis('GET', 'bw:staged_bytes'), '0', 'bytes that wait')
    equal(s.redis('EXISTS', 'bw:set_aside'), 1, 'the stream')
    s.redis('DEL', 'bw:set_aside')

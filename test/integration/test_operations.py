"""What operators do: rows changed by hand, stores emptied or set back, settings read again. Nothing is lost, nothing is told
twice, nothing is invented. What happens when parts fail is in test_when_parts_fail.py."""
import json
import os
import shutil
import signal
import time

import stack
from stack import contains, equal, true

BASE = ['--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--pad', '1000', '--slack-rate', '0']
SIM = ['--generate', '6', '--seed', '51', '--churn', '8'] + BASE
SOON_S = 5
DAY = "SELECT to_char(max(detected_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM bestseller_changes"


def now_of(s):
    return s.get('/control/state')['now']


def default_frequency():
    """A row that a SQL client inserts without a frequency gets the setting: of migrate, of the daemon, after a reload."""
    with stack.Stack(daemon=False, start_sim=False, env={'BADGEWATCH_DEFAULT_FREQUENCY': None}) as s:
        def inserted(asin):
            s.sql(f"INSERT INTO tracked_asins (asin) VALUES ('{asin}')")
            return s.value(f"SELECT monitoring_frequency FROM tracked_asins WHERE asin = '{asin}'")

        def told(minutes):
            s.wait(f'{minutes} minutes are in Postgres',
                   lambda: s.value('SELECT monitoring_frequency FROM tracking_defaults') == str(minutes), SOON_S)
        equal(inserted('B000000001'), '60', 'frequency without a setting')
        s.bw('migrate', env={'BADGEWATCH_DEFAULT_FREQUENCY': '45'})
        equal(inserted('B000000002'), '45', 'frequency after migrate')
        path = os.path.join(s.dir, 'badgewatch.conf')
        with open(path, 'w', encoding='utf-8') as f:
            f.write('default_frequency = 30\n')
        d = s.daemon({'BADGEWATCH_CONFIG': path})
        told(30)
        equal(inserted('B000000003'), '30', 'frequency with a daemon')
        s.wait('the daemon knows it', lambda: s.redis('HGET', 'bw:product:1:B000000003', 'frequency') == '30', SOON_S)
        with open(path, 'w', encoding='utf-8') as f:
            f.write('default_frequency = 20\n')
        d.popen.send_signal(signal.SIGHUP)
        told(20)
        equal(inserted('B000000004'), '20', 'frequency after a reload')
        equal(s.sql('SELECT monitoring_frequency FROM tracked_asins ORDER BY asin'), [('60',), ('45',), ('30',), ('20',)],
              'rows keep what they got')


def rows_by_hand():
    """Any SQL client; in force within 5 s."""
    with stack.Stack(sim=SIM) as s:
        keys = [p['key'] for p in s.get('/control/products')]
        a, b, c = keys[:3]
        s.sql("INSERT INTO tracked_asins (asin, monitoring_frequency) VALUES ('%s', 10080), ('%s', 10080), ('%s', 10080)" %
              tuple(k[2:] for k in (a, b, c)))
        s.checked([a, b, c], SOON_S)
        s.sql(f"UPDATE tracked_asins SET monitoring_frequency = 30, label = 'by hand' WHERE asin = '{a[2:]}'")
        s.wait('the higher frequency is in force',
               lambda: float(s.redis('ZSCORE', 'bw:due', a) or 9e9) <= time.time() + 1800, SOON_S)
        equal(s.redis('HGET', f'bw:product:{a}', 'label'), 'by hand', 'label')
        s.sql(f"UPDATE tracked_asins SET is_active = false WHERE asin = '{b[2:]}'")
        s.wait('paused', lambda: s.redis('ZSCORE', 'bw:due', b) is None, SOON_S)
        version = s.versions([b])
        s.sql(f"UPDATE tracked_asins SET is_active = true WHERE asin = '{b[2:]}'")
        s.checked([b], SOON_S, version)  # what moved meanwhile is looked at at once
        s.sql(f"DELETE FROM tracked_asins WHERE asin = '{c[2:]}'")
        s.wait('removed', lambda: not s.redis('EXISTS', f'bw:product:{c}'), SOON_S)
        equal(s.value(f"SELECT count(*) FROM asin_current_state WHERE asin = '{c[2:]}'"), '0', 'state of a removed product')
        s.sql("INSERT INTO tracked_asins (asin, is_active) SELECT 'B0' || lpad(n::text, 8, '0'), false "
              'FROM generate_series(1, 1500) n')
        s.wait('many rows at once', lambda: s.redis('ZCARD', 'bw:tracked') == 1502, SOON_S)
        s.sql("DELETE FROM tracked_asins WHERE asin LIKE 'B00000%'")
        s.wait('many rows removed', lambda: sorted(s.members()) == sorted([a, b]), SOON_S)
        while_in_flight(s, a, b)


def while_in_flight(s, a, b):
    """Removed or paused while Keepa is being asked: the answer changes nothing any more, or only the state."""
    s.fault(target='keepa', fault='stall', ms=1500)
    asked = len(s.asked())
    version = s.versions([b])
    s.bw('poll', a, b)
    s.wait('the request is under way', lambda: len(s.asked()) > asked)
    s.sql(f"DELETE FROM tracked_asins WHERE asin = '{a[2:]}'")
    s.sql(f"UPDATE tracked_asins SET is_active = false WHERE asin = '{b[2:]}'")
    s.checked([b], before=version)
    s.settled()
    equal(s.redis('KEYS', f'*{a}*'), [], 'keys of the removed product')
    equal(s.redis.many([('ZSCORE', k, m) for k in ('bw:due', 'bw:leased') for m in (a, b)]), [None] * 4, 'due and leased')
    equal(s.value(f"SELECT count(*) FROM asin_current_state WHERE asin = '{a[2:]}'"), '0', 'state of the removed product')


def fields(live):
    return {name for name in live if not name.startswith('badge:')}


def emptied_redis():
    """FLUSHALL: states come back from Postgres, no alert is repeated or invented, the next change is told once."""
    with stack.Stack(sim=SIM) as s:
        keys = s.track_all()
        first = now_of(s)
        s.until_changes()
        s.poll()
        s.settled(30)
        before = {k: s.redis.hash(f'bw:product:{k}') for k in keys}
        badges = s.redis('ZRANGE', 'bw:badges', 0, -1, 'WITHSCORES')
        messages = len(s.messages())
        requests = len(s.asked())
        s.until_changes()  # meanwhile the world goes on
        s.redis('FLUSHALL')
        s.wait('the states are back', lambda: s.redis('EXISTS', 'bw:epoch'))
        s.d.says('verified against Postgres', 2)
        s.checked(keys, before=[int(before[k]['version']) for k in keys])
        s.settled(30)
        true(len(s.messages()) > messages, 'the change that came meanwhile was not told')
        true(len(s.asked()) > requests, 'nothing was asked')
        now = {k: s.redis.hash(f'bw:product:{k}') for k in keys}
        equal([fields(before[k]) - fields(now[k]) for k in keys], [set()] * len(keys), 'fields of the live state')
        true(set(badges[::2]) & set(s.redis('ZRANGE', 'bw:badges', 0, -1)), 'no badge came back')
        equal(len(s.redis('ZRANGE', 'bw:due', 0, -1)), len(keys), 'products that are due some time')
        s.same_as_record(first)
        s.each_told_once()


def emptied_before_told():
    """FLUSHALL while Slack is away: what Postgres has as not told is told when Slack is back."""
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        first = now_of(s)
        s.fault(target='slack', fault='error', error='invalid_auth', count=-1)
        s.until_changes()
        s.poll()
        s.wait('the changes are in Postgres', lambda: s.redis('XLEN', 'bw:history') == 0 and s.same_as_record(first) > 0)
        s.redis('FLUSHALL')
        s.d.says('verified against Postgres', 2)
        s.clear_faults()
        s.d.popen.send_signal(signal.SIGHUP)
        all_told(s)
        s.each_told_once()


def emptied_while_a_writer_hangs():
    """FLUSHALL while a daemon that is alive sits on history it has read: what others wrote meanwhile must not be newer, or
    the changes in between are in no row, and in no difference to the state that comes back."""
    with stack.Stack(sim=SIM) as s:
        keys = s.track_all()
        first = now_of(s)
        s.settled()
        s.fault(target='slack', fault='error', error='invalid_auth', count=-1)  # what is told has its row from that
        s.pg_stop()
        s.d.says('postgres: history waits')
        s.until_changes()
        s.poll()
        s.redis('SET', 'bw:daemon:hangs', '1')
        held = s.redis('XREADGROUP', 'GROUP', 'postgres', 'hangs', 'COUNT', 1000, 'STREAMS', 'bw:history', '>')
        true(held and len(held[0][1]) >= len(keys), 'the other daemon got nothing to hold')
        s.until_changes()
        s.poll()
        newest = s.versions(sorted(keys))
        s.pg_start()
        s.wait('the newest states are in Postgres', lambda: newest == [
            int(r[0]) for r in s.sql("SELECT version FROM asin_current_state ORDER BY domain || ':' || asin")], 30)
        s.d.kill()  # with what it had in mind to tell
        s.redis('FLUSHALL')
        s.clear_faults()
        s.daemon().ready()
        s.checked(keys, before=newest)
        s.settled(30)
        s.same_as_record(first)
        all_told(s)
        s.each_told_once()


def emptied_and_restarted():
    """The same, but nobody remembers: the daemon was killed and Redis is another one."""
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        first = now_of(s)
        s.fault(target='slack', fault='error', error='invalid_auth', count=-1)
        s.until_changes()
        s.poll()
        s.wait('the changes are in Postgres', lambda: s.redis('XLEN', 'bw:history') == 0 and s.same_as_record(first) > 0)
        s.d.kill()
        s.redis('FLUSHALL')
        s.clear_faults()
        s.daemon().ready()
        all_told(s)
        s.each_told_once()


def all_told(s):
    """Also those that Redis does not know of yet."""
    s.wait('all are told', lambda: s.value('SELECT count(*) FROM bestseller_changes WHERE NOT notification_sent') == '0', 40)


def emptied_after_told():
    """Slack has the alert, Postgres is away, and Redis, which alone knows it, is emptied. The state that comes back is
    older than the change: it is found again, and not told again."""
    with stack.Stack(sim=SIM) as s:
        keys = s.track_all()
        first = now_of(s)
        s.settled()
        s.pg_stop()
        s.d.says('postgres: history waits')
        s.until_changes()
        s.poll()
        s.wait('the alerts are out', lambda: s.told() == 0 and s.messages())
        told = s.told_ids()
        s.redis('FLUSHALL')
        s.pg_start()
        s.d.says('verified against Postgres', 2)
        s.checked(keys, 30, [1] * len(keys))  # the second check of each is the first after the one that Postgres has
        all_told(s)
        s.settled(40)
        s.same_as_record(first)
        s.each_told_once()
        equal(sorted(s.told_ids()), sorted(told), 'what is in the channel')


def emptied_after_some_were_told():
    """The same, and the world went on: one check finds again what was told, in two messages, and what nobody was told of."""
    with stack.Stack(sim=SIM) as s:
        keys = s.track_all()
        first = now_of(s)
        s.settled()
        s.pg_stop()
        s.d.says('postgres: history waits')
        busy = keys[0].split(':')[1]  # moves at the root of its tree too: more often than the others

        def moves():
            while not [c for c in s.until_changes() if c['asin'] == busy]:
                pass
        for _ in range(2):
            known = len(s.messages())
            moves()
            s.poll()
            s.wait('the alerts are out', lambda: s.told() == 0 and len(s.messages()) > known)
        told = s.told_ids()
        s.d.kill()  # or what it knows comes back from its memory
        moves()
        s.redis('FLUSHALL')
        s.pg_start()
        s.daemon().ready()
        s.checked(keys, 30, [1] * len(keys))
        all_told(s)
        s.settled(40)
        s.same_as_record(first)
        s.each_told_once()
        true(len(s.told_ids()) > len(told), 'what is new was not told')


NOTE = '01234567-89ab-cdef-0123-456789abcdef'


def notes(s):
    return len([m for m in s.messages() if 'badgewatch: a note' in m['text']])


def queue_note(s):
    """A message about no change: Postgres knows nothing of it."""
    with open(os.path.join(stack.ROOT, 'src', 'app', 'lua', 'note.lua'), encoding='utf-8') as f:
        equal(s.redis('EVAL', f.read(), 2, 'bw:outbox', 'bw:untold', NOTE, 'system', 'system:test',
                       '📌 badgewatch: a note', 'of a line', '', ''), 1, 'notes queued')


def old_snapshot(more=True):
    """Redis comes back as it was before alerts and a note were told: Postgres or the channel knows better."""
    with stack.Stack(sim=SIM) as s:
        s.track_all()
        first = now_of(s)
        s.fault(target='slack', fault='error', error='invalid_auth', count=-1)
        s.until_changes()
        s.poll()
        s.wait('the changes are in Postgres', lambda: s.redis('XLEN', 'bw:history') == 0 and s.same_as_record(first) > 0)
        queue_note(s)
        s.redis_stop()
        files = os.path.join(s.dir, 'appendonlydir')
        shutil.copytree(files, files + '.old')
        s.redis_start()
        s.d.says('verified against Postgres', 2)
        s.clear_faults()
        s.d.popen.send_signal(signal.SIGHUP)
        all_told(s)
        s.wait('the note is told', lambda: notes(s) == 1, 40)
        if more:  # and a state that the snapshot does not know
            s.until_changes()
            s.poll()
        s.settled(40)
        told = s.told_ids()
        s.redis_stop()
        shutil.rmtree(files)
        os.rename(files + '.old', files)
        s.redis_start()
        s.d.says('verified against Postgres', 3)
        s.poll()
        s.settled(60)
        equal(s.told_ids(), told, 'what is in the channel')
        s.wait('nothing is to be told', lambda: s.told() == 0, 60)
        equal(notes(s), 1, 'notes')
        s.same_as_record(first)
        s.each_told_once()


def old_snapshot_of_all_states():
    """The same where no state is missing: nothing but the messages says that it is older."""
    old_snapshot(more=False)


def muted_stays_muted():
    """Nobody is told, by no way: not when the mute ends, not when Redis is emptied."""
    with stack.Stack(sim=SIM) as s:
        keys = s.track_all()
        s.bw('asin', 'mute', *keys, '--for', '8h')
        s.wait('they are muted', lambda: all(s.redis('HGET', f'bw:product:{k}', 'muted_until') != '0' for k in keys))
        s.until_changes()
        s.poll()
        s.settled(30)
        muted = "SELECT count(*) FROM bestseller_changes WHERE withheld = 'muted' AND NOT notification_sent"
        s.wait('it is written who was not told', lambda: int(s.value(muted)) > 0)
        equal(s.value(muted), s.value('SELECT count(*) FROM bestseller_changes'), 'changes withheld')
        printed = s.bw('summary', '--date', s.value(DAY)).stdout
        contains(printed, f'\nMuted: {s.value(muted)} of them\n', 'the summary')
        true('Left out' not in printed, printed)
        s.sql('UPDATE tracked_asins SET muted_until = NULL')
        s.redis('FLUSHALL')
        s.d.says('verified against Postgres', 2)
        s.poll()
        s.settled(30)
        equal(s.messages(), [], 'messages')


def pauses_end():
    """At their time, also where the daemon slept over it, or did not run."""
    with stack.Host(sim=SIM, daemon=False) as s:
        s.daemon().ready()
        short, long, *_ = s.track_all()
        s.bw('asin', 'pause', short, '--for', '1h')
        s.bw('asin', 'pause', long, '--for', '20h')
        s.wait('they are not checked', lambda: not {short, long} & set(s.redis('ZRANGE', 'bw:due', 0, -1)))
        s.host_clock.step(2 * 3600)
        s.wait('the first is checked again', lambda: s.redis('ZSCORE', 'bw:due', short))
        equal(s.redis('ZSCORE', 'bw:due', long), None, 'the second')
        s.d.stop()
        s.host_clock.step(19 * 3600)
        s.daemon().ready()
        s.wait('so is the second', lambda: s.redis('ZSCORE', 'bw:due', long))
        equal(s.value('SELECT count(*) FROM tracked_asins WHERE NOT is_active OR paused_until IS NOT NULL'), '0', 'paused')


def reloaded():
    with stack.Stack(sim=SIM, daemon=False) as s:
        path = os.path.join(s.dir, 'badgewatch.conf')

        def settings(*lines):
            with open(path, 'w', encoding='utf-8') as f:
                f.write('\n'.join(lines) + '\n')
        settings('log_level = info', 'default_frequency = 30')
        d = s.daemon({'BADGEWATCH_CONFIG': path}).ready()
        s.track_all()
        settings('log_level = debug', 'default_frequency = never')
        d.popen.send_signal(signal.SIGHUP)
        line = d.says('SIGHUP: settings refused.*').group(0)
        contains(line, 'default_frequency')
        s.poll()
        true(' debug ' not in d.log(), 'a part of the refused file is in force')
        settings('log_level = debug')
        d.popen.send_signal(signal.SIGHUP)
        d.says('settings read again; changed: BADGEWATCH_LOG_LEVEL, BADGEWATCH_DEFAULT_FREQUENCY')
        s.poll()
        d.says(' debug ')


def reload_of_all():
    """`badgewatch reload`: each daemon says what changed, and what waits for its next start; a bad file is refused by all."""
    with stack.Stack(sim=SIM, daemon=False) as s:
        path, token = os.path.join(s.dir, 'badgewatch.conf'), os.path.join(s.dir, 'token')

        def write(at, *lines):
            with open(at, 'w', encoding='utf-8') as f:
                f.write('\n'.join(lines) + '\n')
            os.chmod(at, 0o600)

        def answers(code=0):
            done = s.bw('reload', code=code)
            lines = (done.stdout if code == 0 else done.stderr).splitlines()
            equal(len(lines), 2, f'answers in {lines}')
            return [line.split(': ', 1)[1] for line in lines]
        contains(s.bw('reload', code=1).stderr, 'no daemon runs on this Redis')
        write(token, 'xoxb-revoked')
        write(path, f'slack_bot_token_file = {token}')
        env = {'BADGEWATCH_CONFIG': path, 'SLACK_BOT_TOKEN': None}
        first, other = s.daemon(env).ready(), s.daemon(env).ready()
        s.track_all()
        s.until_changes()
        s.poll()
        s.wait('Slack refuses the token', lambda: first.metrics()['slack_up'] + other.metrics()['slack_up'] < 2)
        equal(answers(), ['settings read again; nothing is different'] * 2, 'of nothing')
        write(token, stack.TOKEN)  # rotated
        equal(answers(), ['settings read again; changed: SLACK_BOT_TOKEN'] * 2, 'of a secret in its file')
        s.wait('what waited is told', lambda: s.messages() and s.told() == 0)
        write(path, f'slack_bot_token_file = {token}', 'group_window = 1s', '[route "tag=a"]', 'channel = C0A')
        equal(answers(), ['settings read again; changed: BADGEWATCH_GROUP_WINDOW, routes'] * 2, 'of a route')
        write(path, 'redis_prefix = other:', f'slack_bot_token_file = {token}')
        contains(answers()[0], 'in force at the next start: BADGEWATCH_REDIS_PREFIX')
        equal(json.loads(first.status('/api/v1/status')[2])['awaits_restart'], 'BADGEWATCH_REDIS_PREFIX', 'in the API')
        write(path, 'group_window = soon')
        for line in answers(1):
            contains(line, 'settings refused, the old ones stay: ')
            contains(line, 'group_window')
        write(path, f'slack_bot_token_file = {token}')
        true('next start' not in answers()[0], 'as at the start: nothing waits for a restart')
        equal(s.redis('EXISTS', 'bw:reload'), 0, 'bw:reload')
        other.stop()


def verified_side_by_side():
    """Daemons that verify at the same time do not end each other's verification; what Redis forgot meanwhile does."""
    with open(os.path.join(stack.ROOT, 'src', 'app', 'lua', 'verified.lua'), encoding='utf-8') as f:
        script = f.read()
    with stack.Stack(postgres=False, start_sim=False, daemon=False) as s:
        def verify(what, owner, generation='', since=0):
            return s.redis('EVAL', script, 6, *[f'bw:{k}' for k in ('epoch', 'lost', 'changes', 'doubt', 'unconfirmed',
                           'generation')], what, owner, generation, since)[0]

        def begins(*owners):
            s.redis('FLUSHALL')
            for owner in owners:
                equal(verify('begin', owner), 'ok', f'begin of {owner}')

        run = s.redis('INFO', 'server').split('run_id:')[1].split()[0]
        for order in (['a', 'b', 'c'], ['c', 'a', 'b']):  # each begins anew while the others are at it, and all of them end
            begins('a', 'b', 'c', 'a')
            equal(verify('end', order[0]), 'ok', f'end of {order[0]}')
            equal(s.redis('GET', 'bw:epoch'), run, 'epoch')
            equal([verify('end', o) for o in order[1:]], ['ok', 'ok'], 'ends of the others')
        begins('a')
        begins('b')
        equal([verify('end', 'a'), verify('end', 'b')], ['again', 'ok'], 'emptied while a was at it')
        begins('ab')
        equal(verify('end', 'a'), 'again', 'end of a, which never began')
        begins('a')
        equal(verify('begin', 'b', 'g', 1000), 'ok', 'begin of b, which remembers messages that Postgres may not know')
        equal([verify('end', 'a'), verify('begin', 'a'), verify('end', 'a')], ['again', 'ok', 'ok'], 'a had not known of them')
        equal(s.redis('EXISTS', 'bw:doubt'), 1, 'bw:doubt')
        equal(verify('begin', 'c', 'g', 2000), 'ok', 'begin of c, which remembers later ones')
        equal(verify('begin', 'd'), 'ok', 'begin of d')
        equal(verify('end', 'd'), 'ok', 'end of d')
        equal(s.redis('GET', 'bw:unconfirmed'), '1000', 'since when there were such messages')


if __name__ == '__main__':
    stack.main(default_frequency, rows_by_hand, emptied_redis, emptied_before_told, emptied_while_a_writer_hangs,
               emptied_and_restarted, emptied_after_told, emptied_after_some_were_told, old_snapshot,
               old_snapshot_of_all_states, muted_stays_muted, pauses_end, reloaded, reload_of_all, verified_side_by_side)

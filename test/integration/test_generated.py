"""95 made-up products, 40 rounds of checks: exactly what the simulator's own record says, told exactly once, paid for
exactly as charged."""
import collections
import json

import stack
from stack import equal, true

PRODUCTS = 95
ROUNDS = 40
STEP_S = 3600
STAGES = ('detect', 'queue', 'slack')
CHANNELS = 30  # a channel gets one message a second


def rows_and_record():
    sim = ['--generate', str(PRODUCTS), '--seed', '7', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--churn', '1.5',
           '--slack-rate', '0', '--channel', 'any', '--rate', '2000', '--pad', '2000', '--domains', '1,3']
    with stack.Stack(sim=sim) as s:
        keys = [p['key'] for p in s.get('/control/products')]
        lines = [f'{k[2:]},{k[0]},10080,C{i % CHANNELS:03}' for i, k in enumerate(keys)]
        s.bw('asin', 'import', '-', stdin='asin,domain,monitoring_frequency,channel\n' + '\n'.join(lines) + '\n')
        s.wait('all are tracked', lambda: len(s.members()) == PRODUCTS)
        s.checked(keys)
        first = s.get('/control/state')['now']
        s.wait('history of the first round', lambda: s.value('SELECT count(*) FROM checks') == str(PRODUCTS))
        equal(s.value('SELECT count(*) FROM bestseller_changes'), '0', 'changes of the first round')
        equal(s.messages(), [], 'messages of the first round')
        for _ in range(ROUNDS):
            s.post('/control/clock', {'advance_s': STEP_S})
            s.poll()
        s.settled(60)
        check_record(s, first)
        check_messages(s)
        check_timing(s)
        equal(s.value('SELECT count(*) FROM checks'), str(PRODUCTS * (ROUNDS + 1)), 'checks')
        equal(s.value("SELECT count(*) FROM checks WHERE data_state <> 'ok'"), '0', 'unknown checks')
        s.each_request_logged()


def order(change):
    return change[8], change[:3]


def check_record(s, first):
    record = s.get(f'/control/record?from={first}')
    true(len(record) > 100, 'hardly anything changed: nothing would be proved')
    wanted = sorted(((str(r['domain']), r['asin'], str(r['category_id']), r['category'], r['type'], r['reason'],
                     r['previous_rank'] and str(r['previous_rank']), r['new_rank'] and str(r['new_rank']),
                     r['occurred_at']) for r in record), key=order)
    # a name that only /category tells may come after the change: then it is "Category N"
    rows = sorted(s.sql('SELECT domain, asin, category_id, category, change_type, reason, previous_rank, new_rank, '
                        "to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM bestseller_changes"),
                  key=order)
    equal([r[:3] + r[4:] for r in rows], [r[:3] + r[4:] for r in wanted], 'changes')
    for row, right in zip(rows, wanted):
        true(row[3] in (right[3], f'Category {row[2]}'), f'category {row[3]!r}, not {right[3]!r}')


def check_messages(s):
    """Every id once. A message of one product holds all its changes of a check; a grouped one, of several products."""
    check_of, ids_of = {}, collections.defaultdict(set)
    for change, domain, asin, at, sent in s.sql('SELECT id, domain, asin, detected_at, notification_sent '
                                                'FROM bestseller_changes'):
        equal(sent, 't', f'notification_sent of {change}')
        check_of[change] = (domain, asin, at)
        ids_of[domain, asin, at].add(change)
    told = []
    for message in s.messages():
        ids = message['metadata']['event_payload']['change_ids']
        told += ids
        for check in {check_of[i] for i in ids}:
            true(ids_of[check] <= set(ids), f'the changes of {check} are in more than one message')
    equal(sorted(told), sorted(check_of), 'change ids in the channels')


def check_timing(s):
    """Every moment of every change is there and in order, and the command and the metric say the same."""
    n = s.value('SELECT count(*) FROM bestseller_changes')
    equal(s.value('SELECT count(*) FROM bestseller_changes WHERE received_at <= detected_at AND detected_at <= queued_at '
                  'AND queued_at <= notified_at'), n, 'changes whose moments are in order')
    rows = json.loads(s.bw('changes', '--since', '1d', '--timing', '--json').stdout)
    equal(len(rows), int(n), 'changes with --timing --json')
    for r in rows:
        total = sum(r[f'{stage}_seconds'] for stage in ('keepa', *STAGES))
        true(abs(total - r['total_seconds']) < 0.001, f'the stages of {r["id"]} are not its whole way: {r}')
    lines = s.bw('changes', '--since', '1d', '--timing').stdout.splitlines()
    equal(lines[0].split()[-5:], ['KEEPA', 'DETECT', 'QUEUE', 'SLACK', 'TOTAL'], 'the head')
    equal(len(lines), int(n) + 5, 'lines')
    for i, stage in enumerate(STAGES):
        most = max(r[f'{stage}_seconds'] for r in rows)
        equal(lines[-1].split()[2 + i], f'{most:.3f}', f'the most of {stage}')
        equal(s.d.metrics()[f'change_stage_duration_seconds_count{{stage="{stage}"}}'], float(n), f'{stage} in the metric')
    print('\n'.join(lines[:3] + lines[-3:]))
    equal(s.bw('changes', '--since', '1d', '--timing', '--asin', 'B0NOTTHERE').stderr, 'no change in that time\n', 'of none')


if __name__ == '__main__':
    stack.main(rows_and_record)

"""What watches badgewatch: each alert rule fires when it should and not before, each expression of the rules and of the
dashboard finds data of a daemon that runs, and each alert has its paragraph in doc/operations.md."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.parse

import stack
from stack import equal, true

CONF = os.path.join(stack.ROOT, 'conf')
RULES = os.path.join(CONF, 'prometheus.rules.yml')
DASHBOARD = os.path.join(CONF, 'grafana', 'dashboards', 'badgewatch.json')
MINUTES = 180
A = '{job="badgewatch",instance="a"}'


def buckets(name, **rates):
    """A histogram: how many observations a minute come to each bound."""
    total, series = 0, {}
    for le, rate in [*((k.removeprefix('le').replace('_', '.'), v) for k, v in rates.items()), ('+Inf', 0)]:
        total += rate
        series[f'badgewatch_{name}_bucket{{instance="a",le="{le}"}}'] = f'0+{total}x{MINUTES}'
    return series


def always(value, **gauges):
    return {f'badgewatch_{name}': f'{value}x{MINUTES}' for name in gauges}


HEALTHY = {
    f'up{A}': f'1x{MINUTES}',
    f'process_start_time_seconds{A}': f'1000x{MINUTES}',
    'badgewatch_checks_total{outcome="ok"}': f'0+10x{MINUTES}',
    'badgewatch_checks_total{outcome="unknown"}': f'0+1x{MINUTES}',
    'badgewatch_products_tracked': f'100x{MINUTES}',
    'badgewatch_keepa_tokens_left': f'1000x{MINUTES}',
    **always(1, redis_up=1, postgres_up=1, slack_up=1, keepa_up=1),
    **always(0, products_overdue=1, checks_waiting=1, history_backlog_bytes=1, notifications_pending=1, notifications_quiet=1,
             set_aside_entries=1),
    **buckets('alert_delivery_duration_seconds', le1=100, le30=1, le60=0),
    **buckets('keepa_data_age_seconds', le3600=10, le43200=1, le86400=0),
    **buckets('loop_lag_seconds', le0_01=1000, le0_1=1, le0_5=0),
}
# alert: (what is different, minute at which it is quiet, minute at which it fires)
FIRES = {
    'BadgewatchGone': ({f'up{A}': f'1x10 _x{MINUTES - 11}'}, 16, 18),
    'BadgewatchDaemonDown': ({'up{job="badgewatch",instance="b"}': f'0x{MINUTES}'}, 4, 6),
    'BadgewatchRestarting': ({f'process_start_time_seconds{A}': f'1000x5 1100 1200 1300 1400x{MINUTES - 10}'}, 8, 9),
    'BadgewatchStalled': ({'badgewatch_checks_total{outcome="ok"}': f'7x{MINUTES}',
                           'badgewatch_checks_total{outcome="unknown"}': f'0x{MINUTES}',
                           'badgewatch_products_overdue': f'5x{MINUTES}'}, 5, 7),
    'BadgewatchOverdue': ({'badgewatch_products_overdue': f'20x{MINUTES}'}, 59, 61),
    'BadgewatchChecksWait': (always(1, checks_waiting=1), 4, 6),
    'BadgewatchHistoryBacklog': (always(200_000_000, history_backlog_bytes=1), 4, 6),
    'BadgewatchAlertsWait': ({'badgewatch_notifications_pending': f'0x4 3x{MINUTES - 5}'}, 18, 20),
    'BadgewatchDeliverySlow': (buckets('alert_delivery_duration_seconds', le1=50, le30=0, le60=1), 5, 7),
    'BadgewatchTokensShort': ({'badgewatch_keepa_tokens_left': f'50x{MINUTES}',
                               'badgewatch_products_overdue': f'5x{MINUTES}'}, 29, 31),
    'BadgewatchRedisFailing': (always(0, redis_up=1), 1, 3),
    'BadgewatchPostgresFailing': (always(0, postgres_up=1), 4, 6),
    'BadgewatchSlackFailing': (always(0, slack_up=1), 4, 6),
    'BadgewatchKeepaFailing': (always(0, keepa_up=1), 9, 11),
    'BadgewatchDataOld': (buckets('keepa_data_age_seconds', le3600=1, le43200=0, le86400=9), 30, 32),
    'BadgewatchUnknown': ({'badgewatch_checks_total{outcome="unknown"}': f'0+9x{MINUTES}'}, 15, 17),
    'BadgewatchSetAside': ({'badgewatch_set_aside_entries': f'0x5 2x{MINUTES - 6}'}, 5, 6),
    'BadgewatchLoopSlow': (buckets('loop_lag_seconds', le0_01=10, le0_1=0, le0_5=1), 10, 12),
}


def need(program):
    if not shutil.which(program):
        raise stack.Skip(f'{program} is not installed')


def rules():
    """[(alert, expression, runbook)]"""
    with open(RULES, encoding='utf-8') as f:
        text = f.read()
    found = re.findall(r'- alert: (\w+)\n +expr: (.*)\n(?: .*\n)*? +runbook_url: (\S+)\n', text)
    equal(len(found), text.count('- alert:'), 'rules with an expression in one line and a runbook')
    return found


def case(different, minute, firing):
    """At that minute exactly these alerts fire."""
    return {'interval': '1m', 'input_series': [{'series': s, 'values': v} for s, v in {**HEALTHY, **different}.items()],
            'promql_expr_test': [{'expr': 'count by (alertname) (ALERTS{alertstate="firing"})', 'eval_time': f'{minute}m',
                                  'exp_samples': [{'labels': f'{{alertname="{a}"}}', 'value': 1} for a in firing]}]}


def rules_fire():
    need('promtool')
    equal([name for name, _, _ in rules()], list(FIRES), 'alerts')
    night = {'badgewatch_notifications_pending': f'3x{MINUTES}', 'badgewatch_notifications_quiet': f'3x{MINUTES}'}
    tests = [case({}, MINUTES - 1, []), case(night, MINUTES - 1, [])]
    for name, (different, quiet, fires) in FIRES.items():
        tests += [case(different, quiet, []), case(different, fires, [name])]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'tests.yml')
        with open(path, 'w', encoding='utf-8') as f:
            json.dump({'rule_files': [RULES], 'evaluation_interval': '1m', 'tests': tests}, f)  # JSON is YAML
        done = subprocess.run(['promtool', 'test', 'rules', path], capture_output=True, text=True, timeout=120, check=False)
        true(done.returncode == 0 and 'SUCCESS' in done.stdout, f'promtool test rules: {done.stdout}{done.stderr}')


def rules_are_explained():
    with open(os.path.join(stack.ROOT, 'doc', 'operations.md'), encoding='utf-8') as f:
        chapters = re.findall(r'^### (\w+)\n\n(.+)', f.read(), re.M)
    equal([c for c, _ in chapters], [name for name, _, _ in rules()], 'chapters of doc/operations.md')
    for name, _, runbook in rules():
        equal(runbook, f'doc/operations.md#{name.lower()}', f'runbook of {name}')


def sides(expression):
    """The parts of a rule that must find data: what is compared finds none while all is well."""
    expression = re.sub(r'^absent\((.*)\)$', r'\1', expression)
    return [re.sub(r' (==|<|>) ', r' \1 bool ', part) for part in expression.split(' and ')]


def expressions():
    found = {part for _, expr, _ in rules() for part in sides(expr)}
    with open(DASHBOARD, encoding='utf-8') as f:
        panels = json.load(f)['panels']
    for p in panels:
        found |= {t['expr'].replace('$__rate_interval', '1m') for t in p.get('targets', [])}
    true(len(found) > 40, f'only {len(found)} expressions')
    return found


class Prometheus:
    def __init__(self, s, folder):
        self.port, config = stack.free_port(), os.path.join(folder, 'prometheus.yml')
        with open(config, 'w', encoding='utf-8') as f:
            json.dump({'global': {'scrape_interval': '1s', 'evaluation_interval': '1s'}, 'rule_files': [RULES],
                       'scrape_configs': [{'job_name': 'badgewatch',
                                           'static_configs': [{'targets': [f'127.0.0.1:{s.d.port}']}]}]}, f)
        self.process = stack.Process(s, 'prometheus', [
            'prometheus', f'--config.file={config}', f'--storage.tsdb.path={folder}/data',
            f'--web.listen-address=127.0.0.1:{self.port}', '--log.level=warn'])

    def ask(self, path):
        try:
            status, _, body = stack.request('GET', f'http://127.0.0.1:{self.port}/api/v1/{path}')
        except OSError:
            return None
        return json.loads(body)['data'] if status == 200 else None

    def finds(self, expression):
        answer = self.ask('query?query=' + urllib.parse.quote(expression))
        return bool(answer and answer['result'])


def expressions_find_data():
    need('prometheus')
    sim = ['--generate', '6', '--seed', '5', '--clock', 'stopped', '--start', '2026-05-01T00:00Z', '--churn', '5', '--pad', '1000']
    with stack.Stack(sim=sim) as s, tempfile.TemporaryDirectory() as folder:
        p = Prometheus(s, folder)
        s.track_all()
        s.until_changes()
        s.settled()
        left = expressions()

        def all_found():
            left.difference_update([e for e in left if p.finds(e)])
            return not left
        s.wait(lambda: f'data for {sorted(left)}', all_found)
        loaded = [r for g in p.ask('rules')['groups'] for r in g['rules']]
        equal([r['name'] for r in loaded if r['health'] != 'ok'], [], 'rules that Prometheus cannot evaluate')
        equal(len(loaded), len(FIRES), 'rules')
        p.process.end()


if __name__ == '__main__':
    stack.main(rules_fire, rules_are_explained, expressions_find_data)

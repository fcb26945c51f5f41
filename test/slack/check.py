#!/usr/bin/python3
"""What Slack itself would say of the messages: its own types, its documented limits, its own client.

    test/slack/check.py

Bodies of all kinds come from slack_bodies (bodies.c); those of daemons at work from the simulator's channels, after summaries,
parts that fail, ranks that vanish, quiet hours and products that flap. check.mjs holds them against a schema made of
@slack/types, posts them to the simulator and to npm's emulate by @slack/web-api, and reads them back. The npm packages are
those of package-lock.json; they are fetched into the build's folder. Exit 77: no Node.js 20, or npm's registry is not reached.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), 'integration')]
sys.dont_write_bytecode = True
import stack  # noqa: E402
import test_guard  # noqa: E402
import test_health  # noqa: E402
import test_routes  # noqa: E402
import test_stories  # noqa: E402
import test_summary  # noqa: E402

BODIES = os.path.join(stack.BUILD, 'test', 'slack', 'slack_bodies')
PLACE = os.path.join(stack.BUILD, 'test', 'slack', 'node')
POSTED = ('channel', 'text', 'blocks', 'metadata', 'thread_ts', 'reply_broadcast', 'unfurl_links', 'unfurl_media')
AT_WORK = (test_health.parts_and_daemons, test_guard.all_vanish_and_come_back, test_routes.one_digest, test_stories.settles,
           test_summary.monday_the_first)


def skip(why):
    print(f'SKIP: {why}')
    sys.exit(77)


def packages():
    """Of the lock file, in the build's folder."""
    if not shutil.which('npm') or not shutil.which('node'):
        skip('no Node.js')
    version = subprocess.run(['node', '--version'], capture_output=True, text=True, check=True).stdout
    if int(re.match(r'v(\d+)', version).group(1)) < 20:
        skip(f'Node.js {version.strip()}; its 20 is needed')
    os.makedirs(PLACE, exist_ok=True)
    for name in ('package.json', 'package-lock.json', 'post.ts', 'check.mjs', 'tsconfig.json'):
        shutil.copy(os.path.join(HERE, name), PLACE)
    done = subprocess.run(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], cwd=PLACE,
                          capture_output=True, text=True)
    if done.returncode != 0:
        skip(f'npm ci: {done.stderr.strip()[-600:]}')


def at_work(path):
    """Runs some of the other tests for the sake of what they leave in the channels."""
    kept, settle = [], stack.Stack.settle_processes

    def settle_processes(self):
        kept.extend(self.messages())
        settle(self)
    stack.Stack.settle_processes = settle_processes
    for test in AT_WORK:
        test()
    stack.Stack.settle_processes = settle
    with open(path, 'a', encoding='utf-8') as f:
        for message in kept:
            body = {k: v for k, v in message.items() if k in POSTED}
            f.write(json.dumps({'kind': kind_of(body['text']), 'body': body}) + '\n')


def kind_of(text):
    if ': summary of ' in text:
        return 'at work: summary'
    if ' badgewatch: ' in text:
        return 'at work: ' + re.sub(r'^\S+ badgewatch: ', '', text.splitlines()[0])
    if '(quiet hours: ' in text:
        return 'at work: after quiet hours'
    if text.startswith('🔀'):
        return 'at work: several changes'
    return 'at work: ' + ' '.join(text.splitlines()[0].split(' - ')[0].split()[1:4])


def emulate():
    port = stack.free_port()
    log = open(os.path.join(PLACE, 'emulate.log'), 'wb')
    process = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', '--', 'node', 'node_modules/emulate/dist/index.js', 'start',
                                '--service', 'slack', '--port', str(port)], cwd=PLACE, stdout=log, stderr=log)

    def answers():
        try:
            return stack.request('GET', f'http://127.0.0.1:{port}/api/api.test')[0]
        except OSError:
            return False
    stack.wait('emulate answers', answers, 30)
    return process, f'http://127.0.0.1:{port}/api/'


def main():
    packages()
    begin = time.monotonic()
    path = os.path.join(PLACE, 'bodies.jsonl')
    with open(path, 'wb') as f:
        subprocess.run([BODIES], stdout=f, check=True)
    at_work(path)
    server, emulate_api = emulate()
    with stack.Stack(sim=['--slack-rate', '0', '--channel', 'any'], daemon=False, redis=False, postgres=False) as s:
        done = subprocess.run(['node', 'check.mjs', path, stack.TOKEN, s.sim_url + '/api/', emulate_api], cwd=PLACE, env={
            **os.environ, 'NO_PROXY': '127.0.0.1'})
        told = s.bw('notify-test', env={'SLACK_BASE_URL': emulate_api.rstrip('/'), 'SLACK_CHANNEL': 'general'}, code=None)
    server.kill()
    server.wait()
    print(f'badgewatch notify-test to emulate: {(told.stdout + told.stderr).strip()}')
    print(f'({time.monotonic() - begin:.0f} s)')
    sys.exit(done.returncode or told.returncode)


if __name__ == '__main__':
    main()

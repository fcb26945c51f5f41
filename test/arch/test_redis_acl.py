#!/usr/bin/env python3
"""conf/redis.acl allows what is used, and no more: each of its commands stands in the source, and each command of a script
is allowed. What the programs themselves send, each integration test shows."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
user = next(line for line in (ROOT / 'conf/redis.acl').read_text().splitlines() if line.startswith('user badgewatch '))
allowed = [word[1:].upper() for word in user.split() if word.startswith('+')]
source = ''.join(p.read_text() for p in (ROOT / 'src').rglob('*') if p.suffix in ('.c', '.lua'))
quoted = set(re.findall(r'[\'"]([A-Z]+)[\'"]', source))
unused = [c for c in allowed if not set(c.split('|')) <= quoted]
if len(allowed) < 20 or '@ALL' in allowed or unused:
    sys.exit(f'conf/redis.acl: allowed and not used: {unused}; {len(allowed)} commands in all')
for path in sorted((ROOT / 'src').rglob('*.lua')):
    for command, sub in re.findall(r"redis\.p?call\('([A-Z]+)'(?:, '([A-Z]+)')?", path.read_text()):
        if command not in allowed and f'{command}|{sub}' not in allowed:
            sys.exit(f'conf/redis.acl: {path.name} uses {command} {sub}')
print(f'{len(allowed)} commands')

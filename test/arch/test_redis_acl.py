#!/usr/bin/env python3
"""conf/redis.acl allows no more than what is used: each of its commands stands in the source. That it allows all of what is
used, each integration test shows."""
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
print(f'{len(allowed)} commands')

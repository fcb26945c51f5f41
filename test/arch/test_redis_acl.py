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
scripts = ''.join(p.read_text() for p in (ROOT / 'src').rglob('*.lua'))
called = re.findall(r"redis\.p?call\('([A-Z]+)'(?:, '([A-Z]+)')?", scripts)
called += re.findall(r'(?:argv\[\] = \{|\(const char \*\[\]\)\{|bw_args_add\(&\w+, )"([A-Z]+)"(?:, "([A-Z]+)")?', source)
called += [(c, '') for c in re.findall(r"redis\.p?call\(\w+ and '([A-Z]+)'", scripts)]
first = {c.split('|')[0] for c in allowed}
missing = sorted({c for c in called if c[0] not in allowed and (c[0] not in first or '|'.join(c) not in allowed)})
if len(allowed) < 20 or len(called) < 100 or '@ALL' in allowed or unused or missing:
    sys.exit(f'conf/redis.acl: allowed and not used: {unused}; called and not allowed: {missing}; {len(allowed)} commands in all')
print(f'{len(allowed)} commands')

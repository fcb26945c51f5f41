"""A product's first check: its whole history fills the tables, nothing is alerted, and what Keepa sent is kept byte for
byte with its SHA-256."""
import hashlib
import json
import re

import crossings
import stack
from stack import equal, true

# kind: index in csv, values in a point, which of them
CSV_KINDS = {'amazon': (0, 2), 'new': (1, 2), 'list': (4, 2), 'rating': (16, 2), 'reviews': (17, 2), 'buy_box': (18, 3)}


def product_bytes(body, asin):
    """The product object of an answer, cut out of its bytes by counting braces outside of strings."""
    for start in (m.start() for m in re.finditer(rb'(?<=[\[,])\{', body)):
        depth, i = 0, start
        while True:
            if body[i:i + 1] == b'"':
                i = re.compile(rb'"(?:[^"\\]|\\.)*"').match(body, i).end()
                continue
            depth += {b'{': 1, b'}': -1}.get(body[i:i + 1], 0)
            i += 1
            if depth == 0:
                break
        if json.loads(body[start:i]).get('asin') == asin:
            return body[start:i]
    raise AssertionError(f'{asin} is not in the answer')


def values(product):
    """{kind: [(time, value or None)]}: consecutive equal times count once, the last of them."""
    out = {}
    for kind, (index, stride) in CSV_KINDS.items():
        flat = (product.get('csv') or [])[index] if len(product.get('csv') or []) > index else None
        out[kind] = list(zip((flat or [])[::stride], (flat or [])[1::stride]))
    sold = product.get('monthlySoldHistory') or []
    out['monthly_sold'] = list(zip(sold[::2], sold[1::2]))
    return {k: {crossings.unix(m): v if v >= 0 else None for m, v in points} for k, points in out.items()}


def history_of_a_first_check():
    files = stack.fixtures()
    products = crossings.load(files)
    end = max(x[2] for p in products for x in crossings.points(p, 1 << 62)) + 7200
    sim = [arg for f in files for arg in ('--replay', f)] + ['--clock', 'stopped', '--start', stack.iso(end)]
    with stack.Stack(sim=sim) as s:
        s.add(*[p['asin'] for p in products])
        s.wait('all are tracked', lambda: len(s.members()) == len(products))
        s.checked(s.members())
        s.settled()
        for p in products:
            check_product(s, p, end)
        equal(s.value('SELECT count(*) FROM bestseller_changes'), '0', 'changes at first sight')
        equal(s.messages(), [], 'messages at first sight')
        equal(s.redis('XLEN', 'bw:changes'), 0, 'entries of bw:changes')
        held = sorted((r[0], r[1]) for p in products for r in crossings.reigns(p, end) if r[3] is None)
        got = s.redis('ZRANGE', 'bw:badges', 0, -1)
        equal(got, sorted(f'1:{asin}:{category}' for asin, category in held), 'badges held')


def check_product(s, p, end):
    where = f"WHERE domain = 1 AND asin = '{p['asin']}'"
    wanted = crossings.points(p, end)
    rows = s.sql(f'SELECT category_id, extract(epoch FROM at)::bigint, rank FROM rank_points {where}')
    equal(sorted(((p['asin'], int(r[0]), int(r[1]), r[2] and int(r[2])) for r in rows), key=lambda x: x[:3]),
          sorted(wanted, key=lambda x: x[:3]), 'rank points')
    if p['asin'] == 'B0D8W1YVBX':
        serums = s.sql(f'SELECT (SELECT count(*) FROM rank_points {where} AND category_id = 7792528011), '
                       f'(SELECT count(*) FROM reigns {where} AND category_id = 7792528011)')
        equal(serums, [('1772', '13')], 'points and reigns in Serums')
    rows = s.sql('SELECT category_id, extract(epoch FROM started_at)::bigint, extract(epoch FROM ended_at)::bigint, '
                 f'ended_by FROM reigns {where}')
    equal(sorted((p['asin'], int(r[0]), int(r[1]), r[2] and int(r[2]), r[3]) for r in rows), crossings.reigns(p, end),
          'reigns')
    true(any(values(p).values()), 'the capture has no values')
    for kind, points in values(p).items():
        rows = s.sql(f"SELECT extract(epoch FROM at)::bigint, value FROM value_points {where} AND kind = '{kind}'")
        equal({int(t): v and int(v) for t, v in rows}, points, f'{kind} of {p["asin"]}')
    check_raw(s, p, where)


def check_raw(s, p, where):
    """The same question to the simulator, whose clock stands still, gives the same bytes."""
    asked = next(r for r in s.asked() if p['asin'] in r['asins'])
    query = '&'.join(f'{k}={v}' for k, v in asked['query'].items() if k != 'asin')
    true('days' not in asked['query'], f'the first request is limited: {asked["query"]}')
    status, _, body = stack.request('GET', f'{s.sim_url}/product?key={stack.KEY}&{query}&asin={p["asin"]}')
    equal(status, 200, 'the same question')
    wanted = product_bytes(body, p['asin'])
    row = s.sql('SELECT raw_sha256, data_state, '
                f'encode(sha256(convert_to(raw_keepa_response::text, \'UTF8\')), \'hex\'), raw_mended '
                f'FROM asin_history {where}')
    digest = hashlib.sha256(wanted).hexdigest()
    equal(row, [(digest, 'ok', digest, 'f')], f'SHA-256 of what came, state, SHA-256 of what is kept ({p["asin"]})')


if __name__ == '__main__':
    stack.main(history_of_a_first_check)

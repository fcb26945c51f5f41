#!/usr/bin/env python3
"""`badgewatch asin import` of many rows: the bar on a terminal, Ctrl-C, a wrong row, and how soon the daemon knows."""
import json
import os
import re
import signal
import subprocess

import stack
from stack import contains, equal, true

ROWS = 12000


def file_of(s, n, label, wrong=None):
    path = os.path.join(s.dir, 'products.csv')
    with open(path, 'w', encoding='utf-8') as f:
        f.write('asin,monitoring_frequency,label\n')
        for i in range(n):
            f.write(f'B{i:09d},{"often" if i == wrong else 1440},{label}\n')
    return path


def labels(s):
    return s.sql('SELECT label, count(*) FROM tracked_asins GROUP BY label ORDER BY label')


def many_rows():
    with stack.Stack(daemon=False, start_sim=False) as s:
        # a wrong row: line and column, nothing applied
        done = s.bw('asin', 'import', file_of(s, ROWS, 'wrong', wrong=9000), code=1)
        contains(done.stderr, "products.csv: line 9002, monitoring_frequency 'often': a number from 1 to 10080 was expected")
        equal(labels(s), [], 'rows after an import that was refused')

        # no terminal: no bar
        done = s.bw('asin', 'import', file_of(s, ROWS, 'first'))
        equal(done.stderr, '', 'stderr, which is no terminal')
        contains(done.stdout, f'{ROWS} products imported')
        equal(labels(s), [('first', str(ROWS))], 'rows')

        # a terminal: from 0 to 100, without an escape sequence, and gone at the end
        code, drawn, out = s.on_a_terminal('asin', 'import', file_of(s, ROWS, 'second'))
        equal(code, 0, f'exit status; {drawn}')
        contains(out, f'{ROWS} products imported')
        percents = [int(p) for p in re.findall(r'\rimporting \[[#-]{30}\] +(\d+) %', drawn)]
        # several answers of Postgres may be read at once, the last ones with the end
        true(percents[0] == 0 and percents[-1] > 75 and len(percents) >= 5 and percents == sorted(percents),
             f'percents {percents}')
        true('\x1b' not in drawn and drawn.endswith('\r'), f'drawn: {drawn[-200:]!r}')
        equal(labels(s), [('second', str(ROWS))], 'rows')

        # Ctrl-C in the midst of it
        code, drawn, _ = s.on_a_terminal('asin', 'import', file_of(s, ROWS, 'third'), until=rb'\] +[1-3]\d %',
                                       signum=signal.SIGINT)
        equal(code, -signal.SIGINT, 'exit status of an import that was interrupted')
        s.wait('Postgres has ended it', lambda: s.value(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'badgewatch command'") == '0')
        true(labels(s) in ([('second', str(ROWS))], [('third', str(ROWS))]), f'all or nothing: {labels(s)}')

        # the daemon takes all of them over, and one row that is edited meanwhile at once
        d = s.daemon()
        s.wait('all are tracked', lambda: s.redis('ZCARD', 'bw:tracked') == ROWS, 60)
        d.says(f'{ROWS} products are tracked')
        s.sql("UPDATE tracked_asins SET label = 'all'")
        s.sql("UPDATE tracked_asins SET label = 'one' WHERE asin = 'B000011999'")
        s.wait('the one that was edited', lambda: s.redis('HGET', 'bw:product:1:B000011999', 'label') == 'one', 5)
        true(s.redis('HGET', 'bw:product:1:B000011998', 'label') != 'all', 'the last page was read before the named product')
        s.wait('the last of all', lambda: s.redis('HGET', 'bw:product:1:B000011998', 'label') == 'all', 60)
        s.wait('labels', lambda: d.says(f'{ROWS} products are tracked', times=2), 60)
        equal(s.redis('HGET', 'bw:product:1:B000011999', 'label'), 'one', 'after all were read')

        # a page of the API is put together from several questions to Redis
        for after, first, n, more in (('', 0, 250, True), ('&after=1:B000011799', 11800, 200, False)):
            page = json.loads(d.status(f'/api/v1/products?limit=250{after}')[2])
            equal([p['asin'] for p in page['products']], [f'B{i:09d}' for i in range(first, first + n)], f'page {after}')
            equal(page['next'], f'1:B{first + n - 1:09d}' if more else None, f'next page {after}')


if __name__ == '__main__':
    stack.main(many_rows)

"""What a captured Keepa answer says about #1: computed here from the series alone, sharing nothing with badgewatch.

A crossing is the moment of a point where the rank becomes 1 or stops being 1. As a program: prints the crossings of the
given files as JSON lines.
"""
import gzip
import json
import sys

KEEPA_EPOCH_MIN = 21564000  # Keepa counts minutes from 2011-01-01


def unix(minute):
    return (minute + KEEPA_EPOCH_MIN) * 60


def load(paths):
    """The products of captured answers that are of domain 1: the tests add them by their bare ASIN."""
    products = []
    for path in paths:
        with (gzip.open if path.endswith('.gz') else open)(path, 'rt', encoding='utf-8') as f:
            answer = json.load(f)
        products += answer.get('products', [answer]) if isinstance(answer, dict) else answer
    return [p for p in products if p.get('domainId', 1) == 1]


def series(product):
    """{category id: [(unix time, rank or None), ...]}"""
    out = {}
    for category, flat in (product.get('salesRanks') or {}).items():
        out[int(category)] = [(unix(m), r if r > 0 else None) for m, r in zip(flat[::2], flat[1::2])]
    return out


def names(product):
    return {c['catId']: c['name'] for c in product.get('categoryTree') or []}


def crossings(product, after, until):
    """(asin, category, type, reason, previous rank, new rank, time), with after < time <= until, by time."""
    found = []
    for category, points in series(product).items():
        before = None
        for at, rank in points:
            if after < at <= until and (before == 1) != (rank == 1):
                reason = 'reached_top' if rank == 1 else 'outranked' if rank else 'unranked'
                found.append((product['asin'], category, 'gained' if rank == 1 else 'lost', reason, before, rank, at))
            before = rank
    return sorted(found, key=lambda c: (c[6], c[0], c[1]))


def reigns(product, until):
    """(asin, category, from, to or None, how it ended or None)"""
    found = []
    for category, points in series(product).items():
        since = None
        for at, rank in points:
            if at > until:
                break
            if rank == 1 and since is None:
                since = at
            elif rank != 1 and since is not None:
                found.append((product['asin'], category, since, at, 'outranked' if rank else 'unranked'))
                since = None
        if since is not None:
            found.append((product['asin'], category, since, None, None))
    return sorted(found)


def points(product, until):
    return sorted((product['asin'], category, at, rank) for category, all_points in series(product).items()
                  for at, rank in all_points if at <= until)


if __name__ == '__main__':
    for p in load(sys.argv[1:]):
        for crossing in crossings(p, 0, 1 << 62):
            print(json.dumps(crossing))

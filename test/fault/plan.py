"""What goes wrong, and when: a list of events drawn from a seed, the same for the same arguments.

The happy way: make() gives events {at, kind, target, for, ...} in the order of their beginning; `for` is how long the fault
lasts. At most one event of a target is under way at a time, so that each has its effect; different targets overlap.

There are two tracks: processes that are killed, and everything else. KINDS are the words of --only and --without.
"""
import random

KINDS = ('kill', 'flush', 'reset', 'stall', 'slow', 'keepa', 'slack', 'stop', 'full', 'readonly', 'term')
WEIGHTS = {'flush': 3, 'reset': 16, 'stall': 8, 'slow': 6, 'keepa': 26, 'slack': 22, 'stop': 9, 'full': 5, 'readonly': 3,
           'term': 4}
SERVICES = ('redis', 'postgres', 'keepa', 'slack')

# at which moment a daemon dies: service, direction, bytes of the block, before or after it is forwarded
MOMENTS = [('slack', 'up', 'chat.postMessage', 'after'), ('slack', 'up', 'chat.postMessage', 'before'),
           ('slack', 'down', '"ok":true', 'before'), ('slack', 'down', '"ok":true', 'after'),
           ('redis', 'up', 'HSET', 'after'), ('redis', 'up', 'EVALSHA', 'after'), ('redis', 'down', 'ok', 'before'),
           ('postgres', 'up', 'INSERT', 'after'), ('postgres', 'down', 'INSERT', 'before'),
           ('postgres', 'down', 'INSERT', 'after'), ('keepa', 'down', 'HTTP/1.1', 'after')]

# of one request to Keepa; `refuse` is in the plan by its own port
KEEPA = [{'fault': 'status', 'status': 429}, {'fault': 'status', 'status': 429, 'retry_after': 2},
         {'fault': 'status', 'status': 500}, {'fault': 'status', 'status': 503}, {'fault': 'html'},
         {'fault': 'html', 'status': 200}, {'fault': 'truncated-gzip'}, {'fault': 'rst'}, {'fault': 'drip', 'ms': 20},
         {'fault': 'close'}, {'fault': 'close-posted'}, {'fault': 'shuffle'}, {'fault': 'no-products'}, {'fault': 'error'},
         {'fault': 'huge', 'bytes': 3 << 20}, {'fault': 'huge', 'bytes': 24 << 20, 'shape': 'product'},
         {'fault': 'error', 'target': 'category'}, {'fault': 'close', 'target': 'category'}]
# of one product; the rules of CONTRACT.md 6.4 make a change of the third time in a row, so each happens twice at most
PRODUCT = ['omit', 'stub', 'inaccessible', 'no-ranks', 'wrong-types', 'no-category']
PRODUCT_FREE = ['duplicate', 'bad-utf8', 'stale']
TWICE = 2

SLACK = [{'fault': 'status', 'status': 429, 'retry_after': 2}, {'fault': 'status', 'status': 429},
         {'fault': 'status', 'status': 500}, {'fault': 'status', 'status': 500, 'posted': True},
         {'fault': 'status', 'status': 503, 'posted': True}, {'fault': 'status', 'status': 408, 'posted': True},
         {'fault': 'html'}, {'fault': 'html', 'posted': True}, {'fault': 'truncated-gzip'}, {'fault': 'rst'},
         {'fault': 'drip', 'ms': 50}, {'fault': 'close'}, {'fault': 'close-posted'}, {'fault': 'close-posted'},
         {'fault': 'error', 'error': 'internal_error', 'posted': True}, {'fault': 'error', 'error': 'internal_error'},
         {'fault': 'error', 'error': 'fatal_error', 'posted': True}, {'fault': 'error', 'error': 'ratelimited'},
         {'fault': 'error', 'error': 'service_unavailable'}, {'fault': 'error', 'error': 'request_timeout'}]
HISTORY = [{'fault': 'status', 'status': 500}, {'fault': 'status', 'status': 429, 'retry_after': 1}, {'fault': 'close'},
           {'fault': 'truncated-gzip'}, {'fault': 'error', 'error': 'internal_error'}, {'fault': 'stall', 'ms': 3000}]
OPERATOR = ['invalid_auth', 'channel_not_found', 'is_archived', 'token_revoked']


class Planner:
    def __init__(self, seed, seconds, daemons, kinds, products):
        self.rng = random.Random(seed)
        self.seconds, self.daemons, self.kinds, self.products = seconds, daemons, kinds, products
        self.events = []
        self.busy = {}  # target: when its last event is over
        self.spent = {}  # what may happen only so often
        self.payload_at = -60

    def make(self):
        if 'kill' in self.kinds:
            self.track((1.5, 4.5), lambda t: [self.kill(t)])
        rest = [k for k in WEIGHTS if k in self.kinds]
        if rest:
            self.track((0.6, 2.4), lambda t: self.other(t, rest))
        return sorted(self.events, key=lambda e: e['at'])

    def track(self, gap, draw):
        t = self.rng.uniform(0.5, 2)
        while t < self.seconds:
            for event in draw(t):
                self.add(t, event)
            t += self.rng.uniform(*gap)

    def add(self, t, event):
        if event is None:
            return
        target = event['target']
        begin = max(t, self.busy.get(target, 0))
        if begin >= self.seconds:
            return
        event['at'] = round(begin, 2)
        event['for'] = round(event.get('for', 0), 2)
        # a server needs a moment of health between two faults, or nothing but recovery is ever seen
        self.busy[target] = begin + event['for'] + self.rng.uniform(0.2, 1.5)
        self.events.append(event)

    def daemon(self):
        return f'daemon{self.rng.randrange(self.daemons)}'

    # ---- each kind ----

    def kill(self, t):
        rng = self.rng
        target = rng.choices([self.daemon(), 'redis', 'postgres'], (70, 16, 14))[0]
        event = {'kind': 'kill', 'target': target, 'for': rng.choice((0.05, 0.3, 1.0, 3.0))}
        if target.startswith('daemon') and rng.random() < 0.6:
            event['moment'] = rng.choice(MOMENTS)
            event['for'] += 2  # it may have to wait for its moment
        return event

    def other(self, t, kinds):
        kind = self.rng.choices(kinds, [WEIGHTS[k] for k in kinds])[0]
        made = getattr(self, kind)(t)
        return made if isinstance(made, list) else [made]

    def flush(self, t):
        return {'kind': 'flush', 'target': 'redis'}

    def link(self, kind, **more):
        where = f'{self.daemon()}.{self.rng.choice(SERVICES)}'
        return {'kind': kind, 'target': where, **more}

    def reset(self, t):
        return self.link('reset', how=self.rng.choice(('now', 'answer')))

    def stall(self, t):
        return self.link('stall', **{'for': self.rng.choice((0.3, 1, 3, 6, 12))})

    def slow(self, t):
        return self.link('slow', **{'for': self.rng.uniform(1, 6)})

    def stop(self, t):
        target = self.rng.choices([self.daemon(), 'redis', 'postgres'], (50, 30, 20))[0]
        longest = 14 if target.startswith('daemon') else 6  # longer than the sign of life of a daemon is valid
        return {'kind': 'stop', 'target': target, 'for': self.rng.choice((0.2, 1, 3, longest))}

    def full(self, t):
        return {'kind': 'full', 'target': self.rng.choice(('redis.disk', 'postgres.disk')), 'for': self.rng.uniform(1, 8)}

    def readonly(self, t):
        return {'kind': 'readonly', 'target': 'postgres.mode', 'for': self.rng.uniform(1, 8)}

    def term(self, t):
        """A rolling restart: one after the other."""
        return [{'kind': 'term', 'target': f'daemon{i}', 'for': 10} for i in range(self.daemons)]

    def once(self, what, most=1):
        self.spent[what] = self.spent.get(what, 0) + 1
        return self.spent[what] <= most

    def keepa(self, t):
        rng = self.rng
        draw = rng.random()
        spec = {'target': 'keepa'}
        if draw < 0.05 and self.once('keepa denied'):
            spec.update(fault='status', status=402)  # stops all requests of that daemon for a minute
        elif draw < 0.12:
            spec.update(fault='refuse', ms=rng.choice((200, 1500, 5000)), port='faulty')
        elif draw < 0.2:
            spec.update(fault='stall', ms=rng.choice((300, 2000, 8000, 20000)))
        elif draw < 0.5:
            spec.update(rng.choice(KEEPA))
        else:
            asin = rng.choice(self.products)
            kind = rng.choice(PRODUCT + PRODUCT_FREE)
            if kind in PRODUCT and not self.once((asin, 'stub' if kind == 'inaccessible' else kind), TWICE):
                return None
            spec.update(fault=kind, asin=asin)
            if kind == 'stale':
                spec['age'] = rng.choice(('1h', '8h', '3d'))
        return {'kind': 'keepa', 'target': 'sim.keepa', 'spec': spec}

    def slack(self, t):
        rng = self.rng
        draw = rng.random()
        spec = {'target': 'slack'}
        if draw < 0.06 and self.once('operator', 2):
            spec.update(fault='error', error=rng.choice(OPERATOR))
        elif draw < 0.12:
            spec.update(fault='refuse', ms=rng.choice((200, 1500, 5000)), port='faulty')
        elif draw < 0.2:
            spec.update(fault='stall', ms=rng.choice((300, 2000, 8000, 40000)))
        elif draw < 0.3:
            spec.update(rng.choice(HISTORY), method=rng.choice(('conversations.history', 'conversations.replies')))
        elif draw < 0.36 and t - self.payload_at >= 60:
            self.payload_at = t  # refused twice, a message is set aside: not what is tried here
            spec.update(fault='error', error='invalid_blocks')
        else:
            spec.update(rng.choice(SLACK))
        return {'kind': 'slack', 'target': 'sim.slack', 'spec': spec}


def make(seed, seconds, daemons, kinds, products):
    return Planner(seed, seconds, daemons, kinds, products).make()

"""A TCP proxy that can do to a connection what networks do: reset it, hold it, slow it, lose the answer.

The happy way: Proxies() starts a thread with an event loop; add() gives a Proxy that listens on a loopback port and
forwards to a server (a port or a unix socket). reset(), stall(), slow(), cut() and arm() may be called from any thread.

How it fails: a server that is away costs the client its connection at once, as a port that nobody listens on does. What a
held connection has not forwarded when its sender goes away is dropped, as by a network that never came back.
"""
import asyncio
import contextlib
import os
import signal
import socket
import struct
import threading

BLOCK = 65536
SLICE = 700
RESET = struct.pack('ii', 1, 0)  # SO_LINGER on, 0 s: close() sends RST


class Connection:
    """Both halves of one connection; ends once, with a reset or in peace."""

    def __init__(self, proxy, client):
        self.proxy, self.client, self.server = proxy, client, None
        self.gone = asyncio.Event()

    async def serve(self):
        try:
            self.server = await self.proxy.connect()
        except OSError:
            self.end(reset=True)
            return
        up = asyncio.create_task(self.forward(self.client, self.server, 'up'))
        down = asyncio.create_task(self.forward(self.server, self.client, 'down'))
        await self.gone.wait()
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)

    async def forward(self, source, sink, direction):
        proxy, loop = self.proxy, self.proxy.loop
        try:
            while True:
                block = await loop.sock_recv(source, BLOCK)
                if not await self.held(source):
                    break  # the sender went away while its bytes were held: they are lost
                if not block:
                    break
                if proxy.seen(direction, block, 'before', self):
                    break
                await self.send(sink, block)
                if proxy.seen(direction, block, 'after', self):
                    break
        except OSError:
            pass
        # one direction ended: neither HTTP without keep-alive, Redis nor Postgres goes on with the other half alone
        self.end(reset=False)

    async def held(self, source):
        """Waits while the proxy stalls; false if the sender closed meanwhile."""
        while self.proxy.stalled():
            await asyncio.sleep(0.02)
            if closed(source):
                return False
        return True

    async def send(self, sink, block):
        loop = self.proxy.loop
        if not self.proxy.slowed():
            await loop.sock_sendall(sink, block)
            return
        for i in range(0, len(block), SLICE):
            await loop.sock_sendall(sink, block[i:i + SLICE])
            if self.proxy.slowed():
                await asyncio.sleep(0.02)

    def end(self, reset):
        if self.gone.is_set():
            return
        self.gone.set()
        self.proxy.connections.discard(self)
        for s in (self.client, self.server):
            if s is None:
                continue
            if reset and s.family != socket.AF_UNIX:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.proxy.loop.remove_reader(s)
            self.proxy.loop.remove_writer(s)
            s.close()


def closed(s):
    """Whether the peer has closed; bytes that wait are left where they are."""
    try:
        return s.recv(1, socket.MSG_PEEK) == b''
    except BlockingIOError:
        return False
    except OSError:
        return True


class Proxy:
    def __init__(self, loop, name, target):
        self.loop, self.name, self.target = loop, name, target
        self.connections = set()
        self.until = {'stall': 0.0, 'slow': 0.0}
        self.armed = None  # (direction, needle, 'before' or 'after', action)
        self.cutting = False
        self.listener = socket.socket()
        self.listener.bind(('127.0.0.1', 0))
        self.listener.listen(128)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]

    async def connect(self):
        unix = isinstance(self.target, str)
        s = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        s.setblocking(False)
        try:
            await self.loop.sock_connect(s, self.target)
        except OSError:
            s.close()
            raise
        return s

    async def run(self):
        while True:
            client, _ = await self.loop.sock_accept(self.listener)
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, client)
            self.connections.add(connection)
            connection.task = asyncio.create_task(connection.serve())

    # ---- asked by the connections ----

    def stalled(self):
        return self.loop.time() < self.until['stall']

    def slowed(self):
        return self.loop.time() < self.until['slow']

    def seen(self, direction, block, when, connection):
        """Does what was armed for this block. True: the connection ends here."""
        if self.cutting and direction == 'down' and when == 'before':
            self.cutting = False
            connection.end(reset=True)
            return True
        if self.armed is None:
            return False
        wanted, needle, moment, action = self.armed
        if wanted != direction or moment != when or needle not in block:
            return False
        self.armed = None
        action()
        return False

    # ---- for the driver, from its own thread ----

    def _soon(self, call, *args):
        self.loop.call_soon_threadsafe(call, *args)

    def reset(self):
        """Every connection there is ends with a reset."""
        self._soon(lambda: [c.end(reset=True) for c in list(self.connections)])

    def stall(self, seconds):
        """Nothing is forwarded for so long, in either direction; connections are still accepted."""
        self._soon(self._until, 'stall', seconds)

    def slow(self, seconds):
        """Small pieces, with pauses."""
        self._soon(self._until, 'slow', seconds)

    def _until(self, what, seconds):
        self.until[what] = self.loop.time() + seconds

    def cut(self):
        """The next answer is lost with its connection; the server has done what it was asked."""
        self._soon(setattr, self, 'cutting', True)

    def kill_at(self, direction, needle, moment, pid):
        """kill -9 of the process at the very moment when such a block passes."""
        def action():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._soon(setattr, self, 'armed', (direction, needle, moment, action))

    def disarm(self):
        self._soon(setattr, self, 'armed', None)

    def clear(self):
        def all_off():
            self.until = {'stall': 0.0, 'slow': 0.0}
            self.armed, self.cutting = None, False
        self._soon(all_off)


class Proxies:
    """The thread with the event loop of all proxies."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.all = []
        self.tasks = []

    def start(self):
        self.thread.start()

    def add(self, name, target):
        proxy = Proxy(self.loop, name, target)
        self.all.append(proxy)
        self.tasks.append(asyncio.run_coroutine_threadsafe(proxy.run(), self.loop))
        return proxy

    def clear(self):
        for proxy in self.all:
            proxy.clear()

    def stop(self):
        """Takes everything down; a proxy that broke meanwhile is told."""
        async def end():
            for proxy in self.all:
                for connection in list(proxy.connections):
                    connection.end(reset=True)
                    await connection.task
            for task in self.tasks:
                task.cancel()
        asyncio.run_coroutine_threadsafe(end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        for proxy in self.all:
            proxy.listener.close()

#!/usr/bin/python3
"""The program itself, over real sockets: gzip, faults on the wire, restarts, signals.

Usage: smoke.py PATH_OF_BADGEWATCH_SIM
"""
import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

PROGRAM = sys.argv.pop(1)


class Sim:
    def __init__(self, *options):
        self.process = subprocess.Popen(
            [PROGRAM, "--listen", "127.0.0.1:0", "--generate", "5", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if "listening on http://127.0.0.1:" not in line:
            raise AssertionError(line + self.process.stderr.read())
        self.port = int(line.rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, how=signal.SIGTERM):
        if self.process.stdout.closed:
            return  # stopped by the test itself
        if self.process.poll() is None:
            self.process.send_signal(how)
        out, err = self.process.communicate(timeout=20)
        if how == signal.SIGTERM and (self.process.returncode != 0 or "ERROR" in err):
            raise AssertionError(f"exit {self.process.returncode}: {err}")

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def request(self, method, path, body=None, headers=None):
        c = self.connect()
        try:
            c.request(method, path, body, {"Accept-Encoding": "gzip"} if headers is None else headers)
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def json(self, method, path, body=None, headers=None):
        status, h, data = self.request(method, path, json.dumps(body) if body is not None else None, headers)
        if h.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        return status, json.loads(data)

    def fault(self, **members):
        status, answer = self.json("POST", "/control/faults", members)
        if status != 200:
            raise AssertionError(answer)

    def query(self):
        asins = ",".join(p["asin"] for p in self.json("GET", "/control/products")[1])
        return f"/product?key=demo-key&domain=1&asin={asins}&days=1"

    def post(self, text):
        return self.json("POST", "/api/chat.postMessage", {"channel": "C0DEMO", "text": text},
                         {"Authorization": "Bearer xoxb-demo", "Content-Type": "application/json; charset=utf-8"})


class Wire(unittest.TestCase):
    def test_gzip_on_every_status(self):
        with Sim() as s:
            for path, status in ((s.query(), 200), ("/product?key=x", 400), ("/token?key=some-other-key", 402)):
                got, headers, data = s.request("GET", path)
                self.assertEqual(got, status)
                self.assertEqual(headers["Content-Encoding"], "gzip")
                self.assertIn("tokensLeft", json.loads(gzip.decompress(data)))
            _, headers, data = s.request("GET", s.query(), headers={"Accept-Encoding": "identity"})
            self.assertNotIn("Content-Encoding", headers)
            self.assertEqual(len(json.loads(data)["products"]), 5)

    def test_keep_alive(self):
        with Sim() as s:
            c = s.connect()
            c.request("GET", "/token?key=demo-key")
            c.getresponse().read()
            first = c.sock
            c.request("GET", "/token?key=demo-key")
            self.assertEqual(c.getresponse().status, 200)
            self.assertIs(c.sock, first)
            c.close()

    def test_date_is_simulated(self):
        with Sim("--clock", "stopped", "--start", "2025-03-04T05:06:07Z") as s:
            _, headers, data = s.request("GET", "/token?key=demo-key")
            self.assertEqual(headers["Date"], "Tue, 04 Mar 2025 05:06:07 GMT")
            self.assertEqual(json.loads(gzip.decompress(data))["timestamp"], 1741064767000)

    def test_truncated_gzip(self):
        with Sim() as s:
            s.fault(fault="truncated-gzip")
            _, _, data = s.request("GET", s.query())
            d = zlib.decompressobj(31)
            d.decompress(data)
            self.assertFalse(d.eof)

    def test_reset_in_the_body(self):
        with Sim() as s:
            s.fault(fault="rst")
            with self.assertRaises(ConnectionResetError):
                s.request("GET", s.query())

    def test_close_without_answer(self):
        with Sim() as s:
            s.fault(fault="close")
            with self.assertRaises(http.client.RemoteDisconnected):
                s.request("GET", s.query())
            s.fault(target="slack", fault="close-posted")
            with self.assertRaises(http.client.RemoteDisconnected):
                s.post("ambiguous")
            self.assertEqual([m["text"] for m in s.json("GET", "/control/messages")[1]], ["ambiguous"])

    def test_stall_holds_up_nobody_else(self):
        with Sim() as s:
            s.fault(fault="stall", ms=1500)
            slow = s.connect()
            began = time.monotonic()
            slow.request("GET", "/token?key=demo-key")
            self.assertEqual(s.json("GET", "/token?key=demo-key")[0], 200)
            self.assertLess(time.monotonic() - began, 1.4)
            self.assertEqual(slow.getresponse().status, 200)
            self.assertGreaterEqual(time.monotonic() - began, 1.45)
            slow.close()

    def test_drip(self):
        with Sim() as s:
            s.fault(fault="drip", ms=20, bytes=500)
            began = time.monotonic()
            self.assertEqual(len(s.json("GET", s.query())[1]["products"]), 5)
            self.assertGreater(time.monotonic() - began, 0.1)

    def test_stop_while_stalled(self):
        with Sim() as s:
            s.fault(fault="stall", ms=60000)
            s.fault(fault="drip", ms=60000, bytes=10)
            waiting = [s.connect(), s.connect()]
            for c in waiting:
                c.request("GET", "/token?key=demo-key")
            s.json("GET", "/control/state")
            s.stop()
            for c in waiting:
                c.close()

    def test_refused(self):
        with Sim() as s:
            s.fault(fault="refuse", ms=1000)
            with self.assertRaises(http.client.RemoteDisconnected):
                s.request("GET", s.query())
            with self.assertRaises(ConnectionRefusedError):
                s.connect().connect()
            deadline = time.monotonic() + 15
            while True:
                try:
                    self.assertEqual(s.json("GET", "/token?key=demo-key")[0], 200)
                    break
                except ConnectionRefusedError:
                    self.assertLess(time.monotonic(), deadline)

    def test_huge(self):
        for shape in ("products", "product"):
            for coding in ("gzip", "identity"):
                with Sim() as s:
                    query = s.query()
                    s.fault(fault="huge", bytes=3000000, shape=shape)
                    _, headers, data = s.request("GET", query, headers={"Accept-Encoding": coding})
                    if headers.get("Content-Encoding") == "gzip":
                        data = gzip.decompress(data)
                    self.assertGreater(len(data), 3000000)
                    products = json.loads(data)["products"]
                    self.assertEqual(sum(p["asin"] != "B0FILLER00" for p in products), 5)
                    fillers = [p for p in products if p["asin"] == "B0FILLER00"]
                    self.assertEqual(len(fillers) == 1, shape == "product")

    def test_huge_before_no_product(self):
        with Sim() as s:
            for shape in ("products", "product"):
                s.fault(fault="huge", bytes=100000, shape=shape)
                answer = s.json("GET", "/product?key=demo-key&domain=1&asin=B0ZZZZZZZZ&update=-1")[1]
                self.assertTrue(all(p["asin"] == "B0FILLER00" for p in answer["products"]))

    def test_large_request_body(self):
        with Sim() as s:
            status, _, _ = s.request("POST", "/control/clock", b"x" * 3000000)
            self.assertEqual(status, 413)


class Program(unittest.TestCase):
    def usage(self, *options):
        return subprocess.run([PROGRAM, *options], capture_output=True, text=True, timeout=30)

    def test_loopback_only(self):
        for address in ("0.0.0.0:9788", "[::]:9788", "192.0.2.1:9788"):
            r = self.usage("--listen", address)
            self.assertEqual(r.returncode, 2)
            self.assertIn("loopback", r.stderr)

    def test_open(self):
        """Beyond loopback where it is asked for."""
        with Sim("--open", "--listen", "0.0.0.0:0") as s:
            self.assertIn("listening on http://0.0.0.0:", s.process.stdout.readline())
            self.assertEqual(s.request("GET", "/control/state")[0], 200)

    def test_wrong_usage(self):
        for options in (("--nonsense",), ("--speed", "fast"), ("--domains", "1,7"), ("--fault", "keepa:nonsense"),
                        ("extra",), ("--rate", "0"), ("--start", "soon")):
            r = self.usage(*options)
            self.assertEqual(r.returncode, 2, options)
            self.assertIn("badgewatch-sim", r.stderr)
            self.assertEqual(r.stdout, "")

    def test_help_names_every_option(self):
        r = self.usage("--help")
        self.assertEqual(r.returncode, 0)
        for option in ("listen", "state", "replay", "generate", "seed", "churn", "pad", "fault", "slack-rate", "order"):
            self.assertIn("--" + option, r.stdout)

    def test_state_survives(self):
        with tempfile.TemporaryDirectory() as folder:
            state = os.path.join(folder, "state")
            options = ("--state", state, "--clock", "stopped", "--start", "2026-01-01T00:00Z")
            with Sim(*options) as s:
                s.json("POST", "/control/clock", {"advance_s": 3600})
                s.json("GET", s.query())
                s.post("before")
                first = s.json("GET", s.query())[1]["products"]
            with Sim(*options) as s:
                now = s.json("GET", "/control/state")[1]
                self.assertEqual(now["now"], "2026-01-01T01:00:00.000Z")
                self.assertEqual(now["tokens_charged"], 10)
                self.assertEqual(now["messages"], 1)
                second = s.json("GET", s.query())[1]["products"]
                self.assertEqual([p["salesRanks"] for p in first], [p["salesRanks"] for p in second])
                self.assertEqual(s.post("after")[1]["ok"], True)
                s.stop(signal.SIGKILL)
            with open(state + ".messages", "a", encoding="utf-8") as f:
                f.write('{"torn')
            with Sim(*options) as s:
                texts = [m["text"] for m in s.json("GET", "/control/messages")[1]]
                self.assertEqual(texts, ["before", "after"])
                s.post("once more")
            with Sim(*options) as s:
                self.assertEqual(len(s.json("GET", "/control/messages")[1]), 3)

    def test_products_csv(self):
        with Sim("--domains", "1,3") as s:
            lines = s.request("GET", "/control/products.csv", headers={})[2].decode().splitlines()
            self.assertEqual(lines[0], "asin,domain")
            self.assertEqual(sorted(line.split(",")[1] for line in lines[1:]), ["1", "1", "1", "3", "3"])

    def test_form_post(self):
        with Sim() as s:
            status, _, data = s.request(
                "POST", "/api/chat.postMessage", "channel=C0DEMO&text=a+%26+b&blocks=%5B%7B%22type%22%3A%22divider%22%7D%5D",
                {"Authorization": "Bearer xoxb-demo", "Content-Type": "application/x-www-form-urlencoded"})
            self.assertEqual(status, 200)
            self.assertTrue(json.loads(data)["ok"])
            self.assertEqual(s.json("GET", "/control/messages")[1][0]["text"], "a & b")

    def test_half_a_request_harms_nobody(self):
        with Sim() as s:
            with socket.create_connection(("127.0.0.1", s.port)) as c:
                c.sendall(b"POST /api/chat.postMessage HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
                self.assertEqual(s.json("GET", "/control/state")[0], 200)
            self.assertEqual(s.json("GET", "/control/messages")[1], [])


if __name__ == "__main__":
    unittest.main()

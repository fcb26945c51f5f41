#!/usr/bin/python3
"""./run as a person uses it: demo, Ctrl-C, kill, a second one, going on with the data.

test_run.py ROOT BADGEWATCH BADGEWATCH_SIM

A made-up checkout in a temporary folder holds the script, its tools and the programs that are built already; the cmake
that its script finds is one that has nothing to do. Everything is waited for with a deadline.
"""
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

ROOT, PROGRAM, SIM = sys.argv[1:4]
PATIENCE = 60  # seconds; a machine that builds beside it is slow


class Run:
    """One ./run; its words are gathered line by line."""

    def __init__(self, checkout, *options, environment=None):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith(("KEEPA_", "SLACK_", "BADGEWATCH_")) and k not in ("REDIS_URL", "DATABASE_URL")}
        env["PATH"] = checkout.folder + "/bin:" + env["PATH"]
        env.update(environment or {})
        self.lines = []
        self.heard = threading.Condition()
        self.process = subprocess.Popen(
            [checkout.folder + "/run", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, env=env, start_new_session=True)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.heard:
                self.lines.append(line.rstrip("\n"))
                self.heard.notify_all()
        with self.heard:
            self.lines.append(None)
            self.heard.notify_all()

    def words(self):
        return "\n".join(line for line in self.lines if line is not None)

    def wait_line(self, pattern, seconds=PATIENCE):
        deadline = time.monotonic() + seconds
        with self.heard:
            seen = 0
            while True:
                for line in self.lines[seen:]:
                    seen += 1
                    if line is None:
                        raise AssertionError(f"no line like '{pattern}':\n{self.words()}")
                    m = re.search(pattern, line)
                    if m:
                        return m
                if not self.heard.wait(max(0, deadline - time.monotonic())):
                    raise AssertionError(f"no line like '{pattern}' in {seconds} s:\n{self.words()}")

    def end(self, how=signal.SIGINT, seconds=PATIENCE):
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(seconds)
        self.reader.join(seconds)
        self.process.stdout.close()
        return code


class Checkout:
    def __init__(self):
        # A folder that user postgres can reach, with a blank and a letter beyond ASCII in its name.
        self.top = tempfile.mkdtemp(prefix="bw-run-")
        os.chmod(self.top, 0o755)
        self.folder = self.top + "/ein Häuschen"
        for name in ("bin", "build/release", "conf"):
            os.makedirs(f"{self.folder}/{name}")
        for name in ("run", "tools", "db"):
            source = f"{ROOT}/{name}"
            copy = shutil.copytree if os.path.isdir(source) else shutil.copy2
            copy(source, f"{self.folder}/{name}")
        os.symlink(PROGRAM, self.folder + "/build/release/badgewatch")
        os.symlink(SIM, self.folder + "/build/release/badgewatch-sim")
        with open(self.folder + "/bin/cmake", "w") as f:
            f.write("#!/bin/sh\n")
        os.chmod(self.folder + "/bin/cmake", 0o755)

    def processes(self):
        """What still works in or for this checkout."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    command = f.read().replace(b"\0", b" ").decode("utf-8", "replace")
                where = os.readlink(f"/proc/{pid}/cwd")
                with open(f"/proc/{pid}/stat") as f:
                    zombie = f.read().rpartition(")")[2].split()[0] == "Z"
            except OSError:
                continue
            if int(pid) != os.getpid() and not zombie and (where.startswith(self.top) or self.top in command):
                found.append(f"{pid} {command}")
        return found

    def wait_empty(self, seconds=20):
        deadline = time.monotonic() + seconds
        while self.processes():
            if time.monotonic() > deadline:
                raise AssertionError("still there: " + "\n".join(self.processes()))
            time.sleep(0.05)

    def psql(self, sql):
        return subprocess.run(
            ["bash", "-c", '. ./var/env; exec psql -X -A -t "$DATABASE_URL" -c "$1"', "-", sql],
            cwd=self.folder, check=True, capture_output=True, text=True).stdout.strip()

    def redis(self, *words):
        return subprocess.run(["redis-cli", "-s", "var/redis/redis.sock", *words],
                              cwd=self.folder, check=True, capture_output=True, text=True).stdout.strip()


def fetch(url):
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return answer.read().decode()


class Demo(unittest.TestCase):
    def setUp(self):
        self.checkout = Checkout()
        self.runs = []

    def tearDown(self):
        try:
            for run in self.runs:
                if run.process.poll() is None:
                    run.end(signal.SIGTERM)
            self.checkout.wait_empty()
        finally:
            shutil.rmtree(self.checkout.top)

    def start(self, *options, **more):
        self.runs.append(Run(self.checkout, *options, **more))
        return self.runs[-1]

    def test_shows_changes_and_goes_on(self):
        run = self.start()
        page = run.wait_line(r"Page +(http://\S+)").group(1)
        channel = run.wait_line(r"Channel +(http://\S+)").group(1)
        begun = time.monotonic()
        run.wait_line(r"(gained|lost) #1", 30)
        self.assertLess(time.monotonic() - begun, 30)
        self.assertIn("badgewatch_build_info", fetch(page + "metrics"))
        self.assertIn("<html", fetch(channel).lower())
        self.assertEqual(self.checkout.psql("SELECT count(*) FROM tracked_asins"), "95")
        self.assertEqual(self.checkout.redis("CONFIG", "GET", "appendonly").split()[-1], "yes")
        before = int(self.checkout.redis("ZCARD", "bw:badges"))
        self.assertGreater(before, 0)
        for line in run.words().split("\n\n")[0:2]:
            self.assertLessEqual(max(len(part) for part in line.split("\n")), 80)
        self.assertEqual(run.end(signal.SIGINT), 0, run.words())
        self.assertIn("ended cleanly", run.words())
        self.checkout.wait_empty()

        again = self.start()
        again.wait_line("Page")
        again.wait_line(r"(gained|lost) #1", 30)
        self.assertEqual(self.checkout.psql("SELECT count(*) FROM tracked_asins"), "95")
        self.assertGreater(int(self.checkout.psql("SELECT count(*) FROM bestseller_changes")), 0)
        self.assertEqual(again.end(signal.SIGTERM), 0, again.words())
        self.checkout.wait_empty()

    def test_one_at_a_time(self):
        run = self.start()
        run.wait_line("Page")
        second = self.start()
        second.wait_line(f"runs here already .process {run.process.pid}")
        self.assertEqual(second.process.wait(PATIENCE), 1)
        second.end()
        self.assertIsNone(run.process.poll())

    def test_after_a_kill(self):
        run = self.start()
        run.wait_line(r"(gained|lost) #1")
        run.end(signal.SIGKILL)
        self.checkout.wait_empty()
        again = self.start()
        again.wait_line(r"(gained|lost) #1")
        # A server that dies is started again, and the daemon goes on.
        pid = int(self.checkout.redis("INFO", "server").split("process_id:")[1].split()[0])
        os.kill(pid, signal.SIGKILL)
        again.wait_line("Redis ended; starting it again")
        again.wait_line("redis: connected")
        self.assertEqual(again.end(signal.SIGHUP), 0, again.words())

    def test_reset(self):
        run = self.start()
        run.wait_line("Page")
        self.checkout.psql("UPDATE tracked_asins SET label = 'mine'")
        run.end()
        run = self.start("--reset")
        run.wait_line("Page")
        self.assertEqual(self.checkout.psql("SELECT count(*) FROM tracked_asins WHERE label = 'mine'"), "0")
        self.assertEqual(self.checkout.psql("SELECT count(*) FROM tracked_asins"), "95")

    def test_real_work_has_data_of_its_own(self):
        run = self.start(environment={"KEEPA_API_KEY": "k" * 64, "KEEPA_BASE_URL": "http://127.0.0.1:9"})
        run.wait_line("Real work")
        run.wait_line("No Slack settings")
        self.assertEqual(self.checkout.psql("SELECT count(*) FROM tracked_asins"), "0")
        self.assertTrue(os.path.exists(self.checkout.folder + "/var/live/postgres"))
        self.assertFalse(os.path.exists(self.checkout.folder + "/var/postgres"))
        with open(self.checkout.folder + "/var/env") as f:
            text = f.read()
        self.assertNotIn("kkkk", text)
        self.assertIn("KEEPA_API_KEY holds a secret", text)
        self.assertIn("export KEEPA_BASE_URL=http://127.0.0.1:9\n", text)

    def test_reset_of_real_work_is_asked_for(self):
        real = {"KEEPA_API_KEY": "k" * 64, "KEEPA_BASE_URL": "http://127.0.0.1:9"}
        kept = self.checkout.folder + "/var/live/postgres"
        os.makedirs(kept)
        run = self.start("--reset", environment=real)
        run.wait_line("real data in var/live/, and nobody is here")
        self.assertEqual(run.process.wait(PATIENCE), 1)
        run.end()
        self.assertEqual(self.ask(real, "no"), 1)
        self.assertTrue(os.path.isdir(kept))
        run = self.start("--reset", "--yes", environment=real)
        run.wait_line("The data of before is gone")
        run.end()

    def ask(self, environment, answer):
        """./run --reset on a terminal; gives its exit code after that answer."""
        env = {**os.environ, **environment}
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(self.checkout.folder + "/run", ["run", "--reset"], env)
        said = b""
        while b"Type yes: " not in said:
            said += os.read(terminal, 4096)
        os.write(terminal, answer.encode() + b"\n")
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(terminal)
        return code

    def test_wrong_option(self):
        run = self.start("--nonsense")
        run.wait_line("'--nonsense' is no option")
        self.assertEqual(run.process.wait(PATIENCE), 2)
        run.end()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[4:]])

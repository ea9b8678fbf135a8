# SPDX-License-Identifier: BSD-2-Clause
"""A running edge of the build under test, in a folder of its own."""
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build"))
SIPTRUST = os.path.join(ROOT, BUILD, "siptrust")
DOMAIN = "example.test"
PASSWORD = "correct-horse"
DEADLINE_S = 40  # generous: sanitizers and a busy machine


def until(what, fn, deadline_s=DEADLINE_S):
    """Poll fn until it is true; its value.  A deadline, not a sleep."""
    end = time.monotonic() + deadline_s
    while True:
        value = fn()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("not within %d s: %s" % (deadline_s, what))
        time.sleep(0.05)


class Edge:
    def __init__(self, config=None, settings=(), domain=DOMAIN, data=None,
                 start=True, host="127.0.0.1", prefix=(), users=()):
        """host: where it listens; prefix: words before the command (a network
        namespace to enter); users: known before the start."""
        self.host, self.prefix = host, list(prefix)
        self.folder = tempfile.mkdtemp(prefix="siptrust-e2e-")
        self.data = data or os.path.join(self.folder, "data")
        self.domain = domain
        self.settings = list(settings)
        self.extra = []  # further arguments
        self.config = None
        if config is not None:
            self.config = os.path.join(self.folder, "siptrust.conf")
            self.write_config(config)
        self.sip = self.tls = None
        self.lines = []
        self.process = None
        if start:
            try:
                if users:
                    os.makedirs(self.data, 0o700, exist_ok=True)
                    self.add_users(users)
                self.start()
            except BaseException:
                self.stop()
                shutil.rmtree(self.folder, ignore_errors=True)
                raise

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        status = self.stop()
        # Also what a sanitizer found: a leak is only told at the end.
        fault = status not in (None, 0, -signal.SIGKILL) or \
            self.find(r"Sanitizer|runtime error:")
        # tap.main ends so, and what the edge did counts all the same.
        passed = kind is None or kind is SystemExit and not value.code
        if not passed or fault:
            print("# ---- the edge's log ----")
            for line in self.log().splitlines():
                print("# " + line)
        shutil.rmtree(self.folder, ignore_errors=True)
        if passed and fault:
            raise AssertionError("the edge ended with status %s" % status)

    def write_config(self, text):
        with open(self.config + ".new", "w") as f:
            f.write(text)
        os.rename(self.config + ".new", self.config)

    def start(self):
        self.process = None
        argv = self.prefix + [SIPTRUST, "edge", "--data", self.data,
                              "--domain", self.domain]
        if self.config:
            argv += ["-c", self.config]
        # Port 0 the first time; after a restart the same as before.
        argv += ["--sip", "%s:%d" % (self.host, self.sip or 0),
                 "--tls", "%s:%d" % (self.host, self.tls or 0)]
        for setting in self.settings:
            argv += ["--set", setting]
        self.lines = []
        argv += self.extra
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        ready = self.wait_line(r" edge-ready sip=\S+?:(\d+) tls=\S+?:(\d+) ")
        self.sip, self.tls = int(ready.group(1)), int(ready.group(2))
        served = self.find(r" http-ready http=\S+?:(\d+)")
        self.http = int(served.group(1)) if served else None

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    def log(self):
        return "\n".join(self.lines)

    def find(self, pattern):
        for line in list(self.lines):
            m = re.search(pattern, line)
            if m:
                return m
        return None

    def count(self, pattern):
        return sum(1 for line in list(self.lines) if re.search(pattern, line))

    def wait_line(self, pattern, deadline_s=DEADLINE_S):
        """The match of the first log line with pattern."""
        def look():
            found = self.find(pattern)
            if not found and self.process.poll() is not None:
                self.reader.join()
                if not self.find(pattern):
                    raise AssertionError("the edge ended (%s) before %r:\n%s"
                                         % (self.process.returncode, pattern,
                                            self.log()))
            return found
        return until("log line %r\n%s" % (pattern, self.log()), look,
                     deadline_s)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.reader.join()

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGINT):
        """End it; its exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(DEADLINE_S)
        self.reader.join()
        return status

    def user(self, *argv, stdin=""):
        return subprocess.run([SIPTRUST, "user"] + list(argv) +
                              ["--data", self.data, "--domain", self.domain],
                              input=stdin, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def add_user(self, name, password=PASSWORD):
        p = self.user("add", name, "--password-stdin", stdin=password + "\n")
        if p.returncode != 0:
            raise AssertionError("user add %s: %s" % (name, p.stderr))

    def add_users(self, names, password=PASSWORD):
        p = self.user("import", stdin="".join(
            "%s %s\n" % (n, password) for n in names))
        if p.returncode != 0:
            raise AssertionError("user import: %s" % p.stderr)

    @property
    def ca(self):
        return os.path.join(self.data, "ca.pem")

    def rss_kb(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def raise_file_limit(n):
    """As many descriptors as the machine gives, up to n; what there is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = n if hard == resource.RLIM_INFINITY else min(n, hard)
    if soft < want:
        resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

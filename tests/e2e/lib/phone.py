# SPDX-License-Identifier: BSD-2-Clause
"""siptrust phone of the build under test, and the events it reports."""
import json
import os
import signal
import subprocess
import threading

from edge import DEADLINE_S, DOMAIN, PASSWORD, SIPTRUST, until


class SimPhone:
    """Runs until it ends or is stopped; its events are dictionaries."""

    def __init__(self, *options, user="100", password=PASSWORD, domain=DOMAIN,
                 retry_ms=300, prefix=()):
        """prefix: words before the command (a network namespace)."""
        argv = list(prefix) + [SIPTRUST, "phone", "--json", "--retry", str(retry_ms)]
        argv += [str(o) for o in options] + ["sip:%s@%s" % (user, domain)]
        self.events, self.rest = [], []
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(os.environ, SIPTRUST_PASSWORD=password))
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            text = line.decode("utf-8", "replace")
            if text.startswith("{"):
                self.events.append(json.loads(text))
            else:
                self.rest.append(text)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.process.poll() is None and self.process.terminate()
        status = self.process.wait(DEADLINE_S)
        self.reader.join()
        fault = "".join(self.rest)
        if kind is not None:
            for event in self.events:
                print("# phone: %s" % event)
        if kind is not None or fault or status not in (0, 1):
            print("# phone: exit %d %s" % (status, fault))
        if kind is None and (fault or status not in (0, 1)):
            raise AssertionError("the phone ended with %d: %s" %
                                 (status, fault))

    def all(self, name):
        return [e for e in list(self.events) if e["event"] == name]

    def wait(self, name, count=1):
        """The count-th event of this name."""
        def look():
            if len(self.all(name)) >= count:
                return True
            if self.process.poll() is not None:
                self.reader.join()
                if len(self.all(name)) < count:
                    raise AssertionError(
                        "the phone ended (%d) before %s: %s %s" %
                        (self.process.returncode, name, self.events,
                         self.rest))
            return False
        until("phone event %s" % name, look)
        return self.all(name)[count - 1]

    def reboot(self):
        self.process.send_signal(signal.SIGUSR1)

    def end(self):
        """Unregister and end; its exit code."""
        self.process.poll() is None and self.process.send_signal(signal.SIGINT)
        return self.process.wait(DEADLINE_S)


def to(edge, transport="tls", **options):
    """Options for a phone of this edge."""
    port = edge.tls if transport == "tls" else edge.sip
    argv = ["--transport", transport, "--server", "127.0.0.1:%d" % port]
    for name, value in options.items():
        argv.append("--" + name.replace("_", "-"))
        if value is not True:
            argv.append(value)
    return argv

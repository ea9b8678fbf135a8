# SPDX-License-Identifier: BSD-2-Clause
"""siptrust roots probe: a device is asked which roots it holds, connection by
connection, and is registered in between."""
import json
import os
import re
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import DEADLINE_S, SIPTRUST, Edge, until  # noqa: E402
from phone import SimPhone, to  # noqa: E402
from pki import Pki  # noqa: E402
from sip import Phone, tls  # noqa: E402
from tap import contains, equal  # noqa: E402

SYSTEM = "/etc/ssl/certs/ca-certificates.crt"
SOURCE = "127.0.0.61"


def public_roots(n):
    """n roots of the system, in PEM, every second of which is held."""
    with open(SYSTEM) as f:
        found = re.findall(r"-----BEGIN CERT.*?-----END CERTIFICATE-----\n",
                           f.read(), re.S)
    if len(found) < n:
        raise tap.Skip("no %d public roots here" % n)
    return found[:n], found[0:n:2]


class Site(Edge):
    """An edge and one phone, which holds the edge's own root and some more."""

    def __init__(self, nroots=12, check=True):
        super().__init__(users=["100", "101"], settings=["expires_min=1"])
        roots, held = public_roots(nroots)
        self.candidates = os.path.join(self.folder, "candidates.pem")
        self.store = os.path.join(self.folder, "store.pem")
        with open(self.candidates, "w") as f:
            f.write("".join(roots))
        with open(self.ca) as own, open(self.store, "w") as f:
            f.write(own.read() + "".join(held))
        self.nroots, self.nheld = nroots, len(held)
        self.verify = self.store if check else None

    def probe(self, *argv, status=0):
        p = subprocess.run([SIPTRUST, "roots", "probe", *argv, "--data",
                            self.data], text=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=DEADLINE_S)
        equal(p.returncode, status, p.stdout + p.stderr)
        return p.stdout + p.stderr

    def order(self, *argv, device="100"):
        said = self.probe(device, "--force", "--no-wait", "--candidates",
                          self.candidates, *argv)
        begun = self.count(" probe-begin ")
        until("the edge has it", lambda: self.count(" probe-begin ") > 0 and
              self.count(" probe-begin ") >= begun)
        return said

    def ended(self):
        return self.find(r" probe-end .*")

    def register(self, source=SOURCE, user="100", **options):
        """What becomes of one connection."""
        try:
            link = tls(self.tls, self.verify, source=source, **options)
        except (ssl.SSLError, ConnectionError):
            return "refused"
        try:
            phone = Phone(self, user, transport="TLS", link=link)
            return phone.register().status
        except (ssl.SSLError, ConnectionError, EOFError):
            return "refused"
        finally:
            link.close()

    def known(self):
        equal(self.register(), 200)
        until("the device is in the file", lambda: subprocess.run(
            [SIPTRUST, "status", "--device", "100", "--data", self.data],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ).returncode == 0)

    def show(self, status=0):
        return json.loads(self.probe("100", "--show", "--json",
                                     status=status))

    def written(self):
        """The edge has written how the run ended."""
        until("it is in the file", lambda: self.probe_state() != "running")

    def probe_state(self):
        p = subprocess.run([SIPTRUST, "roots", "probe", "100", "--show",
                            "--json", "--data", self.data], text=True,
                           stdout=subprocess.PIPE)
        return json.loads(p.stdout)["state"]


def finds_every_root_that_is_held():
    with Site() as site:
        site.known()
        site.order()
        outcomes = []
        while not site.ended():
            outcomes.append(site.register())
        site.written()
        result = site.show()
        equal(result["state"], "done")
        equal((result["holds"], result["lacks"], result["cannot_tell"]),
              (site.nheld + 1, site.nroots - site.nheld, 0))
        names = [r["root"] for r in result["roots"]
                 if r["belief"] == "holds"]
        contains(names, "siptrust CA example.test")
        equal({r["confidence"] for r in result["roots"]}, {"certain"})
        equal({r["method"] for r in result["roots"]}, {"spoofed_root"})
        # Never two questions in a row: between them it was registered.
        equal([a for a, b in zip(outcomes, outcomes[1:])
               if a == b == "refused"], [])
        # One for each root, and few for the controls.
        if not site.nroots < result["asked"] <= site.nroots + 5:
            raise AssertionError("asked %d" % result["asked"])
        # What it answered is no refusal of a chain, and hides none.
        equal(site.count(" tls-refused "), 0)
        equal(site.count(r" probe-answer .*root=\"made up\""), 3)
        text = subprocess.run([SIPTRUST, "status", "--device", "100",
                               "--data", site.data], text=True,
                              stdout=subprocess.PIPE).stdout
        contains(text, "asked: holds (certain)")


def only_the_device_that_is_named():
    with Site() as site:
        site.known()
        # Of another account: with its own the device would have moved there.
        other = {"source": "127.0.0.62", "user": "101"}
        equal(site.register(**other), 200)
        site.order("--root", "isrg-root-x1")
        for _ in range(6):
            equal(site.register(**other), 200)
        equal(site.count(" probe-answer "), 0)
        # Another program at its address is not it either.
        twelve = {"version": ssl.TLSVersion.TLSv1_2}
        site.probe("100", "--stop")
        site.wait_line(" probe-end .*end=stopped")
        site.register(**twelve)


def stops_when_its_hello_changes():
    with Site() as site:
        site.known()
        site.order()
        site.register()
        site.register(version=ssl.TLSVersion.TLSv1_2)
        site.wait_line(r" probe-end .*end=hello_changed")
        equal(site.register(), 200)
        equal(site.register(), 200)


def follows_it_to_another_address():
    """It is known by its account there; it was asked nothing any more."""
    with Site() as site:
        site.known()
        site.order()
        while site.count(" probe-answer ") < 3:
            site.register()
        moved = "127.0.0.63"
        equal(site.register(source=moved), 200)
        site.wait_line(r" probe-moved device=\S+ from=%s to=%s" %
                       (re.escape(SOURCE), re.escape(moved)))
        while not site.ended():
            site.register(source=moved)
        site.written()
        result = site.show()
        equal((result["state"], result["holds"], result["cannot_tell"]),
              ("done", site.nheld + 1, 0))


def what_it_said_decides_on_its_chain():
    """Asked for two roots, then two chains to them come: no refusal."""
    with Site(nroots=2) as site:
        roots = [Pki(site.folder, "example.test", "Root " + n) for n in "AB"]
        with open(site.candidates, "w") as f:
            f.write("".join(open(r.ca).read() for r in roots))
        with open(site.store, "w") as f:
            f.write(open(site.ca).read() + open(roots[1].ca).read())
        site.known()
        site.order()
        while not site.ended():
            site.register()
        site.written()
        equal({r["root"]: r["belief"] for r in site.show()["roots"]
               if r["root"].startswith("Root")},
              {"Root A": "lacks", "Root B": "holds"})
        site.stop()
        site.config = os.path.join(site.folder, "siptrust.conf")
        site.write_config("".join(
            'chain %s {\n\tcertificate = "%s"\n\tkey = "%s"\n'
            '\troot = "%s"\n}\n' % (n, *r.issue(n), r.ca)
            for n, r in zip("ab", roots)))
        site.start()
        # One that nobody asked is shown the first.
        equal(site.register("127.0.0.64", "101"), "refused")
        equal(site.register(), 200)
        equal(site.count(r" tls-refused peer=%s:" % re.escape(SOURCE)), 0)


def who_accepts_anything_is_told_so():
    with Site(check=False) as site:
        site.known()
        site.order()
        equal([site.register() for _ in range(3)], [200, 200, 200])
        site.wait_line(r" probe-end .*end=accepts_anything")
        site.written()
        equal(site.show(status=1)["cannot_tell"], site.nroots + 1)


def goes_on_where_it_was():
    with Site() as site:
        site.known()
        site.order()
        while site.count(" probe-answer ") < 4:
            site.register()
        site.stop()
        site.start()
        begun = site.wait_line(r" probe-begin .*left=(\d+)")
        assert int(begun.group(1)) <= site.nroots, begun.group(0)
        site.probe("100", "--stop")
        site.wait_line(r" probe-end .*end=stopped")
        asked = site.show(status=1)["asked"]
        assert asked >= 4, asked
        # Ordered again, with what it has answered.
        site.probe("100", "--force", "--no-wait", "--candidates",
                   site.candidates)
        until("the edge has it", lambda: site.count(" probe-begin ") == 2)
        while site.count(" probe-end ") < 2:
            site.register()
        site.written()
        result = site.show()
        equal(result["holds"], site.nheld + 1)
        assert result["asked"] <= site.nroots + 5, result["asked"]
        equal(site.probe("100", "--anew", "--force", "--no-wait",
                         "--candidates", site.candidates), "")
        equal(site.show()["asked"], 0)


def the_window_ends_it():
    with Site() as site:
        site.known()
        site.order("--window", "2s")
        site.wait_line(r" probe-end .*end=window_over")
        equal(site.register(), 200)
        equal(site.register(), 200)
        equal(site.count(" probe-answer "), 0)


def the_simulated_phone_is_asked():
    with Site(nroots=6) as site:
        with SimPhone(*to(site, roots=site.store, retry=50),
                      "--user-agent", "e2e/1.0") as phone:
            phone.wait("registered")
            until("the device is in the file", lambda: "100@example.test" in
                  subprocess.run([SIPTRUST, "status", "--data", site.data],
                                 text=True, stdout=subprocess.PIPE).stdout)
            contains(site.probe("100", "--candidates", site.candidates,
                                status=3), "registered now")
            site.order()
            while not site.ended():
                # Unplugged and plugged in again; refused, it comes by itself.
                n = len(phone.events)
                phone.reboot()
                until("it is registered again", lambda: any(
                    e["event"] == "registered" for e in phone.events[n:])
                    or site.ended())
        site.written()
        equal(site.show()["holds"], site.nheld + 1)


def a_plan_before_anything_is_asked():
    with Site() as site:
        site.known()
        text = site.probe("100", "--dry-run", "--candidates",
                          site.candidates)
        contains(text, "nothing is asked yet")
        contains(text, "positive control")
        contains(text, "a connection every 30 s")
        equal(site.probe("100", "--show", status=3).count("never asked"), 1)
        # What can be bought goes first.
        text = site.probe("100", "--dry-run")
        contains(text, '1  "ISRG Root X1"')
        contains(site.probe("100", "--dry-run", "--all"), "questions: ")


def bad_input():
    with Site() as site:
        contains(site.probe("100", status=3), "no such file" if not
                 os.path.exists(site.data + "/devices.db") else
                 "no device has the address")
        site.known()
        for argv, status, said in (
                ([], 2, "one DEVICE"),
                (["100", "101"], 2, "is too much"),
                (["100", "--window", "soon"], 2, "30m, 8h or 2d"),
                (["100", "--window", "30d"], 2, "7d at most"),
                (["100", "--method", "magic"], 2, "spoofed_root"),
                (["nobody"], 3, "no device has the address"),
                (["100", "--root", "nonesuch"], 3, "siptrust roots list"),
                (["100", "--root", "dst-root-ca-x3"], 3, "expired"),
                (["100", "--candidates", "/nonexistent"], 3, "/nonexistent"),
                (["100", "--candidates", "/dev/null"], 3, "/dev/null"),
                (["100", "--candidates", SIPTRUST], 3, "siptrust"),
                (["100", "--stop"], 3, "nothing is being asked"),
                (["100"], 3, "registered now")):
            contains(site.probe(*argv, status=status), said)
        equal(site.count(" probe-begin "), 0)


if __name__ == "__main__":
    tap.main([finds_every_root_that_is_held, only_the_device_that_is_named,
              stops_when_its_hello_changes, follows_it_to_another_address,
              what_it_said_decides_on_its_chain, who_accepts_anything_is_told_so,
              goes_on_where_it_was, the_window_ends_it,
              the_simulated_phone_is_asked, a_plan_before_anything_is_asked,
              bad_input], jobs=2)

# SPDX-License-Identifier: BSD-2-Clause
"""What was answered 200 survives kill -9, whole."""
import errno
import os
import random
import re
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import SIPTRUST, Edge, until  # noqa: E402
from sip import Phone  # noqa: E402
from tap import contains, equal  # noqa: E402

ROUNDS = 5  # at two contacts each: contacts_max
TRANSPORTS = "UDP", "UDP", "TCP", "TLS"
PER_THREAD = 200


class Registering(threading.Thread):
    """Registers one address-of-record after the other, two contacts each,
    until the edge dies."""

    def __init__(self, edge, number, transport, name):
        super().__init__(daemon=True)
        self.edge, self.transport, self.name_of = edge, transport, name
        self.first = number * PER_THREAD
        self.begun, self.answered = {}, {}
        self.phones = []  # a connection that closes takes its bindings along

    def run(self):
        try:
            for i in range(self.first, self.first + PER_THREAD):
                user = "u%04d" % i
                phone = Phone(self.edge, user, transport=self.transport)
                self.phones.append(phone)
                phone.link.sock.settimeout(3)
                contacts = ["<sip:%s-%s@127.0.0.1:%d>" %
                            (self.name_of, part, 20000 + i) for part in "ab"]
                self.begun[user] = contacts
                if phone.register(contacts).status == 200:
                    self.answered[user] = contacts
        except (OSError, EOFError):
            pass


def killed_at_any_moment_nothing_acknowledged_is_lost():
    users = ["u%04d" % i for i in range(len(TRANSPORTS) * PER_THREAD)]
    with Edge() as edge:
        edge.add_users(users)
        until("users known", lambda: Phone(
            edge, users[-1]).register(None).status == 200)
        for number in range(ROUNDS):
            killed_once(edge, "round%d" % number)


def killed_once(edge, name):
    threads = [Registering(edge, n, transport, name)
               for n, transport in enumerate(TRANSPORTS)]
    enough = random.randrange(1, len(threads) * PER_THREAD // 3)
    for t in threads:
        t.start()
    until("some are registered", lambda: enough <= sum(
        len(t.answered) for t in threads) or
        not any(t.is_alive() for t in threads))
    edge.kill()
    for t in threads:
        t.join()
        for phone in t.phones:
            phone.close()
    edge.start()
    answered = unanswered = 0
    for t in threads:
        for user, contacts in t.begun.items():
            there = found(edge, user, contacts)
            if user in t.answered:
                equal(there, 2, "answered 200: " + user)
                answered += 1
            else:
                assert there in (0, 2), "half there: " + user
                unanswered += 1
    print("# %d acknowledged registrations, all there; %d on their way"
          % (answered, unanswered))


def found(edge, user, contacts):
    """How many of contacts are bound, each of them whole."""
    phone = Phone(edge, user)
    try:
        bound = phone.contacts()
    finally:
        phone.close()
    for one in bound:
        assert re.search(r";expires=\d+$", one), one
    return len(set(contacts) & set(without_times(bound)))


def a_binding_over_a_connection_survives_too():
    with Edge() as edge:
        edge.add_user("100")
        phone = Phone(edge, "100", transport="TLS")
        until("known", lambda: phone.register().status == 200)
        edge.kill()
        edge.start()
        equal(len(Phone(edge, "100").contacts()), 1)


def refused_and_said_once(edge, phone, reason, requests=3):
    """Each REGISTER that would have to be written gets a 500."""
    before = phone.contacts()
    for i in range(requests):
        reply = phone.register("<sip:refused%d@127.0.0.1>" % i)
        equal(reply.status, 500)
        retry = int(reply.header("Retry-After"))
        assert 30 <= retry <= 60, retry
    edge.wait_line(r" err store-failed reason=.*" + reason)
    equal(edge.count(r" store-failed "), 1, "said once")
    equal(without_times(phone.contacts()), without_times(before),
          "what was there is still there")


def without_times(contacts):
    return sorted(c.split(";expires")[0] for c in contacts)


def works_again(edge, phone):
    until("it works again", lambda: phone.register(
        "<sip:again@127.0.0.1>").status == 200)
    edge.wait_line(r" info store-recovered")


def a_full_disk_is_said_once_and_answered_500():
    if os.environ.get("DURABLE_OWN_MOUNTS") is None:
        raise tap.Skip("no namespaces")
    with Edge(start=False) as edge:
        os.mkdir(edge.data)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700",
                        "tmpfs", edge.data], check=True)
        try:
            edge.start()
            edge.add_user("100")
            phone = Phone(edge, "100")
            until("known", lambda: phone.register().status == 200)
            filler = os.path.join(edge.data, "filler")
            fill(filler)
            # What is left of the write-ahead log's last page may do for some.
            until("it is full", lambda: phone.register(
                "<sip:%s@127.0.0.1>" % random.getrandbits(64)).status == 500)
            refused_and_said_once(edge, phone, "full")
            acknowledged = without_times(phone.contacts())
            os.unlink(filler)
            works_again(edge, phone)
            edge.kill()
            edge.start()
            found = without_times(Phone(edge, "100").contacts())
            assert set(acknowledged) <= set(found), (acknowledged, found)
        finally:
            edge.stop()
            subprocess.run(["umount", edge.data], check=True)


def fill(path):
    with open(path, "wb", buffering=0) as f:
        for size in 65536, 1:
            try:
                while True:
                    f.write(b"x" * size)
            except OSError as e:
                equal(e.errno, errno.ENOSPC)


def a_store_that_was_taken_away_is_said_once_and_answered_500():
    with Edge() as edge:
        edge.add_user("100")
        phone = Phone(edge, "100")
        until("known", lambda: phone.register().status == 200)
        # Its file stays open, and could be written to for nobody to read.
        os.rename(edge.data, edge.data + ".gone")
        # Noticed before anybody asks; a refresh relies on its row no more.
        edge.wait_line(r" err store-failed ")
        equal(phone.register().status, 500, "a refresh")
        refused_and_said_once(edge, phone, r"siptrust\.db was removed")
        os.rename(edge.data + ".gone", edge.data)
        works_again(edge, phone)
        edge.kill()
        edge.start()
        equal(len(Phone(edge, "100").contacts()), 2)


def a_log_that_was_taken_away_is_said_and_what_was_in_it_kept():
    with Edge() as edge:
        edge.add_user("100")
        phone = Phone(edge, "100")
        until("known", lambda: phone.register().status == 200)
        # Committed there, and in the file itself only at a checkpoint.
        os.unlink(os.path.join(edge.data, "siptrust.db-wal"))
        edge.wait_line(r" err store-failed reason=.*siptrust\.db-wal was "
                       r"removed or replaced: put it back, or restart")
        equal(phone.register().status, 500, "a refresh")
        equal(phone.register("<sip:b@127.0.0.1>").status, 500)
        edge.kill()
        edge.start()
        equal(len(Phone(edge, "100").contacts()), 1)


def a_store_that_is_broken_or_open_to_others_is_told():
    with Edge() as edge:
        edge.stop()
        path = os.path.join(edge.data, "siptrust.db")
        os.chmod(path, 0o644)
        edge.start()
        edge.wait_line(r" warn store-open-to-others file=\S+/siptrust.db "
                       r"mode=0644 ")
        edge.stop()
        with open(path, "wb") as f:
            f.write(b"no database" * 100)
        p = subprocess.run([SIPTRUST, "edge", "--data", edge.data],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, timeout=30)
        equal(p.returncode, 3)
        contains(p.stdout, path + ": file is not a database")
        contains(p.stdout, "put a copy back, or move it away")


def in_own_mounts():
    """This program again, where it may mount; as it is when it may not."""
    if os.environ.get("DURABLE_OWN_MOUNTS"):
        return
    for how in (["-m"], ["-rm"], ["-m", "--propagation", "unchanged"]):
        argv = ["unshare", *how]
        if subprocess.run(argv + ["true"], stderr=subprocess.DEVNULL
                          ).returncode == 0:
            os.environ["DURABLE_OWN_MOUNTS"] = "yes"
            os.execvp("unshare", argv + [sys.executable, *sys.argv])


def a_folder_in_use_is_refused():
    with Edge() as edge:
        try:
            Edge(data=edge.data).stop()
        except AssertionError as e:
            assert "another edge runs on the data folder" in str(e), e
        else:
            raise AssertionError("a second edge started on the same folder")


if __name__ == "__main__":
    in_own_mounts()
    tap.main([killed_at_any_moment_nothing_acknowledged_is_lost,
              a_binding_over_a_connection_survives_too,
              a_full_disk_is_said_once_and_answered_500,
              a_store_that_was_taken_away_is_said_once_and_answered_500,
              a_log_that_was_taken_away_is_said_and_what_was_in_it_kept,
              a_store_that_is_broken_or_open_to_others_is_told,
              a_folder_in_use_is_refused])

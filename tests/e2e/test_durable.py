# SPDX-License-Identifier: BSD-2-Clause
"""What was answered 200 survives kill -9, whole."""
import os
import random
import re
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import Edge, until  # noqa: E402
from sip import Phone  # noqa: E402
from tap import equal  # noqa: E402

ROUNDS = 5
THREADS = 4
PER_THREAD = 200


class Registering(threading.Thread):
    """Registers one address-of-record after the other until the edge dies."""

    def __init__(self, edge, first, transport, noted):
        super().__init__(daemon=True)
        self.edge, self.first, self.transport = edge, first, transport
        self.noted = noted

    def run(self):
        try:
            for i in range(self.first, self.first + PER_THREAD):
                user = "u%04d" % i
                phone = Phone(self.edge, user, transport=self.transport)
                phone.link.sock.settimeout(3)
                contact = "<sip:%s@127.0.0.1:%d>" % (user, 20000 + i)
                reply = phone.register(contact)
                if reply.status == 200:
                    self.noted[user] = contact
                if self.transport == "UDP":
                    phone.close()
        except OSError:
            pass
        except EOFError:
            pass


def killed_at_any_moment_nothing_acknowledged_is_lost():
    users = ["u%04d" % i for i in range(THREADS * PER_THREAD)]
    with Edge() as edge:
        edge.add_users(users)
        until("users known", lambda: Phone(
            edge, users[-1]).register(None).status == 200)
        for _ in range(ROUNDS):
            noted = {}
            threads = [Registering(edge, n * PER_THREAD, "UDP", noted)
                       for n in range(THREADS)]
            for t in threads:
                t.start()
            enough = random.randrange(1, THREADS * PER_THREAD // 3)
            until("some are registered", lambda: len(noted) >= enough or
                  not any(t.is_alive() for t in threads))
            edge.kill()
            for t in threads:
                t.join()
            edge.start()
            for user, contact in noted.items():
                phone = Phone(edge, user)
                found = phone.contacts()
                equal(len(found), 1, user)
                equal(found[0].split(";expires")[0], contact, user)
                # Half a binding would have lost one of these.
                assert re.search(r";expires=\d+$", found[0]), found[0]
                phone.close()
            print("# %d acknowledged registrations, all there" % len(noted))


def a_binding_over_a_connection_survives_too():
    with Edge() as edge:
        edge.add_user("100")
        phone = Phone(edge, "100", transport="TLS")
        until("known", lambda: phone.register().status == 200)
        edge.kill()
        edge.start()
        equal(len(Phone(edge, "100").contacts()), 1)


def a_store_that_is_gone_is_said_once_and_answered_500():
    with Edge() as edge:
        edge.add_user("100")
        phone = Phone(edge, "100")
        until("known", lambda: phone.register().status == 200)
        # A full disk, as SQLite sees it: the file may not grow or change.
        lock = os.path.join(edge.data, "siptrust.db")
        import sqlite3
        other = sqlite3.connect(lock, isolation_level=None)
        other.execute("CREATE TRIGGER full BEFORE INSERT ON binding BEGIN "
                      "SELECT RAISE(FAIL, 'database or disk is full'); END")
        for i in range(3):
            reply = phone.register("<sip:new%d@127.0.0.1>" % i)
            equal(reply.status, 500)
            retry = int(reply.header("Retry-After"))
            assert 30 <= retry <= 60, retry
        edge.wait_line(r" err store-failed reason=.*full")
        equal(edge.count(r" store-failed "), 1, "said once")
        equal(len(phone.contacts()), 1, "what was there is still there")
        other.execute("DROP TRIGGER full")
        other.close()
        until("it works again", lambda: phone.register(
            "<sip:new@127.0.0.1>").status == 200)
        edge.wait_line(r" store-recovered")


def a_folder_in_use_is_refused():
    with Edge() as edge:
        try:
            Edge(data=edge.data).stop()
        except AssertionError as e:
            assert "another edge runs on the data folder" in str(e), e
        else:
            raise AssertionError("a second edge started on the same folder")


if __name__ == "__main__":
    tap.main([killed_at_any_moment_nothing_acknowledged_is_lost,
              a_binding_over_a_connection_survives_too,
              a_store_that_is_gone_is_said_once_and_answered_500,
              a_folder_in_use_is_refused])

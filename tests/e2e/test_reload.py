# SPDX-License-Identifier: BSD-2-Clause
"""Reload, renewed certificates, wrong configurations, start and end."""
import ctypes
import json
import os
import pty
import shutil
import signal
import ssl
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import SIPTRUST, Edge, until  # noqa: E402
from sip import Phone, tls  # noqa: E402
from tap import contains, equal  # noqa: E402


def openssl(*argv):
    subprocess.run(["openssl", *argv], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def make_chain(folder, name):
    """A CA and a server certificate under it; the CA's file."""
    at = os.path.join(folder, name)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
            "-subj", "/CN=Root " + name, "-keyout", at + "-ca.key", "-out",
            at + "-ca.pem")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj",
            "/CN=example.test", "-keyout", at + ".key", "-out", at + ".csr")
    with open(at + ".ext", "w") as f:
        f.write("subjectAltName=DNS:example.test\n")
    openssl("x509", "-req", "-in", at + ".csr", "-CA", at + "-ca.pem",
            "-CAkey", at + "-ca.key", "-CAcreateserial", "-days", "20",
            "-extfile", at + ".ext", "-out", at + ".pem")
    os.chmod(at + ".key", 0o600)
    return at + "-ca.pem"


def verifies(edge, ca):
    try:
        tls(edge.tls, ca=ca).close()
        return True
    except ssl.SSLError:
        return False


def a_reload_keeps_connections_open():
    with Edge(config="log_level = \"info\"\n") as edge:
        edge.add_user("100")
        phones = [Phone(edge, "100", transport=t) for t in ("TCP", "TLS")]
        for phone in phones:
            until("known", lambda: phone.register().status == 200)
        edge.write_config("log_level = \"debug\"\nexpires_max = 100\n")
        edge.send_signal(signal.SIGHUP)
        edge.wait_line(r" info reloaded chain=own")
        for phone in phones:
            reply = phone.register()
            equal(reply.status, 200, "the old connection")
            contains(reply.header("Contact"), "expires=100")
        # The ports that the system gave at the start are still served.
        for transport in "UDP", "TCP", "TLS":
            equal(Phone(edge, "100", transport=transport).register().status,
                  200, transport)


def a_wrong_configuration_keeps_the_old_one():
    with Edge(config="expires_max = 200\n") as edge:
        edge.add_user("100")
        phone = Phone(edge, "100")
        until("known", lambda: phone.register().status == 200)
        for text, found in (
                ("expires_max = 200\nfrobnicate = 1\n", "frobnicate"),
                ("expires_max = \"many\"\n", "expires_max"),
                ("expires_max = 5\n", "expires_max"),
                ("log_level = \"loud\"\n", "loud"),
                ("chain x {\n  certificate = \"/nowhere.pem\"\n"
                 "  key = \"/nowhere.key\"\n}\n", "/nowhere.pem"),
                ("chain x {\n", "siptrust.conf")):
            before = edge.count(r" err reload-failed ")
            edge.write_config(text)
            edge.send_signal(signal.SIGHUP)
            until("said: " + text,
                  lambda: edge.count(r" err reload-failed ") > before)
            contains(edge.lines[-1] + "".join(edge.lines[-4:]), found)
            contains(phone.register().header("Contact"), "expires=200",
                     "the old one is in force")
        equal(edge.process.poll(), None)


def at_start_a_wrong_configuration_names_file_and_line():
    with Edge(config="domain = \"x.test\"\n\nsip = { \"nonsense\" }\n",
              start=False) as edge:
        p = subprocess.run([SIPTRUST, "edge", "-c", edge.config, "--data",
                            edge.data], stdout=subprocess.PIPE, text=True,
                           stderr=subprocess.STDOUT, timeout=30)
        equal(p.returncode, 3)
        contains(p.stdout, edge.config + ":3:")
        contains(p.stdout, "nonsense")
    for argv, word in ((["edge", "--frob"], "frob"),
                       (["edge", "--set", "x"], "NAME=VALUE"),
                       (["edge", "surplus"], "surplus"),
                       (["frob"], "frob"), ([], "usage")):
        p = subprocess.run([SIPTRUST] + argv, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=30)
        equal(p.returncode, 2, argv)
        contains(p.stdout, word)
    for argv in (["--help"], ["edge", "--help"], ["user", "--help"],
                 ["--version"], ["edge", "--sample"]):
        equal(subprocess.run([SIPTRUST] + argv, timeout=30,
                             stdout=subprocess.DEVNULL).returncode, 0, argv)


def a_renewed_certificate_is_noticed_by_itself():
    with Edge(start=False, config="") as edge:
        roots = [make_chain(edge.folder, n) for n in ("one", "two")]
        at = os.path.join(edge.folder, "live")
        shutil.copy(os.path.join(edge.folder, "one.pem"), at + ".pem")
        shutil.copy(os.path.join(edge.folder, "one.key"), at + ".key")
        edge.write_config('chain public {\n\tcertificate = "%s.pem"\n'
                          '\tkey = "%s.key"\n}\n' % (at, at))
        edge.start()
        assert verifies(edge, roots[0]) and not verifies(edge, roots[1])
        # As renewal hooks do: the certificate first, the key later.
        for part in ".pem", ".key":
            shutil.copy(os.path.join(edge.folder, "two" + part),
                        at + part + ".new")
            os.rename(at + part + ".new", at + part)
        edge.wait_line(r" info certificate-renewed chain=public "
                       r"root=\"Root two\"")
        assert verifies(edge, roots[1]) and not verifies(edge, roots[0])
        # Half written: the old one stays in force, and it is said once.
        with open(at + ".pem", "w") as f:
            f.write("-----BEGIN CERTIFICATE-----\nnonsense\n")
        edge.wait_line(r" err certificate-not-loaded reason=.*live\.pem")
        assert verifies(edge, roots[1])


def closed_after_reading(path, then):
    """Call then when somebody has read the file at path."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(os.O_CLOEXEC)
    equal(libc.inotify_add_watch(fd, path.encode(), 0x10) > 0, True,
          "IN_CLOSE_NOWRITE")

    def wait():
        os.read(fd, 4096)
        then()
        os.close(fd)
    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def a_file_that_changes_while_it_is_loaded_is_noticed():
    with Edge(start=False, config="") as edge:
        roots = [make_chain(edge.folder, n) for n in ("one", "two")]
        at = os.path.join(edge.folder, "live")
        text = ""
        # So many others that the rest of the loading takes its time.
        for name in ["live"] + ["more%d" % i for i in range(12)]:
            path = os.path.join(edge.folder, name)
            for part in ".pem", ".key":
                shutil.copy(os.path.join(edge.folder, "one" + part),
                            path + part)
            text += ('chain %s {\n\tcertificate = "%s.pem"\n'
                     '\tkey = "%s.key"\n}\n' % (name, path, path))
        edge.write_config(text)
        edge.start()

        def renew():
            for part in ".pem", ".key":
                shutil.copy(os.path.join(edge.folder, "two" + part),
                            at + part + ".new")
                os.rename(at + part + ".new", at + part)
        renewed = closed_after_reading(at + ".key", renew)
        edge.send_signal(signal.SIGHUP)
        edge.wait_line(r" info reloaded ")
        renewed.join()
        until("served", lambda: verifies(edge, roots[1]))


def a_hup_during_the_start_does_not_end_it():
    with Edge(start=False) as edge:
        starting = threading.Thread(target=edge.start)
        starting.start()
        # A first start makes two keys.
        until("it starts", lambda: os.path.exists(
            os.path.join(edge.data, "lock")))
        while starting.is_alive() and edge.process.poll() is None:
            edge.process.send_signal(signal.SIGHUP)
            starting.join(0.05)
        starting.join()
        equal(edge.process.poll(), None)
        edge.wait_line(r" info reloaded ")


def a_port_that_another_edge_serves_is_refused():
    with Edge() as first, Edge(start=False) as edge:
        for option, port in ("--sip", first.sip), ("--tls", first.tls):
            p = subprocess.run(
                [SIPTRUST, "edge", "--data", edge.data, "--domain", "x.test",
                 "--sip", "127.0.0.1:%d" % (port if option == "--sip" else 0),
                 "--tls", "127.0.0.1:%d" % (port if option == "--tls" else 0)],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                timeout=30)
            equal(p.returncode, 3, p.stdout)
            contains(p.stdout, "127.0.0.1:%d" % port)
            contains(p.stdout, "the address is in use")


def what_only_a_restart_changes_is_said():
    with Edge(config="nonces_max = 2000\nworkers = 1\n") as edge:
        edge.write_config("nonces_max = 3000\nworkers = 2\n")
        edge.send_signal(signal.SIGHUP)
        edge.wait_line(r" info reloaded ")
        for setting in "nonces_max", "workers":
            equal(edge.count(r" warn reload-needs-restart setting=%s$"
                             % setting), 1, setting)


def ctrl_c_ends_it_cleanly_and_a_restart_finds_all():
    with Edge() as edge:
        edge.add_user("100")
        phone = Phone(edge, "100")
        until("known", lambda: phone.register().status == 200)
        over_tls = Phone(edge, "100", transport="TLS")
        equal(over_tls.register().status, 200)
        equal(edge.stop(signal.SIGINT), 0)
        edge.wait_line(r" info edge-ended")
        equal(over_tls.link.sock.recv(10), b"", "closed, not cut off")
        ca = open(edge.ca).read()
        edge.start()
        equal(open(edge.ca).read(), ca, "the same CA")
        equal(len(Phone(edge, "100").contacts()), 2)
        equal(edge.stop(signal.SIGTERM), 0)


def tickets_survive_a_restart():
    with Edge() as edge:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.minimum_version = context.maximum_version = version

            def connect(session=None):
                import socket
                raw = socket.create_connection(("127.0.0.1", edge.tls), 20)
                s = context.wrap_socket(raw, session=session)
                s.sendall(b"OPTIONS sip:example.test SIP/2.0\r\n"
                          b"Via: SIP/2.0/TLS 127.0.0.1;branch=z9hG4bK1\r\n"
                          b"From: <sip:a@b>;tag=1\r\nTo: <sip:b>\r\n"
                          b"Call-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
                          b"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n")
                s.recv(4096)
                return s

            first = connect()
            assert not first.session_reused
            session = first.session
            first.close()
            edge.stop()
            edge.start()
            again = connect(session)
            assert again.session_reused, version
            # At TLS 1.3 each use of a ticket brings another.
            session = again.session
            again.close()
            third = connect(session)
            assert third.session_reused, version
            third.close()


def users_are_kept_from_the_command_line():
    with Edge() as edge:
        equal(edge.user("add", "100", "--password-stdin",
                        stdin="x\n").returncode, 0)
        equal(edge.user("add", "100", "--password-stdin",
                        stdin="x\n").returncode, 1)
        equal(edge.user("passwd", "nobody", "--password-stdin",
                        stdin="x\n").returncode, 1)
        equal(edge.user("add", "a b", "--password-stdin",
                        stdin="x\n").returncode, 2)
        equal(edge.user("add", "101", "--password-stdin",
                        stdin="\n").returncode, 2)
        equal(edge.user("list").stdout, "100@example.test\n")
        until("known", lambda: Phone(edge, "100", "x").register(
            ).status == 200)
        equal(edge.user("passwd", "100", "--password-stdin",
                        stdin="y\n").returncode, 0)
        until("changed", lambda: Phone(edge, "100", "y").register(
            ).status == 200)
        equal(edge.user("del", "100").returncode, 0)
        equal(edge.user("del", "100").returncode, 1)
        until("gone", lambda: Phone(edge, "100", "y").register(
            ).status == 401)
        equal(edge.user("import", stdin="a x\nb\n").returncode, 2)
        equal(edge.user("list").stdout, "", "all or nothing")


def accounts_are_of_the_edges_domain_and_folder():
    def run(data, *argv):
        return subprocess.run([SIPTRUST, "user", *argv, "--data", data],
                              input="x\n", encoding="utf-8",
                              errors="replace", stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=30)

    with Edge() as edge:
        # Who looks, or errs, leaves no file behind.
        wrong = os.path.join(edge.folder, "elsewhere")
        os.mkdir(wrong)
        for argv in (["list"], ["del", "100"], ["passwd", "100"],
                     ["add", "100", "--password-stdin"], ["import"]):
            p = run(wrong, *argv)
            equal(p.returncode, 3, argv)
            contains(p.stderr, "siptrust user: ")
            equal(os.listdir(wrong), [], argv)
        # The realm is spelled as the edge spells it.
        equal(run(edge.data, "add", "100@EXAMPLE.test",
                  "--password-stdin").stdout, "100@example.test\n")
        # One that no phone could use is said.
        p = run(edge.data, "add", "100@other.test", "--password-stdin")
        equal(p.returncode, 0)
        contains(p.stderr, "note: the edge last ran with domain example.test")
        equal(run(edge.data, "list", "--json").returncode, 0)
        # Nothing but a store: who looks needs no domain.
        run(wrong, "add", b"\xff@other.test", "--password-stdin")
        equal(json.loads(run(wrong, "list", "--json").stdout),
              [{"name": '"\\xff"', "domain": "other.test"}])
        for name in "100@a b", "100@x..y":
            p = run(edge.data, "add", name, "--password-stdin")
            equal(p.returncode, 2, name)
            contains(p.stderr, "is no domain")


def another_domain_is_said_and_its_accounts_counted():
    with Edge() as edge:
        edge.add_users(["100", "101"])
        edge.stop()
        edge.domain = "renamed.test"
        edge.start()
        edge.wait_line(r" warn domain-changed before=example.test "
                       r"now=renamed.test ")
        contains(edge.log(), "users                 0, add the first:")
        edge.stop()
        edge.domain = "example.test"
        edge.start()
        edge.wait_line(r" edge-ready .* users=2 ")


def on_a_terminal(edge, argv, answers):
    """Run siptrust user on a terminal of its own: status, what it showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(SIPTRUST, [SIPTRUST, "user", *argv, "--data", edge.data])
    shown = b""

    def more():
        nonlocal shown
        try:
            shown += os.read(terminal, 1000)
            return True
        except OSError:  # Linux: the other end is closed
            return False
    for prompt, answer in answers:
        while not shown.endswith(prompt) and more():
            pass
        # It flushes what was typed before the echo is off.
        os.write(terminal, answer + b"\n")
    while more():
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def a_password_is_asked_for_twice_and_not_shown():
    with Edge() as edge:
        status, shown = on_a_terminal(edge, ["add", "100"], (
            (b"Password: ", b"opensesame"), (b"Once more: ", b"opensesamf")))
        equal(status, 2, shown)
        contains(shown, b"the two are not the same")
        equal(edge.user("list").stdout, "")
        status, shown = on_a_terminal(edge, ["add", "100"], (
            (b"Password: ", b"opensesame"), (b"Once more: ", b"opensesame")))
        equal(status, 0, shown)
        assert b"opensesame" not in shown, shown
        until("known", lambda: Phone(edge, "100", "opensesame").register(
            ).status == 200)
        # Without a terminal it says how else.
        p = subprocess.run([SIPTRUST, "user", "add", "101", "--data",
                            edge.data], stdin=subprocess.DEVNULL, text=True,
                           start_new_session=True, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=30)
        equal(p.returncode, 2)
        contains(p.stdout, "--password-stdin")


if __name__ == "__main__":
    tap.main([a_reload_keeps_connections_open,
              a_wrong_configuration_keeps_the_old_one,
              at_start_a_wrong_configuration_names_file_and_line,
              a_renewed_certificate_is_noticed_by_itself,
              a_file_that_changes_while_it_is_loaded_is_noticed,
              a_hup_during_the_start_does_not_end_it,
              a_port_that_another_edge_serves_is_refused,
              what_only_a_restart_changes_is_said,
              ctrl_c_ends_it_cleanly_and_a_restart_finds_all,
              tickets_survive_a_restart,
              users_are_kept_from_the_command_line,
              accounts_are_of_the_edges_domain_and_folder,
              another_domain_is_said_and_its_accounts_counted,
              a_password_is_asked_for_twice_and_not_shown])

# SPDX-License-Identifier: BSD-2-Clause
"""Real clients register, or are refused and the line says why."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import DOMAIN, PASSWORD, Edge, until  # noqa: E402
from sip import Phone  # noqa: E402
from tap import contains, equal  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENT_S = 60


def need(program):
    if shutil.which(program) is None:
        raise tap.Skip("no %s here; tools/deps check installs it" % program)
    return program


def run(argv, stdin="", **options):
    p = subprocess.run(argv, input=stdin, text=True, timeout=CLIENT_S,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       errors="replace", **options)
    return p.returncode, p.stdout


def edge_with_user(user="100", **options):
    edge = Edge(**options)
    edge.add_user(user)
    until("known", lambda: Phone(edge, user).register(None).status == 200)
    return edge


def is_registered(edge, user="100"):
    return Phone(edge, user).contacts()


# ---- SIPp ----

def sipp(edge, transport, calls=50):
    users = ["s%03d" % i for i in range(calls)]
    edge.add_users(users)
    until("known", lambda: Phone(edge, users[-1]).register(
        None).status == 200)
    injected = os.path.join(edge.folder, "users.csv")
    with open(injected, "w") as f:
        f.write("SEQUENTIAL\n")
        for user in users:
            f.write("%s;%s;[authentication username=%s password=%s]\n" %
                    (user, DOMAIN, user, PASSWORD))
    status, out = run([need("sipp"), "-sf", HERE + "/sipp/register.xml",
                       "-inf", injected, "-t", transport, "-m", str(calls),
                       "-r", "50", "-i", "127.0.0.1", "-nostdin",
                       "-timeout", "40", "-timeout_error",
                       "127.0.0.1:%d" % edge.sip], cwd=edge.folder)
    equal(status, 0, out[-2000:])
    return users


def sipp_registers_over_udp():
    with Edge() as edge:
        for user in sipp(edge, "u1"):
            equal(len(is_registered(edge, user)), 1, user)


def sipp_registers_over_tcp():
    with Edge() as edge:
        users = sipp(edge, "t1")
        until("a line for each", lambda: edge.count(
            r" info registered aor=s\d+@.* transport=TCP ") == len(users))


# ---- sipsak ----

def sipsak_asks_and_registers():
    with edge_with_user() as edge:
        status, out = run([need("sipsak"), "-s", "sip:example.test@127.0.0.1:%d"
                           % edge.sip])
        equal(status, 0, "OPTIONS: " + out)
        status, out = run(["sipsak", "-U", "-C", "sip:100@127.0.0.1:5099",
                           "-u", "100", "-a", PASSWORD, "-x", "600", "-s",
                           "sip:100@127.0.0.1:%d" % edge.sip])
        equal(status, 0, "REGISTER: " + out)
        assert "127.0.0.1:5099" in is_registered(edge)[0]


# ---- baresip ----

def baresip(edge, transport):
    home = os.path.join(edge.folder, "baresip")
    os.mkdir(home)
    port = edge.tls if transport == "tls" else edge.sip
    with open(home + "/accounts", "w") as f:
        f.write('<sip:100@%s;transport=%s>;auth_pass=%s;regint=600;'
                'outbound="sip:127.0.0.1:%d;transport=%s"\n' %
                (DOMAIN, transport, PASSWORD, port, transport))
    with open(home + "/config", "w") as f:
        f.write("sip_listen 127.0.0.1:0\nsip_cafile %s\n"
                "module_path /usr/lib/baresip/modules\n"
                "module account.so\nmodule g711.so\n"
                "net_interface 127.0.0.1\n" % edge.ca)
    open(home + "/contacts", "w").close()
    p = subprocess.Popen([need("baresip"), "-f", home], text=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    try:
        edge.wait_line(r" info registered aor=100@%s .* transport=%s .*"
                       r"device=\"?baresip" %
                       (re.escape(DOMAIN), transport.upper()))
        equal(len(is_registered(edge)), 1)
    finally:
        p.terminate()
        out = p.communicate(timeout=CLIENT_S)[0]
        for line in out.splitlines()[-20:]:
            print("# " + line)


def baresip_registers_over_udp():
    with edge_with_user() as edge:
        baresip(edge, "udp")


def baresip_registers_over_tls():
    # Debian 12's never verifies: it registers whatever it is shown.
    with edge_with_user() as edge:
        baresip(edge, "tls")


# ---- linphone ----

def linphone(edge, ca, host):
    """A linphonec process with the account and this trust store."""
    home = os.path.join(edge.folder, "linphone")
    # It does not make the folder of its database, and then never registers.
    os.makedirs(home + "/.local/share/linphone")
    config = home + "/linphonerc"
    server = "<sip:%s:%d;transport=tls>" % (host, edge.tls)
    with open(config, "w") as f:
        f.write("[sip]\nsip_port=-1\nsip_tcp_port=-1\nsip_tls_port=-1\n"
                "verify_server_certs=1\nverify_server_cn=1\nroot_ca=%s\n"
                "default_proxy=0\nguess_hostname=0\n"
                "[proxy_0]\nreg_proxy=%s\nreg_route=%s\n"
                "reg_identity=sip:100@%s\nreg_expires=600\n"
                "reg_sendregister=1\npublish=0\nquality_reporting_enabled=0\n"
                "[auth_info_0]\nusername=100\npasswd=%s\nrealm=%s\n"
                "domain=%s\n"
                "[net]\nmtu=1300\n[sound]\n[video]\nenabled=0\n" %
                (ca, server, server, edge.domain, PASSWORD, edge.domain,
                 edge.domain))
    env = dict(os.environ, HOME=home)
    for name in list(env):
        if name.startswith("XDG_"):
            del env[name]
    return subprocess.Popen([need("linphonec"), "-c", config], text=True,
                            env=env, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def end(process):
    process.terminate()
    try:
        out = process.communicate(timeout=10)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        out = process.communicate()[0]
    for line in out.splitlines()[-10:]:
        print("# " + line)


def linphone_with_the_ca_registers():
    # "localhost": a name that resolves on every machine, for the certificate.
    with edge_with_user(domain="localhost") as edge:
        phone = linphone(edge, edge.ca, "localhost")
        try:
            edge.wait_line(r" info registered aor=100@.* transport=TLS .*"
                           r"device=.*[Ll]inphone")
            equal(len(is_registered(edge)), 1)
            equal(edge.count(r" tls-refused "), 0)
        finally:
            end(phone)


def linphone_without_the_ca_is_refused_and_the_line_says_so():
    with edge_with_user(domain="localhost") as edge, \
            Edge(domain="other.test") as other:
        phone = linphone(edge, other.ca, "localhost")
        try:
            line = edge.wait_line(r" warn tls-refused (.*)").group(1)
        finally:
            end(phone)
        contains(line, " cause=untrusted_root ")
        contains(line, ' root="siptrust CA localhost" ')
        contains(line, edge.ca, "the mend")
        equal(is_registered(edge), [])


# ---- openssl, gnutls ----

REGISTER = ("REGISTER sip:example.test SIP/2.0\r\n"
            "Via: SIP/2.0/TLS 127.0.0.1:5099;branch=z9hG4bKs;rport\r\n"
            "From: <sip:100@example.test>;tag=1\r\n"
            "To: <sip:100@example.test>\r\nCall-ID: s_client\r\n"
            "CSeq: 1 REGISTER\r\nMax-Forwards: 70\r\n"
            "Content-Length: 0\r\n\r\n")


def s_client(edge, *options, stdin=REGISTER):
    """Until the answer has come or the connection is over."""
    p = subprocess.Popen(["openssl", "s_client", "-connect",
                          "127.0.0.1:%d" % edge.tls, "-quiet", "-ign_eof",
                          *options], stdin=subprocess.PIPE, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        p.stdin.write(stdin)
        p.stdin.flush()
        out = ""
        for line in p.stdout:
            out += line
            if line.startswith("Content-Length"):
                break
        return out
    finally:
        p.kill()
        p.communicate()


def openssl_is_challenged_with_1_2_and_1_3():
    with edge_with_user() as edge:
        for version in "-tls1_2", "-tls1_3":
            out = s_client(edge, version, "-CAfile", edge.ca,
                           "-verify_return_error")
            assert "SIP/2.0 401 Unauthorized" in out, out
        equal(edge.count(r" tls-refused "), 0)


def a_client_limited_to_1_1_is_told_the_version():
    with edge_with_user() as edge:
        s_client(edge, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        edge.wait_line(r" warn tls-refused .*cause=protocol_version "
                       r"confidence=certain")


def gnutls_registers_with_the_ca_and_is_refused_without():
    with edge_with_user() as edge, Edge(domain="other.test") as other:
        status, out = run([need("gnutls-cli"), "--x509cafile", other.ca,
                           "--verify-hostname", DOMAIN, "-p", str(edge.tls),
                           "127.0.0.1"], stdin=REGISTER)
        assert status != 0, out
        # GnuTLS says bad_certificate to everything: untrusted_root is one of
        # two, never certain.
        line = edge.wait_line(r" warn tls-refused (.*)").group(1)
        assert "untrusted_root" in line, line
        assert "confidence=certain" not in line, line
        status, out = run(["gnutls-cli", "--x509cafile", edge.ca,
                           "--verify-hostname", DOMAIN, "-p", str(edge.tls),
                           "127.0.0.1"], stdin=REGISTER)
        equal(status, 0, out)
        equal(edge.count(r" tls-refused "), 1)


if __name__ == "__main__":
    tap.main([sipp_registers_over_udp,
              sipp_registers_over_tcp,
              sipsak_asks_and_registers,
              baresip_registers_over_udp,
              baresip_registers_over_tls,
              linphone_with_the_ca_registers,
              linphone_without_the_ca_is_refused_and_the_line_says_so,
              openssl_is_challenged_with_1_2_and_1_3,
              a_client_limited_to_1_1_is_told_the_version,
              gnutls_registers_with_the_ca_and_is_refused_without])

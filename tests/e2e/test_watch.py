# SPDX-License-Identifier: BSD-2-Clause
"""siptrust watch: captures of our own and of the corpus, bad input; the same
handshake seen by the edge and beside it has the same cause."""
import bz2
import gzip
import json
import lzma
import os
import random
import re
import resource
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import hello  # noqa: E402
import tap  # noqa: E402
from edge import ROOT, SIPTRUST, Edge  # noqa: E402
from pcap import RST, Capture, Relay  # noqa: E402
from pki import Pki  # noqa: E402
from tap import contains, equal  # noqa: E402

CORPUS = os.environ.get("SIPTRUST_CORPUS",
                        os.path.join(ROOT, "../shared/corpus"))
FOLDER = tempfile.TemporaryDirectory(prefix="siptrust-watch-")
REFUSES = b"\x15\x03\x03\x00\x02\x02\x30"  # alert unknown_ca
VERSIONS = {"TLS1.0": "TLSv1.0", "TLS1.1": "TLSv1.1", "TLS1.2": "TLSv1.2",
            "TLS1.3": "TLSv1.3", "SSL3.0": "SSLv3"}


def watch(*argv, data=None, want=(0, 1)):
    p = subprocess.run([SIPTRUST, "watch", *argv], input=data,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=120)
    if p.returncode not in want:
        raise AssertionError("watch %s: exit %d\n%s%s" % (
            argv, p.returncode, p.stdout.decode("utf-8", "replace")[-2000:],
            p.stderr.decode("utf-8", "replace")[-2000:]))
    return p


def objects(data, *argv):
    p = watch("--json", "-v", "-r", "-", *argv, data=data)
    all_ = [json.loads(line) for line in p.stdout.splitlines()]
    return all_[:-1], all_[-1]


def greeted(capture=None, **options):
    """A capture in which a ClientHello has been sent."""
    c = capture or Capture()
    c.open()
    c.send(0, hello.client_hello(**options))
    return c


# ---- our own captures ----

def an_alert_in_the_clear():
    c = greeted()
    c.send(0, REFUSES)
    c.close(0)
    text = watch("-r", "-", data=c.bytes(), want=(1,)).stdout.decode()
    contains(text, "Z warn tls-refused peer=192.0.2.1:40000 ")
    contains(text, "cause=untrusted_root ")
    contains(text, " server=192.0.2.2:5061")
    contains(text, "1 TLS handshakes: 1 refused, 0 accepted, 0 unknown")


def order_does_not_count():
    c = greeted()
    c.send(0, REFUSES)
    c.close(0)
    straight = objects(c.bytes())[0]
    first = c.frames[2:]
    times = [at for at, _ in first]
    c.frames[2:] = list(zip(times, [f for _, f in reversed(first)]))
    c.frames += c.frames[2:]
    equal(objects(c.bytes())[0], straight)
    equal(straight[0]["verdict"]["cause"], "untrusted_root")


def ip6():
    c = greeted(Capture("[2001:db8::1]:40000", "[2001:db8::2]:8443"))
    c.send(0, REFUSES)
    c.close(0)
    found, _ = objects(c.bytes())
    equal(found[0]["server"], "[2001:db8::2]:8443")


def plain_sip_on_a_tls_port():
    sip = b"REGISTER sip:pbx.test SIP/2.0\r\nVia: SIP/2.0/TCP a\r\n\r\n"
    for port, argv, causes in ((5061, (), ["plain_sip_on_tls_port"]),
                               (6061, (), []),
                               (6061, ("--port", "6061"),
                                ["plain_sip_on_tls_port"])):
        c = Capture(server="192.0.2.2:%d" % port)
        c.open()
        c.send(0, sip)
        c.close(0)
        found, summary = objects(c.bytes(), *argv)
        equal([f["verdict"]["cause"] for f in found], causes, port)
        equal(summary["skipped"]["not TLS"], 0 if causes else 1)
        equal(summary["handshakes"], 0)


def starttls():
    c = Capture(server="192.0.2.2:143")
    c.open()
    c.send(1, b"* OK\r\n")
    c.send(0, b"a STARTTLS\r\n")
    c.send(1, b"a OK\r\n")
    c.send(0, hello.client_hello())
    c.send(0, REFUSES)
    c.close(0, RST)
    found, _ = objects(c.bytes())
    equal([f["outcome"] for f in found], ["refused"])


def begun_before_the_capture():
    c = Capture()
    c.send(0, b"\x17\x03\x03\x00\x20" + bytes(32))
    c.send(1, b"\x17\x03\x03\x00\x20" + bytes(32))
    c.close(0)
    found, summary = objects(c.bytes())
    equal(found, [])
    equal(summary["skipped"]["TLS that began before the capture"], 1)


def a_lost_packet_makes_no_verdict():
    c = greeted()
    c.seq[0] += 500
    c.send(0, bytes(500))
    c.close(0)
    found, _ = objects(c.bytes())
    equal([f["outcome"] for f in found], ["unknown"])
    contains(found[0]["unseen"], "packets")


def silence_is_a_timeout():
    c = greeted()
    begun = c.now
    found, _ = objects(c.bytes())
    equal([f["outcome"] for f in found], ["unknown"])
    other = Capture("192.0.2.3:40001")
    other.open(begun + 60)
    c.frames += other.frames
    found, _ = objects(c.bytes())
    equal([f["verdict"]["cause"] for f in found], ["timeout"])


# ---- bad input ----

def no_capture_at_all():
    for data in (b"", b"\0" * 100, b"GIF89a"):
        p = watch("-r", "-", data=data, want=(3,))
        contains(p.stderr.decode(), "expected pcap or pcapng")
    p = watch("-r", "/nowhere/x.pcap", want=(3,))
    contains(p.stderr.decode(), "/nowhere/x.pcap: No such file")
    p = watch("-r", "-", data=Capture(link_type=147).bytes(), want=(3,))
    contains(p.stderr.decode(), "link type")


def wrong_usage():
    for argv in ((), ("-r", "a", "-i", "b"), ("-r", "a", "more"),
                 ("-r", "a", "--port", "0"), ("--nonsense",)):
        watch(*argv, want=(2,))
    contains(watch("--help", want=(0,)).stdout.decode(), "usage: siptrust")


def truncated_anywhere():
    c = greeted()
    c.send(0, REFUSES)
    c.close(0)
    whole = c.bytes()
    for n in range(24, len(whole), 29):
        watch("-r", "-", data=whole[:n], want=(0, 1, 3))
    found, summary = objects(whole + whole[24:30])
    equal(len(found), 1)
    contains(summary["error"], "truncated")


def noise_between():
    c = greeted()
    for i in range(2000):
        c.add(struct.pack("!I", i * 2654435761 & 0xffffffff) * 12)
    c.send(0, REFUSES)
    c.close(0)
    found, summary = objects(c.bytes())
    equal(len(found), 1)
    assert summary["broken"] > 0


MEMORY = 96 << 20  # all that it may allocate, whatever the capture


def limit():
    if "san" not in os.environ.get("BUILD", ""):
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def much_noise_takes_no_memory():
    """Streams that begin and never end, and frames of any bytes."""
    block, chance = Capture(), random.Random(7)
    for i in range(12000):
        stream = Capture("198.51.100.%d:%d" % (i & 255, 1024 + i * 5 % 60000))
        stream.open()
        stream.send(0, chance.randbytes(chance.randrange(1, 900)))
        block.frames += stream.frames
        block.add(chance.randbytes(chance.randrange(1, 200)))
    noise = block.bytes()
    real = greeted()
    real.send(0, REFUSES)
    real.close(0)
    times = 1 if "san" in os.environ.get("BUILD", "") else \
        (1 << 28) // len(noise)
    with tempfile.TemporaryFile() as out:
        p = subprocess.Popen([SIPTRUST, "watch", "--json", "-r", "-"],
                             stdin=subprocess.PIPE, stdout=out,
                             preexec_fn=limit)
        p.stdin.write(real.bytes())
        for _ in range(times):
            p.stdin.write(noise[24:])
        p.stdin.close()
        equal(p.wait(120), 1)
        out.seek(0)
        lines = [json.loads(line) for line in out]
    equal([o["verdict"]["cause"] for o in lines[:-1]
           if o["client"].startswith("192.0.2.1:")], ["untrusted_root"])
    assert lines[-1]["frames"] > 40000 * times


# ---- beside the edge ----

def s_client(port, *options):
    subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % port,
                    "-verify_return_error", *options],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=60)


def the_edge_and_watch_name_the_same_cause():
    with Edge() as edge:
        other = Pki(edge.folder, "example.test", "Other Root")
        for options in (("-tls1_2",), ("-tls1_3",),
                        ("-tls1_2", "-cipher", "AES128-SHA"),
                        ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")):
            relay = Relay(edge.tls)
            s_client(relay.port, "-CAfile", other.ca, *options)
            data = relay.done().bytes()
            line = edge.wait_line(r" tls-refused peer=127.0.0.1:%d .*?"
                                  r"cause=(\S+) " % relay.source)
            found, _ = objects(data)
            equal([f["verdict"]["cause"] for f in found], [line.group(1)],
                  options)


SIP = (b"OPTIONS sip:example.test SIP/2.0\r\nVia: SIP/2.0/TLS a;branch="
       b"z9hG4bKa\r\nFrom: <sip:a@example.test>;tag=1\r\nTo: <sip:a@example"
       b".test>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")


def accepted_is_told_from_refused():
    with Edge() as edge:
        for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
            relay = Relay(edge.tls)
            context = ssl.create_default_context(cafile=os.path.join(
                edge.data, "ca.pem"))
            context.minimum_version = context.maximum_version = version
            with context.wrap_socket(
                    socket.create_connection(("127.0.0.1", relay.port)),
                    server_hostname="example.test") as s:
                s.sendall(SIP)
                s.recv(100)
            found, summary = objects(relay.done().bytes())
            equal([f["outcome"] for f in found], ["accepted"], version)
            equal(summary["refused"], 0)


def an_encrypted_alert_is_a_refusal_all_the_same():
    """GnuTLS at TLS 1.3: the length of the record tells."""
    if not shutil.which("gnutls-cli"):
        raise tap.Skip("no gnutls-cli")
    with Edge() as edge:
        other = Pki(edge.folder, "example.test", "Other Root")
        relay = Relay(edge.tls)
        subprocess.run(["gnutls-cli", "--x509cafile", other.ca, "-p",
                        str(relay.port), "127.0.0.1", "--priority",
                        "NORMAL:-VERS-ALL:+VERS-TLS1.3"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=60)
        found, _ = objects(relay.done().bytes())
        equal([f["outcome"] for f in found], ["refused"])
        equal(found[0]["alerts"], [])
        contains(found[0]["unseen"], "which alert the client sent")


def the_chain_is_read_from_the_wire():
    with Edge(start=False, config="") as edge:
        pki = Pki(edge.folder, "example.test", "Wire Root")
        cert, key = pki.issue("leaf")
        edge.write_config('chain a {\n\tcertificate = "%s"\n\tkey = "%s"\n}\n'
                          % (cert, key))
        edge.start()
        relay = Relay(edge.tls)
        s_client(relay.port, "-tls1_2", "-servername", "wrong.test",
                 "-CAfile", Pki(edge.folder, "x", "Other").ca)
        chain = objects(relay.done().bytes())[0][0]["chain"]
        equal(chain["root"], "Wire Root")
        contains(chain["faults"], "name")
        equal(chain["certificates"], 1)


# ---- one client, several handshakes ----

def equal_refusals_are_counted():
    all_ = Capture()
    for i in range(7):
        c = Capture("192.0.2.1:%d" % (40000 + i),
                    start=1795000000 + i * 10 + (1000 if i > 4 else 0))
        greeted(c)
        c.send(0, REFUSES)
        c.close(0)
        all_.frames += c.frames
    lines = watch("-r", "-", data=all_.bytes(), want=(1,)).stdout.decode()
    lines = [line for line in lines.splitlines() if "tls-refused" in line]
    counts = [(m.group(1) if m else None) for m in
              [re.search(r" repeat=(\d+) window=600s ", line)
               for line in lines]]
    equal(counts, [None, "4", "2"])
    found, summary = objects(all_.bytes())
    equal((len(found), summary["refused"]), (7, 7))


def refused_then_accepted_proves_as_at_the_edge():
    """The second chain leads to a root that this client holds."""
    with Edge(start=False, config="") as edge:
        text, pki = "", {}
        for name in "ab":
            pki[name] = Pki(edge.folder, "example.test", "Root " + name)
            text += 'chain %s {\n\tcertificate = "%s"\n\tkey = "%s"\n}\n' % (
                name, *pki[name].issue(name))
        edge.write_config(text)
        edge.start()
        context = ssl.create_default_context(cafile=pki["b"].ca)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        data = Capture()
        for served in False, True:
            relay = Relay(edge.tls, "192.0.2.1:%d" % (40001 + served))
            try:
                with context.wrap_socket(
                        socket.create_connection(("127.0.0.1", relay.port)),
                        server_hostname="example.test") as s:
                    s.sendall(SIP)
                    s.recv(100)
            except ssl.SSLError:
                pass
            data.frames += relay.done().frames
            edge.wait_line(" tls-served " if served else " tls-refused ")
        line = edge.wait_line(r" tls-served .*").group(0)
        contains(line, "cause=untrusted_root confidence=certain")
        found, summary = objects(data.bytes())
        equal([(f["type"], f.get("outcome")) for f in found],
              [("handshake", "refused"), ("handshake", "accepted"),
               ("proof", None)])
        equal(found[2]["verdict"]["cause"], "untrusted_root")
        equal(found[2]["verdict"]["confidence"], "certain")
        equal(found[2]["refused"]["root"], "Root a")
        text = watch("-r", "-", data=data.bytes(), want=(1,)).stdout.decode()
        contains(text, " info tls-served peer=192.0.2.1:40002 ")
        contains(text, "cause=untrusted_root confidence=certain ")


def what_is_packed_is_named():
    c = greeted()
    for pack, name in ((gzip.compress, "gzip: zcat"),
                       (bz2.compress, "bzip2: bzcat"),
                       (lzma.compress, "xz: xzcat")):
        p = watch("-r", "-", data=pack(c.bytes()), want=(3,))
        contains(p.stderr.decode(), "compressed, with " + name.split(":")[0])
        contains(p.stderr.decode(), name.split(" ")[1] + " - | siptrust ")


# ---- the corpus ----

def truth():
    path = os.path.join(CORPUS, "pcap/truth.jsonl")
    if not os.access(path, os.R_OK):
        print("skipped: no corpus")
        raise tap.Skip("no corpus")
    with open(path) as f:
        return [json.loads(line) for line in f]


def address(text):
    host, _, port = text.rpartition(":")
    return "[%s]:%s" % (host, port) if ":" in host else text


def differences(stream, found, decrypted):
    """What tshark read, and what we read."""
    said = stream.get("ch") or {}
    if (said.get("sni") or None) != found["server_name"]:
        yield "server_name", said.get("sni"), found["server_name"]
    # tshark joins the fingerprints of a hello that was sent twice.
    ja3 = said.get("ja3")
    if ja3 and found["ja3"] not in ja3.split("|"):
        yield "ja3", ja3, found["ja3"]
    version = (stream.get("sh") or {}).get("version")
    if version and not version.startswith("0x") and \
            VERSIONS.get(version, version) != found["tls_version"]:
        yield "version", version, found["tls_version"]
    alerts = [(e["by"], e["code"]) for e in stream["events"]
              if e["t"] == "alert"]
    got = [(a["by"], a["code"]) for a in found["alerts"]]
    if alerts != got and not decrypted:
        yield "alerts", alerts, got


def the_corpus_is_read_as_tshark_reads_it():
    faults, streams = [], 0
    for row in truth():
        with open(os.path.join(CORPUS, row["file"]), "rb") as f:
            data = f.read()
        if row["file"].endswith(".gz"):
            data = gzip.decompress(data)
        by_ends = {}
        for o in objects(data)[0]:
            by_ends.setdefault((o["client"], o["server"]), []).append(o)
        for s in row["streams"]:
            if not s["client"]:
                continue  # begun before the capture: no hello
            streams += 1
            ends = address(s["client"]), address(s["server"])
            # A file that holds its own keys: tshark read more.
            each = [list(differences(s, o, "-dsb" in row["file"]))
                    for o in by_ends.get(ends, [])]
            if not each:
                faults.append((row["file"], s["stream"], "not found"))
            elif [] not in each:
                faults.append((row["file"], s["stream"], each))
    print("# | %d streams of the corpus, %d differ" % (streams, len(faults)))
    equal(faults, [])
    assert streams > 300, streams


def causes_in_the_corpus():
    """Where the file's story tells the cause; and no wrong certainty."""
    known = {
        "badcurveball.pcap": "untrusted_root",
        "certificate-request-failed.pcap": "client_certificate_missing",
        "tls-1.2-handshake-failure.pcap": "no_shared_cipher",
        "ssl-v2.pcap": "protocol_version",
        "tls13draft16-chrome55.0.2879.0-canary-aborted.pcap":
            "protocol_version",
    }
    seen = set()
    for row in truth():
        name = os.path.basename(row["file"])
        if name.endswith(".gz"):
            continue
        with open(os.path.join(CORPUS, row["file"]), "rb") as f:
            found = objects(f.read())[0]
        verdicts = [o["verdict"] for o in found if o["verdict"]]
        if name in known:
            seen.add(name)
            equal(verdicts[0]["cause"], known[name], name)
        for v in verdicts:
            if v["confidence"] == "certain":
                equal(v["cause"], known.get(name), name)
    equal(seen, set(known))


def drops_root_and_watches_live():
    if os.geteuid() != 0:
        raise tap.Skip("not root")
    p = subprocess.Popen([SIPTRUST, "watch", "-i", "lo", "--json"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        with Edge() as edge:
            other = Pki(edge.folder, "example.test", "Other Root")
            while True:  # until it listens
                s_client(edge.tls, "-tls1_2", "-CAfile", other.ca)
                line = edge.wait_line(r" tls-refused .*?cause=(\S+) ")
                with open("/proc/%d/status" % p.pid) as f:
                    uid = re.search(r"Uid:\t(\d+)\t(\d+)\t(\d+)", f.read())
                if p.poll() is not None or uid.group(1) != "0":
                    break
            s_client(edge.tls, "-tls1_2", "-CAfile", other.ca)
            if p.poll() is not None:
                why = p.stderr.read().decode()
                contains(why, "not permitted")  # all else is a fault
                raise tap.Skip("no right to capture: " + why)
            while True:
                found = json.loads(p.stdout.readline())
                if found["server"].endswith(":%d" % edge.tls):
                    break
            equal(found["verdict"]["cause"], line.group(1))
            equal(set(uid.groups()), {uid.group(1)})
        p.terminate()
        rest = p.communicate(timeout=40)[0]
        equal(json.loads(rest.splitlines()[-1])["type"], "summary")
        equal(p.returncode, 1)
    finally:
        if p.poll() is None:
            p.kill()
            p.wait()


if __name__ == "__main__":
    tap.main([an_alert_in_the_clear, order_does_not_count, ip6,
              plain_sip_on_a_tls_port, starttls, begun_before_the_capture,
              a_lost_packet_makes_no_verdict, silence_is_a_timeout,
              no_capture_at_all,
              wrong_usage, truncated_anywhere, noise_between,
              much_noise_takes_no_memory,
              the_edge_and_watch_name_the_same_cause,
              accepted_is_told_from_refused,
              an_encrypted_alert_is_a_refusal_all_the_same,
              the_chain_is_read_from_the_wire,
              equal_refusals_are_counted,
              refused_then_accepted_proves_as_at_the_edge,
              what_is_packed_is_named,
              the_corpus_is_read_as_tshark_reads_it, causes_in_the_corpus,
              drops_root_and_watches_live])

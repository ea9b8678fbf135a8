# SPDX-License-Identifier: BSD-2-Clause
"""siptrust explain: a log in, verdicts out; what it does with bad input."""
import json
import os
import resource
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import SIPTRUST  # noqa: E402
from tap import contains, equal  # noqa: E402

MIB = 1 << 20
TWO_LINES = (
    b"[2026-11-20 09:00:02] ERROR[4711] tcptls.c: Problem setting up ssl "
    b"connection with peer '198.51.100.7:5069': error:00000001:lib(0):"
    b"func(0):reason(1), Internal SSL error\n"
    b"[2026-11-20 09:00:02] WARNING[4711] tcptls.c: FILE * open failed from "
    b"peer '198.51.100.7:5069'!\n")
ALERT = (b"Nov 20 09:00:03 pbx kamailio[9]: ERROR: tls [tls_util.h:50]: "
         b"tls_err_ret(): TLS accept:error:0A000418:SSL routines::any words "
         b"(sni: unknown)\n")
GIGABYTE = 8 if "san" in os.environ.get("BUILD", "") else 128  # of 8 MiB
MEMORY = 96 * MIB  # all that it may allocate, however long the log


def limit():
    if "san" in os.environ.get("BUILD", ""):
        return  # sanitizers reserve terabytes
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def explain(*words, data=None, chunks=None):
    """Exit code, output, errors; data or chunks (made as they go) come in."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        p = subprocess.Popen([SIPTRUST, "explain", *words], stdout=out,
                             stderr=err, stdin=subprocess.PIPE,
                             preexec_fn=limit)
        for chunk in chunks or [data or b""]:
            p.stdin.write(chunk)
        p.stdin.close()
        code = p.wait(120)
        out.seek(0)
        err.seek(0)
        return code, out.read().decode(), err.read().decode()


def lost_reason_is_explained():
    code, out, err = explain(data=TWO_LINES)
    equal((code, err), (1, ""))
    contains(out, "lines 1-2, 2026-11-20 09:00:02, Asterisk, peer "
                  "198.51.100.7:5069\n")
    contains(out, "the log does not say why\n")
    contains(out, "prints what SSL_get_error() returned")
    contains(out, "cause:         untrusted_root, possible; else "
                  "protocol_version ")
    contains(out, "by frequency:  untrusted_root 8, ")
    contains(out, "what to do:    let the wire tell: run siptrust watch -i any")
    contains(out, "2 lines, 1 failed, untrusted_root 1\n")
    equal("\033" in out, False)


def json_has_every_event_and_the_summary():
    code, out, _ = explain("--json", "-", data=TWO_LINES * 2 + ALERT)
    equal(code, 1)
    objects = [json.loads(line) for line in out.splitlines()]
    equal(len(objects), 4)
    events = {o["first_line"]: o for o in objects[:-1]}
    equal(events[5]["alert"], 48)
    equal(events[5]["openssl_error"], "0A000418")
    equal(events[5]["confidence"], "likely")
    equal(events[1]["ranks"][0]["cause"], "untrusted_root")
    equal(objects[-1]["summary"]["causes"], {"untrusted_root": 3})


def alike_are_counted():
    code, out, _ = explain(data=TWO_LINES * 50)
    equal(code, 1)
    equal(out.count("what happened:"), 1)
    contains(out, "49 more of 198.51.100.7: untrusted_root, the last at line "
                  "100\n")
    code, out, _ = explain("--all", data=TWO_LINES * 50)
    equal(out.count("what happened:"), 50)


def fine_log_is_fine():
    code, out, err = explain(data=b"[x] NOTICE[1] chan_sip.c: all is well\n"
                             b"a certain TLS word\n")
    equal((code, err), (0, ""))
    contains(out, "2 lines, 0 failed\n")
    contains(out, "0 harmless, 1 not known\n")
    equal(explain()[0], 0)


def missing_file_is_said():
    code, out, err = explain("/nonexistent/full")
    equal((code, out), (3, ""))
    equal(err, "siptrust explain: /nonexistent/full: "
               "No such file or directory\n")
    code, out, err = explain(os.path.dirname(os.path.abspath(__file__)))
    equal(code, 3)
    contains(err, "Is a directory")
    equal(explain("--colour")[0], 2)


def one_file_of_two_is_enough():
    with tempfile.NamedTemporaryFile() as f:
        f.write(TWO_LINES)
        f.flush()
        code, out, err = explain("/nonexistent/full", f.name)
        equal(code, 1)
        contains(err, "/nonexistent/full")
        contains(out, f.name + ": lines 1-2, ")


def line_of_100_mb_is_skipped():
    """In as much memory as any other log takes."""
    long = [b"tls error:0A000418 " * (MIB // 19)] * 100
    code, out, err = explain(chunks=[ALERT, *long, b"\n", TWO_LINES])
    equal((code, err), (1, ""))
    contains(out, "skipped: 1 lines longer than 16384 bytes\n")
    contains(out, "lines 3-4, ")
    contains(out, "4 lines, 2 failed")


def noise_is_no_log():
    """A gigabyte of it, in as much memory as any other log takes."""
    noise = [os.urandom(MIB) for _ in range(8)] * GIGABYTE
    code, out, err = explain(chunks=[TWO_LINES, *noise, b"\n", ALERT])
    equal((code, err), (1, ""))
    contains(out, "untrusted_root 2")
    code, out, _ = explain(chunks=noise[:8])
    equal(code, 0)


def terminal_is_not_obeyed():
    code, out, _ = explain(data=b"[1:\x1b[2J] [9] TLS accept:error:0A000418:x\n"
                           b"[9] tls_f(): src addr: x\x9b2J\xff\n")
    equal(code, 1)
    contains(out, ", 1:?[2J, Kamailio, peer x?2J?\n")
    equal("\033" in out, False)


def the_peer_of_a_line_before():
    code, out, _ = explain(
        data=b"2026.11.20 09:00:01 LOG5[12]: Service [sips] accepted "
        b"connection from 192.0.2.1:5069\n"
        b"2026.11.20 09:00:02 LOG3[12]: SSL_accept: x.c:9: error:0A000418:x\n")
    equal(code, 1)
    contains(out, "line 2, 2026.11.20 09:00:02, stunnel, peer 192.0.2.1:5069")


def words_without_a_number():
    code, out, _ = explain(data=b"gnutls_handshake: A TLS fatal alert has been "
                           b"received: CA is unknown\n"
                           b"TLS: Could not negotiate a supported cipher "
                           b"suite.\n")
    equal(code, 1)
    contains(out, "alert unknown_ca(48) was received")
    contains(out, "no cipher suite that the server allows")
    contains(out, "the line says so in words")


def many_peers_are_bounded():
    lines = [b"[%d] SSL_ERROR_SSL (Handshake): Level: 0 err: <167773208> <x> "
             b"len: 0 peer: 10.%d.%d.%d:5060\n" %
             (i % 300, i >> 16 & 255, i >> 8 & 255, i & 255)
             for i in range(20000)]
    code, out, err = explain(data=b"".join(lines))
    equal((code, err), (1, ""))
    contains(out, "20000 lines, 20000 failed, untrusted_root 20000\n")
    equal(out.count("what happened:"), 4096)
    contains(out, "not told one by one: 15904, of more than 4096 kinds\n")


if __name__ == "__main__":
    tap.main([lost_reason_is_explained, json_has_every_event_and_the_summary,
              alike_are_counted, fine_log_is_fine, missing_file_is_said,
              one_file_of_two_is_enough, line_of_100_mb_is_skipped,
              noise_is_no_log, the_peer_of_a_line_before,
              words_without_a_number, terminal_is_not_obeyed, many_peers_are_bounded],
             jobs=2)

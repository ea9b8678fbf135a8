# SPDX-License-Identifier: BSD-2-Clause
"""Python's ssl; the usage of pipe.h."""
import os
import select
import socket
import ssl
import sys


def main(host, port, name, ca, *options):
    context = ssl.create_default_context(cafile=ca)
    if "tls1.0" in options:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = \
            ssl.TLSVersion.TLSv1
    elif "rsa" in options:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    raw = socket.create_connection((host, int(port)), 30)
    try:
        link = context.wrap_socket(raw, server_hostname=name)
    except (ssl.SSLError, OSError) as e:
        sys.exit("end: %s" % e)
    link.setblocking(False)
    while pump(link):
        select.select([0, link], [], [])


def pump(link):
    """What has come goes on; False: one side is over."""
    try:
        while True:
            data = link.recv(65536)
            if not data:
                return False
            os.write(1, data)
    except ssl.SSLWantReadError:
        pass
    if select.select([0], [], [], 0)[0]:
        data = os.read(0, 65536)
        link.sendall(data)
        return bool(data)
    return True


main(*sys.argv[1:])

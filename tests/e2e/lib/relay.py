# SPDX-License-Identifier: BSD-2-Clause
"""A lossy way between phones and the edge, over UDP."""
import re
import selectors
import socket
import threading


class Relay:
    """Each message is lost once, either way: what comes again passes.  One
    port of the relay for each phone, as a NAT has it."""

    def __init__(self, port):
        self.edge = ("127.0.0.1", port)
        self.front = self.socket()
        self.front.bind(("127.0.0.1", 0))
        self.port = self.front.getsockname()[1]
        self.seen, self.lost = set(), []
        self.behind = {}  # a phone's address: the socket towards the edge
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.front, selectors.EVENT_READ, None)
        self.stop_read, self.stop_write = socket.socketpair()
        self.selector.register(self.stop_read, selectors.EVENT_READ, None)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    @staticmethod
    def socket():
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.stop_write.send(b"x")
        self.thread.join()
        for sock in [self.front, *self.behind.values()]:
            sock.close()

    def is_lost(self, data, way):
        """By what it is: a challenge has another nonce each time."""
        text = data.decode("utf-8", "replace")
        first = text.split("\r\n", 1)[0]
        cseq = re.search(r"(?mi)^CSeq:\s*(.*?)\r$", text)
        call = re.search(r"(?mi)^Call-ID:\s*(.*?)\r$", text)
        if not cseq or not call:
            return False
        key = (way, first.split(" ")[:2], cseq.group(1), call.group(1))
        key = repr(key)
        if key in self.seen:
            return False
        self.seen.add(key)
        self.lost.append(first)
        return True

    def way_of(self, phone):
        if phone not in self.behind:
            sock = self.socket()
            sock.connect(self.edge)
            self.behind[phone] = sock
            self.selector.register(sock, selectors.EVENT_READ, phone)
        return self.behind[phone]

    def run(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.stop_read:
                    return
                try:
                    data, source = key.fileobj.recvfrom(65536)
                    if self.is_lost(data, "in" if key.data else "out"):
                        continue
                    if key.data:
                        self.front.sendto(data, key.data)
                    else:
                        self.way_of(source).send(data)
                except ConnectionRefusedError:
                    pass

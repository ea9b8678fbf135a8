# SPDX-License-Identifier: BSD-2-Clause
"""What a stack did and what the edge said of it, as a table."""
import re
import threading

FIELDS = "stack", "case", "first", "cause", "confidence", "next_best", "second"


def fields(line):
    """The key=value part of a log line."""
    return {k: v[1:-1] if v.startswith('"') else v for k, v in
            re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', line)}


class Table:
    def __init__(self):
        self.rows, self.lock = [], threading.Lock()

    def add(self, **row):
        with self.lock:
            self.rows.append([str(row.get(f) or "-") for f in FIELDS])

    def show(self):
        """As comments that tools/check passes on."""
        rows = [list(FIELDS)] + sorted(self.rows)
        widths = [max(len(r[i]) for r in rows) for i in range(len(FIELDS))]
        for row in rows:
            print("# | " + "  ".join(
                v.ljust(w) for v, w in zip(row, widths)).rstrip())

"""One line of an event trace: who, when, which event; as perf script, trace-cmd report and tracefs write it."""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAD = 200
"""bytes of a line in which the event's name must have come"""
PERF = re.compile(
    rb"^\s*+(?P<comm>\S.{0,40}?)\s++(?:\d++/)?(?P<tid>-?\d++)\s++(?:\[\d++\]\s++)?(?:[.\w]{4,8}\s++)?"
    rb"(?P<time>\d++\.\d{3,9}):\s++(?:\d++\s++)?(?P<event>PERF_RECORD_\w++|[A-Za-z_][\w./@=,:\-]*:)(?=\s|$)"
)
FTRACE = re.compile(
    rb"^\s*+(?P<comm>\S.{0,40}?)-(?P<tid>\d++)\s++(?:\(\s*+[\d\-]++\)\s++)?\[\d++\]\s++(?:\(\s*+[\d\-]++\)\s++)?"
    rb"(?:[^\s:]{4,8}\s++)?(?P<time>\d++\.\d{3,9}):\s++(?P<event>[A-Za-z_]\w*+):"
)


LATEST_S = 1e10
"""time stamps beyond this are none"""


@dataclass(frozen=True)
class Head:
    """The beginning of an event's line."""

    comm: bytes
    tid: int
    time_s: float
    time_at: int
    """where in the line the time begins"""
    event: bytes
    perf: bool
    """whether perf wrote it; else ftrace, by trace-cmd or tracefs"""


def read_head(line: bytes) -> Head | None:
    """Split the beginning of an event's line, or None if it is none.

    >>> read_head(b" pfbench-57  [001]  2.880401: page_fault_user: address=0x7f44").event
    b'page_fault_user'
    >>> read_head(b"pf 2125/2130 [001] 1424.584309:  mmap_lock:mmap_lock_released: mm=0x1").tid
    2130
    """
    start = line[:HEAD]
    ftrace = FTRACE.match(start)
    match = ftrace or PERF.match(start)
    if match is None or len(match["tid"]) > 10 or len(match["time"]) > 24:
        return None
    event = match["event"].rstrip(b":")
    return Head(match["comm"], int(match["tid"]), float(match["time"]), match.start("time"), event, ftrace is None)


def field(line: bytes, name: bytes) -> bytes:
    """Value of `name=` in a line, up to the next space; empty if there is none.

    >>> field(b"x: mm=0xff memcg_path= write=true", b"write="), field(b"mm=1", b"write=")
    (b'true', b'')
    """
    at = line.find(name)
    if at < 0:
        return b""
    end = line.find(b" ", at + len(name))
    return line[at + len(name) : end if end >= 0 else len(line)].rstrip()

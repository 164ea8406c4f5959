"""`perf lock contention`, by caller, by lock or by thread: who waited for which lock, and how long."""

from __future__ import annotations

import re

from .capture import MOST_STINTS, Capture, Result
from .load import take_load_line
from .names import is_mmap_lock
from .reader import CaptureFile
from .stacks import FAULT_ENTRIES, plain_symbol
from .stated import take_stated

HEADING = re.compile(r"^\s*contended\s+total wait\s+max wait\s+avg wait\s+(?P<last>\S.*)$")
TIME = r"(\d[\d.]*)\s+(ns|us|ms|s|m|h)"
ROW = re.compile(rf"^\s*+(?P<count>-?\d\S*)\s+{TIME}\s+{TIME}\s+{TIME}\s+(?P<rest>\S.*)$")
LIKE_ROW = re.compile(r"^\s*-?\d")
NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
FAULT_PATH = FAULT_ENTRIES | {"lock_mm_and_find_vma"}
EXPECTED = "contended, total, max and average wait, and who waited, as perf lock contention prints them"


def recognises(line: str) -> bool:
    """Whether the line is the heading of the table."""
    return bool(HEADING.match(line[:200]))


def parse(file: CaptureFile, capture: Capture) -> None:
    """Read the table below its heading; the same caller listed twice stands apart, in order."""
    heading = ""
    for number, line in file.lines():
        if found := HEADING.match(line[:200]):
            heading = found["last"].strip()
        elif heading and LIKE_ROW.match(line[:80]):
            _row(file, capture, number, line, heading)
        elif not take_stated(capture, line) and not take_load_line(file, capture, number, line) and line.strip():
            capture.other_lines += 1
    capture.note("only waits are listed: a lock that was had at once is not counted")


def _row(file: CaptureFile, capture: Capture, number: int, line: str, heading: str) -> None:
    found = ROW.match(line[:1000])
    if not found:
        raise file.refuse(number, EXPECTED, line)
    count = file.count(found["count"], number)
    total, unit, longest, longest_unit = found[2], found[3], found[4], found[5]
    words = found["rest"].split()
    name = " ".join(words)
    label = capture.add(name, count)
    total_ns = float(file.amount(total, number)) * NS[unit]
    longest_ns = float(file.amount(longest, number)) * NS[longest_unit]
    if len(capture.results) < MOST_STINTS:
        capture.results.append(Result("total wait", label, total_ns, "ns"))
        capture.results.append(Result("max wait", label, longest_ns, "ns"))
    _who(capture, heading, words, count)


def _who(capture: Capture, heading: str, words: list[str], count: int) -> None:
    """Waits on mmap_lock: by the caller of its read-write semaphore, or by the lock's own name."""
    symbol = plain_symbol(words[-1])
    if heading.endswith("caller") and words[0].startswith("rwsem:"):
        if symbol in FAULT_PATH:
            capture.called("wait", f"fault ({symbol}, {words[0]})", count)
        else:
            capture.called("wait", f"{symbol} ({words[0]})", count)
    elif is_mmap_lock(" ".join(words)) or heading.endswith("comm"):
        capture.called("wait", " ".join(words), count)

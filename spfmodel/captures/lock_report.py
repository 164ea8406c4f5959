"""`perf lock report`: acquisitions, contentions and waits of each lock or caller."""

from __future__ import annotations

import re

from .capture import MOST_STINTS, Capture, Result
from .load import take_load_line
from .lock_contention import NS
from .names import is_mmap_lock
from .reader import CaptureFile
from .stated import take_stated

HEADING = re.compile(r"^\s*Name\s+acquired\s+contended\s+avg wait")
ROW = re.compile(r"^\s*+(?P<name>\S.{0,80}?)\s++(?P<acquired>\d++)\s++(?P<contended>\d++)\s++(?P<times>\d.*)$")
TIMES = re.compile(r"(\d[\d.]*)(?:\s+(ns|us|ms|s|m|h)(?=\s|$))?")
EXPECTED = "a lock, acquired, contended, then average, total, max and min wait, as perf lock report prints them"


def recognises(line: str) -> bool:
    """Whether the line is the heading of the table."""
    return bool(HEADING.match(line[:200]))


def parse(file: CaptureFile, capture: Capture) -> None:
    """Read the table below its heading; older perf prints plain ns, newer perf a unit with each time."""
    inside = False
    for number, line in file.lines():
        if recognises(line):
            inside = True
        elif inside and re.search(r"\S\s+\d", line[:200]) and "===" not in line:
            inside = _row(file, capture, number, line)
        elif not take_stated(capture, line) and not take_load_line(file, capture, number, line) and line.strip():
            capture.other_lines += 1


def _row(file: CaptureFile, capture: Capture, number: int, line: str) -> bool:
    found = ROW.match(line[:400])
    times = TIMES.findall(found["times"])[:4] if found else []
    if not found or len(times) != 4:
        raise file.refuse(number, EXPECTED, line)
    name = found["name"].strip()
    capture.add(f"{name} acquired", file.count(found["acquired"], number))
    contended = file.count(found["contended"], number)
    capture.add(f"{name} contended", contended)
    if len(capture.results) < MOST_STINTS:
        total, unit = times[1]
        total_ns = float(file.amount(total, number)) * NS[unit or "ns"]
        capture.results.append(Result("total wait", name, total_ns, "ns"))
    if is_mmap_lock(name) and contended:
        capture.called("wait", name, contended)
    return True

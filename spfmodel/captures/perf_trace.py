"""`perf trace -F`: page faults, one a line, with the function that faulted."""

from __future__ import annotations

import re

from .capture import Capture
from .load import take_load_line
from .reader import CaptureFile
from .stacks import plain_symbol
from .stated import take_stated

BEGINS = re.compile(r"^\s*+\d++\.\d++ \(\s*+\d*+\.?\d*+\s*+(?:ms)?\s*+\): ")
FAULT = re.compile(
    r"^\s*+(?P<time>\d++\.\d{3}) \(\s*+\d++\.\d++ ms\): (?P<comm>.{1,40}?)/(?P<tid>\d{1,10}) "
    r"(?P<kind>minfault|majfault) \[(?P<symbol>[^\]]{0,300})\] => (?P<to>\S.*)$"
)
LOST = re.compile(r"^LOST (\d{1,18}) events!")
EXPECTED = "time, duration, process, minfault or majfault, [function] and address, as `perf trace -F all` prints them"


def recognises(line: str) -> bool:
    """Whether the line is a fault as perf trace prints it."""
    return bool(FAULT.match(line[:1000]))


def parse(file: CaptureFile, capture: Capture) -> None:
    """Count faults by kind and by function; system calls, which perf trace also prints, are passed over."""
    first = last = None
    threads: set[str] = set()
    for number, line in file.lines():
        fault = FAULT.match(line[:2000])
        if fault:
            capture.events[fault["kind"]] = capture.events.get(fault["kind"], 0) + 1
            capture.called("fault", plain_symbol(fault["symbol"]) or "[unknown]")
            last = float(fault["time"])
            first = last if first is None else first
            threads.add(fault["tid"] if len(threads) < 100_000 else "")
        elif lost := LOST.match(line[:60]):
            capture.lost += int(lost[1])
        elif BEGINS.match(line[:80]) and "fault" in line and "(" in line[80:] + line[:80] and "=>" not in line:
            raise file.refuse(number, EXPECTED, line)
        elif not take_stated(capture, line) and not take_load_line(file, capture, number, line) and line.strip():
            capture.other_lines += 1
    capture.threads = capture.threads or len(threads)
    capture.elapsed_s = (last - first) / 1000 if first is not None and last is not None else None

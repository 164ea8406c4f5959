"""`perf stat` as text, with or without -r, -I, -A, --per-thread; in any locale's digits.

A line `# filter: EVENT EXPRESSION`, one for each filtered `-e`, in order, says which filter an event had: perf itself
does not print it.
"""

from __future__ import annotations

import re

from .capture import Capture
from .counters import UNCOUNTED, Counters
from .load import take_load_line
from .reader import CaptureFile
from .stated import take_stated

TITLE = re.compile(r"^ ?Performance counter stats for (.{0,400}?)(?: \((\d+) runs\))?:$")
INTERVAL_TITLE = re.compile(r"^#\s+time\s+(?:(\S+)\s+(?:cpus\s+|ctrs\s+)?)?counts\s+unit\s+events")
NUMBER = r"(?P<value><not (?:counted|supported)>|\d[\d,.'’]*(?: \d{3})*)"
LINE = re.compile(
    r"^\s*+(?:(?P<of>(?:CPU|S|N|D|C)\d\S*|[^\s\d<]\S{0,30}-\d+)\s++(?:\d{1,4}\s++(?=[\d<]))?)?"
    + NUMBER
    + r"(?:\s++(?P<unit>msec|ns|us|ms|Joules|MiB|C|%))?\s++(?P<name>[A-Za-z][^\s#(]*)(?P<more>.{0,200})"
)
TIMED = re.compile(r"^\s*+(?P<time>\d+\.\d{6,9})\s++(?P<rest>\S.*)$")
ELAPSED = re.compile(r"^\s*+(\d[\d.,]*)\s+(?:\+-\s+\S+\s+)?seconds time elapsed")
SPREAD = re.compile(r"\( *\+- *(\d{1,4})[.,](\d+) *% *\)")
SHARE_OF_TIME = re.compile(r"\((\d+[.,]\d+)%\)\s*$")
COUNTED = re.compile(r"^\s*(?:\d|<not )")
EXPECTED = "a count and the name of an event, as perf stat prints them"


def recognises(line: str) -> bool:
    """Whether the line is the title of a perf stat text."""
    return line[:30].lstrip().startswith("Performance counter stats") or bool(INTERVAL_TITLE.match(line[:200]))


def parse(file: CaptureFile, capture: Capture) -> None:
    """Read the counts below the title; what stands above it is the load's own output."""
    counters = Counters(capture, file)
    inside = timed = False
    for number, line in file.lines():
        if recognises(line):
            inside, timed = True, timed or bool(INTERVAL_TITLE.match(line[:200]))
            _title(capture, line)
        elif take_stated(capture, line):
            continue
        elif inside and COUNTED.match(line):
            _counted(counters, number, line, timed=timed)
        elif inside and (match := LINE.match(line[:400])) and match["of"]:
            _line(counters, number, match)
        elif not take_load_line(file, capture, number, line) and line.strip() and not inside:
            capture.other_lines += 1
    if not timed and capture.elapsed_s is None:
        capture.note("the text ends before perf's own line `seconds time elapsed`: it may be cut short")
    counters.close()


def _title(capture: Capture, line: str) -> None:
    match = TITLE.match(line)
    if match and match[2]:
        capture.repetitions = int(match[2][:6])


def _counted(counters: Counters, number: int, line: str, *, timed: bool) -> None:
    file = counters.file
    if match := ELAPSED.match(line[:200]):
        counters.capture.elapsed_s = float(file.amount(match[1], number))
        return
    if line.split()[1:2] == ["seconds"]:  # user and sys times
        return
    if timed:
        parts = TIMED.match(line[:400])
        if not parts:
            raise file.refuse(number, "the time of an interval and a count", line)
        counters.interval(parts["time"], number)
        line = parts["rest"]
    found = LINE.match(line[:400])
    if not found:
        raise file.refuse(number, EXPECTED, line)
    _line(counters, number, found)


def _line(counters: Counters, number: int, match: re.Match[str]) -> None:
    counters.add(number, match["name"], match["value"], unit=match["unit"] or "", of=match["of"] or "")
    if spread := SPREAD.search(match["more"]):
        counters.capture.spreads[match["name"]] = float(f"{spread[1]}.{spread[2]}") / 100
    if match["value"] not in UNCOUNTED and (running := SHARE_OF_TIME.search(match["more"])):
        counters.running(running[1], number)

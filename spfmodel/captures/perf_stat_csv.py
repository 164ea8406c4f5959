"""`perf stat -x`, with or without -I, -r, -A, --per-thread. The event's name comes once per filter: order tells."""

from __future__ import annotations

import re
from itertools import islice

from .capture import Capture
from .counters import UNCOUNTED, Counters
from .load import take_load_line
from .reader import CaptureFile
from .stated import take_stated

SEPARATORS = ",;\t|"
NUMBER = re.compile(r"^\s*(?:\d+(?:\.\d+)?|<not counted>|<not supported>)$")
TIME = re.compile(r"^\s*\d+\.\d{6,9}$")
EVENT = re.compile(r"^[A-Za-z][\w:./@=,;|\-]*$")
BEGINS = re.compile(r"^\s*(?:-?\d|<not )|^(?:CPU|S|N|D)\d")
EXPECTED = "value, unit, event, run time and percentage between separators, as `perf stat -x` prints them"


def recognises(line: str) -> bool:
    """Whether the line is a whole line of `perf stat -x`."""
    if not BEGINS.match(line[:40]) or len(line) > 2000:
        return False
    return any(_fields(line, separator) is not None for separator in SEPARATORS if line.count(separator) > 2)


def parse(file: CaptureFile, capture: Capture) -> None:
    """Read every line that begins like a count; others are the load's own output."""
    counters = Counters(capture, file)
    separator = ""
    for number, line in file.lines():
        separator = separator or _separator(line)
        if separator and BEGINS.match(line[:40]) and separator in line:
            _count(counters, number, line, separator)
        elif not take_stated(capture, line) and not take_load_line(file, capture, number, line) and line.strip():
            capture.other_lines += 1
    counters.close()


def _separator(line: str) -> str:
    return next((s for s in SEPARATORS if line.count(s) > 2 and _fields(line, s) is not None), "")


def _count(counters: Counters, number: int, line: str, separator: str) -> None:
    file = counters.file
    found = _fields(line, separator)
    if found is None:
        raise file.refuse(number, EXPECTED, line)
    fields, at = found
    where = fields[:at]
    if where and TIME.match(where[0]):
        counters.interval(where[0].strip(), number)
        where = where[1:]
    name = fields[at + 2].strip()
    counters.add(number, name, fields[at], unit=fields[at + 1], of=where[0] if where else "")
    _rest(counters, number, name, fields[at + 3 :], counted=fields[at].strip() not in UNCOUNTED)


def _rest(counters: Counters, number: int, name: str, rest: list[str], *, counted: bool) -> None:
    """After the event: a spread in % (-r), the run time in ns, the percentage of the time that it ran."""
    if rest and rest[0].endswith("%"):
        counters.capture.spreads[name] = float(counters.file.amount(rest[0].rstrip("%"), number)) / 100
        rest = rest[1:]
    if len(rest) < 2 or not NUMBER.match(rest[0]) or not NUMBER.match(rest[1]):
        raise counters.file.refuse(number, EXPECTED, "".join(islice((f"{field} " for field in rest), 5)))
    if counted:
        counters.running(rest[1], number)


def _whole_names(fields: list[str], separator: str) -> list[str]:
    """Put names of hardware events that hold the separator, such as cpu/event=1,umask=2/, together again."""
    whole: list[str] = []
    for field in fields:
        if whole and whole[-1].count("/") == 1:
            whole[-1] += separator + field
        else:
            whole.append(field)
    return whole


def _fields(line: str, separator: str) -> tuple[list[str], int] | None:
    """The fields, and which of them is the count: a number with the name of an event two further on."""
    fields = _whole_names(line.rstrip("\r").split(separator, 20), separator)
    for at in range(min(4, len(fields) - 4)):
        value, event = fields[at], fields[at + 2].strip()
        if (NUMBER.match(value) or value in UNCOUNTED) and EVENT.match(event[:300]):
            return fields, at
    return None

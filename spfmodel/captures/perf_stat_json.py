"""`perf stat -j`: one object a line."""

from __future__ import annotations

import json
from typing import Any

from .capture import Capture
from .counters import UNCOUNTED, Counters
from .load import take_load_line
from .reader import CaptureFile
from .stated import take_stated

EXPECTED = "one whole JSON object with counter-value and event, as `perf stat -j` prints them"
WHERE = ("cpu", "socket", "die", "core", "node", "thread", "cgroup", "aggregate-number")
LONGEST = 20_000
"""characters of one object; perf prints some 200"""


def recognises(line: str) -> bool:
    """Whether the line begins an object of `perf stat -j`."""
    head = line[:400]
    return head.lstrip().startswith("{") and '"' in head and ("counter-value" in head or '"event"' in head)


def parse(file: CaptureFile, capture: Capture) -> None:
    """Read each line that begins with a brace; others are the load's own output."""
    counters = Counters(capture, file)
    for number, line in file.lines():
        if line.lstrip().startswith("{"):
            _object(counters, number, line)
        elif not take_stated(capture, line) and not take_load_line(file, capture, number, line) and line.strip():
            capture.other_lines += 1
    counters.close()


def _object(counters: Counters, number: int, line: str) -> None:
    file = counters.file
    try:
        found: Any = json.loads(line) if len(line) <= LONGEST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise file.refuse(number, EXPECTED, line)
    if "counter-value" not in found and "metric-value" in found:  # a second metric of the event above
        return
    name, value = found.get("event"), found.get("counter-value")
    if not isinstance(name, str) or not isinstance(value, str | int | float):
        raise file.refuse(number, EXPECTED, line)
    if "interval" in found:
        counters.interval(str(found["interval"]), number)
    where = " ".join(str(found[key])[:40] for key in WHERE if key in found)
    counters.add(number, name[:300], str(value), unit=str(found.get("unit") or ""), of=where)
    _quality(counters, number, name, found)


def _quality(counters: Counters, number: int, name: str, found: dict[str, Any]) -> None:
    """Put down how far to trust the count: the spread over repetitions, and the share of time that it ran."""
    if "variance" in found:
        counters.capture.spreads[name] = float(counters.file.amount(str(found["variance"]).rstrip("%"), number)) / 100
    if found["counter-value"] not in UNCOUNTED and isinstance(found.get("pcnt-running"), int | float):
        counters.running(str(found["pcnt-running"]), number)

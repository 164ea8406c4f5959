"""/proc/vmstat: one look, or several one after another in a file; counts between looks, or since boot."""

from __future__ import annotations

import re

from .capture import MOST_NAMES, Capture, Stint, TooMany
from .load import take_load_line
from .names import FAULT_COUNTERS
from .reader import CaptureFile
from .stated import take_stated

LINE = re.compile(r"^([A-Za-z][\w()]{0,80}) (\S.*|)$")
KNOWN = {*FAULT_COUNTERS, "nr_free_pages", "pgmajfault"}


def recognises(line: str) -> bool:
    """Whether the line is one of /proc/vmstat, by a name that only it has."""
    name, space, value = line[:120].partition(" ")
    return bool(space) and value.strip().isdigit() and (name in KNOWN or name.lower() in KNOWN)


def parse(file: CaptureFile, capture: Capture) -> None:
    """Read one look, or several: a name that comes again begins the next; counts are then those in between."""
    looks: list[dict[str, int]] = [{}]
    for number, line in file.lines():
        found = None if line.startswith("#") else LINE.match(line[:4000])
        if found and "=" not in found[1]:
            if found[1] in looks[-1]:
                _close(file, capture, number, looks)
            if len(looks[-1]) >= MOST_NAMES:
                raise TooMany(f"at most {MOST_NAMES} counters")
            looks[-1][found[1]] = file.count(found[2], number)
        elif not take_stated(capture, line) and not take_load_line(file, capture, number, line) and line.strip():
            raise file.refuse(number, "a name and a count, as in /proc/vmstat", line)
    if len(looks) == 1 and not capture.stints:
        capture.events.update(looks[0])
        capture.accumulated = True
        return
    _close(file, capture, number, looks)
    capture.note(f"counts are the change over {len(capture.stints) + 1} looks at /proc/vmstat in this file")


def _close(file: CaptureFile, capture: Capture, number: int, looks: list[dict[str, int]]) -> None:
    """End a look; with an earlier one it makes a stint, and only the last look is kept."""
    if len(looks) == 2:
        stint = capture.stint(f"look {len(capture.stints) + 2}")
        changed = change(looks[0], looks[1])
        if changed is None:
            raise file.refuse(number, "counters that grow from one look at /proc/vmstat to the next")
        if stint:
            stint.events = {name: count for name, count in changed.items() if name.lower() in FAULT_COUNTERS}
        for name, count in changed.items():
            capture.events[name] = capture.events.get(name, 0) + count
        looks.pop(0)
    looks.append({})


def change(before: dict[str, int], after: dict[str, int]) -> dict[str, int] | None:
    """Counters after less counters before, without what also shrinks (nr_...); None if a fault counter shrank.

    >>> change({"pgfault": 3, "nr_dirty": 7}, {"pgfault": 5, "nr_dirty": 2})
    {'pgfault': 2}
    """
    common = {name: after[name] - before[name] for name in after if name in before}
    if any(count < 0 for name, count in common.items() if name.lower() in FAULT_COUNTERS):
        return None
    return {name: count for name, count in common.items() if count >= 0 and not name.startswith("nr_")}


def between(before: Capture, after: Capture) -> Capture:
    """Two files that each hold one look, as one capture of what was counted in between; earlier one first.

    Raises ValueError if a fault counter is smaller in the second.
    """
    changed = change(before.events, after.events)
    if changed is None:
        raise ValueError(f"{after.path} has smaller counts than {before.path}: give the earlier look first")
    both = Capture(f"{before.path} to {after.path}", before.tool, after.kernel or before.kernel, changed)
    both.stints = [Stint("between the two looks", changed)]
    both.note("counts are the change from the first file to the second")
    return both

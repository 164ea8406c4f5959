"""/proc/lock_stat: contentions, waits and holds of each lock class; times there are in microseconds."""

from __future__ import annotations

import re

from .capture import Capture, Result
from .names import is_mmap_lock
from .reader import CaptureFile
from .stacks import plain_symbol
from .stated import take_stated

VERSION = re.compile(r"^lock_stat version (\d+\.\d+)")
CLASS = re.compile(r"^\s*+(?P<name>\S.{0,200}?):\s+(?P<values>-?\d[\d.\s]*)$")
POINT = re.compile(r"^\s*+(?P<name>\S.{0,200}?)\s+(?P<count>\d{1,20})\s+\[<[0-9a-fA-F]*>\]\s+(?P<caller>\S+)")
RULE = re.compile(r"^[\s.\-]*$")
WITH_AVERAGES = (
    "con-bounces", "contentions", "waittime-min", "waittime-max", "waittime-total", "waittime-avg",
    "acq-bounces", "acquisitions", "holdtime-min", "holdtime-max", "holdtime-total", "holdtime-avg",
)  # fmt: skip
COUNTS = ("contentions", "acquisitions")
WANTED = re.compile(r"mmap_(?:lock|sem)|vm_lock|page_table_lock|ptlock|mm_rb_lock|mmap_seq")
EXPECTED = "a lock class and its 10 or 12 numbers, as /proc/lock_stat prints them"


def recognises(line: str) -> bool:
    """Whether the line is the first of /proc/lock_stat."""
    return bool(VERSION.match(line[:80]))


def parse(file: CaptureFile, capture: Capture) -> None:
    """Keep the classes of the fault path: mmap_lock or mmap_sem, VMA locks, page-table locks."""
    started, inside, rules = False, "", 0
    for number, line in file.lines():
        if recognises(line):
            started = True
        elif found := CLASS.match(line[:600]):
            inside, rules = (found["name"].strip() if WANTED.search(found["name"]) else ""), 0
            if inside:
                _class(file, capture, number, inside, found["values"].split())
        elif inside and (point := POINT.match(line[:600])):
            _point(capture, point, held=rules > 1)
        elif not started or not (RULE.match(line[:200]) or "class name" in line or POINT.match(line[:600])):
            _passed(file, capture, number, line)
        rules += line.strip().startswith("----")
    capture.accumulated = True
    if not any(is_mmap_lock(name) for name in capture.events):
        capture.note("/proc/lock_stat lists no mmap_lock or mmap_sem: nobody took it while statistics were on")


def _point(capture: Capture, point: re.Match[str], *, held: bool) -> None:
    """A place in the code: the first list below a class holds those that waited, the second those they waited for."""
    kind = "wait" if is_mmap_lock(point["name"]) else "wait on another lock"
    caller = f"{plain_symbol(point['caller'])} ({point['name'].strip()})"
    capture.called("held it meanwhile" if held else kind, caller, int(point["count"]))


def _passed(file: CaptureFile, capture: Capture, number: int, line: str) -> None:
    if not take_stated(capture, line) and line.strip():
        raise file.refuse(number, EXPECTED, line)


def _class(file: CaptureFile, capture: Capture, number: int, name: str, values: list[str]) -> None:
    heads = WITH_AVERAGES if len(values) == 12 else tuple(h for h in WITH_AVERAGES if not h.endswith("avg"))
    if len(values) != len(heads):
        raise file.refuse(number, EXPECTED, " ".join(values[:14]))
    for head, text in zip(heads, values, strict=True):
        if head in COUNTS:
            capture.add(f"{name} {head}", file.count(text, number))
        elif head.endswith("total"):
            unit_ns = 1e3
            capture.results.append(Result(head, name, unit_ns * float(file.amount(text, number)), "ns"))

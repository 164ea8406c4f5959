"""`perf report --stdio`: totals, and the caller-first or callee-first call graph of mmap_lock's events."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .capture import Capture, TooMany
from .load import take_load_line
from .names import ACQUIRED, SPF_FAILURES, canonical
from .reader import CaptureFile
from .stacks import FALLBACK, Frame, classify, plain_symbol
from .stated import take_stated

SAMPLES = re.compile(r"^# Samples: (\S+)\s+of events? '([^']{1,300})'")
COUNT = re.compile(r"^# Event count \(approx\.\): (\S+)")
LOST = re.compile(r"^# Total Lost Samples: (\d{1,18})")
ROW = re.compile(r"^\s{0,8}(?P<share>\d{1,3}\.\d{1,4})%\s+(?P<text>\S.*)$")
NODE = re.compile(r"^(?P<margin>[ |]*?)-{1,2}(?P<share>\d{1,3}\.\d{1,4})%-{1,2}(?P<symbol>\S.*)$")
MORE = re.compile(r"^(?P<margin>[ |]+?)(?P<symbol>[^\s|-].*)$")
EXPECTED = "a share in % and the field that perf report sorts by, or a function of its call graph"
ENTRIES = (
    ("asm_exc_page_fault", "exc_page_fault"),
    ("page_fault", "__do_page_fault"),
    ("entry_SYSCALL", "do_syscall_64"),
    ("el0t_64_sync", "do_mem_abort"),
    ("el1h_64_sync", "do_mem_abort"),
    ("el0t_64_sync", "el0_svc"),
    ("data_access_common", "do_page_fault"),
)
"""(outer, inner): functions next to each other at an entry into the kernel"""
MOST_NODES = 200_000


@dataclass
class Node:
    """A stretch of the call graph without a branch; its share counts all below it, too."""

    column: int
    share: float
    """of all samples, in %"""
    symbols: list[str] = field(default_factory=list)
    branched: bool = False
    """whether branches of it are shown: what they leave of its share is then in branches too small to show"""


def inner_first(symbols: list[str]) -> list[str]:
    """Functions from the innermost outwards, however the report sorts them: entries into the kernel are outside.

    >>> inner_first(["read", "entry_SYSCALL_64_after_hwframe", "do_syscall_64", "ksys_read"])
    ['ksys_read', 'do_syscall_64', 'entry_SYSCALL_64_after_hwframe', 'read']
    """
    for outer, inner in ENTRIES:
        outside = next((i for i, symbol in enumerate(symbols) if symbol.startswith(outer)), None)
        inside = next((i for i, symbol in enumerate(symbols) if symbol.startswith(inner)), None)
        if outside is not None and inside is not None:
            return symbols if inside < outside else symbols[::-1]
    return symbols


def recognises(line: str) -> bool:
    """Whether the line is the heading of an event's report."""
    return bool(SAMPLES.match(line[:400]))


def parse(file: CaptureFile, capture: Capture) -> None:
    """Read all events of the report; a call graph that is cut short gives the callers that it shows."""
    reading = _Reading(file, capture)
    for number, line in file.lines():
        reading.line(number, line)
    reading.end_row()


class _Reading:
    """Where in the report we are."""

    def __init__(self, file: CaptureFile, capture: Capture) -> None:
        self.file, self.capture = file, capture
        self.event, self.count, self.nodes_seen = "", 0, 0
        self.row = ""
        self.path: list[Node] = []

    def line(self, number: int, line: str) -> None:
        """Take one line."""
        if line.startswith("#"):
            self._heading(number, line)
        elif self.event and (row := ROW.match(line[:2000])):
            self.end_row()
            self.row = row["text"]
        elif self.row and (node := NODE.match(line[:2000])):
            self._node(node)
        elif self.row and (more := MORE.match(line[:2000])) and self.path:
            self.path[-1].symbols.append(plain_symbol(more["symbol"].strip()))
        elif self.event and "%" in line[:30]:
            raise self.file.refuse(number, EXPECTED, line)
        elif not line.strip(" |") or take_load_line(self.file, self.capture, number, line):
            return
        else:
            self.capture.other_lines += 1

    def end_row(self) -> None:
        """All functions below one row are known."""
        while self.path:
            self._leave()
        self.row = ""

    def _heading(self, number: int, line: str) -> None:
        if found := SAMPLES.match(line[:400]):
            self.end_row()
            self.event = found[2]
        elif found := COUNT.match(line[:80]):
            self.count = self.file.count(found[1], number)
            self.capture.add(self.event, self.count)
        elif found := LOST.match(line[:80]):
            self.capture.lost += int(found[1])
        else:
            take_stated(self.capture, line)

    def _node(self, found: re.Match[str]) -> None:
        """A branch: it ends what stands further right, or in its own column."""
        column, share = len(found["margin"]), float(found["share"])
        while self.path and self.path[-1].column >= column - 1:
            self._leave()
        self.nodes_seen += 1
        if self.nodes_seen > MOST_NODES or len(self.path) > 1000:
            raise TooMany(f"at most {MOST_NODES} branches of a call graph")
        if self.path:
            self.path[-1].share -= share
            self.path[-1].branched = True
        self.path.append(Node(column, share, [plain_symbol(found["symbol"].strip())]))

    def _leave(self) -> None:
        """A branch is complete: what its own branches did not take ends here."""
        node = self.path[-1]
        symbols = [symbol for part in self.path for symbol in part.symbols]
        self.path.pop()
        times = round(max(node.share, 0.0) * self.count / 100)
        if not times or not self._matters():
            return
        if node.branched:
            self.capture.called("not shown", symbols[-1], times)
            return
        kind, caller = classify([Frame(symbol) for symbol in inner_first(symbols)])
        self.capture.called(FALLBACK if canonical(self.event) in SPF_FAILURES else kind, caller, times)

    def _matters(self) -> bool:
        """Read acquisitions that succeeded, and attempts given up."""
        name = canonical(self.event)
        if name != ACQUIRED:
            return name in SPF_FAILURES
        return "write=true" not in self.row and "success=false" not in self.row

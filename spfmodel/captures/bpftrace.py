"""bpftrace's output: counts, histograms and call graphs of its maps.

Which event a map stands for is the script's choice. These names, of the scripts that spfmodel prints, are understood:
`@faults_user`, `@faults_kernel`, `@acq[write, success]` (mmap_lock acquisitions that began with start_locking),
`@wait_ns[write]`, `@hold_ns[write]`; write and success are 0 or 1.
"""

from __future__ import annotations

import re
from dataclasses import replace

from .capture import MOST_NAMES, Capture, TooMany
from .histogram import Histogram
from .load import take_load_line
from .reader import CaptureFile
from .stacks import Frame, classify, plain_symbol
from .stated import take_stated

ATTACHING = re.compile(r"^Attaching \d+ probes?\.\.\.")
SCALAR = re.compile(r"^(@\w{0,100}(?:\[[^\n]{0,500}\])?): (-?\d\S*)\s*$")
STATS = re.compile(r"^(@\w{0,100}(?:\[[^\n]{0,500}\])?): count (\d\S*), average (\d\S*), total (\d\S*)\s*$")
HEADING = re.compile(r"^(@\w{0,100}(?:\[[^\n]{0,500}\])?):\s*$")
GRAPH = re.compile(r"^(@\w{0,100})\[\s*$")
GRAPH_END = re.compile(r"^(?:, [^\n]{0,200})?\]: (-?\d\S*)\s*$")
EDGE = r"-?\d+[KMGTPE]?"
BIN = re.compile(
    rf"^(?:\[(?P<one>{EDGE})\]|[\[(](?P<low>{EDGE}|\.\.\.), (?P<high>{EDGE}|\.\.\.)[)\]])"
    r"\s+(?P<count>\S+)\s*\|[@ ]*\|\s*$"
)
PROGRAM = re.compile(
    r"^(?:(?:BEGIN|END)\s*\{|(?:tracepoint|kprobe|kretprobe|fentry|fexit|kfunc|rawtracepoint):\S+.*[/{])"
)
LOST = re.compile(r"^Lost (\d{1,18}) events")
FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50, "E": 1 << 60}
UNITS = {"ns": "ns", "us": "us", "usecs": "us", "nsecs": "ns", "ms": "ms", "msecs": "ms"}
Bins = list[tuple[float, float, int]]


def recognises(line: str) -> bool:
    """Whether the line is bpftrace's greeting or one of its maps."""
    head = line[:700]
    return bool(
        ATTACHING.match(head) or (head[:1] == "@" and any(f.match(head) for f in (SCALAR, STATS, HEADING, GRAPH)))
    )


def recognises_program(line: str) -> bool:
    """Whether the line begins a probe of a bpftrace program."""
    return bool(PROGRAM.match(line[:400]))


def parse_program(file: CaptureFile, capture: Capture) -> None:
    """A program is no output: it is read, never run, and counts nothing."""
    for _number, line in file.lines():
        take_stated(capture, line)
    capture.note("this is a bpftrace program, not its output: run it, save what it prints, and give that")


def parse(file: CaptureFile, capture: Capture) -> None:
    """Read all maps; a map printed again replaces the earlier print, since maps add up."""
    reading = _Reading(file, capture)
    for number, line in file.lines():
        reading.line(number, line)
    reading.close()


class _Reading:
    """Which map is being printed."""

    def __init__(self, file: CaptureFile, capture: Capture) -> None:
        self.file, self.capture = file, capture
        self.map, self.graph = "", False
        self.bins: Bins = []
        self.functions: list[Frame] = []
        self.histograms: dict[str, Histogram] = {}

    def line(self, number: int, line: str) -> None:
        """Take one line of the output."""
        if self.graph:
            self._function(number, line)
        elif line.startswith("@"):
            self._map(number, line)
        elif self.map and line[:1] in ("[", "("):
            self._bin(number, line)
        else:
            self._end_map()
            self._other(number, line)

    def close(self) -> None:
        """The output ends; a call graph without its count was cut."""
        if self.graph:
            self.capture.note(f"the output ends within {self.map}: it was cut short")
        self._end_map()
        self.capture.histograms += [self._with_total(name, found) for name, found in self.histograms.items()]

    def _with_total(self, name: str, found: Histogram) -> Histogram:
        """Its sum, where the script also keeps one: `@wait_total_ns[0]` is that of `@wait_ns[0]`."""
        plain, bracket, keys = name.partition("[")
        stem, _, unit = plain.rpartition("_")
        total = self.capture.events.get(f"{stem}_total_{unit}{bracket}{keys}")
        return found if total is None else replace(found, total=float(total))

    def _map(self, number: int, line: str) -> None:
        self._end_map()
        if found := SCALAR.match(line[:1000]) or STATS.match(line[:1000]):
            self._put(found[1], self.file.count(found[2], number))
        elif found := HEADING.match(line[:1000]):
            self.map = found[1]
        elif found := GRAPH.match(line[:200]):
            self.map, self.graph = found[1], True
        else:
            raise self.file.refuse(number, "a map of bpftrace: @name[keys]: value", line)

    def _put(self, name: str, count: int) -> None:
        events = self.capture.events
        if name in events:
            self.capture.note("maps are printed several times: the last print counts, since maps add up until cleared")
        elif len(events) >= MOST_NAMES:
            raise TooMany(f"at most {MOST_NAMES} different maps")
        events[name] = count

    def _bin(self, number: int, line: str) -> None:
        found = BIN.match(line[:300])
        if not found:
            raise self.file.refuse(number, "a bin of a histogram: [low, high) count |@@@|", line)
        if len(self.bins) >= MOST_NAMES:
            raise TooMany(f"at most {MOST_NAMES} bins")
        count = self.file.count(found["count"], number)
        if found["one"]:
            low = _edge(found["one"])
            self.bins.append((low, low + 1, count))
        else:
            high = _edge(found["high"], found["low"])
            self.bins.append((_edge(found["low"], found["high"]), high, count))

    def _end_map(self) -> None:
        if self.bins:
            if len(self.histograms) >= MOST_NAMES:
                raise TooMany(f"at most {MOST_NAMES} histograms")
            self.histograms[self.map] = Histogram(histogram_name(self.map), unit_of(self.map), tuple(self.bins))
        self.map, self.bins = "", []

    def _function(self, number: int, line: str) -> None:
        if end := GRAPH_END.match(line[:400]):
            kind, caller = classify(self.functions)
            self.capture.called(kind, caller, self.file.count(end[1], number))
            self.map, self.graph, self.functions = "", False, []
        elif len(self.functions) < 256 and line.strip():
            self.functions.append(Frame(_plain(line.strip())))

    def _other(self, number: int, line: str) -> None:
        if lost := LOST.match(line[:60]):
            self.capture.lost += int(lost[1])
        elif not line.strip() or ATTACHING.match(line[:60]) or take_stated(self.capture, line):
            return
        elif not take_load_line(self.file, self.capture, number, line):
            self.capture.other_lines += 1


def _plain(symbol: str) -> str:
    """A function's name without its offset, which bpftrace prints in decimals."""
    name, plus, offset = symbol.rpartition("+")
    return name if plus and offset.isdigit() else plain_symbol(symbol)


def _edge(text: str, other: str = "0") -> float:
    """Edge of a bin: K is 1024; an open bin has no width, at its other edge."""
    text = other if text == "..." else text
    if text == "...":
        return 0.0
    return float(int(text.rstrip("KMGTPE")[:20]) * FACTORS[text[-1] if text[-1].isalpha() else ""])


def histogram_name(name: str) -> str:
    """Our name of a map: waits and holds of mmap_lock by mode, else the map's own.

    >>> histogram_name("@wait_ns[0]"), histogram_name("@hold_ns[1]"), histogram_name("@size[0]")
    ('wait read', 'hold write', '@size[0]')
    """
    found = re.fullmatch(r"@(wait|hold)_(?:ns|us)\[([01])\]", name)
    return f"{found[1]} {'write' if found[2] == '1' else 'read'}" if found else name


def unit_of(name: str) -> str:
    """The unit that a map's name ends with, before its keys; none if it does not say."""
    return UNITS.get(name.partition("[")[0].rpartition("_")[2], "")

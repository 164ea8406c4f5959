"""Event traces of any length: `perf script` (plain or with call graphs), `trace-cmd report`, tracefs' own `trace`.

One pass, in constant memory: what is kept are counts, and the state of each thread.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .capture import MOST_NAMES, Capture, TooMany
from .load import take_load_line
from .lock_events import KERNEL, USER, LockEvents, Thread
from .names import ACQUIRED, RELEASED, SPF_FAILURES, START, canonical
from .reader import CaptureFile
from .stack_tally import Stacks
from .stacks import read_frame
from .stated import take_stated
from .trace_line import LATEST_S, Head, field, read_head
from .wording import printable

PERF, TRACE_CMD, TRACEFS = "perf script", "trace-cmd report", "tracefs trace"
EXPECTED = "an event: command, process, CPU, time, name, fields; as perf script, trace-cmd or tracefs print it"
LOST = re.compile(rb"^CPU:\d+ \[(?:LOST (\d{1,18}) EVENTS|(\d{1,18}) EVENTS DROPPED|EVENTS DROPPED)\]")
PERF_LOST = re.compile(rb"PERF_RECORD_LOST(?:_SAMPLES)? lost (\d{1,18})|Processed \d+ events and lost (\d{1,18})")
WRITTEN = re.compile(rb"^# entries-in-buffer/entries-written: (\d{1,18})/(\d{1,18})")
CHATTER = (b"#", b"cpus=", b"version = ", b"CPU ", b"[ perf ", b"WARNING", b"Warning", b"trace-cmd", b"Linux ")
MOST_HEADS = 1 << 15
FLAGS = {b"true": True, b"1": True, b"Y": True, b"false": False, b"0": False, b"N": False}
Handler = Callable[[Thread, float, bytes], None]


def recognises(line: str) -> bool:
    """Whether the line is an event, or the heading of tracefs' trace."""
    if line.startswith("# tracer:"):
        return True
    head = read_head(line[:400].encode("utf-8", "replace"))
    return head is not None and (not head.perf or line[:400].rstrip()[-1:] != ",")


def parse(file: CaptureFile, capture: Capture) -> None:
    """Read all events; what is neither event, call graph nor a known message is refused."""
    _Reading(file, capture).run()


@dataclass(slots=True)
class _Event:
    """An event's handler, if it has one, and how often it came."""

    handler: Handler | None
    user_fault: bool = False
    """by far the most frequent, and therefore taken care of on the spot"""
    count: int = 0


class _Reading:
    """One pass over one file."""

    def __init__(self, file: CaptureFile, capture: Capture) -> None:
        self.file, self.capture = file, capture
        self.lock = LockEvents()
        self.events: dict[bytes, _Event] = {}
        self.raw: dict[bytes, _Event] = {}
        self.heads: dict[bytes, Thread] = {}
        self.first_s = self.last_s = -1.0
        self.number = 0
        self.stacks = Stacks(capture, self.lock.use)
        self.handlers: dict[str, Handler] = {
            "page_fault_user": self._user_fault,
            "page_fault_kernel": self._kernel_fault,
            START: self._start,
            ACQUIRED: self._acquired,
            RELEASED: self._released,
            **dict.fromkeys(SPF_FAILURES, self._given_up),
        }

    def run(self) -> None:
        """Read the file and put what it says into the capture."""
        for first, lines in self.file.blocks():
            self._lines(first, lines)
        self.stacks.end()
        self._conclude()

    def _lines(self, first: int, lines: list[bytes]) -> None:
        """Take lines; of an event whose thread and name were seen before, only the time is read."""
        heads, raw, lock, stacks = self.heads, self.raw, self.lock, self.stacks
        for number, line in enumerate(lines, first):
            if line[:1] == b"\t":
                self.number = number
                self._frame(line)
                continue
            try:
                before, name, _ = line.split(b": ", 2)
                who, time = before.rsplit(b" ", 1)
                thread, event, time_s = heads[who], raw[name], float(time)
            except (ValueError, KeyError):
                time_s = -1.0
            if not 0.0 <= time_s < LATEST_S:
                self.number = number
                self._unknown(line)
                continue
            if stacks.wanted:
                stacks.end()
            event.count += 1
            if event.user_fault:
                thread.fault, thread.line, thread.tried = USER, line, False
                lock.in_slice(time_s, 1)
            elif event.handler:
                self.number = number
                event.handler(thread, time_s, line)
            self.last_s = time_s

    def _take(self, event: _Event, thread: Thread, time_s: float, line: bytes) -> None:
        if self.stacks.wanted:
            self.stacks.end()
        event.count += 1
        self.last_s = time_s
        if event.handler:
            event.handler(thread, time_s, line)

    def _unknown(self, line: bytes) -> None:
        """An event of a new thread or name, or a line that is no event."""
        head = read_head(line)
        if head is None or head.time_s >= LATEST_S:
            self._other(line)
            return
        if self.first_s < 0:
            self.first_s = head.time_s
            if self.capture.tool != TRACEFS:
                self.capture.tool = PERF if head.perf else TRACE_CMD
        event, thread = self._event(head.event), self.lock.thread(head.tid)
        if lost := PERF_LOST.search(line[:1000]):
            self.capture.lost += int(lost[1] or lost[2])
        self._remember(line, head, event, thread)
        self._take(event, thread, head.time_s, line)

    def _event(self, name: bytes) -> _Event:
        known = self.events.get(name)
        if known is None:
            if len(self.events) >= MOST_NAMES:
                raise TooMany(f"at most {MOST_NAMES} different events")
            plain = canonical(printable(name))
            known = self.events[name] = _Event(self.handlers.get(plain), plain == "page_fault_user")
        return known

    def _remember(self, line: bytes, head: Head, event: _Event, thread: Thread) -> None:
        """Keep the beginning of the line and the event's text, so that their like need no closer look."""
        parts = line.split(b": ", 2)
        who = parts[0].rpartition(b" ")[0]
        if len(parts) < 2 or len(who) + 1 != head.time_at or parts[1].split()[-1:] != [head.event]:
            return
        for cache in (self.heads, self.raw):
            if len(cache) >= MOST_HEADS:
                cache.clear()
        self.heads[who], self.raw[parts[1]] = thread, event

    def _frame(self, line: bytes) -> None:
        if self.first_s < 0:
            raise self.file.refuse(self.number, EXPECTED, line)
        self.stacks.add(line)

    def _other(self, line: bytes) -> None:
        """No event: a function of a call graph, a heading, a message of the tool; else refused."""
        if not line or line.isspace():
            self.stacks.end()
        elif lost := LOST.match(line[:100]):
            self.capture.lost += int(lost[1] or lost[2] or 1)
        elif written := WRITTEN.match(line[:100]):
            self.capture.buffered = int(written[1]), int(written[2])
        elif line.startswith(CHATTER):
            take_stated(self.capture, printable(line[:1000]))
        elif self.first_s >= 0 and line[:4].isspace() and read_frame(printable(line[:1000])):
            self.stacks.add(line)
        elif not take_load_line(self.file, self.capture, self.number, printable(line[:5000])):
            raise self.file.refuse(self.number, EXPECTED, line)

    def _user_fault(self, thread: Thread, time_s: float, line: bytes) -> None:
        thread.fault, thread.line, thread.tried = USER, line, False
        self.lock.in_slice(time_s, 1)

    def _kernel_fault(self, thread: Thread, _time_s: float, line: bytes) -> None:
        thread.fault, thread.line, thread.tried = KERNEL, line, False
        self.lock.use.kernel_faults += 1

    def _start(self, thread: Thread, time_s: float, line: bytes) -> None:
        if self._without_fields(line):
            return
        self.lock.start(thread, time_s, field(line, b" mm="), write=self._flag(line, b" write="))

    def _acquired(self, thread: Thread, time_s: float, line: bytes) -> None:
        if self._without_fields(line):
            return
        write, success = self._flag(line, b" write="), self._flag(line, b" success=")
        fell = self.lock.acquired(thread, time_s, field(line, b" mm="), write=write, success=success)
        if fell is not None:
            self.stacks.fell(fell)
        if success and not write:
            self.stacks.want(self.stacks.READ)

    def _released(self, thread: Thread, time_s: float, line: bytes) -> None:
        self.lock.released(thread, time_s, field(line, b" mm="))

    def _given_up(self, _thread: Thread, _time_s: float, _line: bytes) -> None:
        self.stacks.want(self.stacks.GIVEN_UP)

    def _without_fields(self, line: bytes) -> bool:
        """Whether perf script was not asked for the events' fields (-F ...,trace): then they are only counted."""
        if line.find(b"=", line.find(b"mmap_lock_")) >= 0:
            return False
        self.lock.use.without_fields += 1
        self.capture.note("mmap_lock's events have no fields here: run perf script with -F ...,trace as well")
        return True

    def _flag(self, line: bytes, name: bytes) -> bool:
        value = field(line, name)
        if value not in FLAGS:
            raise self.file.refuse(self.number, f"{name.decode().strip()}true or false in an event of mmap_lock", line)
        return FLAGS[value]

    def _conclude(self) -> None:
        capture, lock = self.capture, self.lock
        capture.events |= {printable(name): event.count for name, event in self.events.items()}
        capture.threads = capture.threads or len(lock.threads)
        capture.elapsed_s = capture.elapsed_s or round(max(self.last_s - self.first_s, 0.0), 9) or None
        if any(canonical(printable(name)) in self.handlers for name in self.events):
            capture.locks = lock.use
        lock.use.user_faults = sum(event.count for event in self.events.values() if event.user_fault)
        lock.use.slices = [(fell, faults) for _, (fell, faults) in sorted(lock.slices.items())]
        tallies = [*lock.wait.values(), *lock.hold.values()]
        capture.histograms += [tally.histogram() for tally in tallies if tally.counts]
        self.stacks.conclude()

"""What perf stat counted, however it printed it: events by name and filter, over CPUs and intervals."""

from __future__ import annotations

from collections import Counter

from .capture import MOST_NAMES, Capture, Stint, TooMany
from .names import canonical
from .reader import CaptureFile

UNCOUNTED = ("<not counted>", "<not supported>")
TIMES = {"msec", "ns", "us", "ms", "s", "seconds"}
"""units of values that are no event counts"""
MOST_KEPT = 1_000_000
"""counts kept for intervals; later ones only add to the total"""


class Counters:
    """Collects counts into a capture: the same event listed again (another filter) stands apart, CPUs are summed."""

    def __init__(self, capture: Capture, file: CaptureFile) -> None:
        self.capture, self.file = capture, file
        self.seen: Counter[tuple[str, str]] = Counter()
        self.moment: str | None = None
        self.at_s = 0.0
        self.kept = 0
        self.stint: Stint | None = None
        self.multiplexed = 100.0

    def interval(self, moment: str, number: int) -> None:
        """Begin an interval, if the time printed at the line differs from that of the last one."""
        if moment == self.moment:
            return
        end = float(self.file.amount(moment, number))
        self.seen.clear()
        self.stint = self.capture.stint(f"to {end:g} s")
        if self.stint:
            self.stint.seconds = max(end - self.at_s, 0.0)
        self.moment, self.at_s = moment, end
        self.capture.elapsed_s = end

    def add(self, number: int, name: str, value: str, *, unit: str = "", of: str = "") -> None:
        """Count an event; `of` names the CPU, node or thread where they are listed one by one."""
        if not name or name[0] in "#<(":
            raise self.file.refuse(number, "the name of an event", name)
        if value.strip() in UNCOUNTED:
            if name not in self.capture.uncounted and len(self.capture.uncounted) < MOST_NAMES:
                self.capture.uncounted.append(name)
            return
        if unit.strip().lower() in TIMES or name in {"duration_time", "user_time", "system_time"}:
            self._time(name, self.file.amount(value, number), unit.strip().lower())
            return
        count = self.file.count(value, number)
        self._put(self._label(name, of), count)

    def running(self, percent: str, number: int) -> None:
        """Remember the smallest share of time for which a counter ran."""
        self.multiplexed = min(self.multiplexed, float(self.file.amount(percent, number)))

    def close(self) -> None:
        """Say what the counts as a whole suffer from."""
        capture = self.capture
        if self.kept >= MOST_KEPT:
            capture.note(f"only the first {MOST_KEPT} counts of intervals are kept apart")
        if self.multiplexed < 99.9:
            capture.note(
                f"some counters ran for {self.multiplexed:.0f} % of the time only: perf scaled the counts up "
                "(count fewer hardware events at a time)"
            )
        for name in capture.uncounted[:20]:
            capture.note(f"{name} was not counted: not supported here, no permission, or it never ran")

    def _time(self, name: str, value: float, unit: str) -> None:
        """Keep the CPU time; task-clock is in ms, or in ns where no unit is printed."""
        if canonical(name) == "task-clock":
            self.capture.cpu_s = (self.capture.cpu_s or 0.0) + value * (1e-3 if unit == "msec" else 1e-9)

    def _label(self, name: str, of: str) -> str:
        key = (of, name)
        if key not in self.seen and len(self.seen) >= 100 * MOST_NAMES:
            raise TooMany(f"at most {MOST_NAMES} different events")
        self.seen[key] += 1
        nth = self.seen[key]
        return name if nth == 1 else f"{name}#{nth}"

    def _put(self, label: str, count: int) -> None:
        events = self.capture.events
        if label not in events and len(events) >= MOST_NAMES:
            raise TooMany(f"at most {MOST_NAMES} different events")
        events[label] = events.get(label, 0) + count
        if self.stint and self.kept < MOST_KEPT:
            self.kept += label not in self.stint.events
            self.stint.events[label] = self.stint.events.get(label, 0) + count

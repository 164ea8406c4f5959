"""What else ran on the machine meanwhile: other processes, other guests; and how repetitions differ."""

from __future__ import annotations

import os
import resource
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

STAT = Path("/proc/stat")
BUSY_ELSEWHERE, STOLEN, SPREAD, DISTURBED = 0.05, 0.01, 0.1, 0.2
"""shares from which it is worth a sentence"""
IDLE_FIELDS = (3, 4)
"""of a line of /proc/stat: idle, iowait"""
STEAL_FIELD = 7
FIELDS = 8
"""user nice system idle iowait irq softirq steal; guest time is in user time already"""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Where the CPUs' time had gone by some moment, in seconds since boot."""

    total_s: float
    busy_s: float
    """steal not included"""
    steal_s: float
    own_s: float
    """by this process and the children that it waited for"""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What disturbed a measurement."""

    others_share: float
    """of the CPUs' time, used by other processes"""
    steal_share: float
    """of the CPUs' time, taken by the hypervisor"""
    spread: float
    """between repetitions: median over the quantities of the middle 80 % of the rounds, over the median"""
    disturbed_share: float
    """of the runs in threads: pre-empted for long"""
    raised: bool
    """ran at raised priority"""

    @property
    def noisy(self) -> bool:
        """Whether anything of it is worth a sentence."""
        return bool(self.sentences)

    @property
    def sentences(self) -> list[str]:
        """What a reader should know before believing the numbers; empty on a quiet machine."""
        out = []
        if self.others_share > BUSY_ELSEWHERE:
            kept = "; their part was kept small by raised priority" if self.raised else ""
            out.append(f"other processes used {self.others_share:.0%} of the CPUs{kept}")
        if self.steal_share > STOLEN:
            out.append(f"the hypervisor took {self.steal_share:.1%} of the CPUs' time (steal)")
        if self.spread > SPREAD:
            out.append(f"repetitions differ by {self.spread:.0%}")
        if self.disturbed_share > DISTURBED:
            out.append(f"{self.disturbed_share:.0%} of the runs in threads were pre-empted for long")
        return out


def parse_stat(text: str, cpus: Collection[int], ticks_per_s: float) -> tuple[float, float, float]:
    """(all, busy, stolen) seconds of some CPUs, from the text of /proc/stat; zeros where it says nothing."""
    total = busy = steal = 0.0
    names = {f"cpu{cpu}" for cpu in cpus}
    for line in text.splitlines():
        name, *numbers = line.split()[: FIELDS + 1] or [""]
        if name in names:
            ticks = [float(n) for n in numbers] + [0.0] * (FIELDS - len(numbers))
            idle = sum(ticks[k] for k in IDLE_FIELDS)
            total, steal = total + sum(ticks), steal + ticks[STEAL_FIELD]
            busy += sum(ticks) - idle - ticks[STEAL_FIELD]
    return total / ticks_per_s, busy / ticks_per_s, steal / ticks_per_s


def clock(cpus: Collection[int]) -> Clock:
    """Where the time of these CPUs has gone by now."""
    try:
        text = STAT.read_text(encoding="ascii")
    except OSError:
        text = ""
    total, busy, steal = parse_stat(text, cpus, os.sysconf("SC_CLK_TCK"))
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Clock(total_s=total, busy_s=busy, steal_s=steal, own_s=sum(u.ru_utime + u.ru_stime for u in used))


def between(before: Clock, after: Clock, *, spreads: Sequence[float], disturbed: Sequence[bool], raised: bool) -> Noise:
    """The noise of a measurement between two moments.

    spreads : of the quantities that were repeated; disturbed : of the runs in threads
    """
    total = max(after.total_s - before.total_s, 1e-9)
    others = (after.busy_s - before.busy_s) - (after.own_s - before.own_s)
    return Noise(
        others_share=float(np.clip(others / total, 0, 1)),
        steal_share=float(np.clip((after.steal_s - before.steal_s) / total, 0, 1)),
        spread=float(np.median(spreads)) if spreads else 0.0,
        disturbed_share=float(np.mean(disturbed)) if disturbed else 0.0,
        raised=raised,
    )

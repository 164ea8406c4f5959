"""What a prediction amounts to: where only a range is meant, what limits, and one sentence for a reviewer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from .machine import Machine, Workload
from .network import Solution
from .pricing import faults_per_cycle

if TYPE_CHECKING:
    from .prediction import Interval

CLEAR = 1.05
"""less of a gain is no gain worth a sentence"""
FEW_VCPUS = 4
"""as in the controlled runs, whose ratios the model meets"""


def range_reason(machine: Machine, workload: Workload, n_threads: int) -> str:
    """Why only a range is meant, or nothing."""
    mixed = any(p.do == "update" for p in workload.program) and faults_per_cycle(machine, workload) > 1
    if machine.virtual and mixed and n_threads > FEW_VCPUS:
        return "many faults among updates in a virtual machine: the wake-up latency absorbs the host's scheduling"
    if mixed and n_threads > 1000:
        return "faults among updates on more than a thousand threads: outside of what was ever checked"
    return ""


def bottleneck(network_cpus: int, found: Solution) -> str:
    """The station that limits: the busiest line, the held lock, the CPUs, or wake-ups."""
    lines = {k: float(np.median(v)) for k, v in found.utilisation.items() if "mmap_sem" not in k}
    busiest = max(lines, key=lambda k: lines[k], default="")
    if busiest and lines[busiest] > 0.8:
        return busiest
    held = float(np.median(found.utilisation.get("mmap_sem (write)", np.zeros(1))))
    if held > 0.6:
        return "mmap_sem, held for write"
    if float(np.median(found.busy_cpus)) > 0.8 * network_cpus:
        return "CPUs"
    return "mmap_sem, sleeping and waking" if held > 0.02 else "CPUs and memory"


def verdict(name: str, base: str, told: Mapping[str, Interval], reason: str, where: str, note: str = "") -> str:
    """One sentence for a reviewer; a second one, if there is something to note."""
    gain, fallback = told["speedup"], told["fallback_share"]
    span = f"{gain.median:.2f} times {base} ({gain.low:.2f} to {gain.high:.2f})"
    if gain.low == gain.high == 1:
        claim = f"{name} is what it is compared with"
    elif reason:
        claim = f"{name} does between {gain.low:.2f} and {gain.high:.2f} times what {base} does, which is a range only"
    elif gain.low > 1 and gain.median > CLEAR:
        claim = f"{name} gains: {span}"
    elif gain.high < 1 and gain.median < 1 / CLEAR:
        claim = f"{name} loses: {span}"
    else:
        claim = f"{name} makes no clear difference: {span}"
    back = f"; {fallback.median:.1%} of attempts fall back ({fallback.low:.1%} to {fallback.high:.1%})"
    remark = f" Note: {note}." if note else ""
    return f"{claim}{back if told['attempt_share'].high > 0 else ''}; now limited by {where}.{remark}"

"""The loads that are run both ways: user-mode touches fault under the VMA lock, kernel-mode ones under mmap_lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .job import Call, Touch
from .robust import Estimate, estimate
from .together import Setting, Window

UPDATES: Mapping[str, Call] = {
    "mmap": Call.MMAP, "brk": Call.BRK, "mprot_other": Call.MPROTECT, "mprot_own": Call.MPROTECT_OWN,
}  # fmt: skip
"""`update_op` of the workload fault-update -> what a thread calls"""
EVERY = (8, 512)
"""faults per update"""
ENOUGH = 3
"""undisturbed windows that make the others dispensable"""


@dataclass(frozen=True, kw_only=True)
class Load:
    """A load as the workload fault-update names it, and as threads run it."""

    update_op: str
    """empty: no updates"""
    every: int
    one_vma: bool
    threads: int

    def setting(self, how: Touch) -> Setting:
        """What the threads do, touching in user or in kernel mode."""
        op = UPDATES.get(self.update_op, Call.MMAP)
        return Setting(threads=self.threads, how=how, op=op, every=self.every, one_vma=self.one_vma)

    @property
    def label(self) -> str:
        """For people."""
        what = f"{self.update_op}, K = {self.every}" if self.update_op else "no updates"
        return f"{what}{', one VMA' if self.one_vma else ''}"


@dataclass(frozen=True, kw_only=True)
class Both:
    """Faults per second of a load, touched in user mode and in kernel mode."""

    load: Load
    user: Estimate
    kern: Estimate
    disturbed: Sequence[bool]
    """of each window"""

    @property
    def gain(self) -> tuple[float, float, float]:
        """User over kernel mode: median and 90 % range."""
        low, high = (float(x) for x in np.quantile(self.user.draws / self.kern.draws, (0.05, 0.95)))
        middle = self.user.median / self.kern.median
        return middle, min(low, middle), max(high, middle)


def all_loads(threads: int) -> list[Load]:
    """Without writers, and with each kind of them; an mprotect of one's own VMA concerns others in one VMA only."""
    quiet = [Load(update_op="", every=0, one_vma=one_vma, threads=threads) for one_vma in (False, True)]
    busy = [
        Load(update_op=op, every=every, one_vma=op == "mprot_own", threads=threads) for op in UPDATES for every in EVERY
    ]
    return quiet + busy


def scaling(cpus: int) -> list[Load]:
    """Faults alone, of more and more threads."""
    counts = sorted({*(2**k for k in range(14) if 2**k <= cpus), cpus})
    quiet = Load(update_op="", every=0, one_vma=False, threads=1)
    return [replace(quiet, threads=n, one_vma=one_vma) for n in counts for one_vma in (False, True)]


def rates(windows: Iterable[Window]) -> Estimate | None:
    """Faults per second of repeated windows; those that others disturbed are left out if enough remain.

    None where the kernel refused the updates.
    """
    all_ = [w for w in windows if not w.refused]
    calm = [w for w in all_ if not w.disturbed]
    kept = calm if len(calm) >= ENOUGH else all_
    return estimate([np.array([w.faults_per_s]) for w in kept]) if kept else None


def both(load: Load, user: Sequence[Window], kern: Sequence[Window]) -> Both | None:
    """A load from its windows; None where it could not be run."""
    x, y = rates(user), rates(kern)
    disturbed = [w.disturbed for w in (*user, *kern)]
    return Both(load=load, user=x, kern=y, disturbed=disturbed) if x and y else None

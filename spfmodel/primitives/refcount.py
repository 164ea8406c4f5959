"""vm_ref_count: two atomics on the VMA's own line keep it alive while a fault uses it (v6 to v12).

The tree holds one reference; get_vma adds one under the tree's lock, put_vma drops it, and whoever drops the last one
frees the VMA. One VMA that all threads fault in is one hot line; many VMAs are many.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def throughput(
    n_threads: int,
    n_vmas: Floats | int,
    think_ns: Floats | float,
    atomic_ns: Floats | float,
    atomics_per_op: float = 2.0,
) -> Floats:
    """Operations per ns of N threads, each on one of V VMAs at random, exact for exponential times, (...).

    Mean value analysis of V equal lines: R(n) = D (1 + Q(n - 1) / V), X(n) = n / (Z + R), Q = X R; D = k t.
    n_vmas: V; think_ns: Z, an operation without its k atomics of t = atomic_ns. Ceiling V / (k t).

    >>> float(throughput(3, 1, 0.0, 5.0)), float(throughput(1, 7, 90.0, 5.0))
    (0.1, 0.01)
    """
    demand = np.asarray(atomics_per_op * np.asarray(atomic_ns, float))
    queue, rate = np.asarray(0.0), np.asarray(0.0)
    for n in range(1, n_threads + 1):
        residence = demand * (1 + queue / np.asarray(n_vmas, float))
        rate = n / (np.asarray(think_ns) + residence)
        queue = rate * residence
    return np.asarray(rate)


def full_throughput(n_threads: Floats | int, n_vmas: Floats | int, atomic_ns: Floats | float) -> Floats:
    """The same for threads that do nothing else, per ns, (...): X = N V / (2 t (N + V - 1)).

    >>> float(full_throughput(4, 4, 50.0)) * 700
    16.0
    """
    threads, vmas = np.asarray(n_threads, float), np.asarray(n_vmas, float)
    return np.asarray(threads * vmas / (2 * np.asarray(atomic_ns) * (threads + vmas - 1)))


def life_after_erase_ns(n_threads: int, in_use_share: Floats | float, hold_ns: Floats | float) -> Floats:
    """How long a VMA outlives its removal from the tree: until the last fault in it has ended, mean, ns, (...).

    E[max] = S sum_{k=1}^{N} (1 - (1 - u)^k) / k; each of N other threads is in it with probability u = in_use_share,
    for an exponential time S = hold_ns from then on. No grace period is waited for.

    >>> float(life_after_erase_ns(3, 1.0, 6.0))
    11.0
    """
    used = np.asarray(in_use_share, float)[..., None]
    k = np.arange(1, n_threads + 1)
    return np.asarray(np.asarray(hold_ns) * ((1 - (1 - used) ** k) / k).sum(axis=-1))


def reuse_saving_ns(
    walk_ns: Floats | float, cache_hit_share: Floats | float, still_valid: Floats | float, check_ns: Floats | float
) -> Floats:
    """What a fallback saves that re-uses the pinned VMA (v6 to v10) instead of looking it up again (v11), ns, (...).

    saved = v (1 - h) walk - check: the walk, where vmacache would not have hit (h) and the VMA is still linked and
    covers the address (v); the check, can_reuse_spf_vma, reads lines that the fault has just used. Both versions
    drop the reference once. Negative where vmacache hits anyway.

    >>> float(reuse_saving_ns(40.0, 0.5, 1.0, 2.0))
    18.0
    """
    missed = 1 - np.asarray(cache_hit_share, float)
    return np.asarray(np.asarray(still_valid) * missed * np.asarray(walk_ns) - np.asarray(check_ns))


class Vma(NamedTuple):
    """A VMA's life: linked in the tree or not, and how many references there are."""

    references: int = 1
    """the tree's own, and one for each fault in flight"""
    linked: bool = True

    @property
    def freed(self) -> bool:
        """Nobody can reach it any more."""
        return self.references == 0

    def get(self) -> Vma:
        """A fault found it under the tree's lock."""
        if not self.linked:
            raise ValueError("get_vma on a VMA that is no longer in the tree: only who finds it there may")
        return self._replace(references=self.references + 1)

    def put(self) -> Vma:
        """A fault is done with it; freed if it was the last."""
        if self.references < 1 + self.linked:
            raise ValueError("put_vma without a reference of one's own")
        return self._replace(references=self.references - 1)

    def erase(self) -> Vma:
        """Removal by munmap takes it out of the tree and drops the tree's reference."""
        if not self.linked:
            raise ValueError("a VMA is erased from the tree once")
        return Vma(self.references - 1, False)


def replay_erase(rng: np.random.Generator, n_threads: int, in_use_share: float, hold_ns: float, runs: int) -> Floats:
    """Lives of `runs` VMAs after their erasure, ns, (runs,): faults are dealt out, then end one by one."""
    lives = np.zeros(runs)
    for run in range(runs):
        vma = Vma()
        for _ in range(int((rng.random(n_threads) < in_use_share).sum())):
            vma = vma.get()
        vma = vma.erase()
        for end in np.sort(rng.exponential(hold_ns, vma.references)):
            vma = vma.put()
            lives[run] = end
        if not vma.freed:
            raise AssertionError("references are left although all faults have ended")
    return lives

"""Adjacent anonymous mappings that merge: whose VMA an update changes, and who finds one ready.

N threads map, touch and unmap records of one size, which lie in N slots side by side. Mapped slots that
touch form one VMA. Mapping a slot changes the VMAs beside it, unmapping it the VMA that it was part of.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def changed_share(n_threads: int, mapped: Floats | float) -> Floats:
    """Chance that an update by another thread changes the VMA in which I fault, (...).

    psi = 2 / (N (N-1) (1-r)) [N - (1 - r^N) / (1 - r)], r = mapped: share of time that a record is mapped
    The mean of r^(d-1) over the distances d of two of N slots: all between us must be mapped. Slots are
    taken at random; 1 if all are always mapped, and for two threads.

    >>> float(changed_share(2, 0.3))
    1.0
    """
    r = np.asarray(mapped, float)
    distance = np.arange(1, n_threads)
    pairs = 2 * (n_threads - distance) / (n_threads * (n_threads - 1))
    return np.asarray((pairs * r[..., None] ** (distance - 1)).sum(axis=-1))


def merges(n_threads: int, mapped: Floats | float) -> Floats:
    """Chance that a new mapping finds a mapped neighbour to merge with, (...).

    1 - [(N - 2) (1 - r)^2 + 2 (1 - r)] / N: two neighbours each, but the first and last slot have one.
    Such a mapping takes over the neighbour's anon_vma, and its first fault can be speculative.

    >>> float(merges(2, 0.25)), float(merges(1, 0.25))
    (0.25, 0.0)
    """
    free = 1 - np.asarray(mapped, float)
    return np.asarray(1 - ((n_threads - 2) * free**2 + 2 * free) / n_threads if n_threads > 1 else 0 * free)


def run_of(mapped: NDArray[np.bool_], slot: int) -> tuple[int, int]:
    """First and last slot of the VMA that holds a mapped slot."""
    gaps = np.flatnonzero(~mapped)
    left, right = gaps[gaps < slot], gaps[gaps > slot]
    return int(left[-1]) + 1 if left.size else 0, int(right[0]) - 1 if right.size else len(mapped) - 1


class Neighbours:
    """The slots, changed one update at a time."""

    def __init__(self, n_threads: int, first_fit: bool) -> None:
        self.mapped = np.ones(n_threads, bool)
        self.owner = np.arange(n_threads)
        self.first_fit = first_fit

    def changed(self, slot: int) -> NDArray[np.bool_]:
        """Which slots lie in a VMA that an update of `slot` changes, the slot itself left out, (N,)."""
        joined = self.mapped.copy()
        joined[slot] = True
        first, last = run_of(joined, slot)
        found = np.zeros(len(joined), bool)
        found[first : last + 1] = True
        found[slot] = False
        return found

    def update(self, thread: int, rng: np.random.Generator) -> tuple[NDArray[np.bool_], bool]:
        """One thread unmaps its record or maps a new one: (slots changed, was it a merge)."""
        mine = np.flatnonzero(self.owner == thread)
        if mine.size:
            slot = int(mine[0])
        else:
            free = np.flatnonzero(~self.mapped)
            slot = int(free[0] if self.first_fit else rng.choice(free))
        found = self.changed(slot)
        self.mapped[slot] = not mine.size
        self.owner[slot] = -1 if mine.size else thread
        return found, bool(found.any())


def replay(n_threads: int, mapped: float, updates: int, seed: int, first_fit: bool = False) -> tuple[float, float]:
    """Let threads map and unmap at random; return (changed_share, merges), as counted.

    first_fit: a new record takes the first free slot, as the kernel's search for a gap does; else any.
    Each thread's record is mapped for a share `mapped` of time.
    """
    rng, slots = np.random.default_rng(seed), Neighbours(n_threads, first_fit)
    stay = np.where(rng.random(updates) < 0, 0.0, rng.exponential(1.0, updates))
    due = rng.exponential(1.0, n_threads)
    hits = others = merged = maps = 0
    for k in range(updates):
        thread = int(np.argmin(due))
        maps_now = not (slots.owner == thread).any()
        at_work = slots.mapped & (slots.owner != thread)
        found, joined = slots.update(thread, rng)
        hits, others = hits + int((found & at_work).sum()), others + int(at_work.sum())
        maps, merged = maps + maps_now, merged + (maps_now and joined)
        due[thread] += stay[k] * (mapped if maps_now else 1 - mapped)
    return hits / others, merged / maps

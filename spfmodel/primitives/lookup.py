"""Finding the VMA of an address: how deep the tree is, what its cache misses cost, what vmacache skips.

A red-black tree (to 6.0) has one VMA a node; a maple tree (from 6.1) has nodes of 256 bytes with up to 16 entries
in a leaf and 10 above. vmacache (3.15 to 6.0) remembers four VMAs a thread until any VMA of the process is removed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAF_SLOTS, INNER_SLOTS = 16, 10
"""of a maple node in the mm's tree: include/linux/maple_tree.h, MAPLE_RANGE64_SLOTS and MAPLE_ARANGE64_SLOTS"""
CACHE_SLOTS = 4
"""include/linux/vmacache.h to 6.0, VMACACHE_SIZE"""


def walk_depth(n_vmas: Floats | int) -> Floats:
    """Mean number of nodes that a red-black walk visits, about log2(n) - 1/2, at least 1, (...).

    >>> float(walk_depth(256))
    7.5
    """
    return np.asarray(np.maximum(np.log2(np.maximum(np.asarray(n_vmas, float), 1.0)) - 0.5, 1.0))


def worst_depth(n_vmas: Floats | int) -> Floats:
    """Upper bound of a red-black tree's height, 2 log2(n + 1), (...)."""
    return np.asarray(2 * np.log2(np.asarray(n_vmas, float) + 1))


def maple_depth(n_vmas: Floats | int, fill: float = 0.75, entries_per_vma: float = 2.0) -> Floats:
    """Nodes that a walk of a maple tree visits: 1 + log(e n / 16 f) / log(10 f), at least 1, (...).

    fill: f, share of the slots in use; entries_per_vma: e, 2 where a gap follows each VMA, 1 where none does.
    A real tree has a whole number of levels; this is their mean over sizes.

    >>> float(maple_depth(6)), round(float(maple_depth(60_000)), 1)
    (1.0, 5.6)
    """
    leaves = np.asarray(n_vmas, float) * entries_per_vma / (LEAF_SLOTS * fill)
    return np.asarray(1 + np.log(np.maximum(leaves, 1.0)) / np.log(INNER_SLOTS * fill))


def walk_ns(n_vmas: Floats | int, level_ns: Floats, level_lines: Floats) -> Floats:
    """Time of a red-black walk whose upper nodes stay in the near caches, ns, (...).

    t = sum over depth d of t_lev(d); lev(d): the first cache that holds the 2^(d+1) lines of the
    tree's top d + 1 rows (one line per node). A last, partial node counts in part.
    level_ns: (L,) time of a node served by cache level 1, 2, ..., memory;
    level_lines: (L - 1,) capacity of each cache in lines, ascending.

    >>> float(walk_ns(4096, np.array([1.0, 4.0]), np.array([16.0])))
    34.0
    """
    return _walk_ns(walk_depth(n_vmas), 2.0, 1.0, level_ns, level_lines)


def maple_walk_ns(
    n_vmas: Floats | int, level_ns: Floats, level_lines: Floats, fill: float = 0.75, lines_per_node: float = 3.0
) -> Floats:
    """The same for a maple tree, ns, (...): fewer nodes, but some lines of each (pivots, slots).

    lines_per_node: of a node's 4 lines, how many a walk reads; its VMA, one line more, is left out in both.
    """
    return _walk_ns(maple_depth(n_vmas, fill), INNER_SLOTS * fill, lines_per_node, level_ns, level_lines)


def _walk_ns(depth: Floats, fan_out: float, lines: float, level_ns: Floats, level_lines: Floats) -> Floats:
    """Sum over the rows of a tree; its top d + 1 rows have about fan_out^(d+1) / (fan_out - 1) nodes."""
    rows = np.arange(int(np.ceil(depth.max())))
    share = np.clip(depth[..., None] - rows, 0.0, 1.0)
    held = lines * fan_out ** (rows + 1.0) / (fan_out - 1)
    level = np.searchsorted(np.asarray(level_lines, float), held)
    return np.asarray(lines * (share * np.asarray(level_ns, float)[level]).sum(axis=-1))


def cache_hit_share(n_used: int, flush_share: Floats | float, slots: int = CACHE_SLOTS) -> Floats:
    """Share of look-ups that vmacache serves, (...), for a thread that uses V VMAs at random, equally often.

    Before each look-up all slots are dropped with probability phi = flush_share (somebody removed a VMA); a miss
    fills one of the s slots, chosen at random. With w_j the weight of j filled slots after a look-up,
    w_j = w_(j-1) (1 - phi) u_(j-1) / (phi + (1 - phi) u_j),  u_j = (1 - j/V) (1 - j/s);  hits (1 - phi) E[j] / V.
    Without removals min(s, V) / V.

    >>> round(float(cache_hit_share(8, 0.0)), 9), float(cache_hit_share(8, 1.0))
    (0.5, 0.0)
    """
    filled = np.arange(1, slots + 1)
    grows = np.maximum(1 - filled / n_used, 0.0) * (1 - filled / slots)
    flush = np.maximum(np.asarray(flush_share, float), 1e-12)[..., None]
    kept = 1 - flush
    steps = np.concatenate(
        [np.ones((*flush.shape[:-1], 1)), kept * grows[:-1] / (flush + kept * grows[1:])], axis=-1
    )  # fmt: skip
    weight = np.cumprod(steps, axis=-1)
    mean = (weight * filled).sum(axis=-1) / weight.sum(axis=-1)
    return np.asarray((1 - np.asarray(flush_share)) * mean / n_used)


class Cache(NamedTuple):
    """A thread's vmacache: which VMA each slot remembers, -1 for none."""

    slots: tuple[int, ...] = (-1,) * CACHE_SLOTS

    def find(self, vma: int, victim: int) -> tuple[Cache, bool]:
        """The cache after a look-up of this VMA, and whether it hit; a miss overwrites the slot `victim`."""
        if vma in self.slots:
            return self, True
        return Cache((*self.slots[:victim], vma, *self.slots[victim + 1 :])), False

    def flush(self) -> Cache:
        """The cache after a VMA was removed from the process: mm->vmacache_seqnum has moved."""
        return Cache((-1,) * len(self.slots))


def replay_cache(rng: np.random.Generator, n_used: int, flush_share: float, n_lookups: int) -> float:
    """Share of hits when a thread looks up V VMAs at random and slots are dropped now and then."""
    cache, hits = Cache(), 0
    flushes, vmas = rng.random(n_lookups) < flush_share, rng.integers(n_used, size=n_lookups)
    for flush, vma, victim in zip(flushes, vmas, rng.integers(CACHE_SLOTS, size=n_lookups), strict=True):
        cache, hit = (cache.flush() if flush else cache).find(int(vma), int(victim))
        hits += hit
    return hits / n_lookups

"""The walk down the VMA tree: how deep it is, and what its cache misses cost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def walk_depth(n_vmas: Floats | int) -> Floats:
    """Mean number of nodes that a red-black walk visits, about log2(n) - 1/2, at least 1, (...).

    >>> float(walk_depth(256))
    7.5
    """
    return np.asarray(np.maximum(np.log2(np.maximum(np.asarray(n_vmas, float), 1.0)) - 0.5, 1.0))


def worst_depth(n_vmas: Floats | int) -> Floats:
    """Upper bound of a red-black tree's height, 2 log2(n + 1), (...)."""
    return np.asarray(2 * np.log2(np.asarray(n_vmas, float) + 1))


def walk_ns(n_vmas: Floats | int, level_ns: Floats, level_lines: Floats) -> Floats:
    """Time of a walk whose upper nodes stay in the near caches, ns, (...).

    t = sum over depth d of t_lev(d); lev(d): the first cache that holds the 2^(d+1) lines of the
    tree's top d + 1 rows (one line per node). A last, partial node counts in part.
    level_ns: (L,) time of a miss served by cache level 1, 2, ..., memory;
    level_lines: (L - 1,) capacity of each cache in lines, ascending.

    >>> float(walk_ns(4096, np.array([1.0, 4.0]), np.array([16.0])))
    34.0
    """
    depth = walk_depth(n_vmas)[..., None]
    rows = np.arange(int(np.ceil(depth.max())))
    share = np.clip(depth - rows, 0.0, 1.0)
    level = np.searchsorted(np.asarray(level_lines, float), 2.0 ** (rows + 1))
    return np.asarray((share * np.asarray(level_ns, float)[level]).sum(axis=-1))

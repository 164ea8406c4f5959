"""The PTE lock taken with a trylock: the chance that it is busy, and who shares it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PAGE_TABLE_BYTES = 512 * 4096
"""memory that one page of page-table entries maps, with 4 KiB pages"""


def busy_probability(n_sharers: Floats | int, hold_ns: Floats | float, between_ns: Floats | float) -> Floats:
    """Chance that a trylock fails: Engset's loss with one server, (...).

    P = (m - 1) a / (1 + (m - 1) a), a = S / Z: m threads hold the lock for S, then stay away for Z.
    Depends on the means only.

    >>> float(busy_probability(2, 1.0, 1.0))
    0.5
    """
    offered = (np.asarray(n_sharers, float) - 1) * np.asarray(hold_ns) / np.asarray(between_ns)
    return np.asarray(offered / (1 + offered))


def sharers_random(n_threads: Floats | int, n_pages: Floats | float) -> Floats:
    """Mean number of threads in one page table, faulting at random over n_pages pages, (...).

    m = 1 + (N - 1) min(1, 512 / M)
    """
    share = np.minimum(1.0, 512 / np.asarray(n_pages, float))
    return np.asarray(1 + (np.asarray(n_threads, float) - 1) * share)


def sharers_of_chunks(n_threads: Floats | int, chunk_bytes: Floats | float) -> Floats:
    """Threads in one page table, each in its own chunk and the chunks packed, (...).

    m = min(N, 2 MiB / c + 1)
    """
    neighbours = PAGE_TABLE_BYTES / np.asarray(chunk_bytes, float)
    return np.asarray(np.minimum(np.asarray(n_threads, float), neighbours + 1))

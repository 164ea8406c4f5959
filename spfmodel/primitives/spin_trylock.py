"""The PTE lock taken with a trylock: the chance that it is busy, and who shares it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PAGE_TABLE_BYTES = 512 * 4096
"""memory that one page of page-table entries maps, with 4 KiB pages"""
TABLE_SPANS = {
    ("x86_64", 4): PAGE_TABLE_BYTES,
    ("arm64", 4): PAGE_TABLE_BYTES,
    ("arm64", 16): 2048 * 16_384,
    ("arm64", 64): 8192 * 65_536,
    ("ppc64-hash", 64): 256 * 65_536,
    ("ppc64-radix", 64): 32 * 65_536,
}
"""(architecture, page in KiB) -> bytes that one table maps: PTRS_PER_PTE pages. POWER8 has the hash MMU"""
PPC64_FRAGMENTS = 16
"""PTE_FRAG_NR with 64 KiB pages: so many tables lie in one page, and the split lock is one per page"""


def busy_probability(n_sharers: Floats | int, hold_ns: Floats | float, between_ns: Floats | float) -> Floats:
    """Chance that a trylock fails: Engset's loss with one server, (...).

    P = (m - 1) a / (1 + (m - 1) a), a = S / Z: m threads hold the lock for S, then stay away for Z.
    Depends on the means only.

    >>> float(busy_probability(2, 1.0, 1.0))
    0.5
    """
    offered = (n_sharers - 1) * hold_ns / between_ns
    busy: Floats = np.divide(offered, 1 + offered)
    return busy


def sharers_random(n_threads: Floats | int, n_pages: Floats | float, entries: int = 512) -> Floats:
    """Mean number of threads in one page table, faulting at random over n_pages pages, (...).

    m = 1 + (N - 1) min(1, 512 / M). Unsplit PTE locks, one per mm: m = N whatever M; entries: no limit.
    """
    share = np.minimum(1.0, entries / np.asarray(n_pages, float))
    return np.asarray(1 + (np.asarray(n_threads, float) - 1) * share)


def sharers_of_chunks(
    n_threads: Floats | int, chunk_bytes: Floats | float, table_bytes: float = PAGE_TABLE_BYTES
) -> Floats:
    """Threads in one page table, each in its own chunk and the chunks packed, (...).

    m = min(N, T / c + 1), T: what the table maps (all tables of its lock)
    """
    neighbours = table_bytes / np.asarray(chunk_bytes, float)
    return np.asarray(np.minimum(np.asarray(n_threads, float), neighbours + 1))


def same_table(region_bytes: Floats | float, table_bytes: float = PAGE_TABLE_BYTES) -> Floats:
    """Chance that two threads in neighbouring regions are in one page table, (...).

    E[(1 - d / T)^+]: they are d apart, triangular on (0, 2 L), mean L, and a boundary comes every T.
    2 L <= T: 1 - L/T; L >= T: T^2 / (6 L^2). For regions that begin anywhere and threads anywhere in them:
    one pair of regions may lie luckier or worse. 1 + this is the `n_sharers` of `busy_probability`.

    >>> same_table([1024.0, 4096.0], 4096.0).round(4).tolist()
    [0.75, 0.1667]
    """
    length = np.asarray(region_bytes, float) / table_bytes
    near = np.where(length <= 1, 0.5 - length / 3, 1 / (6 * length**2))
    end = np.clip(1.0, length, 2 * length)
    far = (
        2 * length * (end - length) - (1 + 2 * length) * (end**2 - length**2) / 2 + (end**3 - length**3) / 3
    ) / length**2
    return np.asarray(near + np.where(length < 1, far, 0.0))


def same_table_at(region_bytes: float, boundary_bytes: Floats, table_bytes: float = PAGE_TABLE_BYTES) -> Floats:
    """The same for one pair of regions, whose first table ends `boundary_bytes` after they begin, (...).

    The sum over tables of the products of the shares that each region has in it.
    """
    first = np.asarray(boundary_bytes, float)
    total = np.zeros_like(first)
    for k in range(int(2 * region_bytes // table_bytes) + 2):
        low, high = first + (k - 1) * table_bytes, first + k * table_bytes
        mine = np.clip(np.minimum(high, region_bytes) - np.maximum(low, 0), 0, None)
        other = np.clip(np.minimum(high, 2 * region_bytes) - np.maximum(low, region_bytes), 0, None)
        total = total + mine * other / region_bytes**2
    return np.asarray(total)


def hold_of_busy(busy: Floats | float, n_sharers: Floats | float, cycle_ns: Floats | float) -> Floats:
    """The hold that explains a share of busy tries: `busy_probability` turned round, ns, (...).

    S = C x / (1 + x), x = P / ((1 - P) (m - 1)); cycle_ns: C, from one try to the next
    """
    odds = np.asarray(busy, float) / (1 - np.asarray(busy, float)) / (np.asarray(n_sharers, float) - 1)
    return np.asarray(cycle_ns * odds / (1 + odds))


def spin_wait_ns(n_sharers: int, hold_ns: Floats | float, between_ns: Floats | float) -> Floats:
    """Mean wait of m threads that spin for the lock instead, first come first served, ns, (...).

    W_m = S Q_(m-1),  Q_k = k R_k / (Z + R_k),  R_k = S + W_k: the machine repairman, holds exponential.

    >>> float(spin_wait_ns(1, 1.0, 1.0))
    0.0
    """
    hold, between = np.asarray(hold_ns, float), np.asarray(between_ns, float)
    wait = np.zeros(np.broadcast_shapes(hold.shape, between.shape))
    for k in range(1, n_sharers):
        wait = hold * k * (hold + wait) / (between + hold + wait)
    return wait


def abort_lost_ns(
    n_sharers: int, hold_ns: Floats | float, between_ns: Floats | float, fallback_ns: Floats | float
) -> Floats:
    """Mean time that one fault loses where a busy lock aborts it (v1 to v10), ns, (approx), (...).

    P (F + W): with Engset's chance it does the fault again under mmap_sem (F) and spins there for its turn (W).
    A retry loop (v11, v12) loses W = `spin_wait_ns` alone.
    """
    away = np.asarray(between_ns, float)
    busy = busy_probability(n_sharers, hold_ns, away)
    return np.asarray(busy * (fallback_ns + spin_wait_ns(n_sharers, hold_ns, away)))

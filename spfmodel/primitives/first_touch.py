"""Faults that can never be speculative: the first in a VMA without anon_vma, the first in a missing page table.

spf and the per-mm sequence refuse a pmd that is none (khugepaged may be about to fill it, and a new table
could race with its freeing), and a VMA whose anon_vma is not there yet. Both are made by a classic fault,
which therefore comes once per table and once per VMA, not once per page.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

KHUGEPAGED_PER_S = 4096 / 512 / 10.0
"""collapses/s at most with the defaults: pages_to_scan (4096 = 8 ranges of 512) every scan_sleep (10 s), in all"""


def tables_touched(pages: Floats | float, entries: Floats | float = 512.0) -> Floats:
    """Mean number of page tables that a run of pages lies in, if it begins at any page, (...).

    1 + (M - 1) / E; between ceil(M / E) and that plus 1 for a given place. entries: E, pages a table maps.

    >>> float(tables_touched(513, 512))
    2.0
    """
    return np.asarray(1 + (np.asarray(pages, float) - 1) / np.asarray(entries, float))


def classic_per_mapping(tables: Floats | float, new_vma: Floats | float = 1.0, missing: Floats | float = 1.0) -> Floats:
    """Mean number of classic first touches while a mapping is touched from end to end, (...).

    1 - (1 - v)(1 - t) + (n - 1) t: the first fault meets a VMA without anon_vma (v = new_vma: it did not merge with a
    neighbour that has one) or a missing table (t = missing: no neighbour keeps it); the others' tables follow.

    >>> float(classic_per_mapping(1.0, new_vma=1.0, missing=0.0))
    1.0
    """
    v, t = np.asarray(new_vma, float), np.asarray(missing, float)
    return np.asarray(1 - (1 - v) * (1 - t) + (np.asarray(tables, float) - 1) * t)


def classic_share(
    pages: Floats | float, entries: Floats | float = 512.0, new_vma: Floats | float = 1.0, missing: Floats | float = 1.0
) -> Floats:
    """Share of faults that are classic first touches, each of M pages touched once per mapping, (...).

    `classic_per_mapping` / M; M = 1: all of them, unless VMA and table are there already.

    >>> float(classic_share(512 * 64, 512).round(5))
    0.00198
    """
    tables = tables_touched(pages, entries)
    return np.asarray(classic_per_mapping(tables, new_vma, missing) / np.asarray(pages, float))


def touched_once(n_vmas: Floats | float, touches: Floats | float) -> Floats:
    """Mean number of V VMAs of one page that are touched at all by n random touches, V (1 - (1 - 1/V)^n), (...)."""
    count = np.asarray(n_vmas, float)
    return np.asarray(-count * np.expm1(np.asarray(touches, float) * np.log1p(-1 / count)))


def huge_ranges(pages: Floats | float, huge: Floats | float = 512.0) -> Floats:
    """Mean number of whole aligned huge pages within a run of M pages that begins at any page, (...).

    ((M - E + 1) / E)^+, exact
    """
    size = np.asarray(huge, float)
    return np.asarray(np.maximum((np.asarray(pages, float) - size + 1) / size, 0.0))


def with_huge_pages(pages: Floats | float, huge: Floats | float = 512.0) -> tuple[Floats, Floats]:
    """Faults per mapping, and their classic share, with THP=always and memory for every huge page, (...) each.

    Each whole range takes one huge fault in place of E, always classic (pmd none); the pages left at both ends
    fault one by one, the first in each of their tables classic. Mappings of which nothing is there yet.
    """
    count, tables = huge_ranges(pages, huge), tables_touched(pages, huge)
    left = np.asarray(pages, float) - np.asarray(huge, float) * count
    faults = count + left
    return np.asarray(faults), np.asarray(np.minimum(tables, faults) / faults)


def collapse_met(
    collapses_per_ns: Floats | float, collapse_ns: Floats | float, window_ns: Floats | float, here: Floats | float = 1.0
) -> Floats:
    """Chance that a fault meets a collapse of its own range in flight (pmd_changed), (...).

    1 - e^(-lambda h (C + S)), Poisson; here: h, chance that a collapse is of this fault's range; collapse_ns: C;
    window_ns: S.
    """
    rate = np.asarray(collapses_per_ns, float) * here
    return np.asarray(-np.expm1(-rate * (np.asarray(collapse_ns, float) + window_ns)))


def never_speculative(*shares: Floats | float) -> Floats:
    """Share of faults that some cause keeps from being speculative, the causes independent, 1 - prod (1 - s), (...).

    Causes such as kernel mode, unsupported VMAs, first touches.

    >>> float(never_speculative(0.5, 0.5))
    0.75
    """
    rest = np.ones(())
    for share in shares:
        rest = rest * (1 - np.asarray(share, float))
    return np.asarray(1 - rest)

"""Faults that can never be speculative: counting, sympy, drawn touches, our counters, published counters."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from spfmodel import controlled, datasets
from spfmodel.primitives import first_touch
from spfmodel.primitives.fault_kinds import FAULT_KINDS, PROTOCOLS, Way, way_of
from spfmodel.symbolic import first_touch as derived
from spfmodel.symbolic import symbols


@pytest.mark.parametrize(("pages", "entries"), [(1, 512), (256, 512), (511, 512), (600, 512), (2048, 256), (7, 32)])
def test_tables_touched_by_counting(pages, entries):
    assert float(first_touch.tables_touched(pages, entries)) == pytest.approx(
        float(derived.tables_touched(pages, entries))
    )


@pytest.mark.parametrize("pages", [100, 511, 512, 600, 1300, 5000])
def test_whole_huge_pages_by_counting(pages):
    counts = [max(0, (start + pages) // 512 - (start + 511) // 512) for start in range(512)]
    assert float(first_touch.huge_ranges(pages)) == pytest.approx(np.mean(counts))
    faults, share = first_touch.with_huge_pages(pages)
    left = [pages - 511 * count for count in counts]
    assert float(faults) == pytest.approx(np.mean(left))
    assert 0 < share <= 1


def touch(pages, entries, new_vma, missing, rng):
    """Classic faults of one mapping touched page by page, from a random place."""
    start, ready = int(rng.integers(entries)), rng.random() >= new_vma
    there = {table for table in range(pages // entries + 2) if rng.random() >= missing}
    classic = 0
    for page in range(start, start + pages):
        fresh = page // entries not in there
        classic += fresh or not ready
        ready = True
        there.add(page // entries)
    return classic


@pytest.mark.parametrize(("new_vma", "missing"), [(1.0, 1.0), (0.3, 0.0), (0.4, 0.6), (0.0, 0.0)])
def test_classic_first_touches_by_touching_pages(new_vma, missing):
    rng, pages, entries = np.random.default_rng(1), 20, 16
    seen = np.mean([touch(pages, entries, new_vma, missing, rng) for _ in range(4000)])
    formula = first_touch.classic_share(pages, entries, new_vma, missing) * pages
    assert seen == pytest.approx(float(formula), abs=0.04)


def test_vmas_touched_at_all():
    rng = np.random.default_rng(2)
    drawn = np.mean([len(set(rng.integers(50, size=80))) for _ in range(2000)])
    assert float(first_touch.touched_once(50, 80)) == pytest.approx(drawn, rel=0.01)


def test_a_collapse_in_flight():
    rate, collapse, window = symbols("lambda C S")
    exact = sp.lambdify((rate, collapse, window), derived.collapse_met())(1e-3, 300.0, 50.0)
    assert float(first_touch.collapse_met(1e-3, 300.0, 50.0)) == pytest.approx(exact)
    rng = np.random.default_rng(3)
    begins = np.cumsum(rng.exponential(1000.0, 20_000))
    at = rng.uniform(1000, begins[-1] - 1000, 50_000)
    after = begins[np.searchsorted(begins, at - 300.0)]
    assert np.mean(after < at + 50.0) == pytest.approx(exact, abs=0.006)
    most = first_touch.collapse_met(first_touch.KHUGEPAGED_PER_S * 1e-9, 100_000.0, 5_000.0)
    assert most < 1e-4, "with the defaults khugepaged never matters"


def test_causes_that_keep_faults_from_being_speculative():
    assert float(first_touch.never_speculative(0.2, 0.0, 0.5)) == pytest.approx(0.6)
    assert float(first_touch.never_speculative(1.0, 0.3)) == 1
    assert float(first_touch.never_speculative()) == 0


def test_first_touches_on_a_real_kernel():
    """Exact where only one thread decides; within a factor 1.5 where two meet; pf1 by where its table begins."""
    rows = controlled.first_touches()
    assert len(rows) == 5
    for row in rows:
        if row["low"] < row["high"]:
            assert 0.99 * row["low"] < row["measured"] < row["high"], row
        else:
            within = 1.5 if row["threads"] == "2" else 1.002
            assert 1 / within < row["predicted"] / row["measured"] < within, row


def test_ebizzy_meets_first_touches_only_at_its_start():
    """Its records merge and share tables: a few refusals a thread in all, whatever the number of faults."""
    table = datasets.counters()
    records = table[table["command"].isin(["ebizzy -mTRp", "ebizzy -mRTp"])]
    share = records["spf_vma_notsup"].astype(float) / records["faults"].astype(float)
    assert len(records) == 7
    assert share.max() < 1e-3
    each = records["spf_vma_notsup"].astype(float) / (2 * records["cpus"].astype(float))
    assert each.between(1.5, 3.0).all()
    assert (records["spf_pmd_changed"] == 0).all()


def test_fault_kinds_are_complete_and_get_no_worse_with_time():
    assert len({row.kind for row in FAULT_KINDS}) == len(FAULT_KINDS)
    for row in FAULT_KINDS:
        assert len(row.ways) == len(PROTOCOLS)
        assert bool(row.cause) == (Way.ABORTS in row.ways)
    first, last = (sum(row.ways[i] == Way.SPECULATIVE for row in FAULT_KINDS) for i in (0, -1))
    assert first < last
    with pytest.raises(ValueError, match="not in"):
        way_of("private file", "spf v13")


KERNELS = [("5.17-spf-on", "per-mm sequence"), ("6.12-pervma-on", "VMA lock 6.6+")]


@pytest.mark.parametrize(("kernel", "protocol"), KERNELS)
@pytest.mark.parametrize(("mode", "kind"), [("pf2", "private file"), ("pf3", "shared file, shmem")])
def test_file_faults_on_real_kernels(kernel, protocol, mode, kind):
    table = controlled.counted(kernel)
    row = table[(table["mode"] == mode) & (table["threads"] == "1")].iloc[0]
    lost = "vma_lock_abort" if protocol.startswith("VMA") else "NO_SPECULATE"
    assert (row[lost] > 0.999 * row["touches"]) == (way_of(kind, protocol) is Way.ABORTS)
    assert row[lost] in {0.0, row["touches"] + 1} or row[lost] == pytest.approx(row["touches"], rel=1e-3)


@pytest.mark.parametrize("kernel", ["5.17-spf-on", "6.12-pervma-on"])
def test_kernel_mode_faults_are_not_tried(kernel):
    table = controlled.counted(kernel)
    rows = table[(table["touch"] == "kern") & (table["mode"] == "anon")]
    tries = rows[[name for name in rows if name in {"spf_attempt", "vma_lock_success", "vma_lock_abort"}]].sum(axis=1)
    assert len(rows) == 3
    assert (tries < 1e-3 * rows["touches"]).all()
    assert way_of("kernel mode (copy_to_user)", PROTOCOLS[-1]) is Way.CLASSIC

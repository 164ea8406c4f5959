"""Which published row is which of our workloads, and what a fit may read of it."""

from __future__ import annotations

import numpy as np
import pytest

from spfmodel import catalog, datasets
from spfmodel.observations import LEAST_SD
from spfmodel.published import (
    CAUSES,
    default_threads,
    fallback_shares,
    jobs_of,
    machines,
    observations,
    rows,
    told,
    workload_of,
)

VM, POWER, SKYLAKE = (catalog.uncalibrated(name) for name in ("x86-vm-16", "power8-80", "skylake-112"))
EBIZZY, PFT, KERNBENCH = (catalog.workload(name) for name in ("ebizzy-mTRp", "pft", "kernbench"))


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("ebizzy -mTRp", "ebizzy-mTRp"), ("ebizzy -mRTp", "ebizzy-mTRp"), ("ebizzy -mTt 80", "ebizzy-mTt"),
        ("ebizzy -mTRp -t 4", ""), ("kernbench -M", "kernbench"), ("", ""),
    ],
)  # fmt: skip
def test_commands(command: str, name: str) -> None:
    assert workload_of(command) == name


def test_default_threads_are_two_a_cpu_for_ebizzy() -> None:
    assert [default_threads(m, EBIZZY) for m in (VM, POWER)] == [32, 160]
    assert default_threads(SKYLAKE, PFT) == 112


def test_rows_are_of_one_machine_workload_and_protocol() -> None:
    found = rows(VM, EBIZZY, "spf_rwlock")
    assert set(found["source"]) == {"Dufour2018a", "Dufour2018b", "Dufour2018c", "Dufour2018d"}
    assert (found["n"] == 32).all()
    assert (found["total_per_s"] > 5e4).all()
    assert rows(SKYLAKE, EBIZZY, "mmap_sem").empty


def test_the_pft_curve_is_complete_on_both_sides() -> None:
    base, candidate = (rows(SKYLAKE, PFT, protocol) for protocol in ("mmap_sem", "spf_mmseq"))
    assert base["n"].tolist() == candidate["n"].tolist() == [1, 4, 7, 12, 21, 30, 48, 79, 110, 112]
    assert (base["log_sd"] >= LEAST_SD).all()
    assert base["log_sd"].max() == pytest.approx(0.068, abs=0.001)


def test_a_printed_deviation_is_relative_to_its_value() -> None:
    spread = rows(VM, EBIZZY, "mmap_sem").set_index("id")["log_sd"]
    assert spread["m0027"] == pytest.approx(509.34 / 11455.92)
    assert spread["m0071"] == LEAST_SD


def test_observations_are_the_base_rows_by_default() -> None:
    found = observations(POWER, "ebizzy-mTRp")
    assert {o.protocol.name for o in found} == {"mmap_sem"}
    assert {row for o in found for row in o.rows} == set(rows(POWER, EBIZZY, "mmap_sem")["id"])
    assert all(o.quantity == "throughput_per_s" and o.workload.name == "ebizzy-mTRp" for o in found)


def test_the_hold_comes_from_contended_brk1_threads() -> None:
    (found,) = observations(POWER, "brk1")
    assert found.rows == ("m0835",)
    assert found.n_threads == 80


def test_measured_fallbacks_are_failures_over_attempts() -> None:
    found = fallback_shares(VM, EBIZZY).set_index("id")
    assert set(found.index) == {"c05", "c09", "c13"}
    assert found.loc["c09", "fallback"] == pytest.approx((92 + 2379 + 80) / (884773 + 92 + 2379 + 80))
    parts = found[[cause.removeprefix("spf_") for cause in CAUSES]].sum(axis=1)
    np.testing.assert_allclose(parts, found["fallback"])
    assert set(fallback_shares(POWER, EBIZZY)["id"]) == {"c02", "c06", "c10", "c14"}
    assert fallback_shares(SKYLAKE, PFT).empty


def test_builds_hardly_try() -> None:
    found = fallback_shares(VM, KERNBENCH).set_index("id")
    assert set(found.index) == {"c03", "c07", "c11", "c15"}
    assert found.loc["c03", "attempted"] == pytest.approx((227 + 2168) / 367_932_002)
    power = fallback_shares(POWER, KERNBENCH).set_index("id")
    assert power.loc["c01", "attempted"] == 0
    assert power["fallback"].isna().tolist() == [True, False, False, False, False], "of no attempts nothing failed"
    assert (power["attempted"] < 1e-5).all()


def test_causes_and_their_ratio() -> None:
    found = fallback_shares(POWER, EBIZZY).set_index("id")
    assert found.loc["c02", "pte_per_vma"] == pytest.approx(10579 / 7815)
    waits = fallback_shares(POWER, catalog.workload("ebizzy-mTt")).iloc[0]
    assert waits["protocol"] == "spf_rwlock_v11"
    assert np.isnan(waits["pte_lock"])
    assert waits["vma_changed"] == pytest.approx(413293 / (1461153 + 413293 + 200))


def test_machines_and_protocols_that_a_source_does_not_name_as_we_do() -> None:
    table = datasets.measurements().set_index("id")
    names, protocols = machines(table), told(table)
    assert names[["m0095", "m1185", "m1136", "m0655", "m0763", "PVL-V4-android"]].tolist() == [
        "qualcomm-8", "mediatek-8", "android-8", "lkp-skl-192-4.14", "lkp-skl-192", "",
    ]  # fmt: skip
    assert protocols[["m0003", "m0072", "m0828", "m1142", "m1186"]].tolist() == [
        "per_vma_refcnt", "spf_rwlock", "spf_rwlock_v11", "spf_rwlock", "spf_rwlock_v11",
    ]  # fmt: skip


def test_a_maple_tree_is_another_kernels() -> None:
    howlett = rows(catalog.uncalibrated("howlett-144"), catalog.workload("malloc1"), "mmap_sem")
    assert howlett["n"].value_counts().eq(2).all(), "v1 and v2 of a series, one curve each"
    assert not howlett["variant"].str.contains("maple").any()


@pytest.mark.parametrize(
    ("benchmark", "jobs"),
    [
        ("kernbench (half -j376)", 376), ("kernbench (optimal -j752)", 752), ("kernbench (maximal -j)", 1504),
        ("kernbench (half -j7 (sic))", 376), ("kernel build", None),
    ],
)  # fmt: skip
def test_jobs_of_a_build(benchmark: str, jobs: int | None) -> None:
    assert jobs_of(benchmark, 752) == jobs


def test_no_row_that_is_used_is_a_known_misprint() -> None:
    caution = datasets.measurements().set_index("id")["caution"]
    for machine, workload, protocol in (
        (VM, EBIZZY, "mmap_sem"),
        (POWER, EBIZZY, "mmap_sem"),
        (SKYLAKE, PFT, "spf_mmseq"),
    ):
        assert not caution[rows(machine, workload, protocol)["id"]].str.contains("sic").any()

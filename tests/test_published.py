"""Which published row is which of our workloads, and what a fit may read of it."""

from __future__ import annotations

import numpy as np
import pytest

from spfmodel import catalog, datasets
from spfmodel.observations import LEAST_SD
from spfmodel.published import CAUSES, default_threads, fallback_shares, observations, rows, workload_of

VM, POWER, SKYLAKE = (catalog.uncalibrated(name) for name in ("x86-vm-16", "power8-80", "skylake-112"))
EBIZZY, PFT = catalog.workload("ebizzy-mTRp"), catalog.workload("pft")


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


def test_no_row_that_is_used_is_a_known_misprint() -> None:
    caution = datasets.measurements().set_index("id")["caution"]
    for machine, workload, protocol in (
        (VM, EBIZZY, "mmap_sem"),
        (POWER, EBIZZY, "mmap_sem"),
        (SKYLAKE, PFT, "spf_mmseq"),
    ):
        assert not caution[rows(machine, workload, protocol)["id"]].str.contains("sic").any()

"""Predictions beside measurements: figures, words and claims say what the cells say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spfmodel import evidence
from spfmodel.prediction import Interval
from spfmodel.report import answer
from spfmodel.validate import Cell


def interval(low: float, median: float, high: float) -> Interval:
    return Interval(median=median, low=low, high=high)


GAIN = Cell(
    machine="x86-vm-16", workload="ebizzy-mTRp", protocol="spf_rwlock", n_threads=32, quantity="speedup",
    kind="writers", predicted=interval(3.5, 5.5, 9.5), predicted95=interval(3, 5.5, 11), measured=5.9,
    measured_low=5.3, measured_high=7.3, throughput_per_s=interval(4e4, 6e4, 9e4),
    baseline_throughput_per_s=interval(1e4, 1.1e4, 1.2e4), error=-0.07, covered=True, covered95=True, range_only=False,
    calibrated_on=("m0027",), candidate_rows=("m0072", "m0084"), known_miss="",
)  # fmt: skip
SHARE = replace(
    GAIN, quantity="fallback_share", predicted=interval(0.001, 0.008, 0.02), measured=0.003, measured_low=0.003,
    measured_high=0.003, candidate_rows=("c05",), covered=False,
)  # fmt: skip
PFT = [
    replace(
        GAIN, machine="skylake-112", workload="pft", protocol="spf_mmseq", n_threads=n, candidate_rows=("m1042",),
        measured_low=5.9, measured_high=5.9,
    )
    for n in (4, 48)
]  # fmt: skip


def test_claims_are_what_the_index_takes() -> None:
    found = answer({"sentence": "s", "claims": evidence.claims([GAIN, *PFT, SHARE])}).claims
    assert [c.claim for c in found] == [
        "ebizzy -mTRp, 32 threads: speed-up", "ebizzy -mTRp, 32 threads: fallback frequency",
        "pft, 48 threads: speed-up",
    ]  # fmt: skip
    assert found[0].measured_ends == (5.3, 7.3)
    assert found[1].measured == 0.003
    assert [c.unit for c in found] == ["x", "share", "x"]
    assert found[0].source == "spf_rwlock v6 to v10, Laurent Dufour 2018"
    assert found[2].source == "spf_mmseq, Axel Rasmussen 2021"


def test_rows_of_a_figure_carry_both_ranges() -> None:
    (row,) = evidence.rows([GAIN, SHARE], "fallback_share")
    assert row["name"] == "16-CPU x86 virtual machine, ebizzy -mTRp"
    assert (row["low"], row["median"], row["high"], row["measured"]) == (0.001, 0.008, 0.02, 0.003)


def test_words_say_shares_in_per_cent_and_ranges_where_there_are() -> None:
    gain, share = evidence.readable([GAIN, SHARE])
    assert gain["predicted (80 %)"] == "5.50 (3.50 to 9.50)"
    assert gain["inside"] == "80 %"
    assert share["predicted (80 %)"] == "0.80 % (0.10 to 2.0)"
    assert share["measured (range)"] == "0.30 %"
    assert share["inside"] == "95 %"


def test_throughput_has_a_fitted_and_a_predicted_curve() -> None:
    rows = evidence.throughput([GAIN, *PFT], "skylake-112", "pft")
    assert [(row["protocol"], row["n_threads"], row["median"]) for row in rows] == [
        ("mmap_sem", 4, 1.1e4), ("mmap_sem", 48, 1.1e4), ("spf_mmseq", 4, 6e4), ("spf_mmseq", 48, 6e4)
    ]  # fmt: skip


def test_measured_throughput_is_that_of_the_published_table() -> None:
    table = evidence.measured_throughput("skylake-112", "pft", ["mmap_sem", "spf_mmseq"]).set_index("id")
    assert table.loc["m1041", "value"] == pytest.approx(573625.5, rel=1e-4)
    assert table.loc["m1060", ["protocol", "n_threads"]].tolist() == ["spf_mmseq", 112]

"""Validation: the acceptance figures, and that nothing is scored which was fitted."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from math import log

import numpy as np
import pytest

from spfmodel import catalog, datasets, published
from spfmodel.prediction import Interval
from spfmodel.validate import CELLS, Ask, Cell, as_json, cells, classes, table

EBIZZY = (("x86-vm-16", "ebizzy-mTRp", "spf_rwlock"), ("power8-80", "ebizzy-mTRp", "spf_rwlock"))
PFT = ("skylake-112", "pft", "spf_mmseq")


@cache
def found(*only: tuple[str, str, str]) -> list[Cell]:
    """The cells, computed once."""
    return cells(only)


@pytest.mark.parametrize("machine", ["x86-vm-16", "power8-80"])
def test_ebizzys_gain_is_within_35_percent_of_the_median_of_v6_to_v10(machine: str) -> None:
    (cell,) = [c for c in found(*EBIZZY) if c.machine == machine and c.quantity == "speedup"]
    assert len(cell.candidate_rows) == 4
    assert abs(cell.error) <= 0.35
    assert cell.covered95


def test_pfts_gain_curve_is_within_12_percent_in_the_median() -> None:
    errors = [c.error for c in found(PFT) if c.quantity == "speedup"]
    assert len(errors) == 10
    assert np.median(np.abs(errors)) <= 0.12


def test_a_fallback_frequency_is_predicted_within_its_95_percent_interval_or_listed() -> None:
    shares = [c for c in found(*EBIZZY) if c.quantity == "fallback_share"]
    assert {c.machine for c in shares} == {"x86-vm-16", "power8-80"}
    assert all(c.covered95 or c.known_miss not in ("", "not explained") for c in shares)
    assert all(0 < c.predicted.low < c.predicted.high < 1 for c in shares)


def test_cells_hold_what_they_say() -> None:
    for c in found(*EBIZZY):
        assert c.error == pytest.approx(log(c.predicted.median / c.measured))
        assert c.measured_low <= c.measured <= c.measured_high
        assert c.covered == (c.predicted.low <= c.measured <= c.predicted.high)
        assert c.predicted95.low < c.predicted.low < c.predicted.high < c.predicted95.high
        assert c.kind == "writers"
        assert (c.known_miss == "") == c.covered95
    json.dumps(as_json(found(*EBIZZY)), allow_nan=False)
    assert set(as_json(found(*EBIZZY))) == {"cells", "classes"}


def test_the_measured_speed_up_is_the_median_over_sources() -> None:
    (cell,) = [c for c in found(*EBIZZY) if c.machine == "x86-vm-16" and c.quantity == "speedup"]
    ratios = [60902.26 / 11485.14, 62236.93 / 11412.55, 95905.16 / 14902.60, 91104.52 / 12405.52]
    assert cell.measured == pytest.approx(np.median(ratios))
    assert cell.measured_high == pytest.approx(max(ratios))


@pytest.mark.parametrize("ask", CELLS)
def test_nothing_is_scored_that_was_fitted(ask: Ask) -> None:
    m, workload = catalog.machine(ask.machine), catalog.workload(ask.workload)
    baseline = published.BASELINES.get(ask.machine, "mmap_sem")
    workload = replace(workload, choices={**workload.choices, "mode": ask.mode})
    fitted = {row for c in m.calibrations.values() for row in c.rows}
    scored = set(published.rows(m, workload, ask.protocol)["id"])
    counted = set(published.fallback_shares(m, workload)["id"])
    assert fitted
    assert scored
    assert not fitted & (scored | counted)
    assert f"counters of {ask.machine}" not in fitted
    assert {p for c in m.calibrations.values() for p in c.protocols_used} == {baseline}
    kinds = datasets.measurements().set_index("id")["protocol"]
    assert {kinds[row] for row in fitted if row in kinds.index} == {baseline}


def cell(machine: str, workload: str, kind: str, predicted: float, measured: float, **more: object) -> Cell:
    """A made-up cell, 20 % wide on each side."""
    wide = Interval(median=predicted, low=predicted / 1.2, high=predicted * 1.2)
    values: dict[str, object] = {
        "machine": machine, "workload": workload, "protocol": "spf_rwlock", "n_threads": 4, "quantity": "speedup",
        "kind": kind, "predicted": wide, "predicted95": wide, "measured": measured, "measured_low": measured,
        "measured_high": measured, "throughput_per_s": wide, "baseline_throughput_per_s": wide,
        "error": log(predicted / measured), "covered": wide.low <= measured <= wide.high,
        "covered95": wide.low <= measured <= wide.high, "range_only": False, "calibrated_on": (),
        "candidate_rows": (), "known_miss": "", "mode": "threads",
    }  # fmt: skip
    return Cell(**(values | more))  # type: ignore[arg-type]


MADE_UP = [
    cell("a", "w", "readers", 2.0, 2.0),
    cell("a", "w", "readers", 2.0, 1.0),
    cell("a", "w", "readers", 2.2, 2.0),
    cell("b", "w", "readers", 4.0, 2.0),
    cell("b", "v", "writers", 0.9, 1.5),
    cell("b", "v", "writers", 9.9, 0.1, quantity="fallback_share"),
]


def test_one_vote_for_each_machine_and_workload() -> None:
    found = classes(MADE_UP)
    assert set(found) == {"readers", "writers", "pooled"}
    readers = found["readers"]
    assert readers["votes"] == 2
    assert readers["median_abs_error"] == pytest.approx((log(1.1) + log(2)) / 2)
    assert readers["worst_abs_error"] == pytest.approx(log(2))
    assert readers["no_gain_abs_error"] == pytest.approx(log(2))
    assert readers["covered_80"] == pytest.approx(2 / 4)
    assert found["writers"]["bias"] == pytest.approx(log(0.9 / 1.5))
    assert found["writers"]["sign_right"] == 0
    assert found["pooled"]["votes"] == 3
    assert found["pooled"]["median_abs_error"] == pytest.approx(log(1.5 / 0.9))


def test_the_sign_is_asked_only_where_there_is_a_gain() -> None:
    assert classes([cell("a", "w", "readers", 0.9, 1.01)])["pooled"]["sign_right"] == 1
    assert classes([cell("a", "w", "readers", 1.5, 1.4)])["pooled"]["sign_right"] == 1


def test_the_table_is_markdown_with_a_line_for_each_cell_class_and_miss() -> None:
    lines = table([*MADE_UP, cell("c", "w", "readers", 2, 9, known_miss="too bold", range_only=True)])
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|") == 10
    assert set(lines[1]) == {"|", "-"}
    assert "| 990.0 % (825.0 % to 1188.0 %) | 10.0 % |" in lines[7]
    assert lines[8].endswith("| no, range only |")
    assert [line.split(":")[0] for line in lines[9:12]] == ["readers", "writers", "pooled"]
    assert lines[12] == "miss: c, w, speedup: too bold"
    assert len(lines) == 13


@pytest.mark.verification
def test_every_cell_is_covered_or_a_known_miss_with_its_mechanism() -> None:
    everything = found(*CELLS)
    assert all(c.covered95 or len(c.known_miss) > 40 for c in everything)
    assert classes(everything)["pooled"]["sign_right"] >= 0.9

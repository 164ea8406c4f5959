"""Validation: the acceptance figures, that nothing is scored which was fitted, and what the tables say."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from math import log
from pathlib import Path

import numpy as np
import pytest

from spfmodel import asks, catalog, datasets, published, remembered, scoreboard, validation
from spfmodel.asks import CORE, Ask
from spfmodel.prediction import Interval, Question, predict
from spfmodel.protocols import PROTOCOLS
from spfmodel.raw_cells import MORE, N_DRAWS, RawCell, nouns, raw_cells
from spfmodel.validate import Cell, learnt_from, scored, with_structure

EBIZZY = (("x86-vm-16", "ebizzy-mTRp", "spf_rwlock"), ("power8-80", "ebizzy-mTRp", "spf_rwlock"))
PFT = ("skylake-112", "pft", "spf_mmseq")


@cache
def raw(*only: tuple[str, str, str]) -> list[RawCell]:
    """Draws of the cells, computed once."""
    return raw_cells(only)


def found(*only: tuple[str, str, str]) -> list[Cell]:
    return scored(raw(*only))


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


def test_causes_of_fallbacks_are_scored_where_somebody_counted_them() -> None:
    causes = {(c.machine, c.quantity) for c in found(*EBIZZY)}
    assert causes >= {(m, cause) for m in ("x86-vm-16", "power8-80") for cause in ("vma_changed", "pte_lock")}


def test_cells_hold_what_they_say() -> None:
    for c in found(*EBIZZY):
        assert c.measured_low <= c.measured <= c.measured_high
        assert c.predicted95.low <= c.predicted.low < c.predicted.high <= c.predicted95.high
        assert c.kind == "writers"
        assert (c.known_miss == "") == c.covered95
        assert c.place == (1, 1, 1)
        if c.quantity == "speedup":
            assert c.error == pytest.approx(log(c.predicted.median / c.measured))
            assert c.covered == (c.predicted.low <= c.measured <= c.predicted.high)
            assert (0.1 <= c.below <= 0.9) == c.covered
    content = scoreboard.as_json(found(*EBIZZY), raw(*EBIZZY))
    json.dumps(content, allow_nan=False)
    assert {"cells", "classes", "rivals", "protocol_order", "coverage"} == set(content)


def test_a_cell_says_what_predict_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The structural term that is added afterwards is the one that `predict` adds."""
    monkeypatch.setattr("spfmodel.prediction.events_for", lambda _: 6000)
    ask = Ask(*EBIZZY[0])
    machine, workload, baseline = nouns(ask, None)
    many = N_DRAWS * MORE
    question = Question(machine=machine, workload=workload, baseline=PROTOCOLS[baseline], level=0.8, n_draws=many)
    (expected,) = predict(question, [PROTOCOLS[ask.protocol]], [32])
    cells = {c.quantity: c for c in raw_cells([ask])}
    for quantity, name in (("speedup",) * 2, ("fallback_share",) * 2, ("vma_changed", "abort_share:vma_changed")):
        np.testing.assert_allclose(with_structure(cells[quantity], machine, 1), expected.draws[name], rtol=1e-9)


def test_the_measured_speed_up_is_the_median_over_sources() -> None:
    (cell,) = [c for c in found(*EBIZZY) if c.machine == "x86-vm-16" and c.quantity == "speedup"]
    ratios = [60902.26 / 11485.14, 62236.93 / 11412.55, 95905.16 / 14902.60, 91104.52 / 12405.52]
    assert cell.measured == pytest.approx(np.median(ratios))
    assert cell.measured_high == pytest.approx(max(ratios))


@pytest.mark.parametrize("ask", asks.every(), ids="-".join)
def test_nothing_is_scored_that_was_fitted(ask: Ask) -> None:
    machine, workload, baseline = nouns(ask, None)
    fitted = {row for c in machine.calibrations.values() for row in c.rows}
    scored_rows = set(asks.measured(ask)["id"])
    assert scored_rows
    assert not fitted & (scored_rows | set(published.fallback_shares(machine, workload)["id"]))
    assert f"counters of {ask.machine}" not in fitted
    assert {p for c in machine.calibrations.values() for p in c.protocols_used} <= {baseline}
    kinds = datasets.measurements().set_index("id")["protocol"]
    assert {kinds[row] for row in fitted if row in kinds.index} <= {baseline}


@pytest.mark.parametrize("name", sorted({ask.machine for ask in asks.every()}))
def test_no_structural_term_was_learnt_on_the_machine_that_it_is_for(name: str) -> None:
    taught = learnt_from(catalog.machine(name))
    assert all(name not in who for cost, who in taught.items())


def test_what_was_computed_before_is_kept_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time nothing is computed; another seed, another cost, other code are computed anew."""
    calls = []

    def told(question: Question, candidates: object, threads: object) -> list[object]:
        calls.append(question.seed)
        return predict(question, candidates, threads)  # type: ignore[arg-type]

    monkeypatch.setattr(remembered, "predict", told)
    machine, workload, _ = nouns(Ask("power8-80", "brk1", "spf_rwlock_v11"), None)
    question = Question(machine=machine, workload=workload, baseline=PROTOCOLS["mmap_sem"], n_draws=2)
    dear = replace(question, overrides={"update_hold_ns": 9e3})
    for asked in (question, question, replace(question, seed=2), dear, dear):
        drawn = remembered.draws(asked, PROTOCOLS["ideal"], 1, tmp_path)
        assert set(drawn) >= {"speedup", "baseline_throughput_per_s", "fallback_share"}
    assert calls == [1, 2, 1]
    monkeypatch.setattr(remembered, "code", lambda: "other code")
    remembered.draws(question, PROTOCOLS["ideal"], 1, tmp_path)
    assert calls == [1, 2, 1, 1]


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
    found = scoreboard.classes(MADE_UP)
    assert set(found) == {"readers", "writers", "pooled", "fallback_share"}
    readers = found["readers"]
    assert readers["votes"] == 2
    assert readers["median_abs_error"] == pytest.approx((log(1.1) + log(2)) / 2)
    assert readers["worst_abs_error"] == pytest.approx(log(2))
    assert readers["covered_80"] == pytest.approx((2 / 3 + 0) / 2)
    assert found["writers"]["bias"] == pytest.approx(log(0.9 / 1.5))
    assert found["writers"]["sign_right"] == 0
    assert found["pooled"]["votes"] == 3
    assert found["pooled"]["median_abs_error"] == pytest.approx(log(1.5 / 0.9))


def test_the_tables_are_markdown_with_a_line_for_each_cell_class_and_miss() -> None:
    cells = [*MADE_UP, cell("c", "w", "readers", 2, 9, known_miss="too bold", range_only=True)]
    lines = scoreboard.table(cells)
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|") == 10
    assert set(lines[1]) == {"|", "-"}
    assert "| 990.0 % (825.0 % to 1188.0 %) | 10.0 % |" in lines[7]
    assert lines[8].endswith("| no, range only |")
    rival = {k: a | {"interval_score": 99.0, "median_abs_error": 0.0} for k, a in scoreboard.classes(MADE_UP).items()}
    content = {
        "cells": [{**vars(c)} for c in cells],
        "classes": scoreboard.classes(cells),
        "rivals": {"no gain": rival},
    }
    content["protocol_order"] = {"right": 1, "pairs": 2}
    scores = scoreboard.scores(content)
    assert [line.split(" | ")[1] for line in scores[2:]] == ["readers", "writers", "pooled", "fallback_share", "pooled"]
    assert len({line.count("|") for line in scores}) == 1
    said = scoreboard.lessons(content)
    assert said[0] == "- Of 2 pairs of protocols that differ clearly, 1 come in the right order."
    assert said[1].startswith("- Rival *no gain* is closer in readers, writers, pooled")
    assert said[-1] == "- Miss: c, w, spf_rwlock, speedup: too bold"


def test_protocols_are_ranked_within_their_setting() -> None:
    assert scoreboard.protocol_order(MADE_UP) == (1, 2)


def test_a_stored_run_is_read_back_and_knows_when_it_is_stale(tmp_path: Path) -> None:
    cells = found(*EBIZZY)
    content = json.loads(
        json.dumps(scoreboard.as_json(cells, raw(*EBIZZY)) | {"provenance": validation.provenance(1, N_DRAWS)})
    )
    (tmp_path / "v.json").write_text(json.dumps(content))
    read, told = validation.stored(tmp_path / "v.json")
    assert read == cells
    assert validation.stale(told) == ""
    told["provenance"]["code_sha256"] = "other"
    assert validation.stale(told).startswith("code changed")


@pytest.mark.verification
def test_every_cell_is_covered_or_a_known_miss_with_its_mechanism() -> None:
    everything = scored(raw_cells(kept=remembered.folder(), jobs=2))
    missed = [c for c in everything if not c.covered95]
    assert all(len(c.known_miss) > 40 for c in missed)
    assert len(missed) <= 0.1 * len(everything)
    assert scoreboard.classes(everything)["pooled"]["sign_right"] >= 0.9


def test_the_core_cells_are_asked_by_every() -> None:
    assert set(CORE) <= set(asks.every())

"""The notebooks run with their small setting, say what they claim, and are thin."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from conftest import write_recipe

from spfmodel.report import ReportResult, run

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SMALL = {"one_fault": ""}
"""parameters of the small setting, where it is not `quick`"""
each = pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)


def cells(file: Path, kind: str) -> list[str]:
    """Sources of the cells of one kind, the parameters left out."""
    found = json.loads(file.read_text(encoding="utf-8"))["cells"]
    mine = [c for c in found if c["cell_type"] == kind and "parameters" not in c["metadata"].get("tags", [])]
    return ["".join(c["source"]) for c in mine]


def lines(source: str) -> int:
    return sum(1 for line in source.splitlines() if line.strip())


@each
def test_code_cells_are_short(file: Path) -> None:
    lengths = sorted(lines(source) for source in cells(file, "code"))
    assert median(lengths) <= 4
    assert lengths[int(0.9 * len(lengths))] <= 10
    assert lengths[-1] <= 15


@each
def test_almost_half_of_the_cells_is_prose(file: Path) -> None:
    prose, code = len(cells(file, "markdown")), len(cells(file, "code")) + 1
    assert prose / (prose + code) >= 0.45


@each
def test_the_first_cell_asks_and_answers_and_the_last_records_it(file: Path) -> None:
    first = cells(file, "markdown")[0]
    assert first.index("**Question.**") < first.index("**Answer.**")
    assert "answer({" in cells(file, "code")[-1]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ReportResult:
    """All notebooks with their small setting, and one fault on POWER8, too."""
    folder = tmp_path_factory.mktemp("notebooks")
    entries = [f"{file}\nparameters = {{{SMALL.get(file.stem, 'quick = true')}}}" for file in NOTEBOOKS]
    entries += [f'{ROOT / "notebooks" / "one_fault.ipynb"}\nname = "power8"\nparameters = {{machine = "power8-80"}}']
    return run(write_recipe(folder, *entries), jobs=2)


def answered(report: ReportResult, name: str) -> dict[str, Any]:
    return dict(json.loads(report.index.with_name(f"{name}.answers.json").read_text(encoding="utf-8")))


def test_every_notebook_runs_and_its_claims_hold(report: ReportResult) -> None:
    assert [(outcome.job.name, outcome.error) for outcome in report.outcomes if not outcome.ok] == []


def test_every_notebook_draws_and_answers(report: ReportResult) -> None:
    assert all(outcome.figure and outcome.answer and outcome.answer.sentence for outcome in report.outcomes)


def test_the_index_sets_ebizzy_beside_its_measurements(report: ReportResult) -> None:
    told = answered(report, "predicted_against_published")["claims"]
    claims = {(c["machine"], c["unit"]): c for c in told if "mTRp" in c["claim"]}
    machines = ("16-CPU x86 virtual machine", "80-CPU POWER8 node")
    assert set(claims) == {(machine, unit) for machine in machines for unit in ("x", "share")}
    assert [round(claims[machine, "x"]["measured"]["median"], 3) for machine in machines] == [5.944, 2.125]
    assert [round(claims[machine, "share"]["measured"]["median"], 5) for machine in machines] == [0.00287, 0.02925]
    for claim in claims.values():
        assert claim["status"] == "predicted"
        assert claim["predicted"]["low"] < claim["predicted"]["median"] < claim["predicted"]["high"]


def test_one_fault_speaks_of_the_machine_that_was_asked_for(report: ReportResult) -> None:
    assert "x86 virtual machine" in answered(report, "one_fault")["sentence"]
    assert "POWER8" in answered(report, "power8")["sentence"]

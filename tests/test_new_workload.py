"""A workload of one's own: the files are there, are taken at once, and say what a measurement would buy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import write_recipe

from spfmodel import PROTOCOLS, load_machine, load_workload, missing
from spfmodel.asking import asked
from spfmodel.cli import run as command
from spfmodel.identify import variance_left
from spfmodel.new_workload import create, workload_text
from spfmodel.report import run
from spfmodel.report.parameters import declared
from spfmodel.response import Study
from spfmodel.sources import BadInput


@pytest.fixture(scope="module")
def study() -> Study:
    """Updates in every cycle, on a machine that was calibrated."""
    return Study(
        machine=load_machine("x86-vm-16"), workload=load_workload("ebizzy-mTRp"), candidate=PROTOCOLS["spf_rwlock"],
        baseline=PROTOCOLS["mmap_sem"], n_threads=16,
    )  # fmt: skip


@pytest.fixture(scope="module")
def draws(study: Study) -> dict[str, missing.Floats]:
    return missing.believed_draws(study)


@pytest.mark.parametrize("like", ["fault-update", "pft", "kernbench"])
def test_the_file_is_the_shipped_workload_under_another_name(tmp_path: Path, like: str) -> None:
    made = create("mine", tmp_path, like=like)
    found, shipped = load_workload(made.workload), load_workload(like)
    assert (found.name, found.program, found.parameters) == ("mine", shipped.program, shipped.parameters)


def test_predict_takes_the_file_and_a_report_the_notebook(tmp_path: Path) -> None:
    made = create("my-server", tmp_path)
    assert asked(machine="x86-vm-16", workload=str(made.workload), protocol="per_vma_lock").question.workload.name
    given = declared(made.notebook, "test")()
    assert dict(given)["workload"] == str(made.workload.resolve())
    tags = [cell["metadata"].get("tags") for cell in json.loads(made.notebook.read_text())["cells"]]
    assert tags.count(["parameters"]) == 1


def test_the_nearest_shipped_workload_is_taken(tmp_path: Path) -> None:
    assert create("page_fault1-mine", tmp_path).like == "page_fault1"
    assert create("zzz", tmp_path).like == "fault-update"


@pytest.mark.parametrize("name", ["", "../up", "a b", "-x", "mine.toml", "pft"])
def test_bad_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="workload name"):
        create(name, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["toml", "ipynb"])
def test_what_exists_is_never_written_over(tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / f"mine.{ending}"
    there.write_text("my work")
    assert command(["new", "workload", "mine", "-o", str(tmp_path)]) == 2
    assert "exists and stays as it is" in capsys.readouterr().err
    assert there.read_text() == "my work"
    assert list(tmp_path.iterdir()) == [there]


def test_unknown_likes_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no shipped workload"):
        create("mine", tmp_path, like="nothing")
    with pytest.raises(BadInput, match="does not exist"):
        create("mine", tmp_path / "nowhere")
    with pytest.raises(BadInput, match="machine"):
        create("mine", tmp_path, machine="nothing")


def test_every_parameter_says_what_it_means() -> None:
    assert "# user work before each fault and before each update\n[parameters.think_ns]" in workload_text("m", "pft")


def test_a_measurement_leaves_the_variance_that_was_foretold(study: Study, draws: dict[str, missing.Floats]) -> None:
    """The ensemble update and the preposterior formula are two ways to one number."""
    extra = missing.runs(study, load_workload("brk1"))["updates_per_s"]
    h, before = missing.would_read(study, extra.row, draws), missing.gains(study, draws)
    after = missing.gains(study, missing.learnt(study, extra, float(np.exp(h.mean())), draws))
    foretold = np.sqrt(variance_left(before, h, extra.noise))
    assert foretold < 0.75 * before.std()
    assert after.std() == pytest.approx(foretold, rel=0.2)
    assert after.mean() == pytest.approx(before.mean(), abs=0.1)


def test_what_is_learnt_moves_towards_what_was_measured(study: Study, draws: dict[str, missing.Floats]) -> None:
    extra = missing.runs(study, load_workload("brk1"))["updates_per_s"]
    h = missing.would_read(study, extra.row, draws)
    moved = missing.would_read(study, extra.row, missing.learnt(study, extra, float(np.exp(h.mean() + 0.4)), draws))
    assert 0.2 < moved.mean() - h.mean() < 0.5
    with pytest.raises(BadInput, match="above 0"):
        missing.learnt(study, extra, -1.0, draws)


def test_what_is_missing_has_a_price(study: Study, draws: dict[str, missing.Floats]) -> None:
    wanted = missing.runs(study, load_workload("brk1"))
    found = {p.name: p for p in missing.priced(study, draws, wanted, list(missing.FACTS))}
    assert set(found) == {*wanted, *missing.FACTS}
    assert found["updates_per_s"].costs > 0.2 > found["line_ns"].costs
    assert found["kernel"].costs > 0.2
    assert [p.costs for p in found.values()] == sorted((p.costs for p in found.values()), reverse=True)


@pytest.mark.verification
def test_the_notebook_runs_with_and_without_measurements(tmp_path: Path) -> None:
    made = create("my-server", tmp_path)
    given = 'name = "given"\nparameters = {quick = true, updates_per_s = 3e5, kernel = "4.16", fallback_share = 0.01}'
    recipe = write_recipe(tmp_path, f"{made.notebook}\nparameters = {{quick = true}}", f"{made.notebook}\n{given}")
    found = run(recipe)
    assert [outcome.error for outcome in found.outcomes] == ["", ""]
    wide, narrow = (o.answer.claims[0].predicted for o in found.outcomes if o.answer)
    assert narrow.high / narrow.low < wide.high / wide.low

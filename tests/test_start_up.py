"""What a verb loads before it answers: start-up is short because little is imported, not because a clock said so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spfmodel import catalog, datasets
from spfmodel.provenance import ROOT
from spfmodel.sources import BadInput
from spfmodel.tables import citations, data_root
from spfmodel.toml_file import read_toml
from spfmodel.unchanged import state_of

PREDICT = [
    "predict",
    "-m",
    "x86-vm-16",
    "-w",
    "ebizzy-mTRp",
    "-p",
    "spf_rwlock",
    "--threads",
    "2",
    "--solver",
    "closed",
]
DRAWS_TABLES = {"pandas", "matplotlib", "seaborn", "sympy", "scipy.special", "joblib", "papermill"}
COMPUTES = DRAWS_TABLES | {"numpy", "scipy", "numba", "llvmlite", "rich.markdown", "pygments"}


def loaded(*words: str) -> set[str]:
    """Modules in a fresh process that has run a command line."""
    code = (
        "import json, sys\nfrom spfmodel import cli\nstatus = cli.run(sys.argv[1:])\n"
        "sys.stderr.write(json.dumps([status, *sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, cwd=ROOT)
    status, *modules = json.loads(done.stderr.splitlines()[-1])
    assert status == 0
    return set(modules)


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["predict", "--help"]])
def test_help_loads_nothing_that_computes(words: list[str]) -> None:
    found = COMPUTES & loaded(*words)
    assert not found


def test_a_prediction_by_formulas_loads_no_tables_no_figures_no_simulation_and_no_compiler() -> None:
    """The machine code is on disk, or is after the first of two runs."""
    unused = DRAWS_TABLES | {"numba", "spfmodel.calibration", "spfmodel.validate"}
    found = unused & loaded(*PREDICT)
    assert not (found and unused & loaded(*PREDICT))


@pytest.mark.parametrize("words", [["show"], ["show", "spf_rwlock"]])
def test_showing_what_is_known_loads_no_pandas_and_no_solver(words: list[str]) -> None:
    found = (DRAWS_TABLES | {"numba", "spfmodel.solvers"}) & loaded(*words)
    assert not found


def old(file: Path, seconds: float) -> None:
    """Let a file look as if it had been written some seconds ago."""
    os.utime(file, (file.stat().st_mtime - seconds,) * 2)


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    for text, ago in (("x = 1", 30), ("x = 2", 30), ("x = 3", 20)):
        file.write_text(text)
        old(file, ago)
        assert read_toml(file) == {"x": int(text[-1])}
    file.unlink()
    with pytest.raises(BadInput, match="no such file"):
        read_toml(file)


def test_only_a_file_that_has_settled_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.toml"
    file.write_text("x = 1")
    assert state_of(file) is None
    assert state_of(tmp_path / "none.toml") is None
    monkeypatch.setattr("spfmodel.unchanged.time_ns", lambda: file.stat().st_ctime_ns + 3_000_000_000)
    before = state_of(file)
    assert before is not None
    file.write_text("x = 22")
    assert state_of(file) != before


def test_what_is_remembered_is_each_callers_own() -> None:
    table = datasets.measurements()
    table["number"] = 0.0
    table.loc[0, "unit"] = "furlong"
    assert datasets.measurements()["number"].gt(0).any()
    assert datasets.measurements()["unit"].iloc[0] != "furlong"
    content = read_toml(data_root() / "costs.toml")
    content.clear()
    assert catalog.cost_entries()


def test_citations_without_pandas_are_those_of_the_table() -> None:
    table = datasets.sources()
    assert citations() == dict(zip(table["source"], table["citation"], strict=True))


def test_a_table_is_made_anew_when_its_sources_change(tmp_path: Path) -> None:
    folder = tmp_path / "published"
    folder.mkdir()
    for name in ("counters.csv", "sources.csv"):
        (folder / name).write_bytes((data_root() / "published" / name).read_bytes())
        old(folder / name, 60)
    assert len(datasets.counters(tmp_path)) > 0
    (folder / "sources.csv").write_text("source,citation\nnone,none\n")
    with pytest.raises(BadInput, match="cite"):
        datasets.counters(tmp_path)

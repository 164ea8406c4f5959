"""Every cell is predicted from the same numbers whatever its candidate rows say: all of them are altered at once."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import pandas as pd
import pytest

from spfmodel import asks, catalog, datasets, remembered
from spfmodel.asks import Ask
from spfmodel.machine import Machine
from spfmodel.prediction import Question
from spfmodel.protocols import PROTOCOLS
from spfmodel.published import BASELINES
from spfmodel.raw_cells import raw_cells, residuals
from spfmodel.structural import learn
from spfmodel.tables import data_root
from spfmodel.validate import scored

BY_MACHINE = {
    name: [a for a in asks.every() if a.machine == name] for name in sorted({a.machine for a in asks.every()})
}
FAST = ("x86-vm-16", "power8-80", "skylake-112", "lkp-skl-192")
"""machines of the series itself and of the most asks: the others the same way again"""
PAIRS = asks.pairs
PAIR = [("x86-vm-16", "ebizzy-mTRp", "spf_rwlock"), ("power8-80", "ebizzy-mTRp", "spf_rwlock")]


def alter(file: Path, ids: set[str], columns: tuple[str, ...]) -> None:
    """Scale the numbers of some rows of a table, each by its own factor."""
    with file.open(newline="", encoding="utf-8") as text:
        reader = csv.DictReader(text)
        rows, names = list(reader), list(reader.fieldnames or [])
    random = Random(3)
    for row in rows:
        for column in columns if row["id"] in ids else ():
            try:
                row[column] = f"{float(row[column]) * random.uniform(0.2, 5) + 1:.{3 if '.' in row[column] else 0}f}"
            except ValueError:
                continue
    with file.open("w", newline="", encoding="utf-8") as text:
        writer = csv.DictWriter(text, names)
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def altered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the data in which the scored rows of every machine say something else."""
    root = tmp_path_factory.mktemp("altered") / "data"
    shutil.copytree(data_root(), root)
    alter(root / "published" / "measurements.csv", set(asks.pairs()["id"]), ("value",))
    counted = datasets.counters()
    alter(root / "published" / "counters.csv", set(counted["id"]), tuple(c for c in counted if c.startswith("spf")))
    return root


@cache
def machine(name: str, root: Path | None) -> Machine:
    return catalog.machine(name, root)


@cache
def pairs(root: Path | None) -> pd.DataFrame:
    return PAIRS(root)


def content(ask: Ask, root: Path | None) -> str:
    """Hash of both networks, events and seed: the solvers see nothing else, and are deterministic."""
    workload = catalog.workload(ask.workload, root)
    workload = replace(workload, choices={**workload.choices, "mode": ask.mode})
    baseline = PROTOCOLS[BASELINES.get(ask.machine, "mmap_sem")]
    question = Question(machine=machine(ask.machine, root), workload=workload, baseline=baseline, n_draws=2)
    return remembered.content(question, PROTOCOLS[ask.protocol], question.machine.cpus)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in FAST else pytest.mark.verification) for n in BY_MACHINE]
)
def test_no_cells_networks_see_a_candidate_row(name: str, altered: Path) -> None:
    assert [content(ask, altered) for ask in BY_MACHINE[name]] == [content(ask, None) for ask in BY_MACHINE[name]]
    assert machine(name, altered).costs == machine(name, None).costs
    told, untold = (table.loc[table["machine"] == name, "speedup"] for table in (pairs(None), pairs(altered)))
    assert len(told) == len(untold)
    assert (told.to_numpy() != untold.to_numpy()).all()


def test_predictions_are_bit_identical_and_only_the_measured_side_moves(
    altered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spfmodel.prediction.events_for", lambda _: 3000)
    monkeypatch.setattr("spfmodel.asks.pairs", pairs)
    honest, blind = (raw_cells(PAIR, root=root, n_draws=2) for root in (None, altered))
    told, untold = (
        [c for c in scored(raw, root=root) if c.quantity == "speedup"]
        for raw, root in ((honest, None), (blind, altered))
    )
    assert [(c.predicted, c.predicted95) for c in told] == [(c.predicted, c.predicted95) for c in untold]
    assert all(a.measured != b.measured for a, b in zip(told, untold, strict=True))
    for name in ("x86-vm-16", "power8-80"):
        own = [b if a.ask.machine == name else a for a, b in zip(honest[:2], blind[:2], strict=True)]
        assert learn(residuals(own), without=name) == learn(residuals(honest[:2]), without=name)

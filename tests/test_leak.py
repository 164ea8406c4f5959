"""No prediction rests on what it predicts: a machine's candidate values may be anything, its calibration stays."""

from __future__ import annotations

import csv
import math
import shutil
from pathlib import Path
from random import Random

import numpy as np
import pytest

from spfmodel import catalog, datasets, machine_file
from spfmodel.calibrate import RECIPES, SEED, calibrate, calibrate_all
from spfmodel.elsewhere import LEARNT, taught
from spfmodel.machine import Calibration, Machine
from spfmodel.published import BASELINES, UNNAMED, machines
from spfmodel.tables import data_root

EVENTS = {"lkp-skl-192": 20_000}
"""enough for a run to see some updates; else 2,500. A base row that is 1 % off changes 99 % of the numbers then, too"""
COUNTED = ("x86-vm-16", "power8-80")
"""machines with rows in counters.csv"""


def rewrite(file: Path, machine: Machine, seed: int = 1) -> int:
    """Permute and scale every number of the machine's candidate rows in a table; returns how many rows changed."""
    with file.open(newline="", encoding="utf-8") as text:
        reader = csv.DictReader(text)
        rows, columns = list(reader), list(reader.fieldnames or [])
    mine = [row for row in rows if is_candidate(row, machine)]
    random = Random(seed)
    for column in ("value", *(c for c in columns if c.startswith("spf") or c == "faults")):
        values = [row[column] for row in mine if is_number(row.get(column, ""))]
        random.shuffle(values)
        for row in mine:
            if is_number(row.get(column, "")):
                row[column] = str(round(float(values.pop()) * random.uniform(0.2, 5)) + 1)
    with file.open("w", newline="", encoding="utf-8") as text:
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(rows)
    return len(mine)


def is_candidate(row: dict[str, str], machine: Machine) -> bool:
    """A row of this machine under any protocol but the unpatched kernel's."""
    keyed = (row.get("machine_key") or UNNAMED.get(row["source"], "")) == machine.name
    described = "machine_key" not in row and (row["arch"], row["cpus"]) == (machine.arch, str(machine.cpus))
    return row["protocol"] != BASELINES.get(machine.name, "mmap_sem") and (keyed or described)


def is_number(text: str) -> bool:
    """Exponents included: 9.3e+05 is one."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def tampered(folder: Path, machine: Machine) -> Path:
    """A copy of the data in which the machine's candidate rows say something else."""
    root = folder / "data"
    shutil.copytree(data_root(), root)
    assert rewrite(root / "published" / "measurements.csv", machine) > 1 or machine.name == "howlett-144"
    changed = rewrite(root / "published" / "counters.csv", machine)
    assert changed > 3 if machine.name in COUNTED else changed == 0
    return root


def assert_same(one: Calibration, other: Calibration) -> None:
    np.testing.assert_array_equal(one.draws.values, other.draws.values)
    assert (one.rows, one.parameters, one.draws.names) == (other.rows, other.parameters, other.draws.names)


LONG = (
    "icelake-128", "broadwell-56", "howlett-144", "bluextal-8", "bueso-40", "loongson-3a6000", "qualcomm-8", "x86-48",
    "lkp-skl-104",
)  # fmt: skip
"""the same way again, and slow"""


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.verification) if n in LONG else n for n in RECIPES])
def test_a_machines_calibration_does_not_see_its_candidate_rows(name: str, tmp_path: Path) -> None:
    root = tampered(tmp_path, catalog.uncalibrated(name))
    honest, blind = (calibrate(name, data, events=EVENTS.get(name, 2_500), n_draws=8) for data in (None, root))
    for one, other in zip(honest, blind, strict=True):
        assert_same(one.calibration, other.calibration)


@pytest.mark.parametrize("name", ["x86-vm-16", "power8-80"])
def test_what_counters_teach_comes_from_the_other_machine(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's own lesson stays bit-identical; the other's changes, so the tampering bites."""
    monkeypatch.setattr("spfmodel.elsewhere.N_DRAWS", 3)
    known = {m: [catalog.machine(m).calibrations["ebizzy-mTRp"]] for m in ("x86-vm-16", "power8-80")}
    honest, blind = (taught(known, SEED, root) for root in (None, tampered(tmp_path, catalog.uncalibrated(name))))
    for m in known:
        (one,), (other,) = honest[m], blind[m]
        if m == name:
            assert_same(one, other)
        else:
            columns = [one.draws.names.index(learnt) for learnt in LEARNT]
            assert (one.draws.values[:, columns] != other.draws.values[:, columns]).any()


def test_shipped_calibrations_rest_on_rows_of_the_unpatched_kernel_and_on_other_machines() -> None:
    table = datasets.measurements().set_index("id")
    table["name"] = machines(table)
    for name in catalog.machine_names():
        baseline = BASELINES.get(name, "mmap_sem")
        for c in catalog.machine(name).calibrations.values():
            assert c.protocols_used == (baseline,)
            assert c.rows
            for row in c.rows:
                if row.startswith("counters of "):
                    assert row.removeprefix("counters of ") in set(catalog.machine_names()) - {name}
                else:
                    assert (table.loc[row, "name"], table.loc[row, "protocol"]) == (name, baseline)


def test_every_shipped_machine_is_calibrated_by_its_recipe_and_no_other() -> None:
    assert set(RECIPES) <= set(catalog.machine_names())
    for name in catalog.machine_names():
        found = list(catalog.machine(name).calibrations)
        assert found == [workloads[0] for workloads in RECIPES.get(name, ())]


@pytest.mark.verification
def test_the_shipped_calibrations_are_made_anew_byte_for_byte() -> None:
    for name, found in calibrate_all().items():
        shipped = (data_root() / "calibrations" / f"{name}.toml").read_text(encoding="utf-8")
        assert machine_file.calibrations_toml(found) == shipped, f"make fits moves {name}"

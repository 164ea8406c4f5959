"""No published row is forgotten: each is scored, fitted, or left out for a reason."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from spfmodel.accounts import CALIBRATION, CELL, LEFT_OUT, accounts, counted
from spfmodel.datasets import measurements
from spfmodel.tables import data_root


@cache
def found() -> pd.Series[str]:
    return accounts().set_index("id")["account"]


def test_every_row_has_an_account() -> None:
    assert len(found()) == len(measurements())
    assert found()[found() == ""].index.tolist() == [], "say in accounts.LEFT_OUT why, or in published.py what it is"


def test_every_rule_is_needed_and_says_why() -> None:
    reasons = [reason for rules in LEFT_OUT.values() for reason in rules.values()]
    assert set(reasons) | {CELL, CALIBRATION} == set(found())
    assert all(len(reason) > 20 for reason in reasons)


@pytest.mark.parametrize(
    ("row", "account"),
    [
        ("m0029", CELL), ("m0027", CELL), ("m1133", CELL), ("m0104", CELL), ("m0656", CELL), ("m1149", CELL),
        ("PVI-SUREN-2024-per_vma_lock-faults_sec-4", CALIBRATION),
        ("RL-DAVIDLOHR-PFT-mmap_sem-faults_sec-1", CELL),
    ],
)  # fmt: skip
def test_some_rows(row: str, account: str) -> None:
    assert found()[row] == account


def test_a_row_of_a_new_benchmark_has_no_account(tmp_path: Path) -> None:
    shutil.copytree(data_root(), tmp_path / "data")
    file = tmp_path / "data" / "published" / "measurements.csv"
    first = file.read_text(encoding="utf-8").splitlines()[1]
    file.write_text(
        file.read_text(encoding="utf-8") + first.replace("m0001", "new").replace("multi-fault-all", "new benchmark"),
        encoding="utf-8",
    )
    assert accounts(tmp_path / "data").set_index("id")["account"]["new"] == ""


def test_every_run_with_counters_is_scored() -> None:
    runs = counted().set_index("id")["account"]
    assert set(runs[runs != CELL].index) == {"c27"}

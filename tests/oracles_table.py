"""Reads tests/oracles/oracles.csv: exact and textbook results, each with its own tolerance."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Oracle(NamedTuple):
    """One row."""

    key: str
    parameters: dict[str, Any]
    value: Any
    rtol: float
    atol: float

    def check(self, found: object) -> None:
        """Fail unless `found` is within the row's tolerance."""
        np.testing.assert_allclose(found, self.value, rtol=self.rtol, atol=self.atol)


def _row(row: dict[str, str]) -> Oracle:
    return Oracle(
        row["id"], json.loads(row["parameters"]), json.loads(row["value"]), float(row["rtol"] or 0),
        float(row["atol"] or 0),
    )  # fmt: skip


def oracles(prefix: str = "") -> list[Oracle]:
    """Rows whose id starts with `prefix`."""
    file = Path(__file__).parent / "oracles" / "oracles.csv"
    with file.open(encoding="utf-8", newline="") as lines:
        return [_row(row) for row in csv.DictReader(lines) if row["id"].startswith(prefix)]


def oracle(key: str) -> Oracle:
    """The row of this id."""
    (found,) = [o for o in oracles(key) if o.key == key]
    return found

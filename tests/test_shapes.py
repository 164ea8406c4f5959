"""What verbs print: the contract's JSON objects, CSV rows, and one sentence as the verdict."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from math import sqrt

import numpy as np
from quick_questions import found

from spfmodel import PROTOCOLS, Fit, Observation, load_workload
from spfmodel.identify import Worth
from spfmodel.machine import Calibration, Draws, FittedParameter
from spfmodel.shapes import as_csv, fitted, flat
from spfmodel.verdict import verdict

FIT_KEYS = {
    "machine_file", "workload", "used_rows", "parameters", "identified", "prior_only", "next_measurement", "warnings",
    "provenance",
}  # fmt: skip


def a_fit() -> Fit:
    """Two parameters, of which the rows tell one."""
    wake = FittedParameter(median=2e4, low=1e4, high=3e4, unit="ns", origin="data")
    line = FittedParameter(median=95.0, low=60.0, high=180.0, unit="ns", origin="prior")
    memory = FittedParameter(median=0.5, low=0.2, high=0.9, unit="ratio", origin="prior")
    table = {"wake_ns": wake, "line_ns": line, "memory_ratio": memory}
    row = Observation(
        workload=load_workload("pft"), protocol=PROTOCOLS["mmap_sem"], n_threads=4, quantity="throughput_per_s",
        value=1e6, log_sd=0.03, rows=("mine.csv:2",),
    )  # fmt: skip
    calibration = Calibration(
        workload="pft", rows=row.rows, baseline="mmap_sem", protocols_used=("mmap_sem",), parameters=table,
        draws=Draws(names=tuple(table), values=np.ones((2, 3))),
    )  # fmt: skip
    return Fit(
        calibration=calibration, observations=(row,), fitted=np.array([1.01e6]), identified=("wake_ns",),
        prior_only=("line_ns", "memory_ratio"), sensitivity={"wake_ns": 0.5, "line_ns": 0.01, "memory_ratio": 0.2},
        warnings=("beware",),
    )  # fmt: skip


def test_fit_is_the_object_of_the_contract() -> None:
    shown = json.loads(json.dumps(fitted(a_fit(), "mine.toml", "pft", {"seed": 1}), allow_nan=False))
    assert set(shown) == FIT_KEYS
    assert shown["parameters"]["wake_ns"] == {"median": 2e4, "low": 1e4, "high": 3e4, "unit": "ns", "from": "data"}
    assert shown["used_rows"] == ["mine.csv:2"]
    assert shown["identified"] == ["wake_ns"]
    assert shown["warnings"] == ["beware"]
    assert {"version", "git", "data_sha256"} <= set(shown["provenance"])


def test_what_to_measure_next_says_what_it_buys() -> None:
    worth = Worth(words="one run of brk1", protocol="ideal", n_threads=8, before=(1.0, 4.0), after=(1.25, 3.2))
    shown = fitted(a_fit(), "", "pft", {}, [worth])
    assert shown["prior_only"] == ["memory_ratio", "line_ns"]
    told = "one run of brk1: narrows the 80 % interval of ideal's speed-up at 8 threads from 1.00-4.00 to 1.25-3.20"
    assert shown["next_measurement"] == [told]


def test_verdicts() -> None:
    def said(low: float, high: float, reason: str = "") -> str:
        p = found("spf_rwlock")
        told = {"speedup": replace(p.speedup, low=low, median=sqrt(low * high), high=high)}
        return verdict(
            "a", "b", {**told, "fallback_share": p.fallback_share, "attempt_share": p.attempt_share}, reason, "CPUs"
        )

    assert said(1.2, 3).startswith("a gains: 1.90 times b (1.20 to 3.00); ")
    assert said(0.4, 0.9).startswith("a loses: 0.60 times b")
    assert said(0.9, 1.2).startswith("a makes no clear difference")
    assert said(1, 1).startswith("a is what it is compared with")
    assert said(1.2, 3, "so").startswith("a does between 1.20 and 3.00 times what b does")
    assert said(1.2, 3).endswith("; now limited by CPUs.")


def test_a_csv_row_for_each_prediction_reads_back_equal() -> None:
    made = [found("spf_rwlock"), found("ideal")]
    read = list(csv.DictReader(io.StringIO(as_csv(flat(made)))))
    assert [row["protocol"] for row in read] == ["spf_rwlock", "ideal"]
    assert [float(row["speedup_median"]) for row in read] == [p.speedup.median for p in made]
    assert [float(row["fallback_share_high"]) for row in read] == [p.fallback_share.high for p in made]

"""Partial pooling: what others say of a machine that was not asked, and that it is never asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spfmodel import catalog
from spfmodel.machine import Calibration, Draws, FittedParameter
from spfmodel.pooling import TAU_SCALE, kind, lines, pooled, predictive, shipped, told

SKYLAKE = catalog.uncalibrated("skylake-112")
PRIOR = SKYLAKE.costs["line_ns"]


def calibrated(median: float, log_sd: float, origin: str = "data") -> Calibration:
    """A calibration that tells line_ns alone."""
    values = median * np.exp(log_sd * np.sqrt(1.5) * np.array([-1.0, 0.0, 1.0]))
    p = FittedParameter(median=median, low=values[0], high=values[2], unit="ns", origin=origin)
    return Calibration(
        workload="pft", rows=("made-up",), baseline="mmap_sem", protocols_used=("mmap_sem",),
        parameters={"line_ns": p}, draws=Draws(names=("line_ns",), values=values[:, None]),
    )  # fmt: skip


def test_the_predictive_is_that_of_a_simulated_hierarchy() -> None:
    """Two ways: quadrature over tau, and 400,000 hierarchies of which those are kept that say what was said."""
    y, s = np.array([0.0, 0.4]), np.array([0.2, 0.2])
    mean, sd = predictive(y, s)
    rng = np.random.default_rng(1)
    tau = TAU_SCALE * np.abs(rng.standard_normal(400_000))
    mu = rng.uniform(-3, 3, tau.size)
    variance = s**2 + tau[:, None] ** 2
    logs = -0.5 * (np.log(variance) + (y - mu[:, None]) ** 2 / variance).sum(axis=1)
    share = np.exp(logs) / np.exp(logs).sum()
    new = mu + tau * rng.standard_normal(tau.size)
    assert mean == pytest.approx(float(share @ new), abs=0.03)
    assert sd == pytest.approx(float(np.sqrt(share @ (new - share @ new) ** 2)), rel=0.04)


def test_who_agrees_is_believed_more() -> None:
    close, apart = (predictive(np.array(y), np.full(4, 0.05))[1] for y in ([0, 0.1, 0, 0.1], [0, 1.0, -1.0, 0.5]))
    assert close < 0.2 < apart
    assert predictive(np.zeros(8), np.full(8, 0.05))[1] < predictive(np.zeros(2), np.full(2, 0.05))[1]


def test_the_prior_is_taken_out_of_what_a_machine_says() -> None:
    """Rows that say little say it about where the rows point, not where the prior is."""
    wide = 3 * PRIOR.log_sd
    half = wide / np.sqrt(2)
    said = told(SKYLAKE, [calibrated(PRIOR.value * np.exp(0.5), half)], "line_ns")
    assert said is not None
    assert said[0] == pytest.approx(np.log(PRIOR.value) + 1.0, abs=0.01)
    assert said[1] == pytest.approx(wide, rel=0.01)
    assert told(SKYLAKE, [calibrated(100.0, 0.1, "prior")], "line_ns") is None
    two = told(SKYLAKE, [calibrated(100.0, 0.3), calibrated(120.0, 0.05)], "line_ns")
    assert two is not None
    assert two[0] == pytest.approx(np.log(120), abs=0.01)


def test_a_machine_is_taught_by_others_of_its_kind_only() -> None:
    names = ("skylake-112", "icelake-128", "broadwell-56", "x86-vm-16", "power8-80")
    machines = {name: catalog.uncalibrated(name) for name in names}
    said = {name: [calibrated(100.0, 0.05)] for name in names}
    before = pooled(machines, said, ["line_ns"])
    assert {p.machine for p in before} == set(names[:3])
    mine = next(p for p in before if p.machine == "skylake-112")
    assert set(mine.teachers) == {"icelake-128", "broadwell-56"}
    other = {**said, "skylake-112": [calibrated(500.0, 0.05)]}
    after = {p.machine: p for p in pooled(machines, other, ["line_ns"])}
    assert after["skylake-112"] == mine
    assert after["icelake-128"].median > 150
    assert kind(machines["x86-vm-16"]) != kind(SKYLAKE)
    assert kind(replace(SKYLAKE, virtual=True)) == kind(machines["x86-vm-16"])


def test_the_table_of_the_shipped_machines() -> None:
    """Four machines say where a line's transfer lies; the class's prior, written before, is within their spread."""
    found = shipped()
    line = [p for p in found if p.cost == "line_ns" and len(p.teachers) >= 3]
    assert line
    assert all(abs(p.apart) < 1.5 for p in line)
    assert all(p.machine not in p.teachers for p in found)
    assert len(lines(found)) < len(found) + 2

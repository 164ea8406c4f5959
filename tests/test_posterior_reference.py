"""The posterior through quadratics, against one in which every draw is simulated (docs/calibration.md)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_calibration import EBIZZY, machine, made

from spfmodel import fit
from spfmodel.calibration import WIDER
from spfmodel.fit_model import Model

EVENTS, DRAWS, SD = 20_000, 600, 0.07
FREE = ("update_hold_ns", "wake_ns")


@pytest.mark.verification
def test_draws_through_quadratics_are_those_of_the_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reference: importance sampling with the simulation's own likelihood, from a wider normal."""
    monkeypatch.setattr("spfmodel.calibration.MISFIT", 0.0)
    rows = [replace(o, log_sd=SD) for o in (made("mmap_sem", 16, "brk1"), made("mmap_sem", 32))]
    found = fit(machine(), rows, workload=EBIZZY, seed=1, events=EVENTS)
    assert set(FREE) <= set(found.identified)
    model = Model(machine(), EBIZZY, rows, seed=1, events=EVENTS)
    names = [p.name for p in model.parameters]
    free, some = [names.index(n) for n in FREE], model.matters()
    width = np.ones(len(names))
    width[free] = WIDER
    quick = found.believed
    spread = np.cov(quick.T) + np.diag(np.isin(np.arange(len(names)), free) * (0.5 * quick.std(axis=0) ** 2 + 0.02))
    spread[~some], spread[:, ~some] = 0.0, 0.0
    spread[~some, ~some] = 1.0
    points = np.random.default_rng(5).standard_normal((DRAWS, len(names)))
    z = np.where(some, quick.mean(axis=0), 0.0) + points @ np.linalg.cholesky(spread).T
    missed = (np.log([o.value for o in rows]) - model.logs(z)) / SD
    logs = 0.5 * ((points**2).sum(axis=1) - (missed**2).sum(axis=1) - ((z / width) ** 2).sum(axis=1))
    share = np.exp(logs - logs.max()) / np.exp(logs - logs.max()).sum()
    assert 1 / (share**2).sum() > DRAWS / 4
    mean = share @ z
    sd = np.sqrt(share @ (z - mean) ** 2)
    for j in free:
        assert quick[:, j].mean() == pytest.approx(mean[j], abs=0.25 * sd[j]), names[j]
        assert quick[:, j].std() == pytest.approx(sd[j], rel=0.15), names[j]
    rest = some & ~np.isin(np.arange(len(names)), free)
    assert np.sqrt(np.mean((quick.mean(axis=0) - mean)[rest] ** 2)) < 0.12

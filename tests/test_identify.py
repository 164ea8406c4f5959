"""What to measure next: what a measurement is told to buy is what it buys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spfmodel import PROTOCOLS, Machine, Observation, catalog, fit
from spfmodel.calibration import Fit
from spfmodel.emulator import Quadratic
from spfmodel.fit_model import Model
from spfmodel.identify import Worth, extras, variance_left, worth
from spfmodel.posterior import Target, sample

BRK, EBIZZY = catalog.workload("brk1"), catalog.workload("ebizzy-mTRp")


def machine() -> Machine:
    return replace(catalog.prior("x86-2s"), cpus=16, cores=16, sockets=1, kernel="4.16")


def row(
    protocol: str = "mmap_sem", n: int = 32, value: float = 25_000.0, quantity: str = "throughput_per_s"
) -> Observation:
    return Observation(
        workload=EBIZZY, protocol=PROTOCOLS[protocol], n_threads=n, quantity=quantity, value=value, log_sd=0.03
    )


def test_variance_left_is_what_the_posterior_has_once_the_row_is_there() -> None:
    """Two ways: the formula over draws of the prior, and draws of the posterior with one row more."""
    gain, told = np.array([0.3, 0.1, 0.0]), np.array([0.2, -0.1, 0.3])
    row_told = Quadratic(constant=0.0, linear=told, curved=np.zeros((3, 3)), error=0.0)
    z = np.random.default_rng(1).standard_normal((20_000, 3))
    expected = variance_left(z @ gain, z @ told, 0.1)
    exact = gain @ gain - (gain @ told) ** 2 / (told @ told + 0.01)
    assert expected == pytest.approx(exact, rel=0.02)
    for value in (-0.3, 0.0, 0.5):
        target = Target(
            y=np.array([value]), sd=np.array([0.1]), misfit=np.zeros(1), rows=[row_told], width=np.ones(3)
        )  # fmt: skip
        after = sample(target, [np.zeros(3)], 2048, seed=1).z @ gain
        assert after.var() == pytest.approx(exact, rel=0.06)


def test_what_is_in_the_table_is_not_asked_for_again() -> None:
    tried = [row(), row("spf_rwlock"), row("ideal")]
    every = extras(machine(), [], tried, BRK)
    words = " | ".join(e.words for e in every)
    for part in (
        "mmap_sem at 1 thread |",
        "mmap_sem at 16 threads",
        "process each",
        "brk1 with 16 threads",
        "ping-pong",
    ):
        assert part in words
    assert "abort counters of one run of spf_rwlock" in words
    assert "counters of one run of ideal" not in words
    known = [row(n=16), row(quantity="ns:line_ns"), replace(row(n=16), workload=BRK)]
    left = {e.words for e in every} - {e.words for e in extras(machine(), known, tried, BRK)}
    assert len(left) == 3
    assert {w.split()[0] for w in left} == {"mmap_sem", "a"}


def test_a_measurement_is_ranked_by_what_it_narrows() -> None:
    wide = Worth(words="w", protocol="ideal", n_threads=8, before=(1.0, 4.0), after=(1.4, 2.8))
    assert wide.narrowing == pytest.approx(0.5)
    assert replace(wide, before=(2.0, 2.0), after=(2.0, 2.0)).narrowing == 0


def one_row() -> Fit:
    return fit(machine(), [row()], workload=EBIZZY, seed=1, events=20_000)


@pytest.mark.verification
def test_adding_the_measurement_narrows_as_told() -> None:
    """Brute force: each of the three that buy most is added, at the value that is expected, and all is fitted anew.

    Told .12, .10, .09 of the width; bought .18, .09, .10. With brk1 the hold becomes free: its prior is then wider.
    """
    before = one_row()
    told = worth(machine(), EBIZZY, before, BRK, 32, candidates=("spf_rwlock",), events=20_000)
    tried = [row(), row("spf_rwlock")]
    could = {e.words: e for e in extras(machine(), before.observations, tried, BRK)}
    model = Model(machine(), EBIZZY, tried, seed=9, events=20_000)

    def spread(found: Fit) -> float:
        logs = model.logs(found.believed)
        return float((logs[:, 1] - logs[:, 0]).std())

    assert len(told) >= 3
    bought: list[float] = []
    for w in told[:3]:
        extra = could[w.words].row
        expected = Model(machine(), EBIZZY, [extra], seed=3, events=40_000).logs(before.believed[::8]).mean()
        after = fit(
            machine(), [row(), replace(extra, value=float(np.exp(expected)))], workload=EBIZZY, seed=1, events=20_000
        )  # fmt: skip
        structural = machine().costs["structural_sd_writers"].value
        old, new = (np.hypot(spread(f), structural) for f in (before, after))
        bought.append(float(1 - new / old))
        assert bought[-1] == pytest.approx(w.narrowing, abs=0.1), w
    assert bought[0] > bought[-1]

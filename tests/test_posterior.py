"""Posterior draws: a quadratic is found again, and weighted draws have the moments that integration gives."""

from __future__ import annotations

import numpy as np
import pytest

from spfmodel.emulator import Quadratic, fit_quadratic
from spfmodel.posterior import Target, peak, sample


def quadratic(constant: float, linear: list[float], curve: float = 0.0) -> Quadratic:
    """Curved in the first parameter."""
    curved = np.zeros((len(linear), len(linear)))
    curved[0, 0] = curve
    return Quadratic(constant=constant, linear=np.array(linear), curved=curved, error=0.0)


def target(sd: float = 0.05, misfit: float = 0.0, y: float = 1.0) -> Target:
    """One row of three parameters: the first is free, matters most and curves; the third does not matter."""
    return Target(
        y=np.array([y]), sd=np.array([sd]), misfit=np.array([misfit]), rows=[quadratic(0.0, [0.4, 0.2, 0.0], 0.02)],
        width=np.array([3.0, 1.0, 1.0]),
    )  # fmt: skip


STARTS = [np.zeros(3)]


def test_a_quadratic_of_many_parameters_is_found_from_few_points() -> None:
    """20 parameters of which 4 matter, 32 points: a full quadratic has 231 coefficients."""
    rng = np.random.default_rng(1)
    z, new = rng.standard_normal((32, 20)), rng.standard_normal((200, 20))

    def true(z: np.ndarray) -> np.ndarray:
        value: np.ndarray = 3 + z[:, :4] @ [0.3, -0.2, 0.1, 0.1] + 0.05 * z[:, 0] ** 2
        return value

    found = fit_quadratic(z, true(z))
    missed = true(new) - found(new)
    assert missed.std() < 0.02 < 0.1 * true(new).std() + 0.02
    assert np.abs(found.linear[4:]).max() < 0.02
    slopes = np.array([(found(e[None])[0] - found(-e[None])[0]) / 2 for e in 1e-3 * np.eye(20)]) / 1e-3
    np.testing.assert_allclose(found.slopes(np.zeros(20)), slopes, rtol=1e-6, atol=1e-9)


def test_what_a_quadratic_misses_is_told_by_leaving_points_out() -> None:
    rng = np.random.default_rng(2)
    z, new = rng.standard_normal((60, 6)), rng.standard_normal((400, 6))
    noise = 0.05
    found = fit_quadratic(z, z[:, 0] + noise * rng.standard_normal(60))
    actual = np.sqrt(noise**2 + np.mean((found(new) - new[:, 0]) ** 2))
    assert found.error == pytest.approx(actual, rel=0.25)


def test_the_error_may_be_asked_for_at_the_last_points_alone() -> None:
    """Noise at the first points only."""
    rng = np.random.default_rng(3)
    z = rng.standard_normal((60, 3))
    y = z[:, 0] + np.where(np.arange(60) < 30, 0.1, 0.0) * rng.standard_normal(60)
    assert fit_quadratic(z, y, last=30).error < 0.6 * fit_quadratic(z, y).error


def test_what_does_not_move_is_a_constant() -> None:
    found = fit_quadratic(np.random.default_rng(1).standard_normal((9, 2)), np.full(9, 2.0))
    assert (found.constant, found.error) == (2.0, 0.0)
    assert not found.linear.any()


@pytest.mark.parametrize("misfit", [0.0, 0.2])
def test_moments_are_those_of_numerical_integration(misfit: float) -> None:
    """Two ways: importance sampling, and quadrature of the same density in the two parameters that matter."""
    t = target(misfit=misfit)
    found = sample(t, STARTS, 512, seed=3)
    a, b = np.meshgrid(np.linspace(-12, 12, 601), np.linspace(-5, 5, 61), indexing="ij")
    logs = t.log_density(np.stack([a, b, np.zeros_like(a)], axis=-1).reshape(-1, 3)).reshape(a.shape)
    share = np.exp(logs - logs.max()) / np.exp(logs - logs.max()).sum()
    mean = float((share * a).sum())
    sd = float((share * (a - mean) ** 2).sum() ** 0.5)
    assert found.effective > 500
    assert found.mean[0] == pytest.approx(mean, abs=0.04 * sd)
    assert found.sd[0] == pytest.approx(sd, rel=0.04)
    assert found.z[:, 0].mean() == pytest.approx(mean, abs=0.1 * sd)
    assert found.z[:, 0].std() == pytest.approx(sd, rel=0.1)


def test_what_no_row_speaks_of_keeps_its_prior() -> None:
    found = sample(target(), STARTS, 64, seed=1)
    assert found.mean[2] == pytest.approx(0.0, abs=0.03)
    assert found.sd[2] == pytest.approx(1.0, abs=0.05)
    assert found.sd[0] < 1.0


def test_the_peak_has_no_slope() -> None:
    t = target(misfit=0.1)
    top = peak(t, STARTS)
    value, slope = t.unlikely(top)
    np.testing.assert_allclose(slope, 0.0, atol=1e-3)
    steps = np.array([t.unlikely(top + 1e-4 * e)[0] - t.unlikely(top - 1e-4 * e)[0] for e in np.eye(3)]) / 2e-4
    np.testing.assert_allclose(slope, steps, atol=1e-4)
    assert value <= t.unlikely(np.zeros(3))[0]


def test_a_row_that_is_missed_makes_the_misfit_large() -> None:
    """Its weight falls towards nothing, where a fixed misfit would keep it."""
    near, far = (target(misfit=0.1, y=y).precision(np.zeros(3))[1][0] for y in (0.0, 4.0))
    assert far < 0.1 * near < 0.1 / 0.05**2


def test_no_row_at_all_to_speak_of() -> None:
    """Rows that nothing moves leave the prior."""
    t = Target(
        y=np.array([1.0]), sd=np.array([0.1]), misfit=np.array([0.0]), rows=[quadratic(0.0, [0.0, 0.0])],
        width=np.ones(2),
    )  # fmt: skip
    found = sample(t, [np.zeros(2)], 64, seed=1)
    np.testing.assert_allclose(found.sd, 1.0, atol=0.03)

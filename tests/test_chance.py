"""Random streams and hold laws of the simulation, drawn by compiled code."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray
from scipy import stats
from systems import OLD, mmap_sem

from spfmodel.primitives.chance import hold
from spfmodel.primitives.random_stream import streams, uniform
from spfmodel.primitives.state import Sim
from spfmodel.primitives.ziggurat import (
    AREA_EXP,
    AREA_NORMAL,
    EXP_X,
    EXP_Y,
    NORMAL_X,
    NORMAL_Y,
    TAIL_EXP,
    TAIL_NORMAL,
    normal,
)
from spfmodel.solvers import des

SIZE = 200_000
Floats = NDArray[np.float64]


@njit(_nrt=False)
def fill(sm: Sim, thread: int, mean: float, scv: float, out: Floats) -> None:
    """Holds of one thread; a mean of 0 asks for uniform numbers."""
    for k in range(out.size):
        out[k] = hold(sm, thread, mean, scv) if mean > 0 else uniform(sm, thread)


@cache
def sample(mean: float, scv: float, thread: int = 0, seed: int = 1) -> Floats:
    """So many draws of a fresh simulation."""
    out = np.empty(SIZE)
    fill(des.prepare(mmap_sem(OLD), 0, seed), thread, mean, scv, out)
    return out


LAWS = {
    0.25: stats.gamma(4, scale=1 / 4),
    0.04: stats.gamma(25, scale=1 / 25),
    0.001: stats.gamma(100, scale=1 / 100),  # at most 100 stages
    0.5: stats.gamma(2, scale=1 / 2),
    1.0: stats.expon(),
}


@pytest.mark.parametrize("scv", LAWS)
def test_hold_has_its_law(scv: float) -> None:
    assert stats.kstest(sample(700.0, scv) / 700.0, LAWS[scv].cdf).pvalue > 0.001


@pytest.mark.parametrize("scv", [0.25, 0.04, 0.5, 1.0, 2.0, 4.0, 16.0])
def test_hold_has_its_mean_and_squared_coefficient_of_variation(scv: float) -> None:
    """Within five standard errors of the sample."""
    x = sample(700.0, scv) / 700.0
    squares = (x - 1) ** 2
    assert x.mean() == pytest.approx(1, abs=5 * x.std() / SIZE**0.5)
    assert squares.mean() == pytest.approx(scv, abs=5 * squares.std() / SIZE**0.5)


def test_hyperexponential_has_balanced_means() -> None:
    """Both phases carry half of the mean: the law is that of two exponentials with chances p, 1 - p."""
    p = 0.5 * (1 + (3 / 5) ** 0.5)
    x = sample(700.0, 4.0) / 700.0

    def cdf(t: Floats) -> Floats:
        return np.asarray(1 - p * np.exp(-2 * p * t) - (1 - p) * np.exp(-2 * (1 - p) * t))

    assert stats.kstest(x, cdf).pvalue > 0.001


def test_constant_hold() -> None:
    assert set(sample(700.0, 0.0)) == {700.0}


def test_uniform_is_even_and_independent() -> None:
    x = sample(0.0, 0.0)
    assert 0 < x.min() < x.max() < 1
    assert stats.chisquare(np.bincount((x * 256).astype(int), minlength=256)).pvalue > 0.001
    last_bits = (x * 2**52).astype(np.int64) % 256
    assert stats.chisquare(np.bincount(last_bits, minlength=256)).pvalue > 0.001
    for lag in (1, 2, 7):
        assert abs(np.corrcoef(x[:-lag], x[lag:])[0, 1]) < 5 / SIZE**0.5


def test_streams_of_threads_and_seeds_are_unrelated() -> None:
    base = sample(0.0, 0.0)
    for other in (sample(0.0, 0.0, thread=1), sample(0.0, 0.0, seed=2)):
        assert abs(np.corrcoef(base, other)[0, 1]) < 5 / SIZE**0.5
    assert len(set(streams(1, 512).tolist()) | set(streams(2, 512).tolist())) == 1024


def test_same_seed_same_numbers() -> None:
    again = np.empty(100)
    fill(des.prepare(mmap_sem(OLD), 0, 1), 0, 700.0, 0.25, again)
    assert np.array_equal(again, sample(700.0, 0.25)[:100])


@njit(_nrt=False)
def fill_normal(sm: Sim, thread: int, out: Floats) -> None:
    """Standard normal numbers of one thread."""
    for k in range(out.size):
        out[k] = normal(sm, thread)


def test_normal_has_its_law_and_its_tail() -> None:
    """Beyond the lowest layer lie 2.6 numbers of ten thousand."""
    out = np.empty(4 * SIZE)
    fill_normal(des.prepare(mmap_sem(OLD), 0, 1), 0, out)
    assert stats.kstest(out, "norm").pvalue > 0.001
    beyond = np.abs(out[np.abs(out) > TAIL_NORMAL])
    expected = 2 * stats.norm.sf(TAIL_NORMAL)
    assert stats.binomtest(beyond.size, out.size, expected).pvalue > 0.001
    assert stats.kstest(beyond, lambda x: 1 - 2 * stats.norm.sf(x) / expected).pvalue > 0.001


def test_the_exponential_tail_is_that_of_the_law() -> None:
    """Beyond the lowest layer lie 4.5 numbers of ten thousand; what is beyond is exponential again."""
    x = sample(1.0, 1.0)
    beyond = x[x > TAIL_EXP] - TAIL_EXP
    assert stats.binomtest(beyond.size, x.size, np.exp(-TAIL_EXP)).pvalue > 0.001
    assert stats.kstest(beyond, "expon").pvalue > 0.001


@pytest.mark.parametrize(("x", "y", "area"), [(EXP_X, EXP_Y, AREA_EXP), (NORMAL_X, NORMAL_Y, AREA_NORMAL)])
def test_layers_have_equal_area_and_close_at_the_top(x: Floats, y: Floats, area: float) -> None:
    heights = np.diff(y)
    assert x[1:-1] * heights[1:] == pytest.approx(area, rel=1e-6)
    assert y[-1] == 1.0

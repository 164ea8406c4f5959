"""Welch's t on logarithms: scipy, a replay of its coverage, and a table of the literature say the same."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from spfmodel.difference import difference, spread, welch


def test_it_is_scipys_welch_on_logarithms() -> None:
    rng = np.random.default_rng(1)
    for n_base, n_candidate in ((2, 2), (3, 10), (30, 5)):
        base = rng.lognormal(5.0, 0.02, n_base)
        candidate = rng.lognormal(5.03, 0.1, n_candidate)
        theirs = stats.ttest_ind(np.log(candidate), np.log(base), equal_var=False)
        ends = theirs.confidence_interval(0.95)
        found = difference(base.tolist(), candidate.tolist())
        assert found.p == pytest.approx(theirs.pvalue, rel=1e-9)
        assert (found.low, found.high) == pytest.approx((100 * np.expm1(ends.low), 100 * np.expm1(ends.high)), rel=1e-9)


def test_welchs_own_degrees_of_freedom() -> None:
    """Two alike sides of n = 10 have 18 degrees of freedom: Student's table gives 2.101."""
    half, p = welch(2.101, [0.5, 0.5], [10, 10])
    assert half == pytest.approx(2.101, abs=5e-4)
    assert p == pytest.approx(0.05, abs=1e-4)


def test_without_a_difference_one_in_twenty_is_called_significant() -> None:
    rng = np.random.default_rng(2)
    runs = rng.lognormal(3.0, 0.05, (2000, 2, 5))
    called = sum(difference(base.tolist(), candidate.tolist()).significant or False for base, candidate in runs)
    assert 0.03 < called / 2000 < 0.065  # Welch is a little too careful with 5 runs


def test_a_single_run_says_nothing_about_noise() -> None:
    found = difference([100.0], [150.0, 151.0])
    assert found.percent == pytest.approx(50.5, abs=0.1)
    assert found.p is None
    assert found.significant is None
    assert "nothing can be said about noise" in found.words


def test_odd_runs() -> None:
    assert difference([0.0, 1.0], [1.0, 2.0]).words == "no ratio: a value is not above 0"
    assert "alike" in difference([7.0, 7.0], [7.0, 7.0]).words
    assert "alike" in difference([7.1, 7.1, 7.1], [9.3, 9.3]).words
    assert "not significant" in difference([100.0, 110.0], [101.0, 112.0]).words
    assert spread([0.0, 0.0]).sd_percent is None
    assert spread([99.0, 101.0]).sd_percent == pytest.approx(2**0.5)

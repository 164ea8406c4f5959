"""e^x - 1 and ln(1 + y) without a branch, against numpy's; the chance that a sequence moves, against its primitive."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spfmodel.primitives.seqcount import stays_unchanged
from spfmodel.solvers.aborts import moves_within
from spfmodel.solvers.exponentials import exp_less_one, log_of_one_plus


@given(st.floats(-690, 690) | st.floats(-1e-3, 1e-3) | st.floats(-1e-12, 1e-12))
def test_the_exponential_is_exact_to_rounding(x):
    np.testing.assert_allclose(exp_less_one(x), np.expm1(x), rtol=2e-15, atol=1e-300)


@given(st.floats(-0.29, 1e12) | st.floats(-1e-3, 1e-3) | st.floats(-1e-12, 1e-12))
def test_the_logarithm_is_exact_to_rounding(y):
    np.testing.assert_allclose(log_of_one_plus(y), np.log1p(y), rtol=2e-15, atol=1e-300)


@given(st.floats(1e-9, 1.0), st.floats(1e-3, 1e3), st.sampled_from([0.0, 0.05, 1.0, 4.0]))
def test_a_sequence_moves_as_seldom_as_the_primitive_says_and_where_it_is_rare_more_exactly(rate, window, scv):
    np.testing.assert_allclose(moves_within(rate, window, scv), 1 - stays_unchanged(rate, window, scv), atol=1e-14)
    np.testing.assert_allclose(moves_within(rate * 1e-12, window, scv), rate * 1e-12 * window, rtol=1e-8)

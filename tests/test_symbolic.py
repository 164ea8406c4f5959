"""What sympy derives equals what the numeric code computes."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from spfmodel import symbolic
from spfmodel.primitives import reader_writer, seqcount, spin_trylock
from spfmodel.solvers.mva import mva, repairman

RNG = np.random.default_rng(5)
P, READ, WRITE = symbolic.symbols("p S_r S_w")
POINTS = (RNG.uniform(0.01, 0.99, 50), RNG.uniform(0.1, 5.0, 50), RNG.uniform(0.1, 50.0, 50))


@pytest.mark.parametrize("n", [1, 2, 3, 7, 16])
def test_saturated_op_time(n):
    derived = sp.lambdify((P, READ, WRITE), symbolic.saturated_op_time(n))(*POINTS)
    np.testing.assert_allclose(derived, reader_writer.saturated_op_ns(n, *POINTS)[-1], rtol=1e-8)


def test_saturated_op_time_limit():
    derived = sp.lambdify((P, READ, WRITE), symbolic.saturated_op_time_limit())(*POINTS)
    np.testing.assert_allclose(derived, reader_writer.saturated_op_ns_limit(*POINTS), rtol=1e-12)


def test_seqcount_success():
    rate, window, odd = symbolic.symbols("lambda S H")
    values = (RNG.uniform(0.01, 2, 50), RNG.uniform(0.1, 5, 50), RNG.uniform(0, 5, 50))
    for expression, scv in zip(symbolic.seqcount_success(), (0.0, 1.0), strict=True):
        derived = sp.lambdify((rate, window, odd), expression)(*values)
        numeric = seqcount.success_one_writer(values[0], values[2], values[1], scv)
        np.testing.assert_allclose(derived, numeric, rtol=1e-12)


def test_engset_loss():
    m, a = symbolic.symbols("m a")
    values = (RNG.uniform(1, 40, 50), RNG.uniform(0, 3, 50))
    derived = sp.lambdify((m, a), symbolic.engset_loss())(*values)
    np.testing.assert_allclose(derived, spin_trylock.busy_probability(values[0], values[1], 1.0), atol=1e-13)


@pytest.mark.parametrize("n", [1, 2])
def test_repairman(n):
    think, service = symbolic.symbols("Z S")
    derived = sp.lambdify((think, service), symbolic.repairman_throughput(n))
    assert derived(3.0, 2.0) == pytest.approx(float(mva(n, 3.0, np.array([2.0])).throughput[-1]), rel=1e-12)
    chain = repairman(n, 3.0, np.full(n, 0.5))
    assert derived(3.0, 2.0) == pytest.approx(float(chain.throughput), rel=1e-12)

"""A reader/writer lock that its threads never leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .symbols import symbols

if TYPE_CHECKING:
    from sympy import Expr  # type: ignore[import-untyped]


def saturated_op_time(n_threads: int) -> Expr:
    """Time per operation of a FCFS reader/writer lock that n threads never leave, in p, S_r, S_w.

    Between two writers K readers pass, P(K = k) = p q^k. K < n: they start together and the last of k
    exponential holds ends after H_k S_r. K >= n: all threads read, one leaves every S_r / n until a writer
    comes in, K - n + 1 times, mean q^n / p in all; then n - 1 are left to drain. 1 / p operations a round.
    """
    import sympy as sp

    p, read, write = symbols("p S_r S_w")
    q = 1 - p
    short = sum((p * q**k * sp.harmonic(k) for k in range(1, n_threads)), sp.Integer(0))
    full = q**n_threads * (sp.harmonic(n_threads - 1) + 1 / (n_threads * p))
    op_time: Expr = sp.expand(p * (write + read * (short + full)))
    return op_time


def saturated_op_time_limit() -> Expr:
    """The same for n without limit: p S_w - S_r p ln p.

    sum_k p q^k H_k = sum_j q^j / j, since the terms of H_k can be summed first.
    """
    import sympy as sp

    p, read, write = symbols("p S_r S_w")
    j = sp.Symbol("j", integer=True, positive=True)
    q = sp.Symbol("q", positive=True)
    series = sp.summation(q**j / j, (j, 1, sp.oo))
    value = series.args[0][0] if isinstance(series, sp.Piecewise) else series
    op_time: Expr = sp.simplify(p * (write + read * value.subs(q, 1 - p)))
    return op_time

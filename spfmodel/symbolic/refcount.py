"""Reference counts: one line for each VMA, and how long a VMA outlives its removal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .symbols import symbols

if TYPE_CHECKING:
    from sympy import Expr  # type: ignore[import-untyped]


def many_lines_throughput(n_threads: int) -> Expr:
    """Throughput of n threads that hop at random over V equal lines and never leave them, in V and D.

    Arrival theorem: a thread finds Q(n - 1) / V others at its line; D is the demand on all lines together.
    """
    import sympy as sp

    lines, demand = symbols("V D")
    queue: Expr = sp.Integer(0)
    rate: Expr = sp.Integer(0)
    for n in range(1, n_threads + 1):
        residence = demand * (1 + queue / lines)
        rate = sp.simplify(n / residence)
        queue = sp.simplify(rate * residence)
    return sp.factor(rate)


def longest_of(n_threads: int) -> Expr:
    """Mean time until the last of those n threads has left that are inside (each with chance u), in u and S.

    The chance that somebody is left at t is 1 - (1 - u e^(-t/S))^n; its integral over t, with y = e^(-t/S).
    """
    import sympy as sp

    share, hold, y = symbols("u S y")
    left = sp.expand((1 - (1 - share * y) ** n_threads) / y)
    mean: Expr = sp.simplify(hold * sp.integrate(left, (y, 0, 1)))
    return mean

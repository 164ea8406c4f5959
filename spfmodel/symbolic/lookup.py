"""The walk down a tree, and the writers that wait for the readers under its lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .symbols import symbols

if TYPE_CHECKING:
    from sympy import Expr  # type: ignore[import-untyped]


def full_tree_depth() -> Expr:
    """Mean number of nodes from the root to a node of a full binary tree of k rows, in k.

    Row d (from 0) has 2^d of the 2^k - 1 nodes, each d + 1 nodes from the top.
    """
    import sympy as sp

    k, d = sp.symbols("k d", integer=True, positive=True)
    depth: Expr = sp.simplify(sp.summation((d + 1) * 2**d, (d, 0, k - 1)) / (2**k - 1))
    return depth


def drain_from(readers: int) -> Expr:
    """Mean time until readers that no one joins have all left, from k of them, in S: S H_k.

    The first of j leaves after S / j, by the rates of exponential times.
    """
    import sympy as sp

    (hold,) = symbols("S")
    return sp.Add(*(hold / j for j in range(1, readers + 1)))


def empty_from(readers: int) -> Expr:
    """Mean time until nobody is inside while others keep coming, from k readers, in lambda and S.

    d_k, the time from k to k - 1, obeys 1 = k d_k / S - lambda d_(k+1): the next event comes after
    1 / (lambda + k / S). d_1 is a busy period: nobody is inside for e^(-rho) of the time, 1 / lambda at a stretch.
    """
    import sympy as sp

    rate, hold = symbols("lambda S")
    step: Expr = (sp.exp(rate * hold) - 1) / rate
    total = step
    for k in range(1, readers):
        step = (k * step / hold - 1) / rate
        total += step
    return sp.expand(total)


def poisson_integral() -> Expr:
    """Sum over k of the Poisson(a) weights times 1 - (1 - x)^k: 1 - e^(-a x), in a and x.

    S times the integral of this over x from 0 to 1, divided by x, is S E[H_k]; with a factor e^(rho x), E[T_k].
    """
    import sympy as sp

    mean, x = symbols("a x")
    k = sp.Symbol("k", integer=True, nonnegative=True)
    weight = sp.exp(-mean) * mean**k / sp.factorial(k)
    total: Expr = sp.simplify(sp.summation(weight, (k, 0, sp.oo)) - sp.summation(weight * (1 - x) ** k, (k, 0, sp.oo)))
    return total

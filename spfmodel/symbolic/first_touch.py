"""Page tables that a mapping needs, and faults that meet a collapse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .symbols import symbols

if TYPE_CHECKING:
    from sympy import Expr  # type: ignore[import-untyped]


def tables_touched(pages: int, entries: int) -> Expr:
    """Mean number of page tables of `entries` pages that a run of `pages` pages lies in, by counting.

    The run begins at any page of a table with equal chance.
    """
    import sympy as sp

    counts = [(start + pages - 1) // entries + 1 for start in range(entries)]
    mean: Expr = sp.Rational(sum(counts), entries)
    return mean


def collapse_met() -> Expr:
    """Chance that a fault meets a collapse, in lambda (rate, Poisson), C (its length), S (the fault's).

    It does if a collapse began within C before the fault or S after: none did with chance e^(-lambda (C + S)),
    the first term of the Poisson law.
    """
    import sympy as sp

    rate, collapse, window = symbols("lambda C S")
    k = sp.Symbol("k", integer=True, nonnegative=True)
    mean = rate * (collapse + window)
    chance: Expr = sp.simplify(1 - (mean**k * sp.exp(-mean) / sp.factorial(k)).subs(k, 0))
    return chance

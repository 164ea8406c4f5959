"""Elasticities: by how many per cent a result moves if an input moves by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sympy import Expr, Symbol  # type: ignore[import-untyped]


def elasticity(result: Expr, of: Symbol) -> Expr:
    """Derivative d ln(result) / d ln(of) of a closed form: x f'(x) / f(x).

    Those of a rate in all times add up to -1: if all times double, the rate halves (Euler).
    """
    import sympy as sp

    slope: Expr = sp.simplify(of * sp.diff(result, of) / result)
    return slope

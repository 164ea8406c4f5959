"""A sequence count against one writer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .symbols import symbols

if TYPE_CHECKING:
    from sympy import Expr  # type: ignore[import-untyped]


class Success(NamedTuple):
    """Chance that a speculative fault sees no change, by the law of its window."""

    constant: Expr
    exponential: Expr


def seqcount_success() -> Success:
    """P = E[(U - S)^+] / (H + E[U]) against one writer with exponential gaps U; in lambda, S, H.

    A fault that starts at a random time succeeds if it starts in a gap and ends before the gap does.
    """
    import sympy as sp

    rate, window, odd, u, s = symbols("lambda S H u s")
    left = sp.integrate((u - s) * rate * sp.exp(-rate * u), (u, s, sp.oo))
    mean = sp.integrate(left * sp.exp(-s / window) / window, (s, 0, sp.oo), conds="none")
    whole = odd + 1 / rate
    return Success(sp.simplify(left.subs(s, window) / whole), sp.simplify(mean / whole))

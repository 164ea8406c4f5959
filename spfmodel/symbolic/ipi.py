"""The longest of several waits for CPUs that have interrupts off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .symbols import symbols

if TYPE_CHECKING:
    from sympy import Expr  # type: ignore[import-untyped]


def longest_exponential(n_targets: int) -> Expr:
    """E[max] over n CPUs, each with interrupts off with chance u, for an exponential rest of mean m; in u, m.

    The integral of P(max > t) = 1 - (1 - u e^(-t/m))^n over t.
    """
    import sympy as sp

    share, mean, t = symbols("u m t")
    beyond = sp.expand(1 - (1 - share * sp.exp(-t / mean)) ** n_targets)
    longest: Expr = sp.integrate(beyond, (t, 0, sp.oo))
    return longest


def longest_constant(n_targets: int) -> Expr:
    """The same where interrupts are off for D at a time: the rest is uniform on (0, D); in u, D."""
    import sympy as sp

    share, whole, t = symbols("u D t")
    beyond = sp.expand(1 - (1 - share * (1 - t / whole)) ** n_targets)
    longest: Expr = sp.expand(sp.integrate(beyond, (t, 0, whole)))
    return longest

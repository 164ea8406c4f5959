"""Grace periods that serve callbacks in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .symbols import symbols

if TYPE_CHECKING:
    from sympy import Expr  # type: ignore[import-untyped]


class GracePeriods(NamedTuple):
    """Means, in r (frees per unit time) and G (mean length of a grace period)."""

    batch: Expr
    latency: Expr


def grace_periods(*, constant: bool) -> GracePeriods:
    """Callbacks a grace period, and time to be freed, by renewal arguments; length constant or exponential.

    Grace periods follow each other until none was asked for during the last: 1 / P0 of them, P0 the chance of that,
    then a pause of 1 / r. Frees over grace periods of a whole round is the batch. An arrival sees a random moment:
    in a grace period it waits for what is left of it, E[T^2] / 2 G, and for the next; in the pause for the next.
    """
    import sympy as sp

    rate, mean, t = symbols("r G t")
    density = sp.exp(-t / mean) / mean

    def expected(value: Expr) -> Expr:
        return value.subs(t, mean) if constant else sp.integrate(value * density, (t, 0, sp.oo), conds="none")

    none = sp.simplify(expected(sp.exp(-rate * t)))
    left = expected(t**2) / (2 * mean)
    periods, pause = 1 / none, 1 / rate
    busy = periods * mean / (periods * mean + pause)
    batch = rate * (periods * mean + pause) / periods
    return GracePeriods(sp.simplify(batch), sp.simplify(mean + busy * left))

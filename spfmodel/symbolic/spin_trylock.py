"""A lock that is only tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .symbols import symbols

if TYPE_CHECKING:
    from sympy import Expr  # type: ignore[import-untyped]


def engset_loss() -> Expr:
    """Chance that a trylock finds the lock busy with m sharers, a = S / Z; from balance equations.

    Seen by one of the m: the other m - 1 come at rate (m - 1) / Z while the lock is free and it is given
    back at rate 1 / S; who finds it busy goes away.
    """
    import sympy as sp

    m, a, free, busy = symbols("m a f b")
    found = sp.solve([free * (m - 1) * a - busy, free + busy - 1], [free, busy], dict=True)
    loss: Expr = sp.simplify(found[0][busy])
    return loss

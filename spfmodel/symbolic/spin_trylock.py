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


def same_table() -> Expr:
    """Chance that two threads in neighbouring regions of length L < T are in one page table; in L, T.

    Each is anywhere in its region, so that they are d apart with density d / L^2 up to L and (2 L - d) / L^2 from
    there to 2 L; no boundary of tables, T apart, lies between with chance (1 - d / T)^+. Here for 2 L <= T.
    """
    import sympy as sp

    length, table, d = symbols("L T d")
    none = 1 - d / table
    near = sp.integrate(none * d / length**2, (d, 0, length))
    far = sp.integrate(none * (2 * length - d) / length**2, (d, length, 2 * length))
    chance: Expr = sp.simplify(near + far)
    return chance


def spin_wait(n_sharers: int) -> Expr:
    """Mean wait of m threads that spin for one lock, first come first served; in S, Z (m = 1, 2, ...).

    From the time per round that the machine repairman's balance gives, by Little's law: m / X - Z - S.
    """
    import sympy as sp

    from .cacheline import repairman_throughput

    hold, between = symbols("S Z")
    wait: Expr = sp.simplify(n_sharers / repairman_throughput(n_sharers) - between - hold)
    return wait

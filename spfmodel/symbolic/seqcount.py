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


def success_regular_writer() -> Expr:
    """P against a writer with constant gaps U, for an exponential window; in U, S, H.

    The mean of what is left of the gap after the window, (U - s)^+, over s.
    """
    import sympy as sp

    gap, window, odd, s = symbols("U S H s")
    left = sp.integrate((gap - s) * sp.exp(-s / window) / window, (s, 0, gap))
    success: Expr = sp.simplify(left / (gap + odd))
    return success


def unhurt_share() -> Expr:
    """Chance that one thread that was not updating has begun no update s later; in Z, S, q, s.

    alpha e^(A s) 1, A the rates of thinking and faulting, alpha their stationary shares.
    """
    import sympy as sp

    think, window, q, s = symbols("Z S q s")
    rates = sp.Matrix([[-1 / think, q / think], [1 / window, -1 / window]])
    start = sp.Matrix([[think, q * window]]) / (think + q * window)
    share: Expr = (start * (rates * s).exp() * sp.ones(2, 1))[0]
    return share


def ended_by_section() -> Expr:
    """Chance that an odd section of length H ends an attempt, gaps G between attempts exponential; in G, S, H.

    1 - E[(G - H)^+] / (S + G): the section begins anywhere in the cycle and misses if it fits into a gap.
    """
    import sympy as sp

    gap, window, odd, g = symbols("G S H g")
    fits = sp.integrate((g - odd) * sp.exp(-g / gap) / gap, (g, odd, sp.oo))
    chance: Expr = sp.simplify(1 - fits / (window + gap))
    return chance


def changed_share(n_threads: int) -> Expr:
    """Chance that an update of one of n slots side by side changes the VMA of another, in r (n = 2, 3, ...).

    The mean of r^(d-1), all slots between being mapped, over all pairs, d apart.
    """
    import sympy as sp

    (r,) = symbols("r")
    pairs = [r ** (j - i - 1) for i in range(n_threads) for j in range(i + 1, n_threads)]
    share: Expr = sp.expand(sum(pairs) / len(pairs))
    return share

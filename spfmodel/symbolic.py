"""The closed forms, derived by sympy: shown in notebooks, compared with the numeric code in tests.

Every function derives its result (from a sum, an integral or balance equations) instead of stating it.
Symbols are positive; times and rates are in any one unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sympy import Expr, Symbol  # type: ignore[import-untyped]


def symbols(names: str) -> tuple[Symbol, ...]:
    """Positive symbols by name, the same wherever they are asked for.

    >>> symbols("p S_r")
    (p, S_r)
    """
    import sympy as sp

    return tuple(sp.symbols(names, positive=True, seq=True))


def saturated_op_time(n_threads: int) -> Expr:
    """Time per operation of a FCFS reader/writer lock that n threads never leave, in p, S_r, S_w.

    Between two writers K readers pass, P(K = k) = p q^k. K < n: they start together and the last of k
    exponential holds ends after H_k S_r. K >= n: all threads read, one leaves every S_r / n until a writer
    comes in, K - n + 1 times, mean q^n / p in all; then n - 1 are left to drain. 1 / p operations a round.
    """
    import sympy as sp

    p, read, write = symbols("p S_r S_w")
    q = 1 - p
    short = sum((p * q**k * sp.harmonic(k) for k in range(1, n_threads)), sp.Integer(0))
    full = q**n_threads * (sp.harmonic(n_threads - 1) + 1 / (n_threads * p))
    op_time: Expr = sp.expand(p * (write + read * (short + full)))
    return op_time


def saturated_op_time_limit() -> Expr:
    """The same for n without limit: p S_w - S_r p ln p.

    sum_k p q^k H_k = sum_j q^j / j, since the terms of H_k can be summed first.
    """
    import sympy as sp

    p, read, write = symbols("p S_r S_w")
    j = sp.Symbol("j", integer=True, positive=True)
    q = sp.Symbol("q", positive=True)
    series = sp.summation(q**j / j, (j, 1, sp.oo))
    value = series.args[0][0] if isinstance(series, sp.Piecewise) else series
    op_time: Expr = sp.simplify(p * (write + read * value.subs(q, 1 - p)))
    return op_time


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


def repairman_throughput(n_threads: int) -> Expr:
    """Throughput of n threads that think for Z and then queue for one server, service S (n = 1, 2, ...).

    Balance of the birth-death chain: (n - k) / Z pi_k = pi_(k+1) / S.
    """
    import sympy as sp

    think, service = symbols("Z S")
    pi = sp.symbols(f"pi0:{n_threads + 1}", positive=True)
    flows = [(n_threads - k) / think * pi[k] - pi[k + 1] / service for k in range(n_threads)]
    found = sp.solve([*flows, sum(pi) - 1], pi, dict=True)[0]
    throughput: Expr = sp.factor(sp.simplify((1 - found[pi[0]]) / service))
    return throughput

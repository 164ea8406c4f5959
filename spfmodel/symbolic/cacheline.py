"""One station and the threads that queue for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .symbols import symbols

if TYPE_CHECKING:
    from sympy import Expr  # type: ignore[import-untyped]


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


def throughput_ceiling(n_threads: int) -> Expr:
    """Limit of `repairman_throughput` as the think time vanishes: 1 / S, whatever the number of threads."""
    import sympy as sp

    think, _service = symbols("Z S")
    ceiling: Expr = sp.limit(repairman_throughput(n_threads), think, 0, "+")
    return ceiling


def batched_transfer() -> Expr:
    """Mean transfer time of a line that serves its neighbours first, in t_w, t_a, kappa, q, n.

    A visit is one transfer from afar, then B from the neighbourhood; time over transfers (renewal-reward). Each of
    the q - 1 other waiters is a neighbour with probability 1 / n and is seen in time with probability kappa: B is
    binomial, and its mean the derivative of its generating function at 1.
    """
    import sympy as sp

    within, across, kappa, waiting, complexes = symbols("t_w t_a kappa q n")
    z = sp.Symbol("z", positive=True)
    seen = kappa / complexes
    more = sp.diff((1 - seen + seen * z) ** (waiting - 1), z).subs(z, 1)
    transfer: Expr = sp.simplify((across + more * within) / (1 + more))
    return transfer


def same_socket_share() -> Expr:
    """Share of same-socket pairs among N threads of which the first c fill a socket, c <= N <= 2 c; in N, c.

    Ordered pairs are counted: c (c - 1) on the first socket, (N - c) (N - c - 1) on the second, of N (N - 1).
    """
    import sympy as sp

    threads, cores = sp.symbols("N c", integer=True, positive=True)
    i = sp.Symbol("i", integer=True, positive=True)
    pairs = sp.summation(cores - 1, (i, 1, cores)) + sp.summation(threads - cores - 1, (i, 1, threads - cores))
    share: Expr = sp.factor(pairs / sp.summation(threads - 1, (i, 1, threads)))
    return share

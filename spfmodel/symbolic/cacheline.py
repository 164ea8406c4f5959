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

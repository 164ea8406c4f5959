"""Markov chains in continuous time: stationary distribution, and chains built from a transition rule."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Index = NDArray[np.intp]
State = TypeVar("State", bound=Hashable)


class Chain(NamedTuple):
    """Transitions of a chain with `n_states` states: `rate` from `source` to `target`, (T,) each."""

    n_states: int
    source: Index
    target: Index
    rate: Floats


def reach(start: State, moves: Callable[[State], Iterable[tuple[State, float]]]) -> tuple[list[State], Chain]:
    """All states that can be reached from `start`, in order of discovery, and the chain over them.

    moves(state) gives pairs (next state, rate per unit time); a rate of 0 is ignored.
    """
    index, states = {start: 0}, [start]
    entries: list[tuple[int, int, float]] = []
    for i, state in enumerate(states):
        for after, rate in moves(state):
            if rate <= 0:
                continue
            if after not in index:
                index[after] = len(states)
                states.append(after)
            entries.append((i, index[after], rate))
    return states, _chain(len(states), entries)


def _chain(n_states: int, entries: list[tuple[int, int, float]]) -> Chain:
    source, target, rate = zip(*entries, strict=True) if entries else ((), (), ())
    return Chain(n_states, np.array(source, np.intp), np.array(target, np.intp), np.array(rate, float))


def stationary(chain: Chain, reference: int = 0) -> Floats:
    """Stationary probabilities by sparse LU, (n_states,).

    The balance of the `reference` state is dropped and its weight set to 1; choose a state that is
    not rare, or the weights may overflow.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import splu

    n = chain.n_states
    source, target, rate = (x[chain.source != chain.target] for x in chain[1:])
    leaving = np.bincount(source, rate, n)
    rows, cols = np.concatenate([target, np.arange(n)]), np.concatenate([source, np.arange(n)])
    balance = coo_array((np.concatenate([rate, -leaving]), (rows, cols)), shape=(n, n)).tocsc()
    keep = np.flatnonzero(np.arange(n) != reference)
    known = -balance[:, [reference]].toarray().ravel()[keep]
    reduced = balance[:, keep].tocsr()[keep].tocsc()
    weights = np.ones(n)
    weights[keep] = splu(reduced).solve(known)
    return np.asarray(weights / weights.sum())


MOST_SWEEPS = 5000


def stationary_by_sweeps(chain: Chain) -> Floats:
    """Stationary probabilities by Gauss-Seidel sweeps over the jumps, (n_states,); for large chains.

    y = y T for the jump chain, each sweep in the order of the states: quick where that is the order of discovery
    (Stewart 1994, ch. 3). Ends when no weight moves by more than 1e-14 of the largest; `stationary` solves a chain
    that still moves after MOST_SWEEPS.
    """
    from scipy.sparse import coo_array, tril
    from scipy.sparse.linalg import splu

    n = chain.n_states
    source, target, rate = (x[chain.source != chain.target] for x in chain[1:])
    leaving = np.bincount(source, rate, n)
    entries = np.concatenate([rate / leaving[source], -np.ones(n)])
    rows, cols = np.concatenate([target, np.arange(n)]), np.concatenate([source, np.arange(n)])
    balance = coo_array((entries, (rows, cols)), shape=(n, n)).tocsc()
    sweep = splu(tril(balance, format="csc"), permc_spec="NATURAL", diag_pivot_thresh=0.0)
    jumps = np.full(n, 1 / n)
    for _ in range(MOST_SWEEPS):
        after = jumps - sweep.solve(balance @ jumps)
        after /= after.sum()
        moved = np.abs(after - jumps).max()
        jumps = after
        if moved <= 1e-14 * after.max():
            weights = jumps / leaving
            return np.asarray(weights / weights.sum())
    return stationary(chain)


def stationary_gth(generator: Floats) -> Floats:
    """Stationary probabilities of a small dense generator without a subtraction, (n,).

    Grassmann, Taksar and Heyman 1985: exact to rounding; the oracle for `stationary`.
    generator: (n, n) rates, rows from, columns to; the diagonal is ignored.

    >>> [round(float(x), 3) for x in stationary_gth(np.array([[0.0, 1.0], [3.0, 0.0]]))]
    [0.75, 0.25]
    """
    rates = np.array(generator, float)
    n = len(rates)
    for k in range(n - 1, 0, -1):
        rates[:k, k] /= rates[k, :k].sum()
        rates[:k, :k] += np.outer(rates[:k, k], rates[k, :k])
    weights = np.ones(n)
    for k in range(1, n):
        weights[k] = weights[:k] @ rates[:k, k]
    return np.asarray(weights / weights.sum())


def dense(chain: Chain) -> Floats:
    """The chain as a dense matrix of rates, (n_states, n_states), diagonal 0."""
    matrix = np.zeros((chain.n_states, chain.n_states))
    np.add.at(matrix, (chain.source, chain.target), chain.rate)
    np.fill_diagonal(matrix, 0.0)
    return matrix

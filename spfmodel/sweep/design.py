"""Which points a design has: any range of its rows, without those before it, so that memory stays constant."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .axes import Axis, Column

if TYPE_CHECKING:
    from scipy.stats.qmc import Sobol

Floats = NDArray[np.float64]
Unsigned = NDArray[np.uint64]
NAMES = ("grid", "sobol", "lhs")
MOST_SOBOL = 2**30
"""points of scipy's sequence, which has 30 bits"""
ROUNDS = 6
"""of the permutation that stratifies a Latin hypercube: four mix, two more cost little"""
SCRAMBLE, STRATA, WITHIN = 1, 2, 3
"""what a stream of random numbers is for; a point's own have (seed,) with its number as spawn key"""
_at_work = Lock()


def rows(kind: str, axes: Sequence[Axis], points: int, seed: int, start: int, stop: int) -> dict[str, Column]:
    """Rows `start` to `stop` of the design: (stop - start,) values by axis.

    kind : of `NAMES`; a grid's last axis changes fastest; Sobol: scrambled (Owen 1998), by scipy.stats.qmc;
    lhs: each axis takes a permutation of `points` equal strata (McKay, Beckman & Conover 1979)
    """
    if kind == "grid":
        levels = np.unravel_index(np.arange(start, stop), [len(a.levels) for a in axes])
        return {a.name: a.at_level(k) for a, k in zip(axes, levels, strict=True)}
    u = sobol(len(axes), seed, start, stop) if kind == "sobol" else lhs(len(axes), points, seed, start, stop)
    return {a.name: a.at(column) for a, column in zip(axes, u.T, strict=True)}


def grid_size(axes: Sequence[Axis]) -> int:
    """Points of a grid."""
    return prod(len(a.levels) for a in axes)


@lru_cache(maxsize=4)
def _sequence(dimensions: int, seed: int) -> Sobol:
    from scipy.stats.qmc import Sobol

    return Sobol(dimensions, scramble=True, rng=np.random.default_rng(np.random.SeedSequence((seed, SCRAMBLE))))


def sobol(dimensions: int, seed: int, start: int, stop: int) -> Floats:
    """Points `start` to `stop` of the scrambled Sobol sequence, (stop - start, dimensions).

    A process keeps the sequence where it left it, so that winding forward happens once, whoever asks for what.
    """
    from warnings import catch_warnings, simplefilter

    with _at_work, catch_warnings():
        simplefilter("ignore", UserWarning)  # balance wants a power of two for the whole, not for each part
        engine = _sequence(dimensions, seed)
        if engine.num_generated > start:
            engine.reset()
        if start > engine.num_generated:
            engine.fast_forward(start - engine.num_generated)
        return np.asarray(engine.random(stop - start))


def lhs(dimensions: int, points: int, seed: int, start: int, stop: int) -> Floats:
    """Points `start` to `stop` of a Latin hypercube, (stop - start, dimensions): one in each of `points` strata."""
    i = np.arange(start, stop, dtype=np.uint64)
    out = np.empty((stop - start, dimensions))
    for column in range(dimensions):
        out[:, column] = permuted(i, points, (seed, STRATA, column)) + _uniform(start, stop, (seed, WITHIN, column))
    return np.minimum(out / points, np.nextafter(1.0, 0.0))


def _uniform(start: int, stop: int, key: tuple[int, ...]) -> Floats:
    """Numbers `start` to `stop` of a random stream that can be entered anywhere (Philox, four numbers a block)."""
    stream = np.random.Philox(np.random.SeedSequence(key)).advance(start // 4)
    return np.random.Generator(stream).random(stop - start // 4 * 4)[start % 4 :]


def permuted(i: Unsigned, size: int, key: tuple[int, ...]) -> Unsigned:
    """Where a keyed permutation of 0..size - 1 sends i (n,), each on its own.

    A Feistel network permutes the next even power of two; who lands outside goes on until inside (cycle walking,
    Black & Rogaway 2002).

    >>> sorted(permuted(np.arange(5, dtype=np.uint64), 5, (1,)).tolist())
    [0, 1, 2, 3, 4]
    """
    keys = np.random.SeedSequence(key).generate_state(ROUNDS, np.uint64).astype(np.uint64)
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    out = _feistel(i, half, keys)
    while (outside := np.flatnonzero(out >= size)).size:
        out[outside] = _feistel(out[outside], half, keys)
    return out


def _feistel(i: Unsigned, half: int, keys: Unsigned) -> Unsigned:
    """One pass over numbers of 2 * half bits."""
    bits, mask = np.uint64(half), np.uint64((1 << half) - 1)
    left, right = i >> bits, i & mask
    for key in keys:
        left, right = right, left ^ (_mixed(right ^ key) & mask)
    return (left << bits) | right


def _mixed(x: Unsigned) -> Unsigned:
    """The finaliser of splitmix64 (Steele, Lea & Flood 2014): every bit depends on every bit."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))

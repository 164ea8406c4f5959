"""One axis of a design: from a level's number, or a point of the unit interval, to values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Column = NDArray[np.generic]
Value = float | int | str | bool


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A name and the values that it takes: a list of levels, or a range (with no levels)."""

    name: str
    """as `--set` knows it, or `threads`"""
    unit: str
    home: str
    """whose it is: threads, fact, cost, parameter, choice or kernel"""
    shapes: bool
    """whether it decides the program's shape: points that differ in it are not solved as one array"""
    levels: tuple[Value, ...] = ()
    """in order; empty: continuous from `low` to `high`, or all whole numbers between them"""
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False

    def at_level(self, k: NDArray[np.int64]) -> Column:
        """Values of the levels k (n,), each 0 to len(levels) - 1."""
        return np.asarray(self.levels)[k]

    def at(self, u: Floats) -> Column:
        """Values at points u (n,) of [0, 1): every level, or every whole number, has an equal share of it.

        With `log` equal shares of the logarithm; of a whole number k its share is that of [k, k + 1).

        >>> line = Axis(name="line_ns", unit="ns", home="cost", shapes=False, low=10.0, high=1000.0, log=True)
        >>> line.at(np.array([0.5]))
        array([100.])
        """
        if self.levels:
            return self.at_level(np.minimum((u * len(self.levels)).astype(np.int64), len(self.levels) - 1))
        high = self.high + 1 if self.whole else self.high
        x = self.low * (high / self.low) ** u if self.log else self.low + u * (high - self.low)
        return np.minimum(np.floor(x), self.high).astype(np.int64) if self.whole else np.clip(x, self.low, self.high)


def spaced(low: float, high: float, steps: int, *, log: bool, whole: bool) -> tuple[Value, ...]:
    """`steps` values from low to high, both included, evenly spaced (in the logarithm); whole ones only once.

    >>> spaced(1, 16, 5, log=True, whole=True)
    (1, 2, 4, 8, 16)
    """
    x = np.geomspace(low, high, steps) if log else np.linspace(low, high, steps)
    if whole:
        return tuple(int(v) for v in np.unique(np.round(x).astype(np.int64)))
    return tuple(float(v) for v in x)

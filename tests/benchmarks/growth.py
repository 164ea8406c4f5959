"""How the cost grows: the exponent of a power law through measured costs, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.special import stdtrit


class Exponent(NamedTuple):
    """Of cost = scale * size ** value, with its 95 % interval."""

    value: float
    low: float
    high: float
    scale: float


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> Exponent:
    """Least squares through the logarithms; the interval is Student's, from the residuals (at least 3 sizes).

    >>> [round(x, 6) for x in exponent([1, 10, 100], [2.0, 20.0, 200.0])]
    [1.0, 1.0, 1.0, 2.0]
    """
    x, y = np.log(sizes), np.log(costs)
    middle, level = x.mean(), y.mean()
    x, y = x - middle, y - level
    slope = float(x @ y / (x @ x))
    left = y - slope * x
    free = len(x) - 2
    half = float(stdtrit(free, 0.975) * np.sqrt(left @ left / free / (x @ x)))
    return Exponent(slope, slope - half, slope + half, float(np.exp(level - slope * middle)))


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Costs against a size, for the figure and the table of exponents."""

    subject: str
    name: str
    sizes: list[float]
    costs: list[float]
    size: str
    """what grows: threads, design points"""
    unit: str
    """of the costs"""
    fit_from: float = 0.0
    """least size that the exponent is fitted from: below it, fixed costs rule"""
    aim: str = ""

    @property
    def exponent(self) -> Exponent:
        """From `fit_from` on."""
        kept = [(s, c) for s, c in zip(self.sizes, self.costs, strict=True) if s >= self.fit_from]
        return exponent(*zip(*kept, strict=True))

    def stored(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

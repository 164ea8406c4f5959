"""A row of the table: what was measured, beside a peer where there is one, and whether its aim is met."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, NamedTuple

SLOWER = 0.8
"""a paired ratio below this share of the stored one is told"""
COMPARE: dict[str, Callable[[float, float], bool]] = {">=": operator.ge, "<=": operator.le}


class Ratio(NamedTuple):
    """How many times faster than the peer we are: median, least and greatest of the pairs."""

    median: float
    low: float
    high: float


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Of pairs, as speeds (more is better).

    >>> ratio_of([10.0, 12.0, 9.0], [5.0, 4.0, 6.0])
    Ratio(median=2.0, low=1.5, high=3.0)
    """
    each = [a / b for a, b in zip(ours, theirs, strict=True)]
    return Ratio(median(each), min(each), max(each))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement. `ratio` and `aim` may be absent; a row with a ratio is compared with the stored table."""

    subject: str
    name: str
    ours: float
    unit: str
    peer: str = ""
    theirs: float | None = None
    """in the same unit"""
    ratio: Ratio | None = None
    aim: str = ""
    """such as `ratio >= 4` or `ours <= 0.3`; empty: none was set"""
    note: str = ""
    yardstick: bool = False
    """the peer does another job: the ratio only finds regressions, whatever the machine"""

    @property
    def key(self) -> str:
        """By which a stored row is found again."""
        return f"{self.subject}: {self.name}" + (f" / {self.peer}" if self.peer else "")

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None without an aim."""
        if not self.aim:
            return None
        what, compare, bound = self.aim.split()
        value = self.ours if what == "ours" else self.ratio.median if self.ratio else float("nan")
        return COMPARE[compare](value, float(bound))

    def stored(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def row_from(content: dict[str, Any]) -> Row:
    """A row out of JSON."""
    ratio = content.get("ratio")
    return Row(**{**content, "ratio": Ratio(*ratio) if ratio else None})


def slower_than_stored(rows: Sequence[Row], stored: Sequence[Row]) -> list[str]:
    """One sentence for each paired ratio that is worse by more than 20 % than the stored one."""
    before = {row.key: row.ratio for row in stored}
    return [
        f"slower than stored: {row.key}: {row.ratio.median:.3g}, stored {then.median:.3g}"
        + " (the ranges overlap: run it again on a quiet machine)" * (row.ratio.high >= then.low)
        for row in rows
        if row.ratio and (then := before.get(row.key)) and row.ratio.median < SLOWER * then.median
    ]

"""Who owns a number: every input carries its unit, its range and where it was read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BadInput(ValueError):
    """The user's file, name or number is wrong: one sentence says what, where and what to do."""


class Kind(StrEnum):
    """How a number came to be known."""

    SOURCE_CODE = "source-code"
    """read from the benchmark's or the kernel's source"""
    MEASURED = "measured"
    """read from a published measurement"""
    PRIOR = "prior"
    """a belief with a range, from other machines or hardware tables"""
    FITTED = "fitted"
    """calibrated here, on the rows that the machine file lists"""
    FACT = "fact"
    """set by the user, or a property of the machine (its number of CPUs)"""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One input number and its owner."""

    value: float
    """median, in `unit`"""
    low: float
    """lower end of the 90 % range, in `unit` (equal to value when exact)"""
    high: float
    """upper end of the 90 % range, in `unit`"""
    unit: str
    """ns, count, ratio, KiB, ..."""
    kind: Kind
    """how it is known"""
    source: str
    """a key of data/published/sources.csv, a primitives.csv id, or a citation"""
    where: str = ""
    """locator within the source: table, row id, function"""
    note: str = ""
    """what a reader should know before believing it"""

    @property
    def log_sd(self) -> float:
        """Standard deviation of ln(value), from the 90 % range (0 when exact)."""
        from math import log

        return log(self.high / self.low) / (2 * 1.6449) if self.high > self.low > 0 else 0.0

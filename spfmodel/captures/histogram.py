"""Distributions of waits and holds: bins with counts, as bpftrace prints them or as a trace adds them up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

SUB_BITS = 3
"""a trace's bins: 2**3 to each doubling, so that a quantile is known within 12 %"""


@dataclass(frozen=True)
class Histogram:
    """How often a value fell into each bin."""

    name: str
    """`wait read`, `wait write`, `hold read`, `hold write`, or a map's own name"""
    unit: str
    bins: tuple[tuple[float, float, int], ...]
    """(low, high, count), low <= value < high, in `unit`, ascending"""
    total: float | None = None
    """sum of the values in `unit`, where known"""

    @property
    def count(self) -> int:
        """Number of values."""
        return sum(count for _low, _high, count in self.bins)

    @property
    def mean(self) -> float | None:
        """Mean in `unit`: exact where the sum is known, else from the middles of the bins; None if empty."""
        if not self.count:
            return None
        total = self.total
        if total is None:
            total = sum(0.5 * (low + high) * count for low, high, count in self.bins)
        return total / self.count

    def quantile(self, share: float) -> tuple[float, float] | None:
        """The bin, in `unit`, that holds the value which `share` of all do not exceed; None if empty.

        >>> Histogram("wait read", "ns", ((0, 1, 5), (1, 2, 4), (2, 4, 1))).quantile(0.9)
        (1, 2)
        """
        below, wanted = 0, share * self.count
        for low, high, count in self.bins:
            below += count
            if count and below >= wanted:
                return low, high
        return None


@dataclass
class Tally:
    """A histogram in the making, of whole ns, in bounded memory."""

    name: str
    counts: Counter[int] = field(default_factory=Counter)
    total: int = 0

    def add(self, value_ns: int) -> None:
        """Count one value; what is negative (clocks of two CPUs) counts as 0."""
        value = max(value_ns, 0)
        self.total += value
        self.counts[bin_of(value)] += 1

    def histogram(self) -> Histogram:
        """The bins that hold something."""
        filled = sorted(self.counts.items())
        return Histogram(self.name, "ns", tuple((*edges(key), count) for key, count in filled), float(self.total))


def bin_of(value: int) -> int:
    """Number of the bin of a whole value >= 0.

    >>> [bin_of(v) for v in (0, 7, 8, 15, 16, 17, 18)]
    [0, 7, 8, 15, 16, 16, 17]
    """
    shift = max(value.bit_length() - SUB_BITS - 1, 0)
    return (shift << SUB_BITS) + (value >> shift)


def edges(number: int) -> tuple[int, int]:
    """Low and high edge of a bin: the inverse of `bin_of`.

    >>> edges(16), edges(bin_of(1000))
    ((16, 18), (960, 1024))
    """
    shift = max((number >> SUB_BITS) - 1, 0)
    first = number - (shift << SUB_BITS)
    return first << shift, (first + 1) << shift

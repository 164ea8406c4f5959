"""e^x - 1 and ln(1 + y) that a vector unit can do: no branch, no call, no table. To rounding (within 4e-16)."""

from __future__ import annotations

import numpy as np

from ..primitives.compiled import inlined

ROUNDS = 6755399441055744.0
"""1.5 * 2^52: added to a small number it leaves the nearest integer in the lowest bits"""
ROUNDS_BITS, ONE_BITS, ROOT_HALF_BITS, FRACTION = 0x4338000000000000, 0x3FF0000000000000, 0x3FE6A09E667F3BCD, 52
"""of a float64: 1.5 * 2^52, 1 and sqrt(1/2) as integers, and bits of the fraction"""
LOG2_E, LN2_HIGH, LN2_LOW = 1.4426950408889634, 6.93147180369123816490e-01, 1.90821492927058770002e-10
LARGEST = 700.0
"""beyond this exponent float64 ends"""


def exp_less_one(x: float) -> float:
    """e^x - 1, relative error below 4e-16; x is cut at +-700.

    e^x = 2^k e^r with |r| <= ln(2) / 2, and e^r by its series.

    >>> float(exp_less_one(1e-20)), round(float(exp_less_one(1.0)), 12)
    (1e-20, 1.718281828459)
    """
    x = min(max(x, -LARGEST), LARGEST)
    shifted = x * LOG2_E + ROUNDS
    k = shifted - ROUNDS
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    series = 1.0 / 6227020800.0
    series = series * r + 1.0 / 479001600.0
    series = series * r + 1.0 / 39916800.0
    series = series * r + 1.0 / 3628800.0
    series = series * r + 1.0 / 362880.0
    series = series * r + 1.0 / 40320.0
    series = series * r + 1.0 / 5040.0
    series = series * r + 1.0 / 720.0
    series = series * r + 1.0 / 120.0
    series = series * r + 1.0 / 24.0
    series = series * r + 1.0 / 6.0
    series = series * r + 0.5
    series = series * r + 1.0
    power = np.int64((np.float64(shifted).view(np.int64) << FRACTION) + np.int64(ONE_BITS)).view(np.float64)
    return power * (r * series) + (power - 1.0)


def log_of_one_plus(y: float) -> float:
    """ln(1 + y) for y > -1, relative error below 4e-16; below y = -0.29 that of rounding 1 + y.

    1 + y = 2^k (1 + f), and ln(1 + f) = 2 artanh(f / (2 + f)) by its series; f = y where k = 0.

    >>> float(log_of_one_plus(1e-20))
    1e-20
    """
    bits = np.float64(1.0 + y).view(np.int64)
    whole = np.int64((bits - np.int64(ROOT_HALF_BITS)) >> FRACTION)
    rest = np.int64(bits - (whole << FRACTION)).view(np.float64)
    k = np.int64(whole + np.int64(ROUNDS_BITS)).view(np.float64) - ROUNDS
    f = y if k == 0.0 else rest - 1.0
    s = f / (2.0 + f)
    z = s * s
    series = 1.0 / 23.0
    series = series * z + 1.0 / 21.0
    series = series * z + 1.0 / 19.0
    series = series * z + 1.0 / 17.0
    series = series * z + 1.0 / 15.0
    series = series * z + 1.0 / 13.0
    series = series * z + 1.0 / 11.0
    series = series * z + 1.0 / 9.0
    series = series * z + 1.0 / 7.0
    series = series * z + 1.0 / 5.0
    series = series * z + 1.0 / 3.0
    return k * LN2_HIGH + (2 * s + (2 * s * z * series + k * LN2_LOW))


expm1, log1p = inlined(exp_less_one), inlined(log_of_one_plus)

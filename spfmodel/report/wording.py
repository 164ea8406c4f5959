"""Errors and numbers in a reader's words."""

from __future__ import annotations

from pydantic import ValidationError


def first_error(error: ValidationError) -> str:
    """Say the first complaint of pydantic in one phrase: where, what, and the value."""
    complaint = error.errors()[0]
    place = ".".join(str(part) for part in complaint["loc"]) or "it"
    if complaint["type"] == "extra_forbidden":
        return f"`{place}` is not a known key"
    if complaint["type"] == "missing":
        return f"`{place}` is missing"
    return f"`{place}` is {complaint['input']!r}: {complaint['msg'][:1].lower()}{complaint['msg'][1:]}"


def spoken(value: float, unit: str) -> str:
    """Write a value with its unit, in two or three significant digits.

    >>> spoken(2.314, "x"), spoken(0.0123, "share"), spoken(0.0, "share"), spoken(1234.5, "ns")
    ('2.31 ×', '1.2 %', '0 %', '1,230 ns')
    """
    if unit == "x":
        return f"{value:.2f} ×" if value < 10 else f"{value:.1f} ×"
    if unit == "share":
        return f"{rounded(100 * value, 2)} %"
    return f"{rounded(value, 3)} {unit}".rstrip()


def rounded(value: float, digits: int) -> str:
    """Write a number in `digits` significant digits and, from 0.001 to 1e9, without an exponent."""
    if value == 0 or not 1e-3 <= abs(value) < 1e9:
        return f"{value:.{digits}g}"
    number = float(f"{value:.{digits}g}")
    return f"{number:,.0f}" if abs(number) >= 10 ** (digits - 1) else f"{number:.{digits}g}"

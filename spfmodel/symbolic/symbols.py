"""The symbols that all derivations share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sympy import Symbol  # type: ignore[import-untyped]


def symbols(names: str) -> tuple[Symbol, ...]:
    """Positive symbols by name, the same wherever they are asked for.

    >>> symbols("p S_r")
    (p, S_r)
    """
    import sympy as sp

    return tuple(sp.symbols(names, positive=True, seq=True))

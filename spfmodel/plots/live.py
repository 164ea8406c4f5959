"""A curve as SVG in well under a millisecond: for what is drawn anew while somebody turns a knob."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .style import BLUE, VERMILION

Floats = NDArray[np.float64]
WIDTH, HEIGHT = 430, 270
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 44
STEPS = (1, 2, 5)


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A logarithmic axis."""

    title: str
    low: float
    high: float

    def share(self, values: Floats) -> Floats:
        """Where values lie between the ends, 0 to 1; those outside are at the ends."""
        inside = np.clip(values, self.low, self.high)
        share: Floats = np.log(inside / self.low) / np.log(self.high / self.low)
        return share

    def ticks(self) -> list[float]:
        """Round numbers between the ends: powers of ten, or 1, 2, 5 where those are few."""
        powers = range(int(np.floor(np.log10(self.low))), int(np.ceil(np.log10(self.high))) + 1)
        steps = STEPS if len(powers) < 5 else (1,)
        every = (float(f"{step}e{power}") for power in powers for step in steps)
        return [tick for tick in every if self.low * 0.999 <= tick <= self.high * 1.001]


def curve(x: Floats, y: Floats, across: Axis, up: Axis, mark: float | None = None) -> str:
    """Draw y (P,) over x (P,), both logarithmic. mark : a value of y to draw a dashed line at.

    Values below the lower end (a share of 0) are left out.
    """
    left = LEFT + (WIDTH - LEFT - RIGHT) * across.share(x)
    down = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * up.share(y)
    seen = np.asarray(y) >= up.low
    parts = [_grid(across, up)]
    if mark is not None and up.low < mark < up.high:
        level = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * float(up.share(np.array(mark)))
        parts.append(f'<path d="M{LEFT} {level:.1f}H{WIDTH - RIGHT}" stroke="{VERMILION}" stroke-dasharray="5 4"/>')
    lines = [
        f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for (a, b), (c, d) in pairwise(zip(left[seen], down[seen], strict=True))
    ]
    parts.append(f'<path d="{"".join(lines)}" fill="none" stroke="{BLUE}" stroke-width="2.5" stroke-linecap="round"/>')
    words = f"{up.title} ({y.min():.3g} to {y.max():.3g}) against {across.title} ({x.min():.3g} to {x.max():.3g})"
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg role="img" aria-label="{words}" {size} font-size="12" fill="currentColor">{"".join(parts)}</svg>'


def _grid(across: Axis, up: Axis) -> str:
    """Lines, numbers at them, and the titles of both axes."""
    parts = []
    for tick in across.ticks():
        at = LEFT + (WIDTH - LEFT - RIGHT) * float(across.share(np.array(tick)))
        parts.append(f'<path d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#9aa5b1" stroke-opacity=".4"/>')
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{tick:g}</text>')
    for tick in up.ticks():
        at = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * float(up.share(np.array(tick)))
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#9aa5b1" stroke-opacity=".4"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{tick:g}</text>')
    middle = (HEIGHT - BOTTOM + TOP) / 2
    parts.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{across.title}</text>')
    parts.append(f'<text transform="translate(13 {middle}) rotate(-90)" text-anchor="middle">{up.title}</text>')
    return "".join(parts)

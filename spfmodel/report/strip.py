"""One claim as a small picture: the predicted interval as a bar, the measured value as a diamond."""

from __future__ import annotations

from markupsafe import Markup

from .answers import Claim

WIDTH, HEIGHT, MARGIN = 180, 26, 6
PREDICTED, MEASURED, GUIDE = "var(--blue)", "var(--vermilion)", "#9aa5b1"
"""Okabe-Ito blue and vermilion, lighter on dark paper: told apart with any colour vision, and by shape"""


def strip(claim: Claim) -> Markup:
    """Draw a claim as SVG on an axis from 0 to beyond its largest value; a ratio gets a tick at 1."""
    top = 1.08 * max(claim.predicted.high, *(claim.measured_ends or (0.0,)), 1.0 if claim.unit == "x" else 1e-12)
    y = HEIGHT / 2

    def x(value: float) -> str:
        return f"{MARGIN + (WIDTH - 2 * MARGIN) * max(value, 0.0) / top:.1f}"

    marks = [line(x(0), x(top), y, GUIDE, 1)]
    if claim.unit == "x":
        marks.append(f'<path d="M{x(1)} 4V{HEIGHT - 4}" stroke="{GUIDE}" stroke-dasharray="2 2"/>')
    marks.append(line(x(claim.predicted.low), x(claim.predicted.high), y, PREDICTED, 8, 0.45))
    marks.append(f'<path d="M{x(claim.predicted.median)} {y - 7}V{y + 7}" stroke="{PREDICTED}" stroke-width="3"/>')
    if claim.measured_ends and claim.measured_median is not None:
        marks.append(line(x(claim.measured_ends[0]), x(claim.measured_ends[1]), y, MEASURED, 2))
        centre = x(claim.measured_median)
        marks.append(f'<path d="M{centre} {y - 6}l5 6-5 6-5-6z" fill="{MEASURED}" stroke="var(--paper)"/>')
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    words = f"predicted {claim.predicted.low:.3g} to {claim.predicted.high:.3g}"
    if claim.measured_median is not None:
        words += f", measured {claim.measured_median:.3g}"
    return Markup(f'<svg class="strip" role="img" aria-label="{words}" {size}>{"".join(marks)}</svg>')  # noqa: S704


def line(start: str, end: str, y: float, colour: str, thick: int, opacity: float = 1.0) -> str:
    """Draw a level line."""
    return f'<path d="M{start} {y}H{end}" stroke="{colour}" stroke-width="{thick}" stroke-opacity="{opacity}"/>'

"""Which numbers a prediction hangs on: tornado and shares of the variance."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

from ..outfile import replaced
from ..sensitivity import Effect, Sensitivity
from ..sources import Quantity
from .style import BLACK, BLUE, SKY, VERMILION, new_axes, number_axis, use_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 5, 10, 20, 50, 100)
SHOWN = 8
"""numbers in a figure"""


def tornado(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw how far an outcome moves if one number takes either end of its range; the first row on top, log scale.

    table : columns name, at_low, at_high (outcome over its median); optional low, high (the number, as text), written
            at the ends
    """
    axes = axes or new_axes()
    rows = range(len(table))
    for column, colour, hatch, said in (("at_low", SKY, "//", "low end"), ("at_high", VERMILION, "", "high end")):
        value = table[column].to_numpy()
        axes.barh(rows, value - 1, left=1, color=colour, hatch=hatch, edgecolor="white", label=f"number at its {said}")
        texts = table[column.removeprefix("at_")] if column.removeprefix("at_") in table else [""] * len(table)
        others = table["at_high" if column == "at_low" else "at_low"].to_numpy()
        for row, end, other, text in zip(rows, value, others, texts, strict=True):
            right = end > 1 or (end == 1 and other < 1)
            offset = (4, 0) if right else (-4, 0)
            axes.annotate(text, (end, row), offset, textcoords="offset points", va="center", size=8,
                          ha="left" if right else "right")  # fmt: skip
    axes.axvline(1, color=BLACK, lw=1)
    _ratio_axis(axes, min(table[["at_low", "at_high"]].min()), max(table[["at_low", "at_high"]].max()))
    _name_rows(axes, table)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    return axes


def _ratio_axis(axes: Axes, low: float, high: float) -> None:
    """A log scale around 1, with room for what is written at the bars' ends."""
    span = max(high / low, 1.05)
    ends = (min(low, 1) / span**0.35, max(high, 1) * span**0.35)
    apart = log(ends[1] / ends[0]) / 8
    ticks = [1.0]
    for tick in sorted((t for t in TICKS if ends[0] < t < ends[1]), key=lambda t: abs(log(t))):
        if all(abs(log(tick / other)) > apart for other in ticks):
            ticks.append(tick)
    number_axis(axes, "x", sorted(ticks), "x")
    axes.minorticks_off()
    axes.set_xlim(ends)


def _name_rows(axes: Axes, table: pd.DataFrame) -> None:
    """Names to the left, the first row on top."""
    axes.set_yticks(range(len(table)), table["name"].astype(str).tolist())
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)


def index_bars(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw first and total Sobol indices in % with their 95 % intervals; the first row on top.

    table : columns name, first, first_low, first_high, total, total_low, total_high; shares from 0 to 1
    """
    axes = axes or new_axes()
    kinds = (("first", -0.19, BLUE, "", "S1: by itself"), ("total", 0.19, SKY, "//", "ST: with interactions"))
    for kind, shift, colour, hatch, said in kinds:
        value, low, high = (100 * table[f"{kind}{end}"].to_numpy() for end in ("", "_low", "_high"))
        rows = [row + shift for row in range(len(table))]
        axes.barh(rows, value.clip(min=0), height=0.36, color=colour, hatch=hatch, edgecolor="white", label=said)
        axes.hlines(rows, low.clip(min=0), high.clip(min=0), color=BLACK, lw=1.4)
    axes.set_xlim(left=0)
    _name_rows(axes, table)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    return axes


def effects_table(effects: Sequence[Effect]) -> pd.DataFrame:
    """The numbers of these effects, as `tornado` and `index_bars` want them; those without indices are left out."""
    import numpy as np
    import pandas as pd

    rows = []
    for e in effects:
        if e.first is None or e.total is None:
            continue
        q = e.quantity
        rows.append({
            "name": e.name, "low": _told(q.low, q), "high": _told(q.high, q),
            "at_low": np.exp(e.at_low), "at_high": np.exp(e.at_high),
            "first": e.first.value, "first_low": e.first.low, "first_high": e.first.high,
            "total": e.total.value, "total_low": e.total.low, "total_high": e.total.high,
        })  # fmt: skip
    return pd.DataFrame(rows)


def _told(value: float, q: Quantity) -> str:
    """Three digits, large numbers whole, with a unit if it is one."""
    number = f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return f"{number} {q.unit}" if q.unit in ("ns", "KiB") else number


WORDS = {"speedup": "speed-up", "throughput_per_s": "throughput", "fallback_share": "fallback share"}


def both_ways(found: Sensitivity) -> tuple[Axes, Axes]:
    """Draw tornado and indices of one outcome side by side, the numbers in one order; returns both axes."""
    import matplotlib.pyplot as plt

    use_style()
    table = effects_table(found.effects[:SHOWN])
    size = (11.0, 1.8 + 0.42 * len(table))
    _, (left, right) = plt.subplots(1, 2, figsize=size, width_ratios=(3, 2), sharey=True, layout="constrained")
    index_bars(table, right)
    tornado(table, left)
    left.set(title="One number at a time", xlabel=f"{WORDS[found.outcome]} over its median (ratio)")
    right.set(title="All at once", xlabel=f"variance of ln({WORDS[found.outcome]}) explained (%)")
    return left, right


def save_sensitivity(found: Sensitivity, path: Path, title: str) -> None:
    """Draw one outcome's numbers into a file."""
    import matplotlib.pyplot as plt

    both_ways(found)
    figure = plt.gcf()
    figure.suptitle(title, x=0.01, ha="left")
    with replaced(path) as fresh:
        figure.savefig(fresh, format=path.suffix[1:])
    plt.close(figure)

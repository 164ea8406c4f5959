"""How far predictions can be trusted: promised and actual coverage, scores beside rivals, the worst misses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .predictions import SERIES
from .style import BLACK, VERMILION, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

BAND = 0.9
"""of the numbers of votes that a true level would cover by chance"""


def coverage(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw how many votes lie inside of their central interval over what its level promises: best on the diagonal.

    table : columns name (the series), nominal, actual (shares, 0 to 1), votes; the band is what chance allows the first
            series
    """
    from scipy.stats import binom

    axes = axes or new_axes()
    for place, (name, rows) in enumerate(table.groupby("name", sort=False)):
        colour, marker = SERIES[place % len(SERIES)]
        x, y, votes = rows["nominal"].to_numpy(), rows["actual"].to_numpy(), int(rows["votes"].iloc[0])
        if place == 0:
            low, high = binom.interval(BAND, votes, x)
            axes.fill_between(x, low / votes, high / votes, color=colour, alpha=0.12, lw=0, label="chance, 90 %")
        axes.plot(x, y, color=colour, marker=marker, lw=2.2 if place == 0 else 1, label=f"{name} ({votes} votes)")
    axes.plot([0, 1], [0, 1], color=BLACK, lw=1, ls="--", label="as promised")
    percent = [0, 0.2, 0.4, 0.6, 0.8, 1]
    shown = [f"{p:.0%}" for p in percent]
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xticks=percent, yticks=percent, xticklabels=shown, yticklabels=shown)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return axes


def rivals(table: pd.DataFrame, value: str, axes: Axes | None = None) -> Axes:
    """Draw a row for each class and a marker for each predictor; the first predictor is drawn filled and large.

    table : columns predictor, kind, and the column `value`: an error or a score, small is good
    """
    axes = axes or new_axes()
    kinds = list(dict.fromkeys(table["kind"]))
    names = list(dict.fromkeys(table["predictor"]))
    for place, name in enumerate(names):
        rows = table[table["predictor"] == name]
        colour, marker = SERIES[place % len(SERIES)]
        shift = 0.12 * (place - (len(names) - 1) / 2)
        drawn = axes.plot(rows[value], [kinds.index(k) + shift for k in rows["kind"]], ls="", color=colour, label=name)
        drawn[0].set(marker=marker, markersize=10 if place == 0 else 7, markeredgewidth=1.6)
        drawn[0].set_markerfacecolor(colour if place == 0 else "white")
    axes.set_yticks(range(len(kinds)), kinds)
    axes.set_ylim(len(kinds) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return axes


def misses(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw a row for each miss: how far the median is off, and what the 80 % interval allowed.

    table : columns name, error, low, high: ln(predicted / measured) of median and ends
    """
    axes = axes or new_axes()
    rows = range(len(table))
    axes.hlines(rows, table["low"], table["high"], color=SERIES[0][0], alpha=0.45, lw=8, label="80 % interval")
    axes.scatter(table["error"], rows, color=SERIES[0][0], marker="|", s=200, zorder=3, label="predicted median")
    axes.axvline(0, color=VERMILION, lw=1.5, label="measured")
    axes.set_yticks(list(rows), table["name"].astype(str).tolist())
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return axes

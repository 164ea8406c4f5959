"""Predictions over threads, and predictions beside measurements."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..outfile import replaced
from ..prediction import Prediction
from .style import BLACK, BLUE, VERMILION, label, look, new_axes, new_figure, number_axis, thread_axis

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SERIES = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "D"), ("#CC79A7", "^"), ("#E69F00", "v"), ("#000000", "P"))
"""colours and markers of series that are no protocols"""


def curves(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw a predicted quantity over the number of threads: a line for each protocol, its interval as a band.

    table : columns protocol, n_threads, median, low, high (in one unit); optional name, for the legend
    """
    axes = axes or new_axes()
    for protocol, rows in table.groupby("protocol", sort=False):
        colour, marker = look(str(protocol))
        value = {
            str(column): column_values.to_numpy() for column, column_values in rows.sort_values("n_threads").items()
        }
        name = str(value["name"][0]) if "name" in value else str(protocol)
        axes.fill_between(value["n_threads"], value["low"], value["high"], color=colour, alpha=0.15, lw=0)
        axes.plot(value["n_threads"], value["median"], color=colour, marker=marker, label=name)
    thread_axis(axes, table["n_threads"])
    axes.set_ylim(bottom=0)
    axes.legend()
    return axes


def measured_points(table: pd.DataFrame, axes: Axes) -> Axes:
    """Add measured values: hollow markers in the protocol's colour.

    table : columns protocol, n_threads, value, in the unit of the axes
    """
    for protocol, rows in table.groupby("protocol", sort=False):
        colour, marker = look(str(protocol))
        x, y = rows["n_threads"].to_numpy(), rows["value"].to_numpy()
        hollow = axes.plot(x, y, color=colour, marker=marker, ms=9, ls="", label=f"{protocol}, measured")
        hollow[0].set(markerfacecolor="white", markeredgewidth=1.8)
    axes.legend()
    return axes


def predicted_against_measured(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw a row for each prediction: interval as a bar, median as a tick, measured value as a diamond.

    table : columns name (how the row is called), median, low, high, measured, in one unit;
            optional measured_low, measured_high, drawn as a line
    """
    axes = axes or new_axes()
    rows = range(len(table))
    value = {str(column): table[column].to_numpy() for column in table}
    axes.hlines(rows, value["low"], value["high"], color=BLUE, alpha=0.45, lw=8, label="predicted")
    axes.scatter(value["median"], rows, color=BLUE, marker="|", s=200, zorder=3)
    axes.scatter(value["measured"], rows, color=VERMILION, marker="D", s=50, zorder=4, label="measured")
    if "measured_low" in value:
        axes.hlines(rows, value["measured_low"], value["measured_high"], color=VERMILION, lw=2)
    axes.set_yticks(list(rows), table["name"].astype(str).tolist())
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.legend()
    return axes


def against_measured(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw predicted over measured speed-ups on log scales, with both ranges; on the diagonal they agree.

    table : columns name (the series), median, low, high, measured, measured_low, measured_high (ratios)
    """
    axes = axes or new_axes()
    if table["name"].nunique() > len(SERIES):
        raise ValueError(f"{table['name'].nunique()} names, but only {len(SERIES)} can be told apart: show fewer")
    for (name, rows), (colour, marker) in zip(table.groupby("name", sort=False), SERIES, strict=False):
        x, y = rows["measured"].to_numpy(), rows["median"].to_numpy()
        across = [x - rows["measured_low"].to_numpy(), rows["measured_high"].to_numpy() - x]
        up = [y - rows["low"].to_numpy(), rows["high"].to_numpy() - y]
        axes.errorbar(x, y, up, across, fmt=marker, color=colour, ms=7, elinewidth=1.2, label=str(name))
    ends = (0.9 * float(min(table["low"].min(), 1)), 1.1 * float(table[["high", "measured_high"]].max().max()))
    axes.plot(ends, ends, color=BLACK, lw=1, ls="--", zorder=0, label="predicted = measured")
    ticks = [tick for tick in (0.5, 1, 2, 3, 4, 6, 8, 12, 20, 50) if ends[0] < tick < ends[1]]
    number_axis(number_axis(axes, "x", ticks), "y", ticks).set(xlim=ends, ylim=ends, aspect="equal")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return axes


def save_prediction(found: Sequence[Prediction], path: Path, subject: str = "Predicted speed-up") -> None:
    """Draw speed-ups with their intervals into a file: over threads, or as bars where there is one number of them.

    subject : of the title: what was predicted, against what, and the level of the intervals
    """
    import matplotlib.pyplot as plt
    import pandas as pd

    rows = [{"protocol": p.protocol, "n_threads": p.n_threads, **vars(p.speedup)} for p in found]
    several = len({p.n_threads for p in found}) > 1
    figure, axes = new_figure()
    (curves if several else interval_bars)(pd.DataFrame(rows), axes)
    axes.axhline(1, color=BLACK, lw=1, ls="--")
    unit = "speed-up over the baseline (ratio of throughputs)"
    threads = "threads" if several else f"protocol, {found[0].n_threads} threads"
    label(axes, f"{subject}; dashed: no change", threads, unit)
    with replaced(path) as fresh:
        figure.savefig(fresh, format=path.suffix[1:])
    plt.close(figure)


def interval_bars(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw one interval for each protocol, its median marked.

    table : columns protocol, median, low, high (in one unit)
    """
    axes = axes or new_axes()
    columns = (table[column].tolist() for column in ("protocol", "median", "low", "high"))
    for place, (protocol, median, low, high) in enumerate(zip(*columns, strict=True)):
        colour, marker = look(protocol)
        axes.vlines(place, low, high, color=colour, alpha=0.45, lw=14)
        axes.plot(place, median, color=colour, marker=marker, mec="white", ms=10, ls="")
    axes.set_xticks(range(len(table)), table["protocol"].astype(str).tolist())
    axes.set(xlim=(-0.6, len(table) - 0.4), ylim=(0, 1.08 * float(max(table["high"].max(), 1))))
    return axes

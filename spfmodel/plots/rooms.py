"""One mechanism at a time: what its formula says beside what was counted or timed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, new_axes, number_axis, thread_axis

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LOOKS = ((BLUE, "o"), (VERMILION, "s"), (GREEN, "^"), (ORANGE, "D"), (PURPLE, "v"), (SKY, "P"))


def counted_against_said(table: pd.DataFrame, factor: float = 1.5, axes: Axes | None = None) -> Axes:
    """Draw predicted / measured over the measured share in %: formula filled, replay hollow, a grey band of `factor`.

    table : columns group, measured, formula, replay (shares above 0)
    """
    axes = axes or new_axes()
    axes.axhline(1, color=BLACK, lw=1)
    axes.axhspan(1 / factor, factor, color="grey", alpha=0.15, lw=0)
    for (group, rows), (colour, marker) in zip(table.groupby("group", sort=False), LOOKS, strict=False):
        x = 100 * rows["measured"]
        axes.plot(x, rows["formula"] / rows["measured"], marker, color=colour, label=str(group), alpha=0.8)
        axes.plot(x, rows["replay"] / rows["measured"], marker, color=colour, mfc="none")
    number_axis(axes, "x", [0.1, 0.3, 1, 3, 10, 30])
    number_axis(axes, "y", [0.5, 0.7, 1, 1.4, 2])
    axes.set_ylim(0.45, 2.2)
    axes.legend(title="filled: formula\nhollow: replay", loc="upper left", bbox_to_anchor=(1, 1))
    return axes


def flush_loops(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw the time of a loop that flushes over the threads that do so, in us: points measured, lines T(1) + (n - 1) s.

    table : columns machine, way, n_threads, loop_ns, line_ns
    """
    axes = axes or new_axes()
    groups = table.groupby(["machine", "way"], sort=False)
    for ((machine, way), rows), (colour, marker) in zip(groups, LOOKS, strict=False):
        axes.plot(rows["n_threads"], rows["loop_ns"] / 1e3, marker, color=colour, label=f"{machine}: {way}")
        axes.plot(rows["n_threads"], rows["line_ns"] / 1e3, color=colour, lw=1)
    number_axis(axes, "y", [2, 5, 10, 20, 50, 100])
    thread_axis(axes, table["n_threads"])
    axes.legend(loc="upper left")
    return axes


def classic_shares(table: pd.DataFrame, points: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw the share of faults that can't be speculative over pages per mapping, in %; points were counted.

    table : columns case, pages, share; points : columns case, pages, measured
    """
    axes = axes or new_axes()
    for (case, rows), (colour, _marker) in zip(table.groupby("case", sort=False), LOOKS, strict=False):
        axes.plot(rows["pages"], 100 * rows["share"], color=colour, label=str(case))
    for (case, rows), marker in zip(points.groupby("case", sort=False), "osD^", strict=False):
        axes.plot(rows["pages"], 100 * rows["measured"], marker, color=BLACK, mfc="white", label=f"counted: {case}")
    number_axis(axes, "x", [1, 8, 64, 512, 4096, 32768])
    number_axis(axes, "y", [0.01, 0.1, 1, 10, 100])
    axes.legend(loc="lower left", fontsize="small")
    return axes

"""A reader/writer lock over threads: three ways to solve it, and the kernel's lock beside the textbook's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .style import BLACK, BLUE, GREEN, ORANGE, VERMILION, new_axes, thread_axis

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLOURS = (BLUE, VERMILION, GREEN, ORANGE)
LINES = (("-", "o"), ("--", "s"), ("-.", "^"), (":", "D"))


def lock_capacity(table: pd.DataFrame, formula: str = "", axes: Axes | None = None) -> Axes:
    """Draw throughput over threads: exact chain as a line, formula dashed, simulation as points with 95 % intervals.

    table : columns p_write (share), n_threads, formula, chain, simulation, half_width, limit, in one unit of throughput
    formula : LaTeX written beside the curves
    """
    axes = axes or new_axes()
    for (p_write, rows), colour in zip(table.groupby("p_write", sort=False), COLOURS, strict=False):
        value = {str(column): rows[column].to_numpy() for column in rows}
        n = value["n_threads"]
        axes.plot(n, value["chain"], color=colour, label=f"{p_write:.0%} writes: exact chain")
        axes.plot(n, value["formula"], color=colour, ls="--", label="formula")
        points = axes.errorbar(n, value["simulation"], value["half_width"], fmt="o", color=colour, capsize=3)
        points.lines[0].set(markerfacecolor="white", label="simulation, 95 % interval")
        axes.hlines(value["limit"][0], n[0], n[-1], color=colour, lw=1, ls=":", label="limit, derived")
    axes.set_yscale("log")
    thread_axis(axes, table["n_threads"])
    axes.text(0.02, 0.97, formula, transform=axes.transAxes, va="top")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small")
    return axes


def rwsem_eras(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw throughput over threads under each lock's rules, with 95 % intervals of the simulation.

    table : columns lock, n_threads, throughput, half_width, in one unit
    """
    axes = axes or new_axes()
    styles = zip((BLACK, VERMILION, BLUE, GREEN), LINES, strict=True)
    for (lock, rows), (colour, (line, marker)) in zip(table.groupby("lock", sort=False), styles, strict=False):
        n, y, half = (rows[column].to_numpy() for column in ("n_threads", "throughput", "half_width"))
        axes.errorbar(n, y, half, color=colour, ls=line, marker=marker, capsize=3, label=str(lock))
    thread_axis(axes, table["n_threads"])
    axes.set_ylim(bottom=0)
    axes.legend()
    return axes

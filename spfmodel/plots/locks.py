"""A reader/writer lock over threads: three ways to solve it, and the kernel's lock beside the textbook's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .style import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILION, new_axes, number_axis, thread_axis

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
    for (_share, rows), colour in zip(table.groupby("p_write", sort=False), COLOURS, strict=False):
        value = {str(column): rows[column].to_numpy() for column in rows}
        n = value["n_threads"]
        axes.plot(n, value["chain"], color=colour)
        axes.plot(n, value["formula"], color=colour, ls="--")
        points = axes.errorbar(n, value["simulation"], value["half_width"], fmt="o", color=colour, capsize=3)
        points.lines[0].set(markerfacecolor="white")
        axes.hlines(value["limit"][0], n[0], n[-1], color=colour, lw=1, ls=":")
    number_axis(axes, "y", [0.1, 0.2, 0.5, 1, 2, 5, 10, 20])
    thread_axis(axes, table["n_threads"])
    axes.text(0.98, 0.04, formula, transform=axes.transAxes, ha="right")
    return _capacity_legend(axes, list(dict.fromkeys(table["p_write"])))


def _capacity_legend(axes: Axes, shares: list[float]) -> Axes:
    """Say what colours and line styles mean."""
    from matplotlib.lines import Line2D

    colours = [
        Line2D([], [], color=c, lw=4, label=f"{100 * p:g} % writes") for p, c in zip(shares, COLOURS, strict=False)
    ]
    lines = {"exact chain": "-", "formula": "--", "ceiling, derived": ":"}
    styles = [Line2D([], [], color="grey", ls=ls, label=name) for name, ls in lines.items()]
    label = "simulation, 95 % interval"
    dots = Line2D([], [], color="grey", ls="", marker="o", markerfacecolor="white", label=label)
    axes.legend(handles=[*colours, *styles, dots], loc="upper left", bbox_to_anchor=(1, 1))
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


def lock_rates(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw operations per second over threads: measured as points, simulated as lines, formula dotted.

    table : columns lock, n_threads, measured, simulated, formula (or nothing), in thousands a second
    """
    axes = axes or new_axes()
    looks = zip((BLACK, ORANGE, GREEN, BLUE, VERMILION, PURPLE), "osD^vP", strict=True)
    for (lock, rows), (colour, marker) in zip(table.groupby("lock", sort=False), looks, strict=False):
        n = rows["n_threads"]
        axes.plot(n, rows["measured"], marker, color=colour, label=str(lock))
        axes.plot(n, rows["simulated"], color=colour, lw=1.5)
        axes.plot(n, rows["formula"], color=colour, ls=":", lw=2)
    number_axis(axes, "y", [50, 100, 200, 500, 1000, 2000, 5000])
    thread_axis(axes, table["n_threads"])
    axes.legend(title="points: measured\nlines: simulated\ndotted: formula", loc="upper left", bbox_to_anchor=(1, 1))
    return axes

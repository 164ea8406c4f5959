"""A capture: how often faults fell back, by cause, and how long mmap_lock was waited for and held."""

from __future__ import annotations

from math import floor, log10
from typing import TYPE_CHECKING

from .style import BLACK, BLUE, GREEN, ORANGE, VERMILION, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

KINDS = {"all": (BLACK, "D"), "cause": (VERMILION, "o"), "file": (BLUE, "s")}
LABELS = {"all": "all", "cause": "by cause", "file": "by file"}
TIMES = {
    "wait read": (VERMILION, "-", "wait to read"),
    "wait write": (ORANGE, "--", "wait to write"),
    "hold read": (BLUE, "-", "held for read"),
    "hold write": (GREEN, "--", "held for write"),
}
DECADES = {1e2: "0.1 us", 1e3: "1 us", 1e4: "10 us", 1e5: "0.1 ms", 1e6: "1 ms", 1e7: "10 ms", 1e8: "0.1 s", 1e9: "1 s"}
SMALLEST = 1e-5
"""in %: where the axis of shares ends, if one is 0"""


def fallback_shares(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw shares of attempts that fell back, in % on a log scale, with their 95 % intervals; the first row on top.

    table : columns name, kind (all, cause or file), share, low, high; shares from 0 to 1
    """
    axes = axes or new_axes()
    shown = [kind for kind in KINDS if (table["kind"] == kind).any()]
    positive = [100 * value for value in (*table["low"], *table["share"]) if value > 0]
    least = max(10.0 ** floor(log10(min(positive, default=1.0) / 1.5)), SMALLEST)
    for kind in shown:
        colour, marker = KINDS[kind]
        rows = table[table["kind"] == kind]
        x, low, high = ((100 * rows[column]).clip(lower=least).to_numpy() for column in ("share", "low", "high"))
        axes.errorbar(
            x, rows.index.to_numpy(), xerr=[x - low, high - x], fmt=marker, color=colour, capsize=4, label=LABELS[kind]
        )
        for value, at, place in zip(rows["share"], x, rows.index, strict=True):
            axes.annotate(f"{100 * value:.3g} %", (at, place), (0, 7), textcoords="offset points", ha="center", size=9)
    axes.set_xscale("log")
    axes.set_xlim(least, min(max(200 * table["high"].max(), 10 * least), 120))
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(lambda value, _place: f"{value:g}")
    axes.set_yticks(table.index.to_numpy(), list(table["name"]))
    axes.invert_yaxis()
    axes.margins(y=0.15)
    if len(shown) > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return axes


def lock_times(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw, for each time, the share in % of waits and holds of mmap_lock that took longer; both axes logarithmic.

    table : columns what (wait read, wait write, hold read, hold write), at_ns, longer (0 to 1)
    """
    axes = axes or new_axes()
    for what, rows in table.groupby("what", sort=False):
        colour, line, label = TIMES.get(str(what), (BLACK, ":", str(what)))
        seen = rows[rows["longer"] > 0]
        axes.plot(seen["at_ns"], 100 * seen["longer"], line, marker=".", color=colour, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = table["at_ns"].min() / 1.5, table["at_ns"].max() * 1.5
    ticks = [at for at in DECADES if low <= at <= high]
    axes.set_xticks(ticks, [DECADES[at] for at in ticks])
    axes.set_xlim(low, high)
    axes.yaxis.set_major_formatter(lambda value, _place: f"{value:g}")
    axes.minorticks_off()
    axes.legend(loc="lower left")
    return axes

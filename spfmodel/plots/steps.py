"""One fault, step by step: what each protocol spends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

PALETTE = (SKY, GREEN, VERMILION, ORANGE, PURPLE, BLUE, BLACK)


def journeys(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw a level bar for each journey of a fault, its steps end to end; what an abort wastes is hatched.

    table : rows in the order of the steps; columns journey, kind (of step), ns, wasted (true: before an abort)
    """
    axes = axes or new_axes()
    timed = table[table["ns"] > 0]
    names = list(dict.fromkeys(timed["journey"]))
    colours = dict(zip(dict.fromkeys(timed["kind"]), PALETTE, strict=False))
    ends = dict.fromkeys(names, 0.0)
    columns = (timed[column].tolist() for column in ("journey", "kind", "ns", "wasted"))
    for name, kind, ns, wasted in zip(*columns, strict=True):
        bar = axes.barh(names.index(name), ns, left=ends[name], height=0.62, color=colours[kind], edgecolor="white")
        bar[0].set(hatch="///" if wasted else None, linewidth=0.6)
        ends[name] += ns
    for name, end in ends.items():
        axes.text(end, names.index(name), f" {end:,.0f} ns", va="center")
    axes.set_yticks(range(len(names)), names)
    axes.set(ylim=(len(names) - 0.5, -0.5), xlim=(0, 1.14 * max(ends.values())))
    return journey_legend(axes, colours)


def journey_legend(axes: Axes, colours: dict[str, str]) -> Axes:
    """Name the kinds of steps under the figure."""
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=kind) for kind, colour in colours.items()]
    handles.append(Patch(facecolor="white", edgecolor="grey", hatch="///", label="wasted: done before the abort"))
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.4, -0.18), ncols=2)
    axes.grid(visible=False, axis="y")
    return axes

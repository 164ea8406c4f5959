"""The figure: how many times faster than each peer, with the aims; and how the cost grows, with fitted exponents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spfmodel.plots.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, label, thread_axis, use_style

from .growth import Curve
from .row import Row
from .table import Results, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOOKS = [(BLUE, "o"), (VERMILION, "s"), (GREEN, "D"), (ORANGE, "^"), (PURPLE, "v"), (SKY, "P"), (BLACK, "X")]


def draw_ratios(axes: Axes, rows: list[Row]) -> None:
    """A dot with its range for each pair, a tick where its aim is."""
    for place, row in enumerate(reversed(rows)):
        assert row.ratio is not None
        axes.plot([row.ratio.low, row.ratio.high], [place, place], color=BLUE, lw=3, alpha=0.5, solid_capstyle="butt")
        axes.plot(row.ratio.median, place, "o", color=BLUE)
        at = (row.ratio.median, place)
        axes.annotate(number(row.ratio.median), at, (0, 8), textcoords="offset points", ha="center")
        if row.aim.startswith("ratio"):
            axes.plot(float(row.aim.split()[2]), place, "|", color=VERMILION, ms=18, mew=3)
    axes.plot([], [], "o-", color=BLUE, label="measured, with the range of the pairs")
    axes.plot([], [], "|", color=VERMILION, ms=14, mew=3, label="aim")
    axes.axvline(1.0, color=BLACK, lw=1)
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.set_xlim(low / 1.5, 1.5 * high)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    names = [f"{row.subject}: {row.name}\nagainst {row.peer}" for row in reversed(rows)]
    axes.set_yticks(range(len(rows)), names, fontsize=9)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=9)
    axes.set_xlabel("our speed / the peer's, same run (1: as fast)")
    axes.minorticks_off()


def draw_growth(axes: Axes, curves: list[Curve], title: str) -> None:
    """Costs against a size on log axes, each with its fitted line."""
    for (color, marker), curve in zip(LOOKS, curves, strict=False):
        fit = curve.exponent
        name = f"{curve.name}: {fit.value:.2f} ({fit.low:.2f} to {fit.high:.2f})"
        axes.plot(curve.sizes, curve.costs, marker, color=color, label=name)
        ends = [max(curve.fit_from, curve.sizes[0]), curve.sizes[-1]]
        axes.plot(ends, [fit.scale * size**fit.value for size in ends], color=color, lw=1)
    from matplotlib.ticker import LogLocator

    if curves[0].size == "threads":
        thread_axis(axes, [int(size) for curve in curves for size in curve.sizes])
    else:
        axes.set_xscale("log")
    axes.set_yscale("log")
    costs = [cost for curve in curves for cost in curve.costs]
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if max(costs) < 50 * min(costs) else (1.0,)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: "")
    room = (max(costs) / min(costs)) ** (0.15 + 0.12 * len(curves))
    axes.set_ylim(min(costs) / 1.3, max(costs) * room)
    label(axes, title, curves[0].size, f"cost, {curves[0].unit}")
    axes.legend(fontsize=8, title="exponent (95 %)", title_fontsize=8, loc="upper left", frameon=True)


def draw(results: Results, file: Path) -> None:
    """Write the figure; panels of curves share a unit and what grows."""
    import matplotlib.pyplot as plt

    use_style()
    rows = [row for row in results.rows if row.ratio and not row.yardstick]
    groups: dict[tuple[str, str], list[Curve]] = {}
    for curve in results.curves:
        groups.setdefault((curve.size, curve.unit), []).append(curve)
    deep = max(1, (len(groups) + 1) // 2)
    figure = plt.figure(figsize=(21, max(5.0, 0.5 * len(rows) + 1.5, 3.8 * deep)), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.6))
    if rows:
        draw_ratios(left.subplots(), rows)
    places = right.subplots(deep, 2, squeeze=False).ravel()
    for axes, ((size, unit), curves) in zip(places, groups.items(), strict=False):
        draw_growth(axes, curves, f"Cost in {unit} against {size}")
    for axes in places[len(groups) :]:
        axes.set_visible(False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)
    plt.close(figure)

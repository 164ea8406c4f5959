"""Maps of decisions: over two axes, what a protocol gains, where each one wins, and what was measured there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .style import BLACK, new_axes, number_axis

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
FINE = 80
"""points on each axis between which a map is drawn"""
GAINS = (0.125, 0.25, 0.5, 0.71, 0.83, 0.95, 1.05, 1.2, 1.4, 2, 4, 8)
"""speed-ups at which a map changes its colour; the middle of the scale is no change"""
TICKS = (0.125, 0.25, 0.5, 0.71, 0.95, 1.05, 1.4, 2, 4, 8)
Z80 = 1.2816
"""standard deviations at the ends of an 80 % interval"""


def surface(table: pd.DataFrame, x: str, y: str, z: str) -> tuple[Floats, Floats, Floats]:
    """A function through the points of a grid: fine x and y, and z on them, (FINE, FINE), y down the rows.

    Linear in ln x and ln y between points; table : columns x, y, z, one row a point of the whole grid
    """
    from scipy.interpolate import RectBivariateSpline

    grid = table.pivot_table(z, y, x)
    across, up = (np.log(axis.to_numpy(float)) for axis in (grid.columns, grid.index))
    spline = RectBivariateSpline(up, across, grid.to_numpy(), kx=1, ky=1)
    fine = (np.linspace(axis[0], axis[-1], FINE) for axis in (across, up))
    fx, fy = fine
    return np.exp(fx), np.exp(fy), np.asarray(spline(fy, fx))


def gain_map(
    table: pd.DataFrame, x: str, y: str, axes: Axes | None = None, *, spread: pd.DataFrame | None = None
) -> Axes:
    """Draw a speed-up over two logarithmic axes: colours, the break-even line, and hatching where that is not sure.

    table : columns x, y, speedup, the whole grid; spread : columns x, y, sd (of ln speed-up), a coarser grid over the
            same range: hatched where the 80 % interval holds no change
    """
    from matplotlib.colors import BoundaryNorm

    axes = axes or new_axes()
    fx, fy, gain = surface(table.assign(gain=np.log(table["speedup"])), x, y, "gain")
    colours = BoundaryNorm(GAINS, 256, extend="both")
    filled = axes.contourf(fx, fy, np.exp(gain), levels=GAINS, cmap="PuOr_r", norm=colours, extend="both")
    even = axes.contour(fx, fy, gain, levels=[0.0], colors=BLACK, linewidths=2)
    axes.clabel(even, fmt={0.0: "break-even"}, fontsize=9)
    if spread is not None:
        _hatch(axes, fx, fy, np.abs(gain) < Z80 * surface(spread, x, y, "sd")[2])
    figure: Any = axes.figure
    bar = figure.colorbar(filled, ax=axes, ticks=TICKS, label="speed-up (ratio of throughputs)")
    bar.ax.set_yticks(TICKS, [f"{tick:g}" for tick in TICKS])
    bar.ax.minorticks_off()
    return _log_axes(axes, table, x, y)


def _hatch(axes: Axes, fx: Floats, fy: Floats, where: NDArray[np.bool_]) -> None:
    """Hatch a part of a map."""
    if where.any():
        drawn = axes.contourf(fx, fy, where.astype(float), levels=[0.5, 1.5], colors="none", hatches=["///"])
        drawn.set_edgecolor("#555555")
        drawn.set_linewidth(0)


def _log_axes(axes: Axes, table: pd.DataFrame, x: str, y: str) -> Axes:
    """Both axes logarithmic, with the grid's own values written on them."""
    for which, column in (("x", x), ("y", y)):
        number_axis(axes, which, sorted(set(table[column])))
    axes.minorticks_off()
    axes.grid(visible=False)
    axes.set_xlim(table[x].min(), table[x].max())
    axes.set_ylim(table[y].min(), table[y].max())
    return axes


def measured_dots(table: pd.DataFrame, x: str, y: str, axes: Axes) -> Axes:
    """Add measured speed-ups to a map, as dots in its colours, each with its value and, if any, its label.

    table : columns x, y, speedup, label; who lies beyond the map sits on its edge
    """
    from matplotlib.colors import BoundaryNorm

    ends = {"x": axes.get_xlim(), "y": axes.get_ylim()}
    across, up = (table[name].clip(*ends[which]).to_numpy(float) for name, which in ((x, "x"), (y, "y")))
    width = 0.6 * float(np.log(ends["x"][1] / ends["x"][0])) if (table["label"] != "").any() else 0.0
    up = up / _apart(across, up, width) ** np.sign(np.log(up / np.sqrt(np.prod(ends["y"]))))
    norm = BoundaryNorm(GAINS, 256, extend="both")
    axes.scatter(across, up, c=table["speedup"], cmap="PuOr_r", norm=norm, s=110, edgecolor=BLACK, lw=1.5, zorder=5,
                 clip_on=False)  # fmt: skip
    middle = np.sqrt(np.prod(ends["x"]))
    for label, gain, px, py in zip(table["label"], table["speedup"], across, up, strict=True):
        far = px > middle
        box = {"boxstyle": "round,pad=0.12", "fc": "white", "ec": "none", "alpha": 0.75}
        axes.annotate(f"{label} {gain:.2f}".strip(), (px, py), (-8 if far else 8, 0), textcoords="offset points",
                      size=8, ha="right" if far else "left", va="center", zorder=6, bbox=box)  # fmt: skip
    return axes


def _apart(across: Floats, up: Floats, width: float) -> Floats:
    """Factors that move dots apart whose labels, `width` in ln x, would lie on each other; the first one stays."""
    out = np.ones(len(up))
    for i in range(len(up)):
        near = (up[:i] == up[i]) & (np.abs(np.log(across[:i] / across[i])) < width)
        out[i] = 1.45 ** int(near.sum())
    return out


def collapse(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw many systems over one dimensionless number; where they collapse, nothing else matters.

    table : columns number, value, series; kind (`model` or `measured`)
    """
    from .locks import COLOURS, LINES

    axes = axes or new_axes()
    for place, (name, rows) in enumerate(table.groupby("series", sort=False)):
        seen = bool((rows["kind"] == "measured").all())
        colour, marker = COLOURS[place % 4], LINES[place % 4][1]
        axes.scatter(rows["number"], rows["value"], s=70 if seen else 26, marker=marker, edgecolor=colour, lw=1.6,
                     facecolor="white" if seen else colour, label=str(name), zorder=4 if seen else 3)  # fmt: skip
    axes.set(xscale="log", yscale="log")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return axes

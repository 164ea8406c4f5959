"""What a figure shows: in words, for who can't see it, and as numbers, to draw it again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = dict[str, Any]
MOST_NAMES = 8
"""series that a text alternative names"""


def words(figure: Figure) -> str:
    """Text alternative: title, axes with their ranges, and the series of each panel.

    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> _ = axes.set(title="Gain", xlabel="threads", ylabel="ratio"), axes.plot([1, 8], [1, 4], label="SPF")
    >>> words(axes.figure)
    'Figure. Gain: ratio (1 to 4) against threads (1 to 8); SPF.'
    """
    panels = [_panel(axes) for axes in figure.axes if axes.get_visible() and axes.axison]
    title = figure.get_suptitle() if hasattr(figure, "get_suptitle") else ""
    return " ".join(["Figure.", *([f"{title}."] if title else []), *filter(None, panels)])


def _panel(axes: Axes) -> str:
    title = " ".join(axes.get_title(loc).strip() for loc in ("left", "center", "right")).strip()
    y, x = _axis(axes, "y"), _axis(axes, "x")
    names = [str(name) for name in axes.get_legend_handles_labels()[1]]
    more = [f"{len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
    series = " | ".join([*names[:MOST_NAMES], *more])
    shown = " against ".join(filter(None, (y, x)))
    told = "; ".join(filter(None, (shown, series)))
    return " ".join(f"{title}: {told}.".split()) if title and told else f"{title or told}." if title or told else ""


def _axis(axes: Axes, which: str) -> str:
    """An axis: its label with the range of what is drawn."""
    name = axes.get_xlabel() if which == "x" else axes.get_ylabel()
    seen = [row[which] for row in rows(axes)]
    values = np.array(seen, float)
    values = values[np.isfinite(values)]
    if not name or not len(values):
        return name
    return f"{name} ({values.min():.4g} to {values.max():.4g})"


def numbers(figure: Figure) -> list[Row]:
    """All that is drawn in data coordinates: panel, kind, series, part, x, y, and z of a coloured field."""
    return [{"panel": panel, **row} for panel, axes in enumerate(figure.axes) for row in rows(axes)]


def rows(axes: Axes) -> Iterator[Row]:
    """The numbers of one panel, artist by artist."""
    from matplotlib.collections import Collection, QuadMesh
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

    for artist in axes.get_children():
        kind, series = type(artist).__name__, str(artist.get_label())
        if isinstance(artist, Line2D) and artist.get_transform().contains_branch(axes.transData):
            pairs = zip(
                np.atleast_1d(artist.get_xdata(orig=False)), np.atleast_1d(artist.get_ydata(orig=False)), strict=False
            )
            yield from _points(kind, series, [list(pairs)])
        elif isinstance(artist, QuadMesh):
            yield from _field(kind, series, artist)
        elif isinstance(artist, Collection):
            offsets: Any = np.ma.filled(np.ma.asarray(artist.get_offsets(), float), np.nan)
            at_data = artist.get_offset_transform().contains_branch(axes.transData)
            paths = [path.vertices for path in artist.get_paths()]
            yield from _points(kind, series, [offsets] if at_data and len(offsets) else paths)
        elif isinstance(artist, Rectangle) and artist is not axes.patch:
            box = artist.get_bbox()
            yield from _points("bar", series, [[(box.x0, box.y0), (box.x1, box.y1)]])


def _points(kind: str, series: str, parts: Iterable[Any]) -> Iterator[Row]:
    for part, pairs in enumerate(parts):
        for x, y in pairs:
            yield {"kind": kind, "series": series, "part": part, "x": float(x), "y": float(y), "z": np.nan}


def _field(kind: str, series: str, mesh: Any) -> Iterator[Row]:
    """The cells of a coloured field: centre and value."""
    corners = np.asarray(mesh.get_coordinates(), float)
    middles = (corners[:-1, :-1] + corners[1:, 1:]) / 2
    values: Any = np.ma.filled(np.ma.asarray(mesh.get_array(), float), np.nan)
    if values.size not in (middles[..., 0].size, corners[..., 0].size):
        return
    where = middles if values.size == middles[..., 0].size else corners
    for (x, y), z in zip(where.reshape(-1, 2), values.ravel(), strict=True):
        yield {"kind": kind, "series": series, "part": 0, "x": float(x), "y": float(y), "z": float(z)}


def captions(figure: Figure) -> list[dict[str, object]]:
    """What is written on a figure: title, labels, scales, and the names on its ticks."""
    return [
        {
            "title": axes.get_title("left") or axes.get_title(),
            "x": axes.get_xlabel(),
            "y": axes.get_ylabel(),
            "x_scale": axes.get_xscale(),
            "y_scale": axes.get_yscale(),
            "x_ticks": [tick.get_text() for tick in axes.get_xticklabels()],
            "y_ticks": [tick.get_text() for tick in axes.get_yticklabels()],
        }
        for axes in figure.axes
    ]

"""Figures: a tidy table in, `Axes` out. One colour and one marker for each protocol, wherever it is drawn.

Colours are Okabe and Ito's, which are told apart with any colour vision; markers say the same again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)

LOOKS = {
    "mmap_sem": (BLACK, "o"),
    "spf_rwlock": (BLUE, "s"),
    "spf_rwlock_v11": (SKY, "s"),
    "spf_srcu": (PURPLE, "v"),
    "spf_rcu": (ORANGE, "^"),
    "spf_mmseq": (GREEN, "D"),
    "per_vma_lock": (VERMILION, "P"),
    "per_vma_refcnt": (VERMILION, "X"),
    "range_lock": (YELLOW, "h"),
    "ideal": ("#7f7f7f", "*"),
}
"""protocol -> colour, marker"""


def look(protocol: str) -> tuple[str, str]:
    """Colour and marker of a protocol; grey and a dot for one that is not shipped.

    >>> look("spf_rwlock")
    ('#0072B2', 's')
    """
    return LOOKS.get(protocol, ("#7f7f7f", "."))


def use_style() -> None:
    """Set the house style for every figure that follows: seaborn's white grid, sized for a page."""
    import seaborn as sns  # type: ignore[import-untyped]

    rc = {
        "figure.figsize": (8.0, 4.5),
        "figure.dpi": 110,
        "savefig.bbox": "tight",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
    }
    palette = [BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK]
    sns.set_theme(context="notebook", style="whitegrid", palette=palette, rc=rc)


def new_axes() -> Axes:
    """Return the axes of a new figure in the house style."""
    import matplotlib.pyplot as plt

    use_style()
    return plt.subplots(layout="constrained")[1]


def label(axes: Axes, title: str, x: str, y: str) -> Axes:
    """Name a figure: the title says what it shows, each axis its quantity with its unit."""
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return axes


def thread_axis(axes: Axes, threads: list[int]) -> Axes:
    """Lay the thread counts out in powers of two, each written as a plain number."""
    axes.set_xscale("log", base=2)
    axes.set_xticks(threads, [str(n) for n in threads])
    axes.minorticks_off()
    return axes


def curves(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw a predicted quantity over the number of threads: a line for each protocol, its interval as a band.

    table : columns protocol, n_threads, median, low, high; low and high in the unit of median
    """
    axes = axes or new_axes()
    for protocol, rows in table.groupby("protocol", sort=False):
        colour, marker = look(str(protocol))
        ordered = rows.sort_values("n_threads")
        threads = ordered["n_threads"].to_numpy()
        axes.fill_between(
            threads, ordered["low"].to_numpy(), ordered["high"].to_numpy(), color=colour, alpha=0.15, lw=0
        )
        axes.plot(threads, ordered["median"].to_numpy(), color=colour, marker=marker, label=str(protocol))
    thread_axis(axes, sorted({int(n) for n in table["n_threads"]}))
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
        axes.plot(
            x,
            y,
            color=colour,
            marker=marker,
            mfc="white",
            mew=1.8,
            ms=8,
            ls="",
            label=f"{protocol}, measured",
        )
    axes.legend()
    return axes


def predicted_against_measured(table: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """Draw a row for each prediction: interval as a bar, median as a tick, measured value as a diamond.

    table : columns name (how the row is called), median, low, high, measured, in one unit
    """
    axes = axes or new_axes()
    rows = range(len(table))
    low, high = table["low"].to_numpy(), table["high"].to_numpy()
    axes.hlines(rows, low, high, color=BLUE, alpha=0.45, lw=8, label="predicted")
    axes.scatter(table["median"].to_numpy(), rows, color=BLUE, marker="|", s=200, zorder=3)
    axes.scatter(
        table["measured"].to_numpy(), rows, color=VERMILION, marker="D", s=50, zorder=4, label="measured"
    )
    axes.set_yticks(list(rows), table["name"].astype(str).tolist())
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.legend()
    return axes

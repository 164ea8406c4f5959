"""The house style: one colour and one marker for each protocol, wherever it is drawn.

Colours are Okabe and Ito's, which are told apart with any colour vision; markers say the same again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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


def new_figure() -> tuple[Figure, Axes]:
    """Return a new figure in the house style, and its axes."""
    import matplotlib.pyplot as plt

    use_style()
    return plt.subplots(layout="constrained")


def new_axes() -> Axes:
    """Return the axes of a new figure in the house style."""
    return new_figure()[1]


def label(axes: Axes, title: str, x: str, y: str) -> Axes:
    """Name a figure: the title says what it shows, each axis its quantity with its unit."""
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return axes


def thread_axis(axes: Axes, threads: Iterable[int]) -> Axes:
    """Lay the thread counts out on a log scale, each written as a plain number where there is room."""
    roomy: list[int] = []
    for n in sorted({int(n) for n in threads}):
        if not roomy or n > 1.2 * roomy[-1]:
            roomy.append(n)
    axes.set_xscale("log", base=2)
    axes.set_xticks(roomy, [str(n) for n in roomy])
    axes.minorticks_off()
    return axes


def number_axis(axes: Axes, which: str, ticks: Sequence[float], suffix: str = "") -> Axes:
    """Make the x or y axis logarithmic, with these ticks written as plain numbers."""
    scale, place = (axes.set_xscale, axes.set_xticks) if which == "x" else (axes.set_yscale, axes.set_yticks)
    scale("log")
    place(ticks, [f"{tick:g}{suffix}" for tick in ticks])
    axes.minorticks_off()
    return axes

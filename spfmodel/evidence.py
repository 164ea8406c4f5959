"""Predictions beside measurements as tables: rows for figures, words for readers, claims for the index."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import catalog, datasets, published
from .prediction import Interval
from .validate import Cell

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]
QUANTITIES = {
    "speedup": "speed-up", "fallback_share": "fallback frequency", "vma_changed": "aborts because the VMA changed",
    "pte_lock": "aborts at the page-table lock", "attempt_share": "faults that try",
}  # fmt: skip
CLAIMED_THREADS = (12, 48, 112)
"""of a workload measured at many numbers of threads, those that the index shows"""


def short(title: str) -> str:
    """The part of a title that names its thing.

    >>> short("80-CPU POWER8 node, 2 sockets x 5 cores"), short("ebizzy -mTRp: map, touch one page")
    ('80-CPU POWER8 node', 'ebizzy -mTRp')
    """
    return re.split(r"[,:(]", title)[0].strip()


def names(cell: Cell) -> tuple[str, str]:
    """Machine and workload, for a reader."""
    workload = short(catalog.workload(cell.workload).title).removesuffix(" N")
    return short(catalog.machine(cell.machine).title), workload


def rows(found: Iterable[Cell], quantity: str) -> list[Row]:
    """The cells of one quantity, as figures want them: name, n_threads, median, low, high and what was measured."""
    return [
        {
            "name": ", ".join(names(c)), "n_threads": c.n_threads, **vars(c.predicted), "measured": c.measured,
            "measured_low": c.measured_low, "measured_high": c.measured_high,
        }
        for c in found if c.quantity == quantity
    ]  # fmt: skip


def throughput(found: Iterable[Cell], machine: str, workload: str) -> list[Row]:
    """Fitted baseline and predicted candidate, per second: protocol, name, n_threads, median, low, high."""
    mine = [c for c in found if (c.machine, c.workload, c.quantity) == (machine, workload, "speedup")]
    base = [("mmap_sem", "mmap_sem, fitted", c, c.baseline_throughput_per_s) for c in mine]
    candidate = [(c.protocol, f"{c.protocol}, predicted", c, c.throughput_per_s) for c in mine]
    return [
        {"protocol": protocol, "name": name, "n_threads": c.n_threads, **vars(interval)}
        for protocol, name, c, interval in (*base, *candidate)
    ]


def measured_throughput(
    machine: str, workload: str, protocols: Sequence[str], root: Path | None = None
) -> pd.DataFrame:
    """Published throughput per second: protocol, n_threads, value."""
    import pandas as pd

    m, w = catalog.machine(machine, root), catalog.workload(workload, root)
    parts = [published.rows(m, w, protocol, root).assign(protocol=protocol) for protocol in protocols]
    columns = {"protocol": "protocol", "n": "n_threads", "total_per_s": "value", "id": "id"}
    return pd.concat(parts)[list(columns)].rename(columns=columns)


def readable(found: Iterable[Cell]) -> list[Row]:
    """The cells in words: predicted with its 80 % interval, measured with its range, and how they compare."""
    return [
        {
            "machine": names(c)[0], "workload": names(c)[1], "threads": c.n_threads, "quantity": QUANTITIES[c.quantity],
            "predicted (80 %)": spoken(c.predicted, c.quantity),
            "measured (range)": spoken(measured(c), c.quantity), "ln(p/m)": f"{c.error:+.2f}",
            "inside": "80 %" if c.covered else "95 %" if c.covered95 else "no",
        }
        for c in found
    ]  # fmt: skip


def spoken(interval: Interval, quantity: str) -> str:
    """An interval in words; shares in per cent.

    >>> spoken(Interval(median=0.0123, low=0.004, high=0.1), "fallback_share")
    '1.2 % (0.40 to 10)'
    >>> spoken(Interval(median=2.0, low=2.0, high=2.0), "speedup")
    '2.00'
    """
    scale, unit = (1, "") if quantity == "speedup" else (100, " %")
    values = [scale * value for value in (interval.median, interval.low, interval.high)]
    said = [f"{v:.2f}" if v < 1 or not unit else f"{v:.1f}" if v < 10 else f"{v:.0f}" for v in values]
    return said[0] + unit + (f" ({said[1]} to {said[2]})" if interval.low < interval.high else "")


def measured(cell: Cell) -> Interval:
    """Median and range of the measured values."""
    return Interval(median=cell.measured, low=cell.measured_low, high=cell.measured_high)


def claims(found: Iterable[Cell], root: Path | None = None) -> list[Row]:
    """What the index states: one claim a cell, or a few of a workload measured at many numbers of threads."""
    cells = list(found)
    alone = {(c.machine, c.workload) for c in cells if c.quantity == "fallback_share"}
    shown = [c for c in cells if (c.machine, c.workload) in alone or c.n_threads in CLAIMED_THREADS]
    return [_claim(c, root) for c in sorted(shown, key=lambda c: [x.machine for x in cells].index(c.machine))]


def _claim(cell: Cell, root: Path | None) -> Row:
    machine, workload = names(cell)
    said = vars(measured(cell)) if cell.measured_low < cell.measured_high else cell.measured
    posted = versions(cell, root)
    measured_with = cell.protocol if cell.protocol.endswith(f"_{posted}") else f"{cell.protocol} {posted}".strip()
    return {
        "machine": machine, "claim": f"{workload}, {cell.n_threads} threads: {QUANTITIES[cell.quantity]}",
        "unit": "x" if cell.quantity == "speedup" else "share", "predicted": vars(cell.predicted), "measured": said,
        "source": f"{measured_with}, {author(cell, root)}",
    }  # fmt: skip


def citations(cell: Cell, root: Path | None = None) -> list[str]:
    """The sources in which a cell's measured rows were read."""
    tables = (datasets.measurements(root), datasets.counters(root))
    keys = {key for t in tables for key in t.loc[t["id"].isin(cell.candidate_rows), "source"]}
    cited = datasets.sources(root).set_index("source")["citation"]
    return [str(cited[key]) for key in sorted(keys)]


def author(cell: Cell, root: Path | None = None) -> str:
    """Who measured a cell, and in which year."""
    parts = citations(cell, root)[0].split("; ")
    return f"{short(parts[1])} {parts[2][:4]}" if len(parts) > 2 else parts[0]


def versions(cell: Cell, root: Path | None = None) -> str:
    """Which versions of a patch series were measured: `v6 to v10`; empty where the source counts none."""
    numbers = sorted({int(v) for citation in citations(cell, root) for v in re.findall(r"PATCH v(\d+)", citation)})
    return " to ".join(f"v{n}" for n in dict.fromkeys((numbers[0], numbers[-1]))) if numbers else ""

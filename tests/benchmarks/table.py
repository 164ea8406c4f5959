"""The table: as text for a terminal, as markdown for the documents; what is stored, and of which machine."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .growth import Curve
from .row import Row, row_from

HEAD = ["what", "ours", "unit", "peer", "theirs", "times faster (range)", "aim", "met"]
GROWTH_HEAD = ["cost of", "grows with", "from", "to", "exponent (95 %)", "cost at the end"]
MET = {True: "yes", False: "NO", None: ""}


@dataclass(kw_only=True)
class Results:
    """One run of the benchmarks."""

    date: str = ""
    machine: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)

    def merged_into(self, before: Results) -> Results:
        """This run, with what `before` knows of the subjects that did not run."""
        order = list(dict.fromkeys(each.subject for each in [*before.rows, *before.curves, *self.rows, *self.curves]))
        mine = {each.subject for each in [*self.rows, *self.curves]}
        rows = [row for row in before.rows if row.subject not in mine] + self.rows
        curves = [curve for curve in before.curves if curve.subject not in mine] + self.curves
        rows.sort(key=lambda row: order.index(row.subject))
        curves.sort(key=lambda curve: order.index(curve.subject))
        return Results(date=self.date, machine=self.machine, rows=rows, curves=curves)


def write(results: Results, file: Path) -> None:
    """As JSON."""
    content: dict[str, Any] = {"date": results.date, "machine": results.machine}
    content["rows"] = [row.stored() for row in results.rows]
    content["curves"] = [curve.stored() for curve in results.curves]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read(file: Path) -> Results:
    """What `write` wrote; empty results where there is no file."""
    if not file.exists():
        return Results()
    content = json.loads(file.read_text(encoding="utf-8"))
    rows, curves = [row_from(row) for row in content["rows"]], [Curve(**curve) for curve in content["curves"]]
    return Results(date=content["date"], machine=content["machine"], rows=rows, curves=curves)


def machine() -> dict[str, str]:
    """CPU, cores, how many others wanted them in the last minute, versions."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.exists() else ""
    model = next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")), "?")
    kernel = platform.release().split("-")[0]
    out = {"CPU": model, "cores": str(len(os.sched_getaffinity(0))), "system": f"Linux {kernel}"}
    out["load"] = f"{os.getloadavg()[0]:.1f}"
    out["Python"] = platform.python_version()
    out |= {name: version(name) for name in ("numpy", "numba", "scipy")}
    if compiler := shutil.which("cc"):
        said = subprocess.run([compiler, "--version"], check=False, capture_output=True, text=True).stdout
        out["C compiler"] = said.splitlines()[0] if said else "?"
    return out


def now() -> str:
    """Date and time, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def number(value: float | None) -> str:
    """Three digits, thousands apart.

    >>> number(1234567.0), number(0.012345), number(17.0), number(None)
    ('1,230,000', '0.0123', '17', '')
    """
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def cells(row: Row) -> list[str]:
    """A row's texts, by HEAD."""
    ratio = row.ratio and f"{number(row.ratio.median)} ({number(row.ratio.low)} to {number(row.ratio.high)})"
    aim = row.aim.replace("ratio ", "").replace("ours ", "").replace(">=", "≥").replace("<=", "≤")
    values = [number(row.ours), row.unit, row.peer, number(row.theirs), ratio or "", aim, MET[row.met]]
    return [f"{row.subject}: {row.name}", *values]


def growth_cells(curve: Curve) -> list[str]:
    """A curve's texts, by GROWTH_HEAD."""
    fit = curve.exponent
    start = max(curve.fit_from, curve.sizes[0])
    slope = f"{fit.value:.2f} ({fit.low:.2f} to {fit.high:.2f})"
    return [
        f"{curve.subject}: {curve.name}", curve.size, f"{start:,.0f}", f"{curve.sizes[-1]:,.0f}", slope,
        f"{number(curve.costs[-1])} {curve.unit}",
    ]  # fmt: skip


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of equal width, for a terminal."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    return "\n".join(line.rstrip() for line in lines)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def stamp(results: Results) -> str:
    """Date and machine in a sentence."""
    return f"Measured {results.date} on " + ", ".join(f"{key} {value}" for key, value in results.machine.items()) + "."


def text(results: Results) -> str:
    """All of it for a terminal."""
    parts = [stamp(results), aligned(HEAD, [cells(row) for row in results.rows])]
    if results.curves:
        parts.append(aligned(GROWTH_HEAD, [growth_cells(curve) for curve in results.curves]))
    missed = [row.key for row in results.rows if row.met is False]
    parts.append(f"{len(missed)} of {sum(bool(row.aim) for row in results.rows)} aims missed" + ": " * bool(missed))
    return "\n\n".join(parts) + "; ".join(missed)


def long_table(results: Results) -> str:
    """For docs/speed.md: rows, notes and exponents."""
    notes = [f"- {row.key}: {row.note}." for row in results.rows if row.note]
    growth = markdown(GROWTH_HEAD, [growth_cells(curve) for curve in results.curves])
    return "\n\n".join([stamp(results), markdown(HEAD, [cells(row) for row in results.rows]), growth, "\n".join(notes)])


def short_table(results: Results) -> str:
    """For README: what has a peer or an aim."""
    kept = [cells(row) for row in results.rows if row.aim or (row.ratio and not row.yardstick)]
    return stamp(results) + "\n\n" + markdown(HEAD, kept)


def between(page: str, start: str, end: str, inside: str) -> str:
    """The page with what stands between its two markers replaced; ValueError where a marker is missing.

    >>> between("a <x> old <y> b", "<x>", "<y>", "new")
    'a <x>\\nnew\\n<y> b'
    """
    head, found, rest = page.partition(start)
    _, closed, tail = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"no markers {start} and {end}")
    return f"{head}{start}\n{inside}\n{end}{tail}"

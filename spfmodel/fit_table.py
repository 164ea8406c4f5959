"""The measurement table of `spfmodel fit`: a CSV of one's own, checked row by row."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path

from . import catalog
from .forms import nearest
from .machine import CHOICES, Machine, Workload
from .observations import LEAST_SD, Observation
from .program import tries_at_all
from .protocols import PROTOCOLS, AbortCause, Protocol
from .sources import BadInput

NEEDED = ("protocol", "n_threads", "quantity", "value")
MOST_THREADS = 4096
TOO_SURE = 0.005
"""no measurement is believed better than that, in ln(value)"""
OPTIONAL = ("stddev", "repetitions", "workload", "mode", "unit", "source", "note")


def read(path: Path, workload: Workload, prior: Machine, use: Sequence[str] = ()) -> list[Observation]:
    """Rows as observations; `use` keeps only these protocols. Anything wrong is one sentence."""
    rows = _rows(path)
    found = [_observation(path, line, row, workload, prior) for line, row in rows]
    kept = [o for o in found if not use or o.protocol.name in use]
    if not kept:
        wanted = f" of {', '.join(use)}" if use else ""
        raise BadInput(f"{path}: no rows{wanted} to fit; add at least one throughput_per_s row of mmap_sem")
    return kept


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise BadInput(f"{path}: can't be read ({reason}); give a CSV file with columns {','.join(NEEDED)}") from None
    reader = csv.reader(text.splitlines(), skipinitialspace=True, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(path, header)
        return [(reader.line_num, _row(path, reader.line_num, header, cells)) for cells in reader if any(cells)]
    except csv.Error as error:
        raise BadInput(f"{path}, line {reader.line_num}: no valid CSV ({error}); mend that line") from None


def _check_header(path: Path, header: list[str]) -> None:
    known = (*NEEDED, *OPTIONAL)
    for column in NEEDED:
        if column not in header:
            raise BadInput(f"{path}: column {column} is missing; the header must have {','.join(NEEDED)}")
    for place, column in enumerate(header):
        if column not in known:
            raise BadInput(f"{path}: column {column or place + 1} is unknown; {nearest(column, known)}")
        if column in header[:place]:
            raise BadInput(f"{path}: column {column} is there twice; keep one")


def _row(path: Path, line: int, header: list[str], cells: list[str]) -> dict[str, str]:
    """One line by column; blanks at the end may be left out."""
    if len(cells) > len(header):
        raise BadInput(f"{path}, line {line}: {len(cells)} values for {len(header)} columns; remove what is too much")
    padded = [*cells, *[""] * (len(header) - len(cells))]
    return {name: cell.strip() for name, cell in zip(header, padded, strict=True)}


def _observation(path: Path, line: int, row: dict[str, str], workload: Workload, prior: Machine) -> Observation:
    where = f"{path}, line {line}"
    if row["protocol"] not in PROTOCOLS:
        name = row["protocol"] or "(empty)"
        raise BadInput(f"{where}: unknown protocol {name}; {nearest(name, PROTOCOLS)}")
    protocol, quantity = PROTOCOLS[row["protocol"]], _quantity(where, row["quantity"], prior)
    n_threads = _count(where, "n_threads", row["n_threads"], MOST_THREADS)
    own = _in_mode(where, row.get("mode", ""), _workload(where, row.get("workload", ""), workload))
    value = _number(where, "value", row["value"], zero=False)
    if "_share" in quantity:
        _check_share(where, own, protocol, quantity, n_threads, value)
    spread = _number(where, "stddev", row["stddev"], zero=True) / value if row.get("stddev") else LEAST_SD
    repeats = _count(where, "repetitions", row["repetitions"]) if row.get("repetitions") else 1
    return Observation(
        workload=own, protocol=protocol, n_threads=n_threads, quantity=quantity, value=value,
        log_sd=max(spread / repeats**0.5, TOO_SURE), rows=(f"{path.name}:{line}",),
    )  # fmt: skip


def _workload(where: str, name: str, main: Workload) -> Workload:
    """The row's own workload; the table's is the one that was asked for, with what `--set` fixed."""
    if name in ("", main.name):
        return main
    try:
        return catalog.workload(name)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None


def _in_mode(where: str, mode: str, workload: Workload) -> Workload:
    """The workload as the row ran it, threads of one process or a process each; blank: as the workload says."""
    if mode not in ("", *CHOICES["mode"]):
        raise BadInput(f"{where}: unknown mode {mode}; write {' or '.join(CHOICES['mode'])}")
    return (
        workload
        if mode in ("", workload.choice("mode"))
        else replace(workload, choices={**workload.choices, "mode": mode})
    )


def _quantity(where: str, name: str, prior: Machine) -> str:
    costs = [f"ns:{cost}" for cost, q in prior.costs.items() if q.unit == "ns"]
    known = ["throughput_per_s", "fallback_share", *(f"abort_share:{cause}" for cause in AbortCause), *costs]
    if name not in known:
        raise BadInput(f"{where}: unknown quantity {name or '(empty)'}; {_nearest_quantity(name, known)}")
    return name


def _nearest_quantity(name: str, known: list[str]) -> str:
    """The nearest one, or the forms that a quantity takes."""
    close = nearest(name, known)
    return close if close.startswith("did") else "write throughput_per_s, fallback_share, abort_share:CAUSE or ns:COST"


def _check_share(
    where: str, workload: Workload, protocol: Protocol, quantity: str, n_threads: int, value: float
) -> None:
    """A share is at most 1, of a protocol that tries under a workload that faults, and of one of its causes."""
    causes = {step.abort for step in protocol.attempt if step.abort}
    cause = quantity.partition(":")[2]
    faults = any(phase.do == "fault" for phase in workload.program)
    tries = tries_at_all(protocol, workload, n_threads)
    if value > 1:
        raise BadInput(f"{where}: {quantity} is {value:g}; a share is at most 1")
    if not (causes and faults and tries):
        never = f"{protocol.name} never tries under {workload.name} with n_threads {n_threads}"
        raise BadInput(f"{where}: {never}; leave its {quantity} out")
    if cause and cause not in causes:
        raise BadInput(f"{where}: {protocol.name} has no cause {cause}; {nearest(cause, causes)}")


def _count(where: str, column: str, text: str, most: int = 10**9) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise BadInput(f"{where}: {column} is {text or 'empty'}; give a whole number from 1 to {most}")
    return int(text)


def _number(where: str, column: str, text: str, *, zero: bool) -> float:
    try:
        value = float(text)
    except ValueError:
        raise BadInput(f"{where}: {column} is {text or 'empty'}; give a number") from None
    if not isfinite(value) or value < 0 or (value == 0 and not zero):
        rule = "of at least 0" if zero else "above 0"
        raise BadInput(f"{where}: {column} is {text}; give a finite number {rule}, or leave the row out")
    return value

"""The measurement table of `spfmodel fit`: a CSV of one's own, checked row by row."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from math import isfinite
from pathlib import Path

from . import catalog
from .forms import nearest
from .machine import Machine, Workload
from .observations import LEAST_SD, Observation
from .protocols import PROTOCOLS
from .sources import BadInput

NEEDED = ("protocol", "n_threads", "quantity", "value")
OPTIONAL = ("stddev", "repetitions", "workload", "mode", "unit", "source", "note")


def read(path: Path, workload: Workload, prior: Machine, use: Sequence[str] = ()) -> list[Observation]:
    """Rows as observations; `use` keeps only these protocols. Anything wrong is one sentence."""
    rows = _rows(path)
    found = [_observation(path, line, row, workload, prior) for line, row in rows]
    kept = [o for o in found if o is not None and (not use or o.protocol.name in use)]
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
    reader = csv.DictReader(text.splitlines())
    header = reader.fieldnames or []
    for column in NEEDED:
        if column not in header:
            raise BadInput(f"{path}: column {column} is missing; the header must have {','.join(NEEDED)}")
    unknown = [c for c in header if c not in (*NEEDED, *OPTIONAL)]
    if unknown:
        raise BadInput(f"{path}: column {unknown[0]} is unknown; {nearest(unknown[0], (*NEEDED, *OPTIONAL))}")
    return [(i, {k: (v or "").strip() for k, v in row.items() if k}) for i, row in enumerate(reader, 2)]


def _observation(path: Path, line: int, row: dict[str, str], workload: Workload, prior: Machine) -> Observation | None:
    where = f"{path}, line {line}"
    protocol = row["protocol"]
    if protocol not in PROTOCOLS:
        raise BadInput(f"{where}: unknown protocol {protocol}; {nearest(protocol, PROTOCOLS)}")
    if row.get("mode", "threads") not in ("", "threads"):
        if row["mode"] != "processes":
            raise BadInput(f"{where}: unknown mode {row['mode']}; write threads or processes")
        raise BadInput(f"{where}: rows of processes can't be fitted yet; leave them out")
    own = catalog.workload(row["workload"]) if row.get("workload") else workload
    quantity = _quantity(where, row["quantity"], prior)
    value = _number(where, "value", row["value"])
    share = not (quantity == "throughput_per_s" or quantity.startswith("ns:"))
    if share and value > 1:
        raise BadInput(f"{where}: {quantity} is {value:g}; a share is at most 1")
    spread = row.get("stddev", "")
    sd = max(_number(where, "stddev", spread) / value, 0.005) if spread else LEAST_SD
    repeats = _number(where, "repetitions", row["repetitions"]) if row.get("repetitions") else 1.0
    return Observation(
        workload=own, protocol=PROTOCOLS[protocol], n_threads=_threads(where, row["n_threads"]), quantity=quantity,
        value=value, log_sd=float(max(sd / max(1.0, repeats) ** 0.5, 0.005)), rows=(f"{path.name}:{line}",),
    )  # fmt: skip


def _quantity(where: str, name: str, prior: Machine) -> str:
    if name in ("throughput_per_s", "fallback_share"):
        return name
    kind, _, rest = name.partition(":")
    if kind == "ns" and rest in prior.costs and prior.costs[rest].unit == "ns":
        return name
    if kind == "abort_share" and rest:
        return name
    known = ["throughput_per_s", "fallback_share", "abort_share:CAUSE", *(f"ns:{c}" for c in prior.costs)]
    raise BadInput(f"{where}: unknown quantity {name}; {nearest(name, known)}")


def _threads(where: str, text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise BadInput(f"{where}: n_threads is {text or 'empty'}; give a whole number of at least 1")
    return int(text)


def _number(where: str, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise BadInput(f"{where}: {column} is {text or 'empty'}; give a number") from None
    if not isfinite(value) or value <= 0:
        raise BadInput(f"{where}: {column} is {text}; give a finite number above 0")
    return value

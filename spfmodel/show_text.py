"""How one protocol, machine, workload or cost reads as plain text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .protocols.mmap_sem import WRITES

Item = dict[str, Any]
ROW = ("path", "step", "action", "resource", "cost", "abort", "note")
"""Columns of a protocol's step table."""
NUMBER = ("value", "low", "high", "unit", "known by", "source", "where")
"""Columns that tell a number and its owner."""


def grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns, two spaces apart, under a header."""
    table = [list(header), *map(list, rows)]
    width = [max(len(row[i]) for row in table) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, width, strict=True)).rstrip() for row in table]
    return "\n".join([lines[0], "  ".join("-" * w for w in width), *lines[1:]])


def number(x: float) -> str:
    """Four digits, thousands apart.

    >>> number(45000.0), number(0.47), number(3e6)
    ('45,000', '0.47', '3,000,000')
    """
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.4g}"


def _number_rows(rows: Sequence[Item], first: str = "name") -> list[list[str]]:
    spans = [[number(row[k]) for k in ("value", "low", "high")] for row in rows]
    owners = [[row["unit"], row["kind"], row["source"], row["where"]] for row in rows]
    return [[str(row[first]), *s, *o] for row, s, o in zip(rows, spans, owners, strict=True)]


def _protocol_text(item: Item) -> str:
    table = grid(ROW, [list(step.values()) for step in item["steps"]]).replace(
        f"({', '.join(WRITES)} only)", "(not madvise)"
    )
    costs = [grid(("cost", *NUMBER), _number_rows(item["costs"])), ""] if item["costs"] else []
    head = [f"{item['name']}: {item['title']}", item["source"], *_who_tries(item), f"Lock: {item['lock']}."]
    return "\n".join([*head, "", table, "", *costs, *item["notes"]]).rstrip()


def _who_tries(item: Item) -> list[str]:
    """What a fault takes, and which faults try."""
    takes = f"A fault takes {item['takes']}."
    if not any(step["path"] == "attempt" for step in item["steps"]):
        return [takes, "Nothing is tried first."]
    alone = "does not try" if item["skips_single_threaded"] else "tries, too"
    kernel = "tries, too" if item["tries_kernel_mode"] else "does not try"
    refused = f" Refused: {', '.join(item['refuses'])}." if item["refuses"] else ""
    return [takes, f"A process with one thread {alone}; a fault in kernel mode {kernel}.{refused}"]


def _machine_text(item: Item) -> str:
    facts = ", ".join(f"{k} {str(v).lower() if isinstance(v, bool) else v}" for k, v in item["facts"].items())
    costs = grid(("cost", *NUMBER), _number_rows(item["costs"]))
    cited = [f"{key}: {title}" for key, title in item["citations"].items()]
    fits = [_calibration_text(c) for c in item["calibrations"]] or ["Not calibrated: all costs are priors."]
    head = [f"{item['name']}: {item['title']}", f"{facts} ({item['source']})"]
    hint = "`spfmodel show COST` says why a judgement is believed."
    return "\n".join([*head, "", costs, hint, "", *fits, "", *cited]).rstrip()


def _calibration_text(c: Item) -> str:
    head = f"Calibrated on {c['workload']} ({c['baseline']}), rows {', '.join(c['rows'])}; {c['n_draws']} draws"
    rows = [
        [p["name"], *(number(p[k]) for k in ("median", "low", "high")), p["unit"], p["origin"]] for p in c["parameters"]
    ]
    return f"{head}\n{grid(('parameter', 'median', 'low', 'high', 'unit', 'from'), rows)}"


def _workload_text(item: Item) -> str:
    head = [f"{item['name']}: {item['title']}", f"{item['command']} ({item['source']})"]
    units = f"{item['units_per_cycle']:g} {item['unit_of_work']} a cycle"
    scale = f"{item['threads_per_cpu']:g} threads a CPU; {units}"
    cycle = "Each thread repeats: " + "; ".join(item["program"]) + "."
    return "\n".join([*head, scale, cycle, "", grid(("parameter", *NUMBER), _number_rows(item["parameters"]))])


def _cost_text(item: Item) -> str:
    rows = _number_rows([{**q, "name": owner} for owner, q in item["on"].items()])
    notes = sorted({q["note"] for q in item["on"].values()} - {""})
    head = f"{item['name']} ({item['unit']}): {item['title']}"
    return "\n".join([head, "", grid(("machine", *NUMBER), rows), "", *notes]).rstrip()


TEXTS: Mapping[str, Callable[[Item], str]] = {
    "protocol": _protocol_text,
    "machine": _machine_text,
    "workload": _workload_text,
    "cost": _cost_text,
}
"""How one item reads."""

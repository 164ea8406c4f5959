"""Writes a machine as one self-contained TOML file, which `catalog.machine` reads back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .forms import FactsForm
from .machine import Calibration, FittedParameter, Machine
from .sources import Quantity


def machine_toml(machine: Machine) -> str:
    """Facts, every cost with its owner, and the calibrations with their draws."""
    facts = {name: getattr(machine, name) for name in ("name", "title", *FactsForm.model_fields, "source")}
    costs = [table(f"costs.{name}", _quantity(q)) for name, q in sorted(machine.costs.items())]
    return "\n".join([*_lines(facts), "", *costs, calibrations_toml(machine.calibrations.values())]).rstrip() + "\n"


def calibrations_toml(calibrations: Iterable[Calibration]) -> str:
    """A file of data/calibrations."""
    return "\n".join(_calibration(c) for c in calibrations)


def _calibration(c: Calibration) -> str:
    head = {
        "workload": c.workload,
        "rows": c.rows,
        "baseline": c.baseline,
        "protocols_used": c.protocols_used,
    }
    draws = ",\n".join(f"  {_value(draw)}" for draw in c.draws.values.tolist())
    body = [*_lines(head), f"names = {_value(c.draws.names)}", f"draws = [\n{draws},\n]", ""]
    fitted = [table(f"calibration.parameters.{name}", _fitted(p)) for name, p in c.parameters.items()]
    return "\n".join(["[[calibration]]", *body, *(fitted or ["[calibration.parameters]\n"])])


def _fitted(p: FittedParameter) -> dict[str, Any]:
    return {"median": p.median, "low": p.low, "high": p.high, "unit": p.unit, "from": p.origin}


def _quantity(q: Quantity) -> dict[str, Any]:
    owner = {"unit": q.unit, "kind": q.kind.value, "source": q.source}
    told = {key: text for key, text in (("where", q.where), ("note", q.note)) if text}
    return {"value": q.value, "low": q.low, "high": q.high, **owner, **told}


def table(name: str, content: Mapping[str, Any]) -> str:
    """One TOML table. name : as it stands between the brackets; content : texts, numbers, truths, lists of them."""
    return "\n".join([f"[{name}]", *_lines(content), ""])


def _lines(content: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in content.items()]


def _value(value: object) -> str:
    """One TOML value: text, number, truth, or a list of them; numbers read back equal.

    >>> _value((1.5, True, "text", [2]))
    '[1.5, true, "text", [2]]'
    """
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    return repr(float(value)) if isinstance(value, float) else str(value)

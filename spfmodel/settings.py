"""`--set KEY=VALUE`: facts, costs, workload parameters and kernels that the user fixes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from types import MappingProxyType

from . import catalog
from .forms import FactsForm, nearest
from .machine import CHOICES, Machine, Workload
from .primitives.reader_writer import era_of
from .sources import BadInput, Kind, Quantity

NOTHING: Mapping[str, str] = MappingProxyType({})
KERNELS = ("baseline.kernel", "candidate.kernel")
TRUTHS = {"true": True, "yes": True, "y": True, "1": True, "false": False, "no": False, "n": False, "0": False}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What `--set` said, sorted by whom it concerns."""

    facts: dict[str, object] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    parameters: dict[str, float] = field(default_factory=dict)
    choices: dict[str, str] = field(default_factory=dict)
    kernels: dict[str, str] = field(default_factory=dict)


def parse(items: Sequence[str], own: Mapping[str, str] = NOTHING) -> Settings:
    """Sort KEY=VALUE items; an unknown key, a bad value or a second word on the same key is refused.

    own : units of the costs that a protocol of one's own brings along, by name
    """
    out, seen = Settings(), dict[str, str]()
    for item in items:
        key, sign, value = (part.strip() for part in item.partition("="))
        if not sign or not key or not value:
            raise BadInput(f"--set {item}: write KEY=VALUE, such as cpus=64 or workload.think_ns=800")
        if seen.setdefault(key, value) != value:
            raise BadInput(f"--set {key} is both {seen[key]} and {value}; keep one")
        _sort(out, key, value, own)
    return out


def _sort(out: Settings, key: str, value: str, own: Mapping[str, str]) -> None:
    if key in FactsForm.model_fields:
        out.facts[key] = _fact(key, value)
    elif key in KERNELS:
        out.kernels[key] = _version(key, value)
    elif key.startswith("workload."):
        name = key.removeprefix("workload.")
        if name in CHOICES:
            out.choices[name] = _choice(key, name, value)
            return
        entries = catalog.parameter_entries()
        _refuse_unknown(name, [*entries, *CHOICES], "workload.")
        out.parameters[name] = _number(key, value, entries[name].unit, zero=True)
    else:
        costs = {name: entry.unit for name, entry in catalog.cost_entries().items()} | dict(own)
        _refuse_unknown(key, (*costs, *FactsForm.model_fields, *KERNELS, "workload.KEY"))
        out.costs[key] = _number(key, value, costs[key], zero=False)


def _refuse_unknown(name: str, known: Iterable[str], prefix: str = "") -> None:
    names = list(known)
    if name not in names:
        raise BadInput(f"--set {prefix}{name} is unknown; {nearest(name, names)}")


def _choice(key: str, name: str, value: str) -> str:
    if value not in CHOICES[name]:
        raise BadInput(f"--set {key}={value}: choose one of {', '.join(CHOICES[name])}")
    return value


def _fact(key: str, value: str) -> object:
    """A fact as the machine file would hold it: number, truth or text; `FactsForm` judges it."""
    if key == "kernel":
        return _version(key, value)
    kind = FactsForm.model_fields[key].annotation
    if kind is bool:
        return TRUTHS.get(value.lower(), value)
    return int(value) if value.removeprefix("-").isdecimal() else value


def _version(key: str, value: str) -> str:
    try:
        era_of(value)
    except ValueError as error:
        raise BadInput(f"--set {key}={value}: {error}") from None
    return value


def _number(key: str, value: str, unit: str, *, zero: bool) -> float:
    try:
        number = float(value)
    except ValueError:
        raise BadInput(f"--set {key}={value}: {value} is not a number; give one in {unit}") from None
    if not isfinite(number) or number < 0 or (number == 0 and not zero):
        raise BadInput(f"--set {key}={value}: give a finite number {'of at least' if zero else 'above'} 0")
    if unit == "share" and number > 1:
        raise BadInput(f"--set {key}={value}: a share is at most 1")
    return number


def with_settings(
    machine: Machine, workload: Workload, settings: Settings
) -> tuple[Machine, Workload, dict[str, float]]:
    """Machine and workload with facts, costs and parameters fixed; and what no draw may touch."""
    if settings.facts:
        machine = catalog.with_facts(machine, settings.facts)
    for name in settings.parameters:
        if name not in workload.parameters:
            known = nearest(name, workload.parameters)
            raise BadInput(f"--set workload.{name}: {workload.name} has no such parameter; {known}")
    costs = {**machine.costs, **_fixed(settings.costs, machine.costs)}
    parameters = {**workload.parameters, **_fixed(settings.parameters, workload.parameters)}
    fixed = settings.costs | settings.parameters
    choices = {**workload.choices, **settings.choices}
    return replace(machine, costs=costs), replace(workload, parameters=parameters, choices=choices), fixed


def _fixed(values: Mapping[str, float], known: Mapping[str, Quantity]) -> dict[str, Quantity]:
    """Values that the user vouches for, in the units of what they replace."""
    return {
        name: Quantity(value=v, low=v, high=v, unit=known[name].unit, kind=Kind.FACT, source="--set")
        for name, v in values.items()
    }

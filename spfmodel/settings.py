"""`--set KEY=VALUE`: facts, costs, workload parameters and kernels that the user fixes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isfinite

from . import catalog
from .forms import FactsForm, nearest
from .machine import Machine, Workload
from .primitives.reader_writer import era_of
from .sources import BadInput, Kind, Quantity

KERNELS = ("baseline.kernel", "candidate.kernel")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What `--set` said, sorted by whom it concerns."""

    facts: dict[str, object] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    parameters: dict[str, float] = field(default_factory=dict)
    kernels: dict[str, str] = field(default_factory=dict)


def parse(items: Sequence[str]) -> Settings:
    """Sort KEY=VALUE items; an unknown key or a bad value is refused."""
    out = Settings()
    for item in items:
        key, sign, value = item.partition("=")
        if not sign or not key or not value:
            raise BadInput(f"--set {item}: write KEY=VALUE, such as cpus=64 or workload.think_ns=800")
        _sort(out, key, value)
    return out


def _sort(out: Settings, key: str, value: str) -> None:
    if key in FactsForm.model_fields:
        out.facts[key] = _plain(value)
    elif key in KERNELS:
        out.kernels[key] = _version(key, value)
    elif key.startswith("workload."):
        out.parameters[_known(key.removeprefix("workload."), catalog.parameter_entries(), "workload.")] = _number(
            key, value, zero=True
        )
    else:
        known = {**dict.fromkeys((*FactsForm.model_fields, *KERNELS, "workload.KEY")), **catalog.cost_entries()}
        out.costs[_known(key, known, "")] = _number(key, value, zero=False)


def _known(name: str, known: object, prefix: str) -> str:
    names = list(known)  # type: ignore[call-overload]
    if name not in names:
        raise BadInput(f"--set {prefix}{name} is unknown; {nearest(name, names)}")
    return name


def _plain(value: str) -> object:
    """A fact as TOML would read it: number, true or false, else text."""
    if value.lower() in ("true", "false", "yes", "no", "y", "n"):
        return value.lower() in ("true", "yes", "y")
    return int(value) if value.lstrip("-").isdigit() else value


def _version(key: str, value: str) -> str:
    try:
        era_of(value)
    except ValueError as error:
        raise BadInput(f"--set {key}={value}: {error}") from None
    return value


def _number(key: str, value: str, *, zero: bool) -> float:
    try:
        number = float(value)
    except ValueError:
        raise BadInput(f"--set {key}={value}: {value} is not a number; give one in the unit of `show costs`") from None
    if not isfinite(number) or number < 0 or (number == 0 and not zero):
        raise BadInput(f"--set {key}={value}: give a finite number {'of at least' if zero else 'above'} 0")
    return number


def with_settings(machine: Machine, workload: Workload, settings: Settings) -> tuple[Machine, Workload, dict[str, float]]:
    """Machine and workload with facts, costs and parameters fixed; and what no draw may touch."""
    facts = dict(settings.facts)
    if "kernel" in facts:
        facts["kernel"] = _version("kernel", str(facts["kernel"]))
    if facts:
        machine = catalog.with_facts(machine, facts)
    missing = [name for name in settings.parameters if name not in workload.parameters]
    if missing:
        raise BadInput(
            f"--set workload.{missing[0]}: {workload.name} has no such parameter; {nearest(missing[0], workload.parameters)}"
        )
    machine = replace(machine, costs={**machine.costs, **_fixed(settings.costs, machine.costs)})
    workload = replace(
        workload, parameters={**workload.parameters, **_fixed(settings.parameters, workload.parameters)}
    )
    return machine, workload, {**settings.costs, **settings.parameters}


def _fixed(values: dict[str, float], known: object) -> dict[str, Quantity]:
    return {
        name: Quantity(
            value=v, low=v, high=v, unit=known[name].unit, kind=Kind.FACT, source="--set"  # type: ignore[index]
        )
        for name, v in values.items()
    }

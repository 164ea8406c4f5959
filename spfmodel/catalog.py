"""The shipped machines, priors and workloads, and files of the same form: TOML in, nouns out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from .forms import (
    CalibrationForm,
    CalibrationsForm,
    CostsForm,
    FactsForm,
    MachineForm,
    QuantityForm,
    WorkloadForm,
    nearest,
    parse,
)
from .machine import Calibration, Draws, FittedParameter, Machine, Phase, Workload
from .sources import BadInput, Kind, Quantity
from .tables import data_root
from .toml_file import read_toml

BOTTOM = "kernel"
"""the prior that all classes build on; it describes no machine"""
STRUCTURAL, EVERYONE = "structural.toml", "everyone"
"""a table for each machine that taught, in which its own misses do not count; one for everyone else"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One name that a file may use for a cost or a parameter."""

    unit: str
    """ns, ratio, share, count or KiB: fixed"""
    title: str


def machine_names(root: Path | None = None) -> list[str]:
    """Shipped machines."""
    return _names("machines", root)


def prior_names(root: Path | None = None) -> list[str]:
    """Classes of machines, for `fit --prior`."""
    return [name for name in _names("priors", root) if name != BOTTOM]


def workload_names(root: Path | None = None) -> list[str]:
    """Shipped workloads."""
    return _names("workloads", root)


def cost_entries(root: Path | None = None) -> dict[str, Entry]:
    """The costs that a machine has, by name: data/costs.toml."""
    return _entries("costs", root)


def parameter_entries(root: Path | None = None) -> dict[str, Entry]:
    """The parameters that a workload may have, by name: data/parameters.toml."""
    return _entries("parameters", root)


def machine(name_or_path: str | Path, root: Path | None = None) -> Machine:
    """A shipped machine by name, or one's own by path, with its calibrations."""
    file = _find("machine", "machines", name_or_path, root)
    found = _machine(file, root)
    beside = (root or data_root()) / "calibrations" / f"{found.name}.toml"
    if found.calibrations or file.parent != (root or data_root()) / "machines" or not beside.exists():
        return found
    form = parse(CalibrationsForm, read_toml(beside), str(beside))
    return replace(found, calibrations=_calibrations(form.calibration, beside, root))


def uncalibrated(name: str, root: Path | None = None) -> Machine:
    """A shipped machine without its calibrations: facts and priors only."""
    return _machine((root or data_root()) / "machines" / f"{name}.toml", root)


def prior(name_or_path: str | Path, root: Path | None = None) -> Machine:
    """A class of machines by name (x86-2s, ...), else a machine."""
    if str(name_or_path) in prior_names(root):
        return _machine((root or data_root()) / "priors" / f"{name_or_path}.toml", root)
    if str(name_or_path) in machine_names(root) or _is_path(name_or_path):
        return machine(name_or_path, root)
    hint = nearest(str(name_or_path), [*prior_names(root), *machine_names(root)])
    raise BadInput(f"unknown prior {name_or_path}; {hint}; or give a path to a TOML file")


def workload(name_or_path: str | Path, root: Path | None = None) -> Workload:
    """A shipped workload by name, or one's own by path."""
    file = _find("workload", "workloads", name_or_path, root)
    form = parse(WorkloadForm, read_toml(file), str(file))
    _check_entries(form.parameters, parameter_entries(root), f"{file}: parameters", zero_too=True)
    return Workload(
        **{
            f.name: getattr(form, f.name)
            for f in fields(Workload)
            if f.name not in ("program", "updater", "parameters")
        },
        program=tuple(Phase(**p.model_dump()) for p in form.program),
        updater=tuple(Phase(**p.model_dump()) for p in form.updater),
        parameters={name: _quantity(q) for name, q in form.parameters.items()},
    )


def with_facts(machine: Machine, facts: Mapping[str, object], where: str = "--set") -> Machine:
    """The machine with some facts replaced (cpus, kernel, ...), checked as a file's would be."""
    names = list(FactsForm.model_fields)
    form = parse(FactsForm, {name: getattr(machine, name) for name in names} | dict(facts), where)
    return replace(machine, **{name: getattr(form, name) for name in names})


def _names(folder: str, root: Path | None) -> list[str]:
    return sorted(file.stem for file in ((root or data_root()) / folder).glob("*.toml"))


def _entries(table: str, root: Path | None) -> dict[str, Entry]:
    content = read_toml((root or data_root()) / f"{table}.toml")
    return {name: Entry(unit=str(row["unit"]), title=str(row["title"])) for name, row in content.items()}


def _is_path(name: str | Path) -> bool:
    return isinstance(name, Path) or name.endswith(".toml") or "/" in name


def _find(what: str, folder: str, name_or_path: str | Path, root: Path | None) -> Path:
    """The file of a shipped name, or the path that was given."""
    if _is_path(name_or_path):
        return Path(name_or_path)
    known = _names(folder, root)
    if name_or_path in known:
        return (root or data_root()) / folder / f"{name_or_path}.toml"
    hint = nearest(str(name_or_path), known)
    raise BadInput(f"unknown {what} {name_or_path}; {hint}; or give a path to a TOML file")


def _machine(file: Path, root: Path | None) -> Machine:
    """A machine from its file and the priors that it builds on; calibrations only if in the file."""
    form = parse(MachineForm, read_toml(file), str(file))
    merged = _structural(form.name, root) | _merged(form, file, root, [file.stem])
    costs = {name: _quantity(q) for name, q in merged.items()}
    for name in cost_entries(root):
        if name not in costs:
            raise BadInput(f'{file}: no cost {name}; add [costs.{name}], or prior = "x86-2s" or another class')
    inherited = {"costs", "calibration", "prior"}
    facts = {name: getattr(form, name) for name in MachineForm.model_fields if name not in inherited}
    return Machine(**facts, costs=costs, calibrations=_calibrations(form.calibration, file, root))


def _structural(name: str, root: Path | None) -> dict[str, QuantityForm]:
    """Structural terms, learnt from the misses of all machines but this one."""
    file = (root or data_root()) / STRUCTURAL
    content = read_toml(file)
    told = content.get(name, content.get(EVERYONE, {}))
    return parse(CostsForm, {"name": name, "title": "structural terms", "costs": told}, f"{file}: {name}").costs


def _merged(form: CostsForm, file: Path, root: Path | None, seen: list[str]) -> dict[str, QuantityForm]:
    """Costs of a file over those of its prior, and so on down."""
    _check_entries(form.costs, cost_entries(root), f"{file}: costs")
    if form.prior is None:
        return form.costs
    below = (root or data_root()) / "priors" / f"{form.prior}.toml"
    if not below.exists():
        raise BadInput(f"{file}: unknown prior {form.prior}; {nearest(form.prior, _names('priors', root))}")
    if form.prior in seen:
        raise BadInput(f"{file}: prior {form.prior} builds on this file itself; name another, or {BOTTOM}")
    kind: type[CostsForm] = CostsForm if form.prior == BOTTOM else MachineForm
    parent = parse(kind, read_toml(below), str(below))
    return _merged(parent, below, root, [*seen, form.prior]) | form.costs


def _check_entries(
    given: Mapping[str, QuantityForm], known: Mapping[str, Entry], where: str, *, zero_too: bool = False
) -> None:
    """Names are known, units as fixed, values positive, shares at most 1."""
    for name, q in given.items():
        if name not in known:
            raise BadInput(f"{where}.{name} is unknown; {nearest(name, known)}")
        if q.unit != known[name].unit:
            raise BadInput(f"{where}.{name} has unit {q.unit}; convert it to {known[name].unit}")
        if q.low < 0 or (q.low == 0 and not zero_too):
            rule = "no negative" if zero_too else "only positive"
            raise BadInput(f"{where}.{name} reaches down to {q.low:g}; give {rule} numbers")
        if q.unit == "share" and q.high > 1:
            raise BadInput(f"{where}.{name} reaches up to {q.high:g}; a share is at most 1")


def _quantity(form: QuantityForm) -> Quantity:
    return Quantity(**form.model_dump(exclude={"kind"}), kind=Kind(form.kind))


def _calibrations(forms: Iterable[CalibrationForm], file: Path, root: Path | None) -> dict[str, Calibration]:
    """By workload; a second one for the same workload is refused."""
    known = {**cost_entries(root), **parameter_entries(root)}
    out: dict[str, Calibration] = {}
    for form in forms:
        where = f"{file}: calibration of {form.workload}"
        if form.workload in out:
            raise BadInput(f"{where} is there twice; keep one")
        for name in (*form.names, *form.parameters):
            if name not in known:
                raise BadInput(f"{where} names {name}, which is unknown; {nearest(name, known)}")
        out[form.workload] = _calibration(form)
    return out


def _calibration(form: CalibrationForm) -> Calibration:
    return Calibration(
        workload=form.workload,
        rows=tuple(form.rows),
        baseline=form.baseline,
        protocols_used=tuple([form.baseline] if form.protocols_used is None else form.protocols_used),
        parameters={name: FittedParameter(**p.model_dump()) for name, p in form.parameters.items()},
        draws=Draws(names=tuple(form.names), values=np.array(form.draws, dtype=np.float64)),
    )

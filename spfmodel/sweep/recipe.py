"""A sweep's recipe: TOML, checked whole before anything is computed, to a `Plan`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from .. import catalog, published
from ..forms import Form, Text, nearest, parse
from ..machine import Calibration, Machine, Workload
from ..protocol_file import OwnProtocol, costs_of
from ..protocol_file import protocol as named
from ..settings import Settings, with_settings
from ..settings import parse as parse_settings
from ..sources import BadInput
from ..toml_file import read_toml
from . import plan
from .axes import Axis, Value
from .axis_form import MOST_THREADS, AxisForm, axis, plainly, typed
from .design import MOST_SOBOL, grid_size
from .identity import identity
from .plan import OUTPUTS, Plan, at_medians

MOST_POINTS = 10**10


class SweepForm(Form):
    """The `[sweep]` of the file."""

    machine: Text
    workload: Text
    protocols: Annotated[list[Text], Field(min_length=1)]
    baseline: Text | None = None
    design: Literal["grid", "sobol", "lhs"]
    points: Annotated[int, Field(ge=1, le=MOST_POINTS)] | None = None
    solver: Literal["auto", "closed", "ctmc", "des"] = "closed"
    outputs: Annotated[list[Text], Field(min_length=1)] = Field(
        default_factory=lambda: ["speedup", "throughput_per_s", "fallback_share"]
    )
    threads: Annotated[int, Field(ge=1, le=MOST_THREADS)] | None = None
    events: Annotated[int, Field(ge=1000)] | None = None
    seed: Annotated[int, Field(ge=0)] = 1


class RecipeForm(Form):
    """The whole file. `set` fixes what `predict --set` would; `axes` vary."""

    sweep: dict[str, Any]
    axes: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]
    set: dict[str, Value] = Field(default_factory=dict)


@dataclass(frozen=True)
class _Read:
    """A recipe's tables, each of the right form."""

    path: Path
    sweep: SweepForm
    axes: dict[str, AxisForm]
    fixed: dict[str, Value]


def load(path: Path) -> Plan:
    """Read and check a recipe; what is wrong is one sentence that starts with its path."""
    content: dict[str, Any] = read_toml(path)
    content |= {table: _flat(content[table]) for table in ("axes", "set") if table in content}
    form = parse(RecipeForm, content, str(path))
    axes = {name: parse(AxisForm, given, f"{path}: axes.{name}") for name, given in form.axes.items()}
    try:
        return _plan(_Read(path, parse(SweepForm, form.sweep, f"{path}: sweep"), axes, form.set))
    except BadInput as error:
        raise BadInput(_with_path(path, error)) from None


def _with_path(path: Path, error: BadInput) -> str:
    said = plainly(error)
    return said if said.startswith(f"{path}: ") else f"{path}: {said}"


def _flat(table: Any) -> Any:
    """`workload.think_ns` written as TOML's dotted key is the same as written in quotes."""
    if not isinstance(table, dict):
        return table
    out = {name: value for name, value in table.items() if name not in ("workload", "baseline", "candidate")}
    for outer in ("workload", "baseline", "candidate"):
        inner = table.get(outer, {})
        out.update({f"{outer}.{name}": value for name, value in inner.items()} if isinstance(inner, dict) else {})
    return out


def _plan(read: _Read) -> Plan:
    s, path = read.sweep, read.path
    machine, workload = catalog.machine(_beside(path, s.machine)), catalog.workload(_beside(path, s.workload))
    protocols, baseline = _protocols(s, path, machine.calibrations.get(workload.name))
    machine, workload = at_medians(machine, workload)
    own = costs_of(protocols)
    machine = replace(machine, costs={**machine.costs, **own})
    units = {name: cost.unit for name, cost in own.items()}
    settings = _fixed(read.fixed, units, read.axes)
    machine, workload, _ = with_settings(machine, workload, settings)
    axes = tuple(axis(name, given, units, workload, s.design) for name, given in read.axes.items())
    _refuse_missing(axes, machine, workload)
    nouns = (machine, workload, tuple(p.protocol for p in protocols))
    said = [s.model_dump_json(), *(f"{name} {a.model_dump_json()}" for name, a in read.axes.items())]
    return Plan(
        machine=machine, workload=workload, protocols=nouns[2], baseline=baseline, kernels=settings.kernels,
        threads=_threads(s, axes, machine, workload), axes=axes, design=s.design, points=_points(s, axes),
        chunk=plan.CLOSED_CHUNK if s.solver == "closed" else plan.CHUNK,
        seed=s.seed, solver=s.solver, events=s.events or 0, outputs=_outputs(s),
        text=path.read_text(encoding="utf-8"), identity=identity("\n".join([*said, repr(settings), repr(nouns)])),
    )  # fmt: skip


def _beside(recipe: Path, name: str) -> str:
    """A shipped name as it is; a path relative to the recipe's folder."""
    return str(recipe.resolve().parent / name) if name.endswith(".toml") or "/" in name else name


def _protocols(s: SweepForm, path: Path, calibration: Calibration | None) -> tuple[list[OwnProtocol], str]:
    """What is solved, the baseline first; and its name, empty if there is none."""
    candidates = [named(_beside(path, name)) for name in s.protocols]
    names = [c.protocol.name for c in candidates]
    if len(set(names)) < len(names):
        raise BadInput(f"sweep.protocols has {next(n for n in names if names.count(n) > 1)} twice; keep one")
    if s.baseline is None and "speedup" not in s.outputs:
        return candidates, ""
    usual = calibration.baseline if calibration else "mmap_sem"
    base = named(_beside(path, s.baseline or usual))
    costs_of([base, *candidates])
    if names == [base.protocol.name] and s.outputs == ["speedup"]:
        raise BadInput("sweep.protocols has the baseline alone, which is no faster than itself; add a candidate")
    return [base, *(c for c in candidates if c.protocol.name != base.protocol.name)], base.protocol.name


def _fixed(fixed: Mapping[str, Value], own: Mapping[str, str], axes: Iterable[str]) -> Settings:
    for name in axes:
        if name in fixed:
            raise BadInput(f"{name} is both set and an axis; keep one")
    try:
        return parse_settings([f"{name}={typed(value)}" for name, value in fixed.items()], own)
    except BadInput as error:
        raise BadInput(f"set.{plainly(error)}") from None


def _refuse_missing(axes: Iterable[Axis], machine: Machine, workload: Workload) -> None:
    """Names that this workload lacks are refused now; facts that contradict each other are a point's own failure."""
    for one in axes:
        short = one.name.removeprefix("workload.")
        if one.home == "parameter" and short not in workload.parameters:
            known = nearest(short, workload.parameters)
            raise BadInput(f"axes.{one.name}: {workload.name} has no such parameter; {known}")
        if one.home == "fact" and len(one.levels) == 1:
            with_settings(machine, workload, Settings(facts={one.name: one.levels[0]}))


def _threads(s: SweepForm, axes: Iterable[Axis], machine: Machine, workload: Workload) -> int:
    if s.threads is not None and any(one.name == "threads" for one in axes):
        raise BadInput("threads is both set and an axis; keep one")
    return s.threads or published.default_threads(machine, workload)


def _points(s: SweepForm, axes: tuple[Axis, ...]) -> int:
    if s.design == "grid":
        size = grid_size(axes)
        if s.points is not None and s.points != size:
            raise BadInput(f"sweep.points is {s.points}, and the grid has {size}; leave points out")
        if size > MOST_POINTS:
            raise BadInput(f"the grid has {size:,} points; give fewer steps")
        return size
    if s.points is None:
        raise BadInput(f"sweep.points is missing; {s.design} needs a number of points")
    if s.design == "sobol" and s.points > MOST_SOBOL:
        raise BadInput(f"sweep.points is {s.points}; a Sobol design has at most {MOST_SOBOL}")
    return s.points


def _outputs(s: SweepForm) -> tuple[str, ...]:
    for name in s.outputs:
        if name not in OUTPUTS:
            raise BadInput(f"sweep.outputs has {name}, which is unknown; {nearest(name, OUTPUTS)}")
    return tuple(dict.fromkeys(s.outputs))

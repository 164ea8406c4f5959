"""An axis as a recipe writes it, checked and read: `line_ns = { log_range = [20, 200], steps = 11 }`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from .. import catalog
from ..forms import FactsForm, Form, nearest
from ..machine import CHOICES, Workload
from ..settings import KERNELS
from ..settings import parse as parse_settings
from ..sources import BadInput
from .axes import Axis, Value, spaced

MOST_THREADS = 4096
KINDS = ("values", "range", "log_range", "integers", "log_integers")
ALWAYS_SHAPES = ("one_vma", "page_table_sharing_kib", "work_scv", "line_scv")
"""costs and parameters of which a program takes one value for all draws"""
COUNTS = ("touched_kib", "faults_per_update", "dedicated_updaters", "recycle_kib")
Range = Annotated[list[float], Field(min_length=2, max_length=2)]


class AxisForm(Form):
    """One axis: a list of values, or a range of one kind."""

    values: Annotated[list[Value], Field(min_length=1)] | None = None
    range: Range | None = None
    log_range: Range | None = None
    integers: Range | None = None
    log_integers: Range | None = None
    steps: Annotated[int, Field(ge=2)] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        """One kind of range, ascending, above 0 where logarithmic."""
        kinds = [name for name in KINDS if getattr(self, name) is not None]
        if len(kinds) != 1:
            raise ValueError(f"has {' and '.join(kinds) or 'no values'}; give one of {', '.join(KINDS)}")
        if kinds == ["values"]:
            self._check_values()
            return self
        low, high = getattr(self, kinds[0])
        if low >= high:
            raise ValueError(f"runs from {low:g} to {high:g}; put the lower end first")
        if "log" in kinds[0] and low <= 0:
            raise ValueError(f"has {kinds[0]} from {low:g}; a logarithmic range starts above 0")
        if "integers" in kinds[0] and (low % 1 or high % 1):
            raise ValueError(f"has {kinds[0]} from {low:g} to {high:g}; give whole numbers")
        return self

    def _check_values(self) -> None:
        values = self.values or []
        if self.steps is not None:
            raise ValueError("has values and steps; steps divide a range")
        if len(set(map(repr, values))) < len(values):
            raise ValueError("has a value twice; keep one")
        if len({float if type(v) is int else type(v) for v in values}) > 1:
            raise ValueError("mixes words, truths and numbers; give values of one kind")


def axis(name: str, form: AxisForm, own: Mapping[str, str], workload: Workload, design: str) -> Axis:
    """A checked axis: its name is known, and the ends of its range are possible."""
    kind = next(k for k in KINDS if getattr(form, k) is not None)
    given = list(getattr(form, kind))
    home, unit = _home(name, own)
    for value in given:
        _check_value(name, value, home, own)
    log, whole = "log" in kind, "integers" in kind
    if home in ("fact", "choice", "kernel", "threads") and not (kind == "values" or whole):
        raise BadInput(f"axes.{name} has {kind}; give it values or integers")
    levels = _levels(form, kind, design)
    low, high = (0.0, 0.0) if kind == "values" else given
    if design == "grid" and not levels:
        raise BadInput(f"axes.{name} has {kind} without steps; a grid needs them, such as steps = 11")
    return Axis(
        name=name, unit=unit, home=home, shapes=_shapes(name, home, workload), levels=levels,
        low=low, high=high, log=log, whole=whole,
    )  # fmt: skip


def _levels(form: AxisForm, kind: str, design: str) -> tuple[Value, ...]:
    if kind == "values":
        values = form.values or []
        mixed = any(isinstance(v, float) for v in values)
        return tuple(float(v) if mixed else v for v in values)
    low, high = getattr(form, kind)
    log, whole = "log" in kind, "integers" in kind
    if form.steps:
        return spaced(low, high, form.steps, log=log, whole=whole)
    return tuple(range(int(low), int(high) + 1)) if whole and design == "grid" else ()


def _home(name: str, own: Mapping[str, str]) -> tuple[str, str]:
    """Whose a name is, and its unit."""
    if name == "threads":
        return "threads", "count"
    if name in FactsForm.model_fields:
        return "fact", {"page_kib": "KiB"}.get(name, "")
    if name in KERNELS:
        return "kernel", ""
    if name.startswith("workload."):
        short = name.removeprefix("workload.")
        entries = catalog.parameter_entries()
        if short in CHOICES:
            return "choice", ""
        if short not in entries:
            raise BadInput(f"axes.{name} is unknown; {nearest(short, [*entries, *CHOICES])}")
        return "parameter", entries[short].unit
    units = {n: entry.unit for n, entry in catalog.cost_entries().items()} | dict(own)
    if name not in units:
        known = [*units, *FactsForm.model_fields, *KERNELS, "threads", "workload.KEY"]
        raise BadInput(f"axes.{name} is unknown; {nearest(name, known)}")
    return "cost", units[name]


def _check_value(name: str, value: Value, home: str, own: Mapping[str, str]) -> None:
    """A value is possible for its name, as `--set` judges it."""
    if home == "threads":
        if isinstance(value, bool | str) or value % 1 or not 1 <= value <= MOST_THREADS:
            raise BadInput(f"axes.threads has {value}; give whole numbers from 1 to {MOST_THREADS}")
        return
    if isinstance(value, float) and home == "fact" and value % 1 == 0:
        value = int(value)
    try:
        parse_settings([f"{name}={typed(value)}"], own)
    except BadInput as error:
        raise BadInput(f"axes.{plainly(error)}") from None


def _shapes(name: str, home: str, workload: Workload) -> bool:
    """Whether points that differ in it have different programs."""
    if home not in ("cost", "parameter"):
        return True
    phases = (*workload.program, *workload.updater)
    repeats = {p.repeat for p in phases} | {p.every for p in phases}
    return name.removeprefix("workload.") in {*repeats, *ALWAYS_SHAPES, *COUNTS}


def typed(value: Value) -> str:
    """A value as it would be typed on a command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def plainly(error: BadInput) -> str:
    """What is wrong, without the name of an option that nobody typed."""
    return str(error).removeprefix("--set").lstrip(": ")

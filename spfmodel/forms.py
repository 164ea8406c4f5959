"""The forms of the TOML files, checked by pydantic; what is wrong is said in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from .machine import CHOICES
from .sources import BadInput

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Op = Literal["", "mmap", "munmap", "brk_up", "brk_down", "mprotect", "madvise", "update_op", "recycle"]
Count = Annotated[int, Field(ge=1, le=8192)]
"""as many CPUs as a Linux kernel can have"""
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Known = Literal["source-code", "measured", "prior", "fitted", "fact"]


class Form(BaseModel):
    """Unknown keys, text for a number, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


def _disorder(low: float, middle: float, high: float) -> str:
    return f"runs low {low:g}, middle {middle:g}, high {high:g}; put them in ascending order"


class QuantityForm(Form):
    """A number and its owner; see `sources.Quantity`."""

    value: float
    low: float
    high: float
    unit: Text
    kind: Known
    source: Text
    where: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        """The median lies in its range."""
        if not self.low <= self.value <= self.high:
            raise ValueError(_disorder(self.low, self.value, self.high))
        return self


class FittedForm(Form):
    """One parameter after a calibration; see `machine.FittedParameter`."""

    median: NotNegative
    low: NotNegative
    high: NotNegative
    unit: Text
    origin: Literal["data", "prior", "fact"] = Field(alias="from")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        """The median lies in its range."""
        if not self.low <= self.median <= self.high:
            raise ValueError(_disorder(self.low, self.median, self.high))
        return self


class CalibrationForm(Form):
    """What one workload's measurements say; see `machine.Calibration`."""

    workload: Text
    rows: list[Text]
    baseline: Text = "mmap_sem"
    protocols_used: list[Text] | None = None
    parameters: dict[str, FittedForm]
    names: list[Text]
    draws: list[list[NotNegative]]

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        """One number for each name in every draw."""
        if not self.draws or any(len(draw) != len(self.names) for draw in self.draws):
            size = len(self.names)
            raise ValueError(f"needs draws of {size} numbers each, as many as names; run `spfmodel fit -o` again")
        return self


class CalibrationsForm(Form):
    """A file of data/calibrations."""

    calibration: list[CalibrationForm] = []


class CostsForm(Form):
    """A prior that says only what things cost."""

    name: Text
    title: Text
    prior: Text | None = None
    costs: dict[str, QuantityForm] = {}


class FactsForm(Form):
    """What a machine is, whatever things cost on it."""

    arch: Literal["x86_64", "ppc64", "arm64", "riscv64", "loongarch64", "s390x"]
    cpus: Count
    cores: Count
    sockets: Count
    numa_nodes: Count
    page_kib: Literal[4, 8, 16, 64]
    kernel: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+")]
    virtual: bool
    thp: Literal["always", "madvise", "never"]
    spin_on_owner: bool

    @model_validator(mode="after")
    def _possible(self) -> Self:
        """A core has a CPU, a socket has a core."""
        if self.cores > self.cpus:
            raise ValueError(f"has cores = {self.cores} above cpus = {self.cpus}; cpus counts hardware threads")
        if self.sockets > self.cores:
            raise ValueError(f"has sockets = {self.sockets} above cores = {self.cores}; give each socket a core")
        return self


class MachineForm(CostsForm, FactsForm, CalibrationsForm):
    """A machine or a class of machines."""

    source: Text


class PhaseForm(Form):
    """One thing that a thread does; see `machine.Phase`."""

    do: Literal["think", "update", "fault"]
    op: Op = ""
    repeat: str = ""
    every: str = ""

    @model_validator(mode="after")
    def _update_has_op(self) -> Self:
        """An update says which; nothing else does."""
        if (self.do == "update") != bool(self.op):
            raise ValueError(f'has do = "{self.do}" with op = "{self.op}"; an update needs an op, others have none')
        return self


class WorkloadForm(Form):
    """A workload; see `machine.Workload`."""

    name: Text
    title: Text
    unit: Text
    command: str = ""
    source: Text
    units_per_cycle: Positive
    threads_per_cpu: Positive
    program: Annotated[list[PhaseForm], Field(min_length=1)]
    updater: list[PhaseForm] = []
    choices: dict[str, str] = {}
    parameters: dict[str, QuantityForm]

    @model_validator(mode="after")
    def _choices_known(self) -> Self:
        """A choice has a known name and one of its values."""
        for name, value in self.choices.items():
            if value not in (known := CHOICES.get(name, ())):
                raise ValueError(f'has choices.{name} = "{value}"; choose one of {", ".join(known or CHOICES)}')
        return self

    @model_validator(mode="after")
    def _repeats_known(self) -> Self:
        """What a phase repeats by is a parameter; `faults` may follow from touched_kib."""
        known = {*self.parameters} | ({"faults"} if "touched_kib" in self.parameters else set())
        for phase in (*self.program, *self.updater):
            for name in {phase.repeat, phase.every} - {"", *known}:
                raise ValueError(f'repeats by "{name}", which is no parameter; add [parameters.{name}]')
        return self


TABLES: Mapping[str, type[Form]] = {
    "costs": QuantityForm,
    "parameters": QuantityForm,
    "calibration": CalibrationForm,
    "program": PhaseForm,
    "updater": PhaseForm,
}
"""What the entries of a named table are, for naming the nearest known key."""
T = TypeVar("T", bound=Form)


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean X?`, or the list of what is known."""
    choices = sorted(known)
    close = get_close_matches(name, choices, 1, 0.5)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(choices)}"


def parse(form: type[T], content: Mapping[str, Any], where: str) -> T:
    """The content as a form; what is wrong becomes one sentence that starts with `where`.

    A misspelt key comes first: it explains the missing one.
    """
    try:
        return form.model_validate(dict(content))
    except ValidationError as problems:
        first = min(problems.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
        raise BadInput(f"{where}: {_sentence(first, form)}") from None


def _sentence(problem: Any, form: type[Form]) -> str:
    """What is wrong and what to do, from one of pydantic's errors."""
    loc = [*problem["loc"]]
    key, given, said = ".".join(map(str, loc)), problem["input"], str(problem["msg"])
    sentences: dict[str, Callable[[], str]] = {
        "missing": lambda: f"{key} is missing; add it",
        "extra_forbidden": lambda: f"unknown key {key}; {nearest(str(loc[-1]), _keys(loc[:-1], form))}",
        "finite_number": lambda: f"{key} is {given}; give a finite number",
        "string_too_short": lambda: f"{key} is empty; fill it in",
        "model_type": lambda: f"{key} is {given!r}; make it a table of {', '.join(_keys(loc, form))}",
        "value_error": f"{key} {said.removeprefix('Value error, ')}".strip,
    }
    other = f"{key} is {given!r}; {said[0].lower()}{said[1:]}"
    return sentences.get(problem["type"], lambda: other)()


def _keys(loc: list[str | int], form: type[Form]) -> list[str]:
    """Keys that the table at `loc` may have."""
    tables = [part for part in loc if isinstance(part, str) and part in TABLES]
    inside: type[Form] = TABLES[tables[-1]] if tables else form
    if tables == ["calibration", "parameters"]:
        inside = FittedForm
    return [field.alias or name for name, field in inside.model_fields.items()]

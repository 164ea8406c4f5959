"""A protocol in a file of one's own: its table as TOML, checked, and refused in one sentence (docs/protocols.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, StringConstraints, model_validator

from . import catalog
from .forms import Form, Known, QuantityForm, Text, nearest, parse
from .machine import CHOICES, Phase, Workload
from .pricing import prices
from .primitives.reader_writer import OTHER_LOCKS
from .protocols import PROTOCOLS, AbortCause, Action, Protocol, Resource, Step
from .protocols.check import OPS, problems
from .sources import BadInput, Kind, Quantity
from .toml_file import read_toml

PATHS = ("attempt", "classic", "fallback", "update")
FLAGS = ("skips_single_threaded", "tries_kernel_mode", "lock")
Word = TypeVar("Word", bound=StrEnum)
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class StepForm(Form):
    """One row of a path; see `protocols.vocabulary.Step`."""

    action: Text
    resource: str = ""
    cost: str = ""
    abort: str = ""
    ops: list[Text] = Field(default_factory=list)
    note: str = ""


class CostForm(QuantityForm):
    """A cost that the design brings along: a time in ns or a share, with its 90 % range and its source."""

    unit: Literal["ns", "share"]
    kind: Known = "prior"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        """Not negative; a share is at most 1."""
        if self.low < 0 or (self.unit == "share" and self.high > 1):
            raise ValueError(
                f"reaches from {self.low:g} to {self.high:g}; give numbers of at least 0, a share at most 1"
            )
        return self


class ProtocolForm(Form):
    """A protocol; see `protocols.vocabulary.Protocol`. What it leaves out is as in `like`."""

    name: Name
    title: Text
    source: Text
    like: Text | None = None
    skips_single_threaded: bool | None = None
    tries_kernel_mode: bool | None = None
    lock: str | None = None
    refuses: list[Text] | None = None
    notes: list[Text] = Field(default_factory=list)
    attempt: list[dict[str, Any]] | None = None
    classic: list[dict[str, Any]] | None = None
    fallback: list[dict[str, Any]] | None = None
    update: list[dict[str, Any]] | None = None
    costs: dict[str, CostForm] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OwnProtocol:
    """A protocol and the costs that it brings along, by name."""

    protocol: Protocol
    costs: Mapping[str, Quantity]


NO_COSTS: Mapping[str, Quantity] = MappingProxyType({})


@cache
def known_costs() -> frozenset[str]:
    """Names that a row of any protocol may use: priced on every machine and workload, for each operation."""
    program = (Phase(do="fault"), *(Phase(do="update", op=op) for op in OPS))
    workload = Workload(
        name="", title="", unit="faults", command="", source="", units_per_cycle=1, threads_per_cpu=1, program=program,
        parameters={},
    )  # fmt: skip
    priced = prices(catalog.prior("x86-2s"), workload, {}, 2)
    return frozenset(name for name in priced if name.endswith(("_ns", "_share")))


def is_path(name: str) -> bool:
    """A path, not the name of a shipped protocol."""
    return name.endswith(".toml") or "/" in name


def protocol(name_or_path: str) -> OwnProtocol:
    """A shipped protocol by name, or one's own by path; whatever is wrong is one sentence."""
    if is_path(name_or_path):
        return read(Path(name_or_path))
    if name_or_path not in PROTOCOLS:
        hint = nearest(name_or_path, PROTOCOLS)
        raise BadInput(f"unknown protocol {name_or_path}; {hint}; or give a path to a TOML file")
    return OwnProtocol(protocol=PROTOCOLS[name_or_path], costs=NO_COSTS)


def read(file: Path) -> OwnProtocol:
    """The protocol of a file, well formed, with costs that exist."""
    content = read_toml(file)
    for path in PATHS:
        if isinstance(content.get(path), dict):
            raise BadInput(f"{file}: [{path}] is a single table; write [[{path}]] above each of its rows")
    form = parse(ProtocolForm, content, str(file))
    if form.name in PROTOCOLS:
        raise BadInput(f"{file}: name {form.name} is that of a shipped protocol; give it another")
    _check_costs(form.costs, file)
    found = _protocol(form, file)
    for sentence in problems(found, known_costs() | set(form.costs)):
        raise BadInput(f"{file}: {sentence}")
    costs = {n: Quantity(**q.model_dump(exclude={"kind"}), kind=Kind(q.kind)) for n, q in form.costs.items()}
    return OwnProtocol(protocol=found, costs=costs)


def _check_costs(costs: Mapping[str, CostForm], file: Path) -> None:
    """New names, which end as their unit says."""
    taken = {*known_costs(), *catalog.cost_entries(), *catalog.parameter_entries()}
    for name, cost in costs.items():
        if name in taken:
            raise BadInput(f"{file}: costs.{name} exists already; fix it by --set, or choose another name")
        if not name.endswith(f"_{cost.unit}"):
            raise BadInput(f"{file}: costs.{name} has unit {cost.unit}; let its name end with _{cost.unit}")


def _protocol(form: ProtocolForm, file: Path) -> Protocol:
    """The form over what it is like."""
    if form.like is not None and form.like not in PROTOCOLS:
        raise BadInput(f"{file}: like = {form.like} is no shipped protocol; {nearest(form.like, PROTOCOLS)}")
    if form.lock and form.lock not in OTHER_LOCKS:
        raise BadInput(f'{file}: lock = {form.lock} is unknown; {nearest(form.lock, OTHER_LOCKS)}, or "" for the rwsem')
    for kind in set(form.refuses or ()) - set(CHOICES["fault_kind"]):
        raise BadInput(f"{file}: refuses {kind}, which is no kind of fault; {nearest(kind, CHOICES['fault_kind'])}")
    given = {flag: getattr(form, flag) for flag in FLAGS if getattr(form, flag) is not None}
    given |= {path: _steps(rows, file, path) for path in PATHS if (rows := getattr(form, path)) is not None}
    if form.refuses is not None:
        given["refuses"] = tuple(form.refuses)
    blank = Protocol(name=form.name, title=form.title, source=form.source)
    below = PROTOCOLS[form.like] if form.like else blank
    return replace(below, name=form.name, title=form.title, source=form.source, notes=tuple(form.notes), **given)


def _steps(rows: Iterable[Mapping[str, Any]], file: Path, path: str) -> tuple[Step, ...]:
    return tuple(_step(row, f"{file}: {path}, row {n}") for n, row in enumerate(rows, 1))


def _step(row: Mapping[str, Any], where: str) -> Step:
    """One row, its words known."""
    form = parse(StepForm, row, where)
    return Step(
        action=_word(Action, "action", form.action, where),
        resource=_word(Resource, "resource", form.resource, where) if form.resource else None,
        abort=_word(AbortCause, "abort", form.abort, where) if form.abort else None,
        cost=form.cost, ops=tuple(form.ops), note=form.note,
    )  # fmt: skip


def _word(words: type[Word], key: str, given: str, where: str) -> Word:
    known = [str(word) for word in words]
    if given not in known:
        raise BadInput(f"{where}: {key} = {given} is unknown; {nearest(given, known)}")
    return words(given)


def costs_of(protocols: Iterable[OwnProtocol]) -> dict[str, Quantity]:
    """The costs that protocols bring along, by name; two that disagree are refused."""
    out: dict[str, Quantity] = {}
    seen: dict[str, OwnProtocol] = {}
    for own in protocols:
        if seen.setdefault(own.protocol.name, own) != own:
            raise BadInput(f"two different protocols are called {own.protocol.name}; rename one")
        for name, cost in own.costs.items():
            if out.setdefault(name, cost) != cost:
                raise BadInput(f"costs.{name} differs between two protocol files; give it two names")
    return out

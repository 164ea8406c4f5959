"""Parameters of a notebook, checked before any kernel starts.

The cell tagged `parameters` declares name, type and range of each:

    from spfmodel.report.parameters import MachineName, Seed, Threads

    machine: MachineName = "x86-vm-16"
    n_threads: Threads = 16
    seed: Seed = 1

An annotation is a name of this module or a plain type (bool, int, float, str, list[int], Literal["a", "b"]); a
parameter without one has the type of its default and no range.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model

from ..sources import BadInput

__all__ = ["Literal", "MachineName", "Milliseconds", "Nanoseconds", "ProtocolName", "Seed", "Share", "Size", "Threads",
           "WorkloadName", "YesNo", "check", "declared"]  # fmt: skip


def _machine(name: str) -> str:
    from ..catalog import machine

    return machine(name).name and name


def _workload(name: str) -> str:
    from ..catalog import workload

    return workload(name).name and name


def _protocol(name: str) -> str:
    from ..protocol_file import protocol

    return protocol(name).protocol.name and name


Seed = Annotated[int, Field(ge=0)]
"""of all random streams"""
Threads = Annotated[int, Field(ge=1, le=4096)]
"""a number of threads"""
Size = Annotated[int, Field(ge=0)]
"""a count, or bytes; 0: none"""
Nanoseconds = Annotated[float, Field(ge=0, le=1e12)]
"""a time, up to a quarter of an hour"""
Milliseconds = Annotated[float, Field(ge=0, le=1e6)]
"""a time, up to a quarter of an hour"""
Share = Annotated[float, Field(ge=0, le=1)]
"""a frequency"""
YesNo = Literal["", "yes", "no"]
"""a fact; empty: not known"""
MachineName = Annotated[str, AfterValidator(_machine)]
"""a shipped machine, or the path of a TOML file"""
WorkloadName = Annotated[str, AfterValidator(_workload)]
"""a shipped workload, or the path of a TOML file"""
ProtocolName = Annotated[str, AfterValidator(_protocol)]
"""a shipped protocol, or the path of a TOML file"""


class Declared(BaseModel):
    """What every notebook's parameters have in common: unknown names, other types, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, validate_default=True)


def declared(notebook: Path, where: str) -> type[Declared]:
    """Read the declaration in a notebook. where : begins a complaint about the file."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        tagged = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
        source = "".join("".join(cell["source"]) + "\n" for cell in tagged)
        fields: dict[str, Any] = {name: (kind, default) for name, kind, default in assigned(source)}
        model = create_model("Parameters", __base__=Declared, __module__=__name__, **fields)
        model.model_rebuild()
    except OSError as error:
        raise BadInput(f"{where}: cannot read the notebook {notebook}: {error.strerror}.") from None
    except NameError as error:
        raise BadInput(f"{where}: {notebook} declares a parameter by an unknown type: {error}.") from None
    except (ValueError, KeyError, TypeError, AttributeError, SyntaxError):
        raise BadInput(f"{where}: {notebook} is not a Jupyter notebook with readable Python parameters.") from None
    return model


def assigned(source: str) -> Iterator[tuple[str, object, object]]:
    r"""Find what a piece of Python assigns literals to: name, type, default.

    >>> list(assigned("n: Threads = 16  # threads\nthreads = [1, 2]\nout = make()"))
    [('n', 'Threads', 16), ('threads', list[int], [1, 2])]
    """
    for statement in ast.parse(source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                declared_as = ""
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                declared_as = ast.unparse(statement.annotation)
            case _:
                continue
        try:
            default = ast.literal_eval(value)
        except ValueError:
            continue
        yield name, declared_as or kind_of(default), default


def kind_of(default: object) -> object:
    """Type of a parameter that declares none: that of its default."""
    if isinstance(default, list):
        kinds = {type(item) for item in default}
        item = float if kinds == {int, float} else kinds.pop() if len(kinds) == 1 else Any
        return list[item]  # type: ignore[valid-type]
    return Any if default is None else type(default)


def check(given: Mapping[str, object], model: type[Declared], where: str) -> dict[str, object]:
    """All parameters of a run: the defaults, replaced by what is given; anything that does not fit is refused."""
    try:
        return dict(model.model_validate(given))
    except ValidationError as error:
        raise BadInput(f"{where}{_complaint(error, model)}") from None


def _complaint(error: ValidationError, model: type[Declared]) -> str:
    """Say the first thing that is wrong."""
    found = error.errors()[0]
    name, value = str(found["loc"][0]), found["input"]
    if found["type"] == "extra_forbidden":
        return f" has no parameter `{name}`; it has: {', '.join(sorted(model.model_fields)) or 'none'}."
    if found["type"] == "value_error":
        return f": parameter `{name}`: {found['msg'].removeprefix('Value error, ').rstrip('.')}."
    wanted = wording(model.model_json_schema()["properties"][name])
    return f": parameter `{name}` is {wanted} (such as {model.model_fields[name].default!r}), not {value!r}."


def wording(schema: Mapping[str, Any]) -> str:
    """Say what a JSON schema asks for.

    >>> wording({"type": "integer", "minimum": 1, "maximum": 8})
    'an integer from 1 to 8'
    """
    kinds = {"boolean": "true or false", "integer": "an integer", "number": "a number", "string": "a text"}
    if schema.get("type") == "array":
        each = wording(schema["items"]) if schema.get("items") else ""
        return f"a list, each {each}" if each else "a list"
    if options := schema.get("enum", [schema["const"]] if "const" in schema else None):
        return "one of " + ", ".join(map(str, options))
    low, high = schema.get("minimum"), schema.get("maximum")
    floor = "" if low is None else f" of at least {low:g}"
    span = floor if low is None or high is None else f" from {low:g} to {high:g}"
    return kinds.get(str(schema.get("type")), "another value") + span

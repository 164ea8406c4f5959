"""Recipe: which notebooks a report runs, with which parameters; all is checked before anything runs."""

from __future__ import annotations

import ast
import json
import math
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..sources import BadInput
from .wording import first_error

SHAPE = "a recipe has [report] title, out, lead and [[notebook]] path, title, question, name, parameters"
KIND = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a text",
    list: "a list",
    tuple: "a list",
}


@dataclass(frozen=True, kw_only=True)
class Job:
    """One notebook to run."""

    name: str
    """stem of its output files"""
    notebook: Path
    title: str
    question: str
    given: dict[str, object]
    """parameters that the recipe sets"""
    parameters: dict[str, object]
    """all its parameters: the notebook's defaults, replaced by what is given"""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A report to make."""

    path: Path
    title: str
    lead: str
    """a sentence under the title"""
    out: Path
    """folder of the report"""
    jobs: tuple[Job, ...]


class NotebookEntry(BaseModel):
    """One `[[notebook]]` of the file."""

    model_config = ConfigDict(extra="forbid")
    path: Path
    title: str
    question: str
    name: str = ""
    parameters: dict[str, object] = Field(default_factory=dict)


class ReportEntry(BaseModel):
    """The `[report]` of the file."""

    model_config = ConfigDict(extra="forbid")
    title: str
    out: Path
    lead: str = ""


class RecipeFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")
    report: ReportEntry
    notebook: list[NotebookEntry] = Field(min_length=1)


def load_recipe(path: Path) -> Recipe:
    """Read a recipe and check it against its notebooks. Paths in it are relative to the recipe's folder."""
    file = parsed(path)
    here = path.resolve().parent
    jobs = tuple(job(entry, path, here) for entry in file.notebook)
    refuse_equal_names(jobs, path)
    entry = file.report
    return Recipe(path=path, title=entry.title, lead=entry.lead, out=here / entry.out, jobs=jobs)


def parsed(path: Path) -> RecipeFile:
    """Read the TOML file itself."""
    try:
        return RecipeFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInput(f"Cannot read the recipe {path}: {reason}.") from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path} is not valid TOML: {error}.") from None
    except ValidationError as error:
        raise BadInput(f"{path}: {first_error(error)}; {SHAPE}.") from None


def job(entry: NotebookEntry, recipe: Path, here: Path) -> Job:
    """Check one entry against its notebook."""
    notebook = here / entry.path
    defaults = default_parameters(notebook, recipe)
    given = {
        name: accepted(name, value, defaults, f"{recipe}: {notebook.name}") for name, value in entry.parameters.items()
    }
    return Job(
        name=entry.name or notebook.stem,
        notebook=notebook.resolve(),
        title=entry.title,
        question=entry.question,
        given=given,
        parameters={**defaults, **given},
    )


def default_parameters(notebook: Path, recipe: Path) -> dict[str, object]:
    """Read the literal defaults in a notebook's cell tagged `parameters`: name -> value."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        tagged = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
        return literals("".join("".join(cell["source"]) + "\n" for cell in tagged))
    except OSError as error:
        raise BadInput(f"{recipe}: cannot read the notebook {notebook}: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError, SyntaxError):
        raise BadInput(f"{recipe}: {notebook} is not a Jupyter notebook with readable Python parameters.") from None


def literals(source: str) -> dict[str, object]:
    r"""Collect the assignments of plain literals in a piece of Python.

    >>> literals("machine = 'x86-vm-16'  # a name\nthreads: list[int] = [1, 2]\nout = make()")
    {'machine': 'x86-vm-16', 'threads': [1, 2]}
    """
    found: dict[str, object] = {}
    for statement in ast.parse(source).body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                try:
                    found[name] = ast.literal_eval(value)
                except ValueError:
                    continue
    return found


def accepted(name: str, value: object, defaults: dict[str, object], where: str) -> object:
    """Return the value of a parameter that exists and has the type of its default; refuse any other."""
    if name not in defaults:
        known = ", ".join(sorted(defaults)) or "none"
        raise BadInput(f"{where} has no parameter `{name}`; it has: {known}.")
    default = defaults[name]
    if not same_kind(value, default):
        wanted = KIND.get(type(default), f"a {type(default).__name__}")
        raise BadInput(f"{where}: parameter `{name}` is {wanted} (such as {default!r}), not {value!r}.")
    return float(value) if isinstance(default, float) and isinstance(value, int) else value


def same_kind(value: object, default: object) -> bool:
    """Tell whether a TOML value may stand for a default: an integer passes for a float, not true for 1."""
    match default:
        case list() | tuple():
            return isinstance(value, list) and all(same_kind(item, default[0]) for item in value if default)
        case float():
            return type(value) in (int, float) and math.isfinite(float(str(value)))
        case _:
            return type(value) is type(default)


def refuse_equal_names(jobs: tuple[Job, ...], path: Path) -> None:
    """Two notebooks of one report must not write the same files."""
    for name, times in Counter(job.name for job in jobs).items():
        if times > 1 or name in {"", "index"} or "/" in name:
            raise BadInput(f"{path}: {times} notebooks would write {name}.html; give each a `name` of its own.")

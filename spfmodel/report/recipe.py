"""Recipe: which notebooks a report runs, with which parameters; all is checked before anything runs."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..sources import BadInput
from .parameters import check, declared
from .wording import first_error

SHAPE = "a recipe has [report] title, out, lead and [[notebook]] path, title, question, name, parameters, each, run"


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


class RunEntry(BaseModel):
    """One `[[notebook.run]]`: a set of parameters of its own."""

    model_config = ConfigDict(extra="forbid")
    name: str
    """stem of its output files"""
    title: str = ""
    """default: the notebook's title and the parameters"""
    parameters: dict[str, object] = Field(default_factory=dict)


class NotebookEntry(BaseModel):
    """One `[[notebook]]` of the file."""

    model_config = ConfigDict(extra="forbid")
    path: Path
    title: str
    question: str
    name: str = ""
    parameters: dict[str, object] = Field(default_factory=dict)
    """of all its runs"""
    each: dict[str, list[object]] = Field(default_factory=dict)
    """parameter -> values: one run for every combination"""
    run: list[RunEntry] = Field(default_factory=list)
    """runs one by one; with neither `each` nor `run` there is one"""


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
    jobs = tuple(job for entry in file.notebook for job in jobs_of(entry, path, here))
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


def jobs_of(entry: NotebookEntry, recipe: Path, here: Path) -> Iterator[Job]:
    """Check an entry against its notebook's declaration: one job for each set of parameters."""
    notebook = here / entry.path
    model = declared(notebook, str(recipe))
    for run in runs_of(entry, recipe):
        given = {**entry.parameters, **run.parameters}
        parameters = check(given, model, f"{recipe}: {notebook.name}")
        yield Job(
            name=run.name or entry.name or notebook.stem,
            notebook=notebook.resolve(),
            title=run.title or entry.title,
            question=entry.question,
            given={name: parameters[name] for name in given},
            parameters=parameters,
        )


def runs_of(entry: NotebookEntry, recipe: Path) -> Iterator[RunEntry]:
    """The sets of parameters of an entry: listed, every combination, or one."""
    stem = entry.name or entry.path.stem
    if empty := [name for name, values in entry.each.items() if not values]:
        raise BadInput(f"{recipe}: each.{empty[0]} of {entry.path.name} is empty; list one value or more.")
    for run in entry.run:
        yield run.model_copy(update={"title": run.title or f"{entry.title}: {said(run.parameters)}"})
    for values in product(*entry.each.values()) if entry.each else ():
        chosen = dict(zip(entry.each, values, strict=True))
        name = "-".join([stem, *(re.sub(r"[^\w.-]+", "_", str(value)) for value in values)])
        yield RunEntry(name=name, title=f"{entry.title}: {said(chosen)}", parameters=chosen)
    if not entry.run and not entry.each:
        yield RunEntry(name=stem)


def said(parameters: dict[str, object]) -> str:
    """Parameters in a title.

    >>> said({"machine": "power8-80", "n_threads": 16})
    'machine power8-80, n_threads 16'
    """
    return ", ".join(f"{name} {value}" for name, value in parameters.items())


def refuse_equal_names(jobs: tuple[Job, ...], path: Path) -> None:
    """Two notebooks of one report must not write the same files."""
    for name, times in Counter(job.name for job in jobs).items():
        if times > 1 or name in {"", "index"} or "/" in name:
            raise BadInput(f"{path}: {times} notebooks would write {name}.html; give each a `name` of its own.")

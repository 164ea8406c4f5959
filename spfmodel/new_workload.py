"""A workload of one's own: a commented TOML file made from a shipped one, and a notebook beside it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

from . import catalog, published
from .outfile import check_writable
from .sources import BadInput
from .tables import data_root

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
USUAL = "fault-update"
"""what a workload begins with whose name is like none that is shipped: faults, and an update after every so many"""
TEMPLATE = "workload.ipynb.j2"


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What was written."""

    workload: Path
    notebook: Path
    like: str
    """shipped workload that it began with"""


def create(name: str, folder: Path, *, like: str = "", machine: str = "x86-vm-16") -> Begun:
    """Write NAME.toml and NAME.ipynb into a folder.

    like : shipped workload to begin with; empty: that of the nearest name
    machine : a shipped name, or the path of a TOML file
    Raises BadInput for a bad name, an unknown workload or machine, or a file that exists.
    """
    known = catalog.workload_names()
    if not re.fullmatch(NAME, name) or name.endswith((".toml", ".ipynb")):
        raise BadInput(f"workload name {name!r}: use letters, digits, - _ and . and no ending, such as my-server")
    if name in known:
        raise BadInput(f"workload name {name} is that of a shipped workload; choose another, and say --like {name}")
    begun = Begun(
        workload=folder / f"{name}.toml", notebook=folder / f"{name}.ipynb", like=like or _nearest(name, known)
    )
    if begun.like not in known:
        raise BadInput(f"--like {begun.like} is no shipped workload; choose one of {', '.join(known)}")
    m, w = catalog.machine(machine), catalog.workload(begun.like)
    for path in (begun.workload, begun.notebook):
        if path.exists():
            raise BadInput(f"{path} exists and stays as it is; choose another name or another folder")
        check_writable(path, "file")
    shown = str(Path(machine).resolve()) if machine.endswith(".toml") else machine
    _write(begun.workload, workload_text(name, begun.like))
    _write(begun.notebook, notebook_text(name, begun, shown, published.default_threads(m, w)))
    return begun


def _nearest(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, 1, 0.5)
    return close[0] if close else USUAL


def _write(path: Path, text: str) -> None:
    """Never over a file that came meanwhile."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise BadInput(f"{path} can't be written ({error.strerror}); choose another name or another folder") from None


def workload_text(name: str, like: str) -> str:
    """The file of a shipped workload under another name, each parameter with what it means.

    >>> workload_text("mine", "pft").count('name = "mine"')
    1
    """
    text = (data_root() / "workloads" / f"{like}.toml").read_text(encoding="utf-8")
    body = text[re.search(r"^name = ", text, re.MULTILINE).start() :]  # type: ignore[union-attr]
    body = re.sub(r"^name = .*", f'name = "{name}"', body, count=1, flags=re.MULTILINE)
    body = re.sub(r'^title = "', f'title = "{name}, like ', body, count=1, flags=re.MULTILINE)
    entries = catalog.parameter_entries()
    for key, entry in entries.items():
        body = body.replace(f"[parameters.{key}]", f"# {entry.title}\n[parameters.{key}]")
    others = [f"#   {key} ({e.unit}): {e.title}" for key, e in entries.items() if f"[parameters.{key}]" not in body]
    return "\n".join(
        [*(f"# {line}" for line in HEAD.format(name=name, like=like).splitlines()), body, *MORE, *others, ""]
    )


HEAD = """Workload {name}, begun from {like}: every number below is that of {like} until you replace it.
A number has value, low and high (90 % range) in its unit, kind and source. kind: `measured` if you measured it,
`source-code` if you read it there, `prior` if you guess; a wide range is honest, a narrow one that is wrong is not.
[[program]] is the cycle that every thread repeats: fault, think or update, repeated by a parameter.
unit and units_per_cycle: what throughput counts, and how many of it one pass through the program makes.
Check: spfmodel show workloads; spfmodel predict --machine MACHINE --workload {name}.toml --protocol per_vma_lock"""
MORE = ("", "# Parameters that this workload does not set:")


def notebook_text(name: str, begun: Begun, machine: str, n_threads: int) -> str:
    """The notebook, with its parameters filled in; it names the workload by its full path."""
    from jinja2 import Environment, StrictUndefined

    source = files("spfmodel").joinpath("templates", TEMPLATE).read_text(encoding="utf-8")
    template = Environment(undefined=StrictUndefined, autoescape=False).from_string(source)  # noqa: S701 - no HTML
    inside = {"name": name, "like": begun.like, "machine": machine, "workload": str(begun.workload.resolve())}
    quoted = {key: json.dumps(json.dumps(value)[1:-1])[1:-1] for key, value in inside.items()}
    return template.render(**quoted, n_threads=n_threads)

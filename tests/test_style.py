"""The style that can be counted: short functions, short files, notebooks stored without outputs."""

from __future__ import annotations

import ast
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("spfmodel", "tests")
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "base", "misc"}

sources = pytest.mark.parametrize(
    "file",
    sorted(file for name in FOLDERS for file in (ROOT / name).rglob("*.py")),
    ids=lambda file: file.name,
)
notebooks = pytest.mark.parametrize("file", sorted((ROOT / "notebooks").rglob("*.ipynb")), ids=lambda file: file.name)


def functions(source: str) -> Iterator[tuple[str, int]]:
    """Name and length of each function, in lines, without its docstring."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            doc = node.body[0] if ast.get_docstring(node) is not None else None
            doc_lines = (doc.end_lineno or 0) - doc.lineno + 1 if doc else 0
            yield node.name, (node.end_lineno or 0) - node.lineno + 1 - doc_lines


def test_the_ruler_measures() -> None:
    assert dict(functions('def f():\n    """Doc.\n\n    More.\n    """\n    return 1\n')) == {"f": 2}


@sources
def test_a_function_has_at_most_40_lines(file: Path) -> None:
    long = {name: lines for name, lines in functions(file.read_text(encoding="utf-8")) if lines > 40}
    assert not long


@sources
def test_a_file_has_at_most_250_lines(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 250


@sources
def test_a_file_is_named_by_what_it_holds(file: Path) -> None:
    assert file.stem not in FORBIDDEN_NAMES


def test_half_of_the_functions_are_very_short() -> None:
    files = (ROOT / "spfmodel").rglob("*.py")
    lengths = sorted(lines for file in files for _name, lines in functions(file.read_text(encoding="utf-8")))
    assert lengths[len(lengths) // 2] <= 7
    assert lengths[int(0.9 * len(lengths))] <= 20


def test_everything_is_pinned_with_hashes_and_names_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = {line.split("==")[0] for line in lock.splitlines() if "==" in line}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    assert {name.split("=")[0].split("<")[0].split(">")[0] for name in wanted} <= pinned
    assert lock.count("==") <= lock.count("--hash=sha256:")
    assert "://" not in lock


@notebooks
def test_a_notebook_is_stored_without_outputs(file: Path) -> None:
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)


@notebooks
def test_a_notebook_is_thin(file: Path) -> None:
    """It has parameters, defines no function over 5 lines, asserts its own claim and answers its question."""
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    source = "\n".join("".join(cell["source"]) for cell in code)
    assert [cell for cell in code if "parameters" in cell["metadata"].get("tags", [])]
    assert all(lines <= 5 for _name, lines in functions(source))
    assert "assert " in source
    assert "answer(" in source


def test_every_notebook_is_in_the_standard_report() -> None:
    recipe = tomllib.loads((ROOT / "reports" / "standard.toml").read_text(encoding="utf-8"))
    listed = {(ROOT / "reports" / entry["path"]).resolve() for entry in recipe.get("notebook", [])}
    assert set((ROOT / "notebooks").rglob("*.ipynb")) <= listed

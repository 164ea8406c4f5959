"""What several test files share: a small report, made once, and the browser."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")

from typed_lines import Typed

from spfmodel import cli
from spfmodel.report import ReportResult, run

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

PARAMETERS = "n_threads = 16\nhold_ns = 800.0\nmachine = 'x86-vm-16'\nquick = True\nseed = 1\nthreads = [1, 4]"

GOOD = """\
import matplotlib.pyplot as plt
fig, axes = plt.subplots(figsize=(6, 3))
_ = axes.plot(threads, [hold_ns * n for n in threads])
plt.show()"""

ANSWER = """\
from spfmodel.report import answer
_ = answer({"sentence": f"At {n_threads} threads the lock is held {hold_ns:g} ns.", "claims": [
    {"machine": machine, "claim": "ebizzy speed-up", "unit": "x", "source": "a table",
     "predicted": {"median": 2.0, "low": 1.6, "high": 2.5}, "measured": 2.2},
    {"machine": machine, "claim": "fallback frequency", "unit": "share", "source": "a table",
     "predicted": {"median": 0.012, "low": 0.004, "high": 0.03}, "measured": 0.05}]})"""

LATEX = """\
import sympy
sympy.Eq(sympy.Symbol("p"), 1 - sympy.exp(-sympy.Symbol("lambda") * sympy.Symbol("w")))"""

TABLE = "import pandas as pd\npd.DataFrame({'threads': threads, 'hold_ns': hold_ns})"


def write_notebook(path: Path, code: Iterable[str], parameters: str = PARAMETERS, text: str = "") -> Path:
    """Write a notebook with a text cell, a cell tagged `parameters`, and cells of code."""
    cells = [cell("markdown", text)] if text else []
    cells += [cell("code", parameters, "parameters")] + [cell("code", source) for source in code]
    language = {"name": "python", "version": "3.11"}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": language}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def cell(kind: str, source: str, *tags: str) -> dict[str, object]:
    """One cell of a notebook file."""
    made: dict[str, object] = {"cell_type": kind, "id": f"c{abs(hash(source)):x}"[:12], "source": source}
    made["metadata"] = {"tags": list(tags)}
    return made if kind == "markdown" else made | {"outputs": [], "execution_count": None}


def write_recipe(folder: Path, *entries: str, out: str = "out") -> Path:
    """Write a recipe whose entries are `path` or `path` and more lines of TOML."""
    recipe = folder / "recipe.toml"
    parts = [f'[report]\ntitle = "A small report"\nlead = "Made by a test."\nout = "{out}"\n']
    for entry in entries:
        path, _, more = entry.partition("\n")
        parts.append(f'[[notebook]]\npath = "{path}"\ntitle = "About {path}"\nquestion = "What then?"\n{more}\n')
    recipe.write_text("\n".join(parts), encoding="utf-8")
    return recipe


@pytest.fixture(scope="session")
def small_report(tmp_path_factory: pytest.TempPathFactory) -> ReportResult:
    """A report of three notebooks, of which one fails halfway."""
    folder = tmp_path_factory.mktemp("report")
    text = "# One fault\n\nThe chance is $p = 1 - e^{-\\lambda w}$, where\n\n$$w = \\frac{S}{1 - \\rho}$$"
    write_notebook(folder / "good.ipynb", [GOOD, TABLE, LATEX, ANSWER], text=text)
    write_notebook(folder / "fails.ipynb", ["print('before the fall')", "1 / 0", "print('never said')"])
    write_notebook(folder / "silent.ipynb", ["print('no answer')"])
    recipe = write_recipe(folder, "good.ipynb\nparameters = {n_threads = 32}", "fails.ipynb", "silent.ipynb")
    return run(recipe, jobs=2)


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    """Runs a command line in this process: exit status, stdout, stderr."""

    def run_it(*words: str) -> tuple[int, str, str]:
        status = cli.run(list(words))
        out = capsys.readouterr()
        return status, out.out, out.err

    return run_it


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Chromium; without it the test is skipped, or fails where SPFMODEL_REQUIRE_BROWSER is set."""
    found = shutil.which("chromium")
    if found is None and os.environ.get("SPFMODEL_REQUIRE_BROWSER"):
        pytest.fail("SPFMODEL_REQUIRE_BROWSER is set and there is no chromium on the PATH")
    if found is None:
        pytest.skip("there is no chromium on the PATH (on Debian: apt-get install chromium)")
    return found

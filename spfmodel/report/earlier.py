"""What an earlier run left: a notebook is not run again while its text, parameters, code and data are the same."""

from __future__ import annotations

import json
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..provenance import ROOT, data_sha256, files_sha256, parameters_sha256
from .answers import Answer
from .notebook import Outcome
from .pictures import first_figure
from .recipe import Job

PAGES = ("html", "ipynb", "answers.json", "provenance.json")
"""endings of what each run leaves; the last is written last"""


def inputs_sha256(job: Job) -> str:
    """Hash all that a run depends on: notebook, parameters, words of its page, package, data, libraries."""
    return parameters_sha256(
        {
            "notebook": sha256(job.notebook.read_bytes()).hexdigest(),
            "parameters": job.parameters,
            "said": [job.title, job.question],
            "code": code_sha256(),
            "data": data_sha256(),
            "python": sys.version,
        }
    )


@cache
def code_sha256() -> str:
    """Hash the package, its templates and the pinned libraries; read once per process."""
    package = ROOT / "spfmodel"
    files = [file for file in package.rglob("*") if file.suffix != ".pyc"]
    return files_sha256([*files, ROOT / "requirements.lock"], relative_to=ROOT)


def earlier(job: Job, out: Path, inputs: str) -> Outcome | None:
    """Find the result of the same run in `out`; None if it failed, differs, or is not complete."""
    made = _record(job, out)
    if made.get("inputs_sha256") != inputs or not made.get("ok"):
        return None
    try:
        executed = json.loads((out / f"{job.name}.ipynb").read_text(encoding="utf-8"))
        told = (out / f"{job.name}.answers.json").read_text(encoding="utf-8")
        answer = None if told == "{}" else Answer.model_validate_json(told)
    except (OSError, ValueError):
        return None
    if not all((out / f"{job.name}.{ending}").exists() for ending in PAGES):
        return None
    seconds = float(made.get("duration_s", 0.0))
    figure = first_figure(executed)
    return Outcome(job=job, ok=True, error="", seconds=seconds, answer=answer, figure=figure, again=False)


def last_seconds(job: Job, out: Path) -> float:
    """How long the notebook took last time; infinite if never run."""
    return float(_record(job, out).get("duration_s", float("inf")))


def _record(job: Job, out: Path) -> dict[str, Any]:
    """The provenance of the last run; empty if there is none."""
    try:
        found = json.loads((out / f"{job.name}.provenance.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

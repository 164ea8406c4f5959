"""Runs one notebook in a process of its own, and writes what it left: notebook, page, answers, provenance."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from ..provenance import stamp
from .answers import ANSWERS_PATH, Answer
from .kept import KEPT_PATH
from .pictures import Picture, first_figure, light
from .recipe import Job

if TYPE_CHECKING:
    from nbformat import NotebookNode

CELL_TIMEOUT_S = 600
KERNEL_START_TIMEOUT_S = 120
STARTUP = "from spfmodel.report.kept import keep_what_is_shown\nkeep_what_is_shown()\n"
"""what a kernel runs before the first cell"""
QUIET = '{"IPKernelApp": {"log_level": 50}}'
"""a kernel is interrupted before it is shut down, and would call that an error"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one notebook."""

    job: Job
    ok: bool
    error: str
    """one line: what went wrong, empty if nothing did"""
    seconds: float
    answer: Answer | None
    figure: Picture | None
    """its first figure"""
    again: bool = True
    """whether it ran now; else an earlier run was the same"""


def execute(job: Job, out: Path, shared: Path, inputs: str) -> Outcome:
    """Run `job` and write its files into `out`. For a worker process: it sets environment variables.

    shared : folder for what is only needed meanwhile
    inputs : hash of all that the run depends on; the last file written records it
    """
    skip_slow_import()
    from .page import notebook_page

    started = perf_counter()
    with TemporaryDirectory(dir=shared, ignore_cleanup_errors=True) as scratch:
        executed, error = run_kernel(job, Path(scratch))
        answer = read_answer(Path(scratch))
        seconds = perf_counter() - started
        outcome = Outcome(
            job=job, ok=not error, error=error, seconds=seconds, answer=answer, figure=first_figure(executed)
        )
        made = provenance(outcome)
        page = notebook_page(executed, outcome, made, keep_data(Path(scratch), out / f"{job.name}.data"))
        replace_text(out / f"{job.name}.ipynb", json.dumps(executed, indent=1))
        replace_text(out / f"{job.name}.answers.json", answer.model_dump_json(indent=1) if answer else "{}")
        replace_text(out / f"{job.name}.html", light(page))
        replace_text(out / f"{job.name}.provenance.json", json.dumps(made | {"inputs_sha256": inputs}, indent=1))
    return outcome


def keep_data(scratch: Path, target: Path) -> list[str]:
    """Put the tables and numbers that a notebook kept into `target`, in place of earlier ones. -> their names."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(scratch / "kept", target)
    return sorted(file.name for file in target.iterdir())


def skip_slow_import() -> None:
    """Spare each worker 2 s: jsonschema loads this optional checker of IRIs, which no notebook needs."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None: the import fails


def run_kernel(job: Job, scratch: Path) -> tuple[NotebookNode, str]:
    """Run the cells, twice if the kernel does not start. -> notebook as far as it ran, error."""
    import nbformat

    target = scratch / "executed.ipynb"
    prepare_environment(scratch)
    error = ""
    for _attempt in range(2):
        error, again = attempt(job, target)
        if not again:
            break
    ran = target if target.exists() else job.notebook
    return nbformat.read(ran, as_version=4), error  # type: ignore[no-untyped-call]


def attempt(job: Job, target: Path) -> tuple[str, bool]:
    """Run the notebook once. -> error (empty: none), whether another try may help."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill import PapermillExecutionError, execute_notebook  # type: ignore[import-untyped]
    from traitlets.config import Config

    try:
        execute_notebook(
            job.notebook,
            target,
            parameters=job.given,
            kernel_name="python3",
            cwd=job.notebook.parent,
            progress_bar=False,
            start_timeout=KERNEL_START_TIMEOUT_S,
            execution_timeout=CELL_TIMEOUT_S,
            config=Config({"KernelManager": connection(target.parent)}),
        )
    except PapermillExecutionError as error:
        return one_line(f"{error.ename}: {error.evalue or failing_line(error.traceback)}"), False
    except (CellTimeoutError, DeadKernelError) as error:
        return one_line(f"{type(error).__name__}: {error}"), False
    except (RuntimeError, OSError) as error:
        return one_line(f"The kernel did not start: {error}"), True
    return "", False


def connection(scratch: Path) -> dict[str, str]:
    """Talk to the kernel through sockets in the file system: no ports to race for.

    Their names have at most 107 bytes; with a longer scratch folder it is ports after all.
    """
    file, socket = str(scratch / "kernel.json"), str(scratch / "kernel")
    if len(os.fsencode(socket)) >= 100:
        return {"connection_file": file, "transport": "tcp"}
    return {"connection_file": file, "transport": "ipc", "ip": socket}


def prepare_environment(scratch: Path) -> None:
    """Give the kernel this environment's Python, inline figures, one BLAS thread, its own folders."""
    startup = scratch / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (scratch / "kept").mkdir()
    (startup / "00-keep.py").write_text(STARTUP, encoding="utf-8")
    (startup.parent / "ipython_kernel_config.json").write_text(QUIET, encoding="utf-8")
    os.environ.update(
        {
            ANSWERS_PATH: str(scratch / "answers.json"),
            KEPT_PATH: str(scratch / "kept"),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "JUPYTER_RUNTIME_DIR": str(scratch),
            "IPYTHONDIR": str(scratch / "ipython"),
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "OPENBLAS_NUM_THREADS": "1",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
    )


def read_answer(scratch: Path) -> Answer | None:
    """Read what the notebook recorded with `spfmodel.report.answer`, if it did."""
    file = scratch / "answers.json"
    return Answer.model_validate_json(file.read_text(encoding="utf-8")) if file.exists() else None


def provenance(outcome: Outcome) -> dict[str, object]:
    """Say what a notebook was run with, and how long it took."""
    job = outcome.job
    return {
        "notebook": job.notebook.name,
        "parameters": job.parameters,
        "seed": job.parameters.get("seed"),
        "ok": outcome.ok,
        "error": outcome.error,
        "duration_s": round(outcome.seconds, 2),
        **stamp(job.parameters),
    }


def failing_line(traceback: Iterable[str]) -> str:
    r"""Find the line of code at which a cell failed, in IPython's traceback.

    >>> failing_line(["AssertionError", "      1 x = 1\n----> 2 assert x == 2\n      3 y = 2"])
    'assert x == 2'
    """
    plain = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(traceback))
    found = re.search(r"^-+> \d+ (.*)$", plain, re.MULTILINE)
    return found[1].strip() if found else ""


def one_line(message: str) -> str:
    """Strip terminal colours and line breaks from a message; keep 300 characters."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", message).split())[:300]


def replace_text(path: Path, text: str) -> None:
    """Write a file so that a reader finds the old one or the new one, never half of it."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)

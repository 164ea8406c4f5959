"""Ctrl-C ends a report at once: no worker, kernel or scratch folder is left, and the old pages stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from conftest import write_notebook, write_recipe

SCRIPT = """\
import sys
from pathlib import Path
from spfmodel.report import run
if __name__ == "__main__":
    try:
        run(Path(sys.argv[1]), jobs=2)
    except KeyboardInterrupt:
        sys.exit(130)
"""


def appears(file: Path, within_s: float) -> bool:
    """Wait until a file is there."""
    end = time.monotonic() + within_s
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.05)
    return file.exists()


def alive(pid: int) -> bool:
    """Tell whether a process still runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_interrupt_ends_the_report_at_once(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    tell = f"import os, pathlib, time\npartial = pathlib.Path({str(begun)!r} + '.part')\n"
    tell += f"partial.write_text(str(os.getpid()))\npartial.rename({str(begun)!r})\ntime.sleep(300)"
    write_notebook(tmp_path / "one.ipynb", [tell])
    recipe = write_recipe(tmp_path, "one.ipynb")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.html").write_text("old")
    (tmp_path / "scratch").mkdir()
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(recipe)]
    environment = os.environ | {"TMPDIR": str(tmp_path / "scratch")}
    with subprocess.Popen(command, start_new_session=True, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            assert appears(begun, within_s=120)
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(timeout=30) == 130
        finally:
            process.kill()
    kernel = int(begun.read_text())
    end = time.monotonic() + 30
    while alive(kernel) and time.monotonic() < end:
        time.sleep(0.1)
    assert not alive(kernel)
    assert (tmp_path / "out" / "index.html").read_text() == "old"
    assert list((tmp_path / "scratch").iterdir()) == []

"""Small sweeps for tests, and their tables."""

from __future__ import annotations

from pathlib import Path

from spfmodel.sweep import Outcome, load, prepare, sweep

FORMULAS = """
[sweep]
machine = "x86-vm-16"
workload = "ebizzy-mTRp"
protocols = ["spf_rwlock"]
design = "sobol"
points = 500
threads = 16
outputs = ["speedup", "throughput_per_s", "fallback_share", "abort_share", "fault_p99_ns", "lock_utilisation"]
[axes]
line_ns = { log_range = [20, 200] }
update_hold_ns = { log_range = [300, 30_000] }
workload.think_ns = { range = [0, 100_000] }
"""

SIMULATED = """
[sweep]
machine = "x86-vm-16"
workload = "fault-update"
protocols = ["spf_rwlock"]
design = "lhs"
points = 120
solver = "des"
events = 1000
[axes]
threads = { values = [2, 4] }
workload.faults_per_update = { log_integers = [2, 16] }
line_ns = { range = [20, 100] }
"""


def recipe(folder: Path, text: str, *changes: tuple[str, str]) -> Path:
    """Write a recipe, some of it replaced."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


def swept(path: Path, out: Path, *, resume: bool = False, jobs: int = 1, cluster: str = "") -> Outcome:
    """Run a sweep in this process."""
    return sweep(prepare(load(path), out, resume=resume), jobs=jobs, cluster=cluster)


def content(out: Path) -> dict[str, bytes]:
    """All files of a table, by name."""
    return {file.name: file.read_bytes() for file in sorted(out.iterdir())}

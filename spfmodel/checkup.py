"""`spfmodel doctor`: what is installed, and what this host can do."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .provenance import ROOT, VERSION, git_revision

PACKAGES = ("numpy", "scipy", "numba", "sympy", "pandas", "seaborn", "papermill", "jupyterlab")
TOOLS = ("git", "make", "chromium", "perf", "bpftrace", "trace-cmd")


def checkup() -> dict[str, str]:
    """Names and what was found; `missing` where nothing was."""
    found = {
        "spfmodel": VERSION, "revision": git_revision(), "folder": str(ROOT), "python": sys.version.split()[0],
        "kernel": platform.release(), "cpus": str(os.cpu_count()),
    }  # fmt: skip
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing: run make env"
    found |= {tool: shutil.which(tool) or "missing (optional)" for tool in TOOLS}
    return found | {"per-VMA lock statistics": _vmstat("vma_lock_"), "SPF statistics": _vmstat("spf_")}


def _vmstat(prefix: str) -> str:
    """Whether /proc/vmstat has counters of this name."""
    try:
        text = Path("/proc/vmstat").read_text(encoding="ascii")
    except OSError:
        return "no /proc/vmstat here"
    names = [line.split()[0] for line in text.splitlines() if line.startswith(prefix)]
    return ", ".join(names) or "not compiled into this kernel"

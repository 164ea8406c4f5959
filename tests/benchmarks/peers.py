"""The peers' environment and the C compiler: set up once under build/bench, and said in one line where it cannot be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "bench"
LOCK = HERE / "peers.lock"
MODELS = HERE / "peer_models.py"


def say(line: str) -> None:
    """Progress and remarks, on stderr."""
    sys.stderr.write(line + "\n")


def _install(home: Path) -> None:
    """A virtual environment with the peers in it, as pinned."""
    shutil.rmtree(home, ignore_errors=True)
    say("Installing the peers (SimPy, Ciw, salabim, LINE) into build/bench/peers, once: about 400 MB.")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    pip = [sys.executable, "-m", "pip", "--python", home / "bin" / "python", "install", "--quiet"]
    flags = ["--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", LOCK]
    subprocess.run([*pip, *flags], check=True, capture_output=True, text=True)
    (home / "lock").write_bytes(LOCK.read_bytes())


@cache
def python() -> Path | None:
    """The peers' Python; None, with a line that says why, where they cannot be installed."""
    home = BUILD / "peers"
    try:
        if not (home / "lock").exists() or (home / "lock").read_bytes() != LOCK.read_bytes():
            _install(home)
    except (subprocess.CalledProcessError, OSError) as error:
        last = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        say(f"No peers (SimPy, Ciw, salabim, LINE): they cannot be installed here ({last}). The rest goes on.")
        return None
    return home / "bin" / "python"


def ask(*words: object) -> dict[str, Any]:
    """Run peer_models.py in the peers' environment; what it prints."""
    command = [str(python()), "-P", str(MODELS), *map(str, words)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@cache
def ldes() -> Path | None:
    """LINE's simulator, a native program within its wheel; None where it does not run."""
    peers = python()
    if peers is None:
        return None
    found = next(peers.parents[1].glob("lib/python*/site-packages/line_solver/bin/ldes"), None)
    if found is None or subprocess.run([found, "--help"], check=False, capture_output=True).returncode:
        say("No LDES: LINE's simulator does not run here. The rest goes on.")
        return None
    return found


@cache
def c_loop(*flags: str) -> Path | None:
    """repairman.c, compiled with -O2 and these flags; None where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        say("No C loop: there is no C compiler here. The rest goes on.")
        return None
    out, source = BUILD / "".join(["repairman", *flags]), HERE / "repairman.c"
    if not out.exists() or out.stat().st_mtime < source.stat().st_mtime:
        out.parent.mkdir(parents=True, exist_ok=True)
        fresh = out.with_suffix(f".{os.getpid()}")  # another process may be running the old one
        subprocess.run([compiler, "-O2", *flags, "-o", fresh, source, "-lm"], check=True)
        fresh.replace(out)
    return out

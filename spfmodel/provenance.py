"""Where a result came from: version, git revision, and hashes of the data and of the parameters."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

from .tables import data_root

VERSION = "0.1.0"
"""the package's version: pyproject.toml reads it here"""

ROOT = Path(__file__).resolve().parents[1]
"""the project's folder: data/, notebooks/ and reports/ lie in it"""

DATA_SUFFIXES = {".csv", ".toml", ".json", ".npz", ".npy", ".parquet"}
"""files of data/ that a result depends on: measurements, priors, machines, workloads, calibrations"""


def stamp(parameters: Mapping[str, object]) -> dict[str, str]:
    """Identify the code, the data and the `parameters` that a result was made with.

    parameters : whatever the caller was asked for; anything that JSON, or else `str`, can write
    -> version, git (the revision), data_sha256, parameters_sha256

    >>> sorted(stamp({"seed": 1}))
    ['data_sha256', 'git', 'parameters_sha256', 'version']
    >>> stamp({"a": 1, "b": 2}) == stamp({"b": 2, "a": 1})
    True
    """
    return {
        "version": VERSION,
        "git": git_revision(),
        "data_sha256": data_sha256(),
        "parameters_sha256": parameters_sha256(parameters),
    }


def parameters_sha256(parameters: Mapping[str, object]) -> str:
    """Hash of the parameters as sorted JSON: the order in which they were given does not matter."""
    return sha256(json.dumps(parameters, sort_keys=True, default=str).encode()).hexdigest()


@cache
def data_sha256() -> str:
    """Hash of every number that the project ships; read once per process."""
    data = data_root()
    return files_sha256((f for f in data.rglob("*") if f.suffix in DATA_SUFFIXES), relative_to=data)


def files_sha256(files: Iterable[Path], *, relative_to: Path) -> str:
    """Hash the names and contents of `files`, in the order of their names, without hidden ones."""
    digest = sha256()
    for name, file in sorted((file.relative_to(relative_to).as_posix(), file) for file in files):
        if file.is_file() and not file.name.startswith("."):
            digest.update(f"{name}\0{sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


@cache
def git_revision() -> str:
    """Return the revision (12 digits), with `-dirty` where tracked files differ; `unknown` outside git."""
    if not (ROOT / ".git").exists():
        return "unknown"
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return "unknown"

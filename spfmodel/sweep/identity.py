"""What a table depends on, as hashes: two sweeps with the same identity give the same table."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path

from ..provenance import ROOT, VERSION, data_sha256, files_sha256

ROOMS = (
    "catalog", "forms", "introduced", "machine", "machine_code", "network", "placement", "prediction", "pricing",
    "primitives", "program", "protocols", "provenance", "settings", "solvers", "sources", "structural", "sweep",
    "tables", "toml_file", "unchanged", "verdict",
)  # fmt: skip
"""parts of the package that a worker's numbers come from"""
LIBRARIES = ("numpy", "scipy", "numba", "pyarrow")


@cache
def code_sha256() -> str:
    """Hash of the code that computes a table; read once per process."""
    package = ROOT / "spfmodel"
    return files_sha256((file for room in ROOMS for file in _files(package, room)), relative_to=package)


def _files(package: Path, room: str) -> Iterable[Path]:
    return (package / room).rglob("*.py") if (package / room).is_dir() else [package / f"{room}.py"]


def identity(said: str) -> dict[str, str]:
    """Hashes of what was asked (`said`: the recipe and what its names stand for), data and code; libraries."""
    from importlib.metadata import version

    return {
        "recipe_sha256": sha256(said.encode()).hexdigest(),
        "data_sha256": data_sha256(),
        "code_sha256": code_sha256(),
        "libraries": " ".join(f"{name} {version(name)}" for name in LIBRARIES),
        "version": VERSION,
    }

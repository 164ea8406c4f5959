"""The captures that ship, and files made of a few lines."""

from __future__ import annotations

from pathlib import Path

from spfmodel import captures
from spfmodel.provenance import ROOT

FOLDER = ROOT / "data" / "captures"
MADE_UP = FOLDER / "made_up"
REAL = sorted(file for file in FOLDER.iterdir() if file.suffix in (".txt", ".bt"))
ALL = REAL + sorted(MADE_UP.iterdir())


def read(name: str) -> captures.Capture:
    """One of the captures that ship, by name."""
    file = FOLDER / name
    return captures.read(file if file.exists() else MADE_UP / name)


def answered(*names: str) -> captures.Answer:
    """The answer from captures that ship."""
    return captures.answer([read(name) for name in names])


def written(folder: Path, text: str | bytes, name: str = "capture.txt") -> Path:
    """A file with that content."""
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file

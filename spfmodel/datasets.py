"""The published tables: CSV in, checked pandas tables out."""

from __future__ import annotations

from pathlib import Path


def data_root() -> Path:
    """The repository's data folder: it lies beside the package in a clone, installed or not."""
    return Path(__file__).resolve().parents[1] / "data"

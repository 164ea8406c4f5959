"""What an installed wheel needs beside the modules: the data, all of it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from spfmodel import tables
from spfmodel.provenance import ROOT
from spfmodel.sources import BadInput


def test_a_wheel_brings_every_folder_of_data() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    files = {file for file in (ROOT / "data").rglob("*") if file.is_file()}
    brought = {file for patterns in listed.values() for pattern in patterns for file in ROOT.glob(pattern)}
    assert files <= brought
    assert all(patterns == [f"{place.removeprefix('share/spfmodel/')}/*.*"] for place, patterns in listed.items())


def test_data_are_found_beside_the_package_or_where_a_wheel_puts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tables.data_root() == ROOT / "data"
    monkeypatch.setattr(tables, "__file__", str(tmp_path / "site-packages" / "spfmodel" / "tables.py"))
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    with pytest.raises(BadInput, match="from its wheel"):
        tables.data_root()
    shared = tmp_path / "share" / "spfmodel" / "data"
    shared.mkdir(parents=True)
    assert tables.data_root() == shared

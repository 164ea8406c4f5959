"""`spfmodel fit` as typed: a machine file that predict takes, or one sentence and nothing touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typed_lines import Typed, refused

from spfmodel import catalog

PREDICT = ["-w", "ebizzy-mTRp", "-p", "spf_rwlock", "--solver", "closed", "--json"]
ROW = "protocol,n_threads,quantity,value\nmmap_sem,32,ns:wake_ns,33000\n"


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to measure next from fewer and shorter runs: here only its shape counts."""
    monkeypatch.setattr("spfmodel.identify.POINTS", 6)
    monkeypatch.setattr("spfmodel.identify.EVENTS", 2_000)


def test_fit_writes_a_machine_that_predict_takes(typed: Typed, tmp_path: Path) -> None:
    table, out = tmp_path / "mine.csv", tmp_path / "mine.toml"
    table.write_text(ROW)
    words = ["fit", str(table), "-w", "ebizzy-mTRp", "--prior", "x86-1s", "--set", "cpus=8", "--set", "cores=4"]
    status, text, err = typed(*words, "-o", str(out), "--json", "--set", "workload.notsup_share=0")
    shown = json.loads(text)
    assert (status, err) == (0, "")
    assert shown["machine_file"] == str(out)
    assert shown["identified"] == ["wake_ns"]
    assert shown["parameters"]["notsup_share"]["from"] == "fact"
    mine = catalog.machine(out)
    assert (mine.name, mine.cpus, mine.cores) == ("mine", 8, 4)
    assert list(mine.calibrations) == ["ebizzy-mTRp"]
    predicted = json.loads(typed("predict", "-m", str(out), *PREDICT)[1])
    assert [p["n_threads"] for p in predicted["predictions"]] == [16]
    before = out.read_bytes()
    assert typed(*words, "-o", str(out), "--set", "workload.notsup_share=0")[0] == 0
    assert out.read_bytes() == before


def test_fit_for_people(typed: Typed, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(ROW)
    status, out, _ = typed("fit", str(tmp_path / "mine.csv"), "-w", "pft", "--prior", "x86-vm-16")
    assert status == 0
    assert "wake_ns" in out.splitlines()[1]
    assert "from the data" in out
    assert "known only from the prior: " in out
    assert "Would help most: " in out or "No single measurement would narrow" in out


def test_fit_refuses_and_leaves_what_was_there(typed: Typed, tmp_path: Path) -> None:
    table, out = tmp_path / "mine.csv", tmp_path / "mine.toml"
    table.write_text(ROW.replace("33000", "-1"))
    out.write_text("mine")
    words = ["fit", str(table), "-w", "pft", "--prior", "x86-2s", "-o"]
    assert f"{table}, line 2: value is -1; give a finite number above 0" in refused(typed, *words, str(out))
    assert "the table itself" in refused(typed, *words[:-1], "-o", str(linked(tmp_path, table)))
    assert "end the name in .toml" in refused(typed, *words, str(tmp_path / "mine"))
    assert "is a folder" in refused(typed, *words, str(tmp_path))
    assert "unknown prior x86-3s; did you mean x86-" in refused(typed, *words[:4], "--prior", "x86-3s")
    assert "--use spf: unknown protocol" in refused(typed, *words, str(out), "--use", "spf")
    assert "is for predict" in refused(typed, *words, str(out), "--set", "candidate.kernel=5.15")
    assert "--seed is -1" in refused(typed, *words, str(out), "--seed", "-1")
    assert out.read_text() == "mine"
    assert table.read_text().endswith("-1\n")


def linked(folder: Path, table: Path) -> Path:
    """The table under a name that looks like a machine's."""
    link = folder / "link.toml"
    link.symlink_to(table)
    return link

"""`spfmodel sensitivity`: what it prints, draws and refuses."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from spfmodel.cli import run

ASK = ["sensitivity", "--machine", "skylake-112", "--workload", "pft", "--protocol", "spf_mmseq", "--threads", "48"]


def test_json_names_what_to_measure_and_the_figure_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure = tmp_path / "which.svg"
    assert run([*ASK, "--json", "--plot", str(figure)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) >= {"machine", "workload", "protocol", "baseline", "n_threads", "outcomes", "measure"}
    gain = found["outcomes"]["speedup"]
    assert gain["effects"][0]["name"] == found["measure"][0]["name"] == "memory_ratio"
    assert gain["effects"][0]["elasticity"] == pytest.approx(-1, abs=0.02)
    assert 0.8 < gain["effects"][0]["first"]["value"] <= 1.1
    assert 0 < found["measure"][0]["narrower"] < 1
    assert "process-mode" in found["measure"][0]["how"]
    assert gain["effects"][-1]["first"] is None
    assert all(math.isfinite(gain[name]) for name in ("median", "spread", "joint_spread", "structural", "covered"))
    assert "memory_ratio" in figure.read_text(encoding="utf-8")


def test_people_read_a_table_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ASK, "--set", "memory_ratio=0.5"]) == 0
    text = capsys.readouterr().out
    assert "  memory_ratio  " not in text
    assert "elasticity" in text
    assert "for the speed-up no single number is worth measuring" in text


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--threads", "1,2"], "one number of --threads"),
        (["--outcome", "joy"], "choose one of speedup"),
        (["--plot", "x.bmp"], "the ending decides the format"),
    ],
)
def test_bad_input_is_one_sentence(extra: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ASK, *extra]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1

"""Nouns in a notebook: each shows itself, with its source, and a picture has its words."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from spfmodel import catalog
from spfmodel.calibration import Fit
from spfmodel.introduce import html
from spfmodel.prediction import Question, predict
from spfmodel.protocols import PROTOCOLS
from spfmodel.sources import BadInput


def rows(page: str) -> list[list[str]]:
    """The cells of each row of a page's tables."""
    return [re.findall(r"<t[dh]>(.*?)</t[dh]>", row) for row in re.findall(r"<tr>(.*?)</tr>", page)]


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_a_protocol_shows_its_table(name: str) -> None:
    protocol = PROTOCOLS[name]
    head, *steps = rows(protocol._repr_html_())
    assert head[:2] == ["path", "step"]
    assert len(steps) == len(protocol.rows())
    assert protocol.title.partition("&")[0] in protocol._repr_html_()


def test_a_machine_shows_the_source_of_every_cost() -> None:
    machine = catalog.machine("power8-80")
    page = machine._repr_html_()
    head, *costs = rows(page)
    assert {row[0] for row in costs} == set(machine.costs)
    assert all(row[head.index("source")] for row in costs)
    assert "Calibrated on ebizzy-mTRp" in page


def test_a_workload_shows_its_cycle() -> None:
    page = catalog.workload("brk1")._repr_html_()
    assert "Each thread repeats: update brk_up; update brk_down." in page
    assert "<script" not in replace(catalog.workload("brk1"), title="<script>")._repr_html_()


def test_a_prediction_is_a_sentence_and_a_picture_with_words() -> None:
    machine, workload = catalog.uncalibrated("skylake-112"), catalog.workload("pft")
    question = Question(machine=machine, workload=workload, baseline=PROTOCOLS["mmap_sem"], solver="closed", n_draws=8)
    (found,) = predict(question, [PROTOCOLS["spf_mmseq"]], [12])
    page = found._repr_html_()
    assert found.verdict in page
    (words,) = re.findall(r'<img alt="([^"]*)" src="data:image/png;base64,', page)
    assert words.startswith("Figure. spf_mmseq, 12 threads: draws")


def test_a_fit_says_what_the_rows_pin_down() -> None:
    known = next(iter(catalog.machine("power8-80").calibrations.values()))
    name = next(iter(known.parameters))
    found = Fit(calibration=known, observations=(), fitted=np.zeros(0), identified=(name,), prior_only=("tau",),
                sensitivity={}, warnings=("beware <b>",))  # fmt: skip
    page = found._repr_html_()
    assert f"pin down 1 parameters: {name}." in page
    assert "Known only from the prior: tau." in page
    assert "beware &lt;b&gt;" in page


def test_what_has_no_introduction_is_refused() -> None:
    with pytest.raises(BadInput, match="int has no introduction"):
        html(1)

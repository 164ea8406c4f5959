"""Figures of single mechanisms: points and lines where the table says."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from spfmodel import plots


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_counted_against_said_draws_ratios():
    table = pd.DataFrame(
        {"group": ["a", "b"], "measured": [0.1, 0.01], "formula": [0.12, 0.01], "replay": [0.1, 0.008]}
    )
    axes = plots.counted_against_said(table)
    drawn = [line.get_ydata()[0] for line in axes.get_lines()[1:]]
    np.testing.assert_allclose(drawn, [1.2, 1.0, 1.0, 0.8])
    assert axes.get_lines()[1].get_xdata()[0] == pytest.approx(10)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]


def test_flush_loops_draws_points_and_lines():
    table = pd.DataFrame(
        {"machine": "m", "way": "w", "n_threads": [1, 4], "loop_ns": [2000, 8000], "line_ns": [2000, 7000]}
    )
    points, line = plots.flush_loops(table).get_lines()
    assert list(points.get_ydata()) == [2, 8]
    assert list(line.get_ydata()) == [2, 7]


def test_classic_shares_draws_curves_and_what_was_counted():
    curve = pd.DataFrame({"case": "new", "pages": [1, 512], "share": [1.0, 0.004]})
    points = pd.DataFrame({"case": ["pf1"], "pages": [256], "measured": [0.0039]})
    line, point = plots.classic_shares(curve, points).get_lines()
    assert list(line.get_ydata()) == [100, 0.4]
    assert point.get_label() == "counted: pf1"

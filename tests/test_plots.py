"""Figures show the numbers of their table, in one colour and marker for each protocol."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from spfmodel import plots


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


def predicted() -> pd.DataFrame:
    rows = [
        (p, n, n * k, n * k * 0.9, n * k * 1.2)
        for p, k in (("mmap_sem", 1.0), ("ideal", 2.0))
        for n in (4, 1, 16)
    ]
    return pd.DataFrame(rows, columns=["protocol", "n_threads", "median", "low", "high"])


def test_curves_draw_each_protocol_in_order_of_threads() -> None:
    axes = plots.curves(predicted())
    first, second = axes.get_lines()
    assert np.asarray(first.get_xdata()).tolist() == [1, 4, 16]
    assert np.asarray(second.get_ydata()).tolist() == [2.0, 8.0, 32.0]
    assert [to_hex(line.get_color()).upper() for line in (first, second)] == ["#000000", "#7F7F7F"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "4", "16"]
    bands = [band.get_paths()[0].get_extents() for band in axes.collections]
    assert (bands[1].ymin, bands[1].ymax) == pytest.approx((1.8, 38.4))


def test_measured_points_lie_on_their_values() -> None:
    table = pd.DataFrame({"protocol": ["ideal"] * 2, "n_threads": [1, 16], "value": [2.1, 30.0]})
    axes = plots.measured_points(table, plots.curves(predicted()))
    points = axes.get_lines()[-1]
    assert np.asarray(points.get_xydata()).tolist() == [[1.0, 2.1], [16.0, 30.0]]
    assert points.get_linestyle() == "None"
    assert axes.get_legend_handles_labels()[1] == ["mmap_sem", "ideal", "ideal, measured"]


def test_predicted_against_measured_has_a_row_for_each() -> None:
    table = pd.DataFrame(
        {"name": ["x86", "p8"], "median": [2.0, 5], "low": [1.5, 3], "high": [3.0, 7], "measured": [2.2, 8]}
    )
    axes = plots.label(plots.predicted_against_measured(table), "Gain", "speed-up", "")
    bars, medians, measured = axes.collections
    assert [segment.tolist() for segment in bars.get_segments()] == [[[1.5, 0], [3, 0]], [[3, 1], [7, 1]]]
    assert np.asarray(medians.get_offsets())[:, 0].tolist() == [2.0, 5.0]
    assert np.asarray(measured.get_offsets()).tolist() == [[2.2, 0], [8, 1]]
    assert axes.get_xlabel() == "speed-up"


def test_no_two_protocols_look_alike() -> None:
    assert len(set(plots.LOOKS.values())) == len(plots.LOOKS)

"""Figures show the numbers of their table, in one colour and marker for each protocol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from spfmodel import plots
from spfmodel.prediction import Interval, Prediction

INTERVALS = (
    "throughput_per_s", "baseline_throughput_per_s", "attempt_share", "fallback_share", "baseline_fallback_share"
)  # fmt: skip


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


def predicted() -> pd.DataFrame:
    rows = [(p, n, n * k, n * k * 0.9, n * k * 1.2) for p, k in (("mmap_sem", 1.0), ("ideal", 2.0)) for n in (4, 1, 16)]
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


def test_measured_ranges_are_drawn_where_there_are() -> None:
    columns = ("median", "low", "high", "measured", "measured_low", "measured_high")
    table = pd.DataFrame(
        {"name": ["x86"]} | dict(zip(columns, ([2.0], [1.5], [3.0], [2.2], [2.1], [2.4]), strict=True))
    )
    ranges = plots.predicted_against_measured(table).collections[-1]
    assert [segment.tolist() for segment in ranges.get_segments()] == [[[2.1, 0], [2.4, 0]]]
    axes = plots.against_measured(table)
    x, y = axes.containers[0].lines[0].get_data()
    assert (x.tolist(), y.tolist()) == ([2.2], [2.0])
    across, up = (c.get_segments()[0].tolist() for c in axes.containers[0].lines[2])
    assert np.ravel([across, up]).tolist() == pytest.approx([2.1, 2.0, 2.4, 2.0, 2.2, 1.5, 2.2, 3.0])
    assert axes.get_legend_handles_labels()[1] == ["predicted = measured", "x86"]


def test_thread_counts_too_near_for_their_names_share_one() -> None:
    axes = plots.thread_axis(plots.new_axes(), [1, 110, 112, 4])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "4", "110"]


def lock_table() -> pd.DataFrame:
    ways = {"formula": [1.1, 2.2], "chain": [1.0, 2.0], "simulation": [1.01, 1.98], "half_width": 0.05, "limit": 3.0}
    return pd.DataFrame({"p_write": 0.1, "n_threads": [1, 4], **ways})


def test_the_lock_is_drawn_three_ways_and_its_limit() -> None:
    axes = plots.lock_capacity(lock_table(), "$X$")
    chain, formula, simulation = (np.asarray(line.get_ydata()).tolist() for line in axes.get_lines()[:3])
    assert (chain, formula, simulation) == ([1.0, 2.0], [1.1, 2.2], [1.01, 1.98])
    assert axes.texts[0].get_text() == "$X$"
    assert axes.get_yscale() == "log"


def test_each_kind_of_lock_has_its_own_look() -> None:
    table = pd.DataFrame({"lock": ["a", "a", "b", "b"], "n_threads": [1, 4] * 2, "throughput": 1.0, "half_width": 0.1})
    axes = plots.rwsem_eras(table)
    looks = {
        (line.get_color(), line.get_marker(), line.get_linestyle())
        for line in axes.get_lines()
        if line.get_xdata().size
    }
    assert len({colour for colour, *_ in looks}) == 2
    assert axes.get_legend_handles_labels()[1] == ["a", "b"]


def test_a_journey_is_its_steps_end_to_end() -> None:
    steps = [("a", "walk", 10.0, False), ("a", "check", 0.0, False), ("a", "set", 5.0, False), ("b", "walk", 7.0, True)]
    axes = plots.journeys(pd.DataFrame(steps, columns=["journey", "kind", "ns", "wasted"]))
    bars = [(bar.get_x(), bar.get_width(), bar.get_hatch()) for bar in axes.patches]
    assert bars == [(0.0, 10.0, None), (10.0, 5.0, None), (0.0, 7.0, "///")]
    assert [text.get_text() for text in axes.texts] == [" 15 ns", " 7 ns"]


def prediction(protocol: str, n_threads: int) -> Prediction:
    interval = Interval(median=2.0, low=1.5, high=3.0)
    shown = dict.fromkeys((*INTERVALS, "speedup"), interval)
    empty: dict[str, Any] = {"abort_share": {}, "fault_ns": {}, "update_ns": {}, "draws": {}, "error_band": None}
    said = dict.fromkeys(("status", "unit", "reason", "bottleneck", "method", "verdict"), "")
    return Prediction(protocol=protocol, n_threads=n_threads, range_only=False, **shown, **empty, **said)


@pytest.mark.parametrize(("threads", "suffix"), [((1, 8), ".svg"), ((8,), ".png"), ((8,), ".pdf")])
def test_a_prediction_is_saved_over_threads_or_as_bars(threads: tuple[int, ...], suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"figure{suffix}"
    plots.save_prediction([prediction(p, n) for p in ("ideal", "spf_rwlock") for n in threads], file)
    head = file.read_bytes()[:200]
    assert {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}[suffix] in head
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert not plt.get_fignums()

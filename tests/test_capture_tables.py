"""Figures of a capture: what is drawn is what was counted."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from spfmodel import capture_tables, captures, plots
from spfmodel.captures import Answer
from spfmodel.captures.binomial import jeffreys
from spfmodel.comparison import expanded

DATA = Path(__file__).parents[1] / "data" / "captures"


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def answered(name: str) -> Answer:
    return captures.answer([captures.read(file) for file in expanded([DATA / name])])


def test_causes_are_shares_of_attempts_with_intervals() -> None:
    rows = capture_tables.shares(answered("proc_vmstat_spf_kernel.txt"))
    found = {row["name"]: row for row in rows}
    assert found["all fallbacks"]["share"] == pytest.approx(1809952 / 12938521)
    odd = found["spf_abort_odd"]
    assert (odd["low"], odd["high"]) == pytest.approx(jeffreys(146915, 12938521))
    assert "spf_abort_swap" not in found, "what never happened is not drawn"


def test_two_tools_on_one_run_agree() -> None:
    """Call graphs by bpftrace and filtered counts by perf, of the run by the script of `capture --script`."""
    rows = [row for row in capture_tables.shares(answered("two_threads_618")) if row["kind"] == "file"]
    bpftrace, perf = sorted(rows, key=lambda row: row["name"])
    assert (bpftrace["name"], perf["name"]) == ("bpftrace.txt", "perf_stat.txt")
    assert perf["low"] <= bpftrace["share"] <= perf["high"]
    assert bpftrace["share"] == pytest.approx(1048 / 713579)


def test_shares_are_drawn_in_percent() -> None:
    table = pd.DataFrame(capture_tables.shares(answered("proc_vmstat_spf_kernel.txt")))
    axes = plots.fallback_shares(table)
    drawn = [float(x) for container in axes.containers for x in container.lines[0].get_xdata()]
    assert drawn[:2] == pytest.approx([13.98886, 11.23883], rel=1e-5)
    assert [text.get_text() for text in axes.get_yticklabels()] == list(table["name"])
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the first row is on top"


def test_a_share_of_nothing_is_drawn_at_the_edge() -> None:
    table = pd.DataFrame([{"name": "all", "kind": "all", "share": 0.0, "low": 0.0, "high": 0.001}])
    axes = plots.fallback_shares(table)
    assert axes.containers[0].lines[0].get_xdata()[0] == axes.get_xlim()[0]


def test_curves_of_times_fall_from_all_to_none() -> None:
    table = pd.DataFrame(capture_tables.times(answered("two_threads_618")))
    assert set(table["what"]) == {"wait read", "wait write", "hold read", "hold write"}
    for _what, curve in table.groupby("what"):
        assert curve["longer"].is_monotonic_decreasing
        assert (curve["longer"].iloc[0], curve["longer"].iloc[-1]) == (1.0, 0.0)
    lines = plots.lock_times(table).get_lines()
    assert len(lines) == 4
    assert all(max(line.get_ydata()) == 100 for line in lines)


def test_callers_come_most_frequent_first() -> None:
    rows = capture_tables.callers(answered("two_threads_618"), most=2)
    assert [row["times"] for row in rows] == [1048, 126]
    assert capture_tables.shares(answered("proc_vmstat_host618_excerpt.txt")) == []

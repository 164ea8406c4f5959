"""The benchmarks' pure parts, and that their model is the same on all sides; no time is tested."""

from __future__ import annotations

import sys
from math import log, sqrt
from pathlib import Path

import numpy as np
import pytest
from benchmarks import figure, mva, peers, repairman, table, timing
from benchmarks.growth import Curve, exponent
from benchmarks.peer_models import horizon_of
from benchmarks.row import Row, ratio_of, row_from, slower_than_stored
from benchmarks.timing import in_turn
from scipy import stats

PAIR = Row(
    subject="des", name="repairman", ours=3.0, unit="M cycles/s", peer="SimPy", theirs=0.03,
    ratio=ratio_of([3.0, 2.8, 3.2], [0.03, 0.04, 0.02]), aim="ratio >= 100",
)  # fmt: skip
START = Row(subject="verbs", name="--help", ours=0.25, unit="s", aim="ours <= 0.3")
PLAIN = Row(subject="verbs", name="memory", ours=1234.5, unit="MiB", note="a fresh process")
CURVE = Curve(
    subject="mva", name="MVA", sizes=[1.0, 4.0, 16.0, 64.0], costs=[5.0, 4.0, 16.0, 64.0], size="threads", unit="ns",
    fit_from=4,
)  # fmt: skip
RESULTS = table.Results(date="today", machine={"CPU": "x", "cores": "2"}, rows=[PAIR, START, PLAIN], curves=[CURVE])


def test_the_ratio_is_the_median_of_the_pairs_not_of_the_sides() -> None:
    assert ratio_of([3.0, 2.8, 3.2], [0.03, 0.04, 0.02]) == pytest.approx((100.0, 70.0, 160.0))
    with pytest.raises(ValueError, match="shorter"):
        ratio_of([1.0, 2.0], [1.0])


def test_pairs_alternate_and_swap_who_is_first() -> None:
    said: list[str] = []
    pairs = in_turn(lambda k: said.append(f"a{k}") or k, lambda k: said.append(f"b{k}") or -k, 3)
    assert said == ["a0", "b0", "b1", "a1", "a2", "b2"]
    assert pairs == [(0, 0), (1, -1), (2, -2)]


def test_an_aim_is_on_the_ratio_or_on_our_own_figure() -> None:
    assert (PAIR.met, START.met, PLAIN.met) == (True, True, None)
    assert row_from({**PAIR.stored(), "aim": "ratio >= 101"}).met is False
    assert row_from({**START.stored(), "ours": 0.31}).met is False


def test_exponents_agree_with_scipy_and_skip_what_fixed_costs_rule() -> None:
    sizes, costs = [1.0, 2.0, 8.0, 32.0, 64.0], [3.0, 5.0, 30.0, 90.0, 260.0]
    fit, peer = exponent(sizes, costs), stats.linregress(np.log(sizes), np.log(costs))
    half = stats.t.ppf(0.975, 3) * peer.stderr
    assert fit == pytest.approx((peer.slope, peer.slope - half, peer.slope + half, np.exp(peer.intercept)))
    assert CURVE.exponent.value == pytest.approx(1.0)


@pytest.mark.parametrize(("stored", "told"), [(100.0, 0), (124.0, 0), (126.0, 1)])
def test_a_ratio_worse_by_more_than_a_fifth_is_told(stored: float, told: int) -> None:
    before = row_from({**PAIR.stored(), "ratio": (stored, 1.0, 200.0)})
    found = slower_than_stored([PAIR, START, PLAIN], [before, START])
    assert len(found) == told
    assert all(line.startswith("slower than stored: des: repairman / SimPy: 100") for line in found)


def test_results_survive_the_file_and_subjects_that_did_not_run_are_kept(tmp_path: Path) -> None:
    table.write(RESULTS, tmp_path / "results.json")
    back = table.read(tmp_path / "results.json")
    assert back == RESULTS
    assert table.read(tmp_path / "nothing.json") == table.Results()
    again = table.Results(date="later", rows=[row_from({**START.stored(), "ours": 0.2})])
    merged = again.merged_into(back)
    assert [row.key for row in merged.rows] == ["des: repairman / SimPy", "verbs: --help"]
    assert merged.date == "later"


def test_the_tables_say_all_of_it() -> None:
    shown = table.text(RESULTS)
    assert "100 (70 to 160)" in shown
    assert "≥ 100" in shown
    assert "0 of 2 aims missed" in shown
    assert "1.00 (1.00 to 1.00)" in shown
    assert "memory" not in table.short_table(RESULTS)
    assert "- verbs: memory: a fresh process." in table.long_table(RESULTS)
    widths = {line.count("|") for line in table.short_table(RESULTS).splitlines() if line.startswith("|")}
    assert widths == {len(table.HEAD) + 1}


def test_the_documents_have_the_markers_that_storing_needs() -> None:
    for page in (peers.ROOT / "README.md", peers.ROOT / "docs" / "speed.md"):
        text = page.read_text(encoding="utf-8")
        assert "<!-- speed table -->" in table.between(text, "<!-- speed table -->", "<!-- end of speed table -->", "x")
    with pytest.raises(ValueError, match="no markers"):
        table.between("text", "<a>", "<b>", "x")


def test_the_figure_is_drawn_from_any_part_of_the_results(tmp_path: Path) -> None:
    figure.draw(RESULTS, tmp_path / "all.png")
    figure.draw(table.Results(rows=[PLAIN]), tmp_path / "none.png")
    assert (tmp_path / "all.png").stat().st_size > (tmp_path / "none.png").stat().st_size


def test_the_peers_horizon_is_that_of_exact_mva() -> None:
    assert 1000 / horizon_of(1000, 20, 20.0, 1.0) == pytest.approx(repairman.exact(), rel=1e-12)


def test_our_simulation_of_the_repairman_agrees_with_exact_mva() -> None:
    spread = repairman.noise(16, 4_000)
    runs = [repairman.ours(50_000, seed) for seed in range(4)]
    repairman.check("ours", runs, spread, repairman.OWN_LINE)
    wrong = [run._replace(pace=1.05 * run.pace) for run in runs]
    with pytest.raises(RuntimeError, match="off the exact one"):
        repairman.check("wrong", wrong, spread)


@pytest.mark.verification
@pytest.mark.skipif(peers.c_loop() is None, reason="no C compiler")
def test_what_the_rule_for_the_own_line_adds_is_what_the_c_loop_says() -> None:
    """The only difference between our program and the model; ours agrees with the C loop under the same rule."""
    runs = [repairman.c_loop(20_000_000, seed, repairman.CUSTOMERS, "-DOWN_LINE") for seed in range(8)]
    repairman.check("C loop, own line", runs, repairman.noise(), repairman.OWN_LINE)
    repairman.check(
        "ours", [repairman.ours(2_000_000, seed) for seed in range(32)], repairman.noise(), repairman.OWN_LINE
    )


@pytest.mark.skipif(peers.c_loop() is None, reason="no C compiler")
@pytest.mark.parametrize("flags", [(), ("-DLOGARITHM",)])
def test_the_c_loop_agrees_with_exact_mva_and_counts_as_we_do(flags: tuple[str, ...]) -> None:
    spread = repairman.noise(16, 4_000)
    runs = [repairman.c_loop(50_000, seed, repairman.CUSTOMERS, *flags) for seed in range(4)]
    repairman.check("C loop", runs, spread)
    assert runs[0].cycles == 50_000
    assert runs[0].events / runs[0].cycles == pytest.approx(2.0, abs=0.01)
    lone = repairman.c_loop(20_000, 1, 1, *flags)
    assert abs(log(lone.pace * (repairman.THINK + repairman.SERVICE))) < 4 / sqrt(20_000)


def test_the_numpy_loop_is_the_same_mva() -> None:
    given = mva.networks(3)
    mva.agree("numpy loop", mva.numpy_loop(*given), mva.ours(*given))
    with pytest.raises(RuntimeError, match="differs"):
        mva.agree("other", mva.numpy_loop(*given) * (1 + 1e-8), mva.ours(*given))


def test_a_process_is_measured_without_the_memory_of_its_parent() -> None:
    ballast = np.ones(30_000_000)
    small = timing.process([sys.executable, "-S", "-c", "pass"])
    large = timing.process([sys.executable, "-S", "-c", "x = b'1' * 50_000_000"])
    assert ballast.nbytes / 2**20 > 200
    assert small.peak_mib + 40 < large.peak_mib < 150
    with pytest.raises(RuntimeError, match="failed"):
        timing.process([sys.executable, "-S", "-c", "raise SystemExit(3)"])

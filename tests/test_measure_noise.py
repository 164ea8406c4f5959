"""Medians that hold under disturbance, and disturbance that is said: on made-up data."""

from __future__ import annotations

import numpy as np
import pytest

from spfmodel.measure.crew import Run
from spfmodel.measure.loads import Load, both, rates
from spfmodel.measure.noise import Clock, Noise, between, parse_stat
from spfmodel.measure.robust import combined, estimate
from spfmodel.measure.together import Window
from spfmodel.sources import BadInput

STAT = """\
cpu  300 20 100 1000 40 5 5 30 7 0
cpu0 100 10 50 500 20 0 0 10 0 0
cpu1 200 10 50 500 20 5 5 20 7 0
intr 12345
"""


def test_where_the_time_of_some_cpus_went() -> None:
    total, busy, steal = parse_stat(STAT, {1}, 100)
    assert (total, busy, steal) == pytest.approx((8.1, 2.7, 0.2))
    assert parse_stat(STAT, {0, 1}, 100)[0] == pytest.approx(15.0)


@pytest.mark.parametrize("text", ["", "cpu0 1 2 3 4\n", "nothing here\n\n"])
def test_an_old_or_empty_proc_stat_is_no_error(text: str) -> None:
    assert all(np.isfinite(parse_stat(text, {0}, 100)))


def clock(total: float, busy: float, steal: float, own: float) -> Clock:
    return Clock(total_s=total, busy_s=busy, steal_s=steal, own_s=own)


def noise(busy: float = 10, steal: float = 0, own: float = 10, spread: float = 0.01, disturbed: int = 0) -> Noise:
    """20 s of CPU time, of which so much went elsewhere."""
    runs = [True] * disturbed + [False] * (10 - disturbed)
    start, end = clock(100, 50, 1, 30), clock(120, 50 + busy, 1 + steal, 30 + own)
    return between(start, end, spreads=[spread] * 3, disturbed=runs, raised=False)


def test_a_quiet_machine_has_nothing_to_say() -> None:
    assert not noise().noisy
    assert noise().sentences == []


@pytest.mark.parametrize(
    ("disturbed", "says"),
    [
        (noise(busy=16), "other processes used 30% of the CPUs"),
        (noise(steal=1), "hypervisor took 5.0%"),
        (noise(spread=0.4), "repetitions differ by 40%"),
        (noise(disturbed=5), "50% of the runs"),
    ],
)
def test_each_kind_of_noise_is_said(disturbed: Noise, says: str) -> None:
    assert disturbed.noisy
    assert len(disturbed.sentences) == 1
    assert says in disturbed.sentences[0]


def rounds(rng: np.random.Generator, count: int = 9, spread: float = 0.02) -> list[np.ndarray]:
    return [1000 * rng.lognormal(rng.normal(0, spread), 0.01, 40) for _ in range(count)]


def test_lengthened_batches_and_a_disturbed_round_do_not_move_the_median() -> None:
    rng = np.random.default_rng(5)
    clean = rounds(rng)
    dirty = [np.where(rng.random(40) < 0.2, 5 * r, r) for r in clean]
    dirty[3] = 3 * dirty[3]
    assert estimate(dirty).median == pytest.approx(estimate(clean).median, rel=0.03)


def test_the_interval_holds_what_differs_between_rounds() -> None:
    """Batches of one round agree far better than rounds do; covers the truth about as often as it says."""
    hits = [
        (e := estimate(rounds(np.random.default_rng(seed), 11, 0.1), seed)).low <= 1000 <= e.high for seed in range(60)
    ]
    assert 0.75 <= np.mean(hits) <= 1
    narrow, wide = (estimate(rounds(np.random.default_rng(1), 11, s)) for s in (0.005, 0.1))
    assert wide.high - wide.low > 4 * (narrow.high - narrow.low)
    assert wide.spread > 0.1 > narrow.spread


def test_nan_is_no_number_and_nothing_is_an_error() -> None:
    assert estimate([np.array([np.nan, 2.0]), np.array([np.nan])]).median == 2.0
    with pytest.raises(BadInput, match="nothing at all"):
        estimate([np.array([np.nan])])


def test_a_difference_carries_both_spreads() -> None:
    rng = np.random.default_rng(2)
    found = {"a": estimate(rounds(rng)), "b": estimate([r / 2 for r in rounds(rng)])}
    value, low, high = combined(lambda v: v["a"] - v["b"], found)
    assert low <= value <= high
    assert value == pytest.approx(500, rel=0.1)


def run(cpu_s: float, involuntary: int, voluntary: int = 0, status: int = 0) -> Run:
    return Run(status=status, wall_s=1, cpu_s=cpu_s, involuntary=involuntary, voluntary=voluntary, minor_faults=0)


def test_who_sleeps_is_not_disturbed_and_who_is_preempted_is() -> None:
    assert run(0.5, 5).disturbed
    assert not run(0.99, 5).disturbed
    assert not run(0.5, 5, voluntary=100).disturbed
    assert not run(0.5, 0).disturbed


def window(rate: float, *, disturbed: bool = False, status: int = 0) -> Window:
    return Window(faults_per_s=rate, updates_per_s=0, runs=[run(0.3 if disturbed else 1, 3, status=status)])


def test_disturbed_windows_are_left_out_if_enough_remain() -> None:
    calm, hurt = [window(100.0)] * 3, [window(10.0, disturbed=True)] * 9
    assert rates([*calm, *hurt]).median == 100
    assert rates([*calm[:2], *hurt]).median == 10
    assert rates([window(1.0, status=-1)]) is None


def test_a_gain_has_both_spreads() -> None:
    load = Load(update_op="mmap", every=8, one_vma=False, threads=2)
    found = both(load, [window(x) for x in (300, 310, 305.0)], [window(x) for x in (100, 90, 95.0)])
    middle, low, high = found.gain
    assert low < middle < high
    assert middle == pytest.approx(305 / 95)
    assert both(load, [window(1.0, status=-1)], [window(2.0)]) is None

"""The fast simulation against the plain-Python reference, exact chains, and laws of queueing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from reference_des import simulate
from reference_lock_line import TimedRwsem
from reference_rwsem import Rwsem
from study_rules import StudyRwsem
from systems import (
    FLAGS,
    OLD,
    US,
    every_op,
    mmap_sem,
    op_systems,
    rule_systems,
    speculating,
    textbook,
    textbook_grid,
)  # fmt: skip

from spfmodel.network import Network, Solution
from spfmodel.solvers import batches, des
from spfmodel.solvers.rwlock_chain import simple_system, solve_lock
from spfmodel.solvers.spf_chain import SpfParameters, solve_spf

SYSTEMS = rule_systems() | op_systems()
OFTEN = [name for name in SYSTEMS if "other" not in name or "new, 8" in name or "old, 4" in name]


def by_name(found: Solution) -> dict[str, float]:
    """The first draw, by the names of the reference."""
    names = ("throughput_per_s", "faults_per_s", "updates_per_s", "attempt_share", "fault_mean_ns")
    figures = {name: getattr(found, name)[0] for name in (*names, "update_mean_ns", "busy_cpus")}
    aborts = {f"abort_share:{cause}": share[0] for cause, share in found.abort_share.items()}
    kinds = {"writer_owned": "mmap_sem (write)", "reader_owned": "mmap_sem (read)"}
    return figures | aborts | {name: found.utilisation[kind][0] for name, kind in kinds.items()}


def disagreements(network: Network, cycles: int) -> dict[str, float]:
    """Relative differences from the reference that exceed its 95 % interval (and the fast solver's) twofold."""
    kind = StudyRwsem if network.rules.reader_spin_each_ns > 0 else Rwsem
    kind = TimedRwsem if network.rules.transfer_ns > 0 else kind
    reference = simulate(network, cycles=cycles, warmup=cycles // 2, rwsem=kind)
    apart = {}
    for name, value in by_name(des.solve(network, events=100 * cycles)).items():
        expected, half_width = reference[name]
        if abs(value - expected) > 2 * half_width + 1e-3 * abs(expected):
            apart[name] = value / expected - 1
    return apart


@pytest.mark.parametrize("name", OFTEN)
def test_des_is_the_reference(name: str) -> None:
    assert not disagreements(SYSTEMS[name], cycles=2500)


APART = pytest.mark.xfail(
    strict=True,
    reason="spinning readers: .9 % more busy CPUs than in the reference, .4 % more throughput; not explained",
)
LONG = [
    pytest.param(name, marks=APART) if name in ("spinning readers, 4 CPUs", "new, 4 CPUs, other read_spin") else name
    for name in SYSTEMS
]


@pytest.mark.verification
@pytest.mark.parametrize("name", LONG)
def test_des_is_the_reference_in_long_runs(name: str) -> None:
    assert not disagreements(SYSTEMS[name], cycles=20_000)


@pytest.mark.parametrize("flag", FLAGS)
def test_every_rule_matters_so_that_the_reference_can_tell(flag: str) -> None:
    """Some figure moves by more than 2 % when the rule is the other way round; none does for write_barge."""
    moved = []
    for era in ("old, 8 CPUs", "old, 4 CPUs", "new, 4 CPUs"):
        one, other = (by_name(des.solve(SYSTEMS[name], events=10**6)) for name in (era, f"{era}, other {flag}"))
        moved += [abs(other[name] / one[name] - 1) for name in ("throughput_per_s", "update_mean_ns", "busy_cpus")]
    assert max(moved) == 0 if flag == "write_barge" else max(moved) > 0.02


def stops(name: str) -> bool:
    """The vCPUs stop now and then, which makes the work longer."""
    return SYSTEMS[name].rules.stop_every_ns > 0


def coverage(seeds: int, events: int) -> Iterator[tuple[bool, float]]:
    """For each textbook lock and seed: does the interval hold the exact throughput; its relative half-width."""
    for system in textbook_grid():
        exact = solve_lock(simple_system(*system)).throughput * 1e9
        for seed in range(seeds):
            found = des.solve(textbook(*system), seed=seed, events=events)
            apart = abs(found.throughput_per_s[0] - exact)
            yield apart <= found.throughput_half_width[0], found.throughput_half_width[0] / exact


def test_the_interval_covers_the_exact_chain() -> None:
    covered, width = np.array(list(coverage(seeds=3, events=60_000))).T
    assert len(covered) >= 3 * 60
    assert 0.9 <= covered.mean() <= 0.99
    assert width.mean() < 0.03


@pytest.mark.verification
def test_the_interval_covers_the_exact_chain_for_many_seeds() -> None:
    covered, width = np.array(list(coverage(seeds=20, events=200_000))).T
    assert 0.9 <= covered.mean() <= 0.99
    assert covered.reshape(-1, 12 * 20).mean(axis=1).min() >= 0.9  # for each number of threads
    assert width.mean() < 0.015


@pytest.mark.parametrize("n_threads", [2, 3, 4])
@pytest.mark.parametrize("same_vma", [0.3, 1.0])
def test_des_is_the_exact_speculative_system(n_threads: int, same_vma: float) -> None:
    p = SpfParameters(n_threads, 0.3, 5.0, 1.0, 4.0, 1.5, same_vma)
    exact = solve_spf(p)
    runs = [des.solve(speculating(p), seed=seed, events=400_000) for seed in range(4)]
    rate = np.array([run.throughput_per_s[0] for run in runs]) * US / 1e9
    early, late = (np.array([run.abort_share[cause][0] for run in runs]) for cause in ("at_once", "at_the_end"))
    assert rate.mean() == pytest.approx(exact.throughput, rel=0.003)
    assert early.mean() == pytest.approx(exact.early_share, rel=0.02)
    assert (early + late).mean() == pytest.approx(exact.abort_share, rel=0.02)


@pytest.mark.parametrize("name", [name for name in SYSTEMS if ", 8 CPUs" in name and not stops(name)])
def test_little_law_holds_in_every_run(name: str) -> None:
    """N = X (think + update + faults (think + fault)), where everybody has a CPU and work is not slowed."""
    network = replace(SYSTEMS[name], slowdown=np.ones((1, 9)))
    found = des.solve(network, events=100_000)
    cycle_ns = 3 * US + found.update_mean_ns + 2 * (2 * US + found.fault_mean_ns)
    assert found.throughput_per_s * cycle_ns / 1e9 == pytest.approx(8, rel=0.01)
    assert found.faults_per_s == pytest.approx(2 * found.updates_per_s, rel=0.01)


@pytest.mark.parametrize("system", textbook_grid()[::5])
def test_utilisation_law_holds_in_every_run(system: tuple[int, float, float, float, float]) -> None:
    """Share of time with a writer = updates per ns times their mean hold; all CPUs busy: nobody sleeps.

    Within five standard errors of the mean of so many exponential holds (4 % at most); a cycle is about four events.
    """
    found = des.solve(textbook(*system), events=3_200_000)
    near = 5 / np.sqrt(3_200_000 / 4 * system[1])
    assert near < 0.04
    writer, reader = (found.utilisation[f"mmap_sem ({kind})"][0] for kind in ("write", "read"))
    assert writer == pytest.approx(found.updates_per_s[0] * system[4] / 1e9, rel=near)
    assert reader <= min(1 - writer, found.faults_per_s[0] * system[3] / 1e9 * (1 + near))
    assert found.busy_cpus[0] == pytest.approx(system[0])


@pytest.mark.parametrize("name", SYSTEMS)
def test_shares_are_shares(name: str) -> None:
    network = SYSTEMS[name]
    found = des.solve(network, events=20_000)
    shares = {**found.utilisation, **found.abort_share}
    assert all(0 <= share[0] <= 1 for share in shares.values())
    assert 0 < found.busy_cpus[0] <= network.cpus * (1 + 1e-12)
    assert found.fault_mean_ns[0] < found.fault_p99_ns[0]


def test_same_seed_same_result_on_one_worker_and_on_two() -> None:
    network = every_op()
    network = replace(
        network, value_ns=np.repeat(network.value_ns, 3, axis=0), line_local_ns=np.array([10.0, 50.0, 90.0]),
        slowdown=np.repeat(network.slowdown, 3, axis=0), rwsem_ns=np.repeat(network.rwsem_ns, 3, axis=0),
    )  # fmt: skip
    one, two, other = (
        des.solve(network, seed=seed, workers=workers, events=20_000) for seed, workers in ((7, 1), (7, 2), (8, 2))
    )
    assert np.array_equal(one.throughput_per_s, two.throughput_per_s)
    assert np.array_equal(one.throughput_half_width, two.throughput_half_width)
    assert all(np.array_equal(one.abort_share[cause], two.abort_share[cause]) for cause in network.causes)
    assert not np.any(one.throughput_per_s == other.throughput_per_s)
    assert len(set(one.throughput_per_s)) == 3  # the draws differ


def test_common_random_numbers_make_a_small_difference_visible() -> None:
    """A hold longer by 2 %: the ratio of two runs of one seed is less noisy than that of two seeds."""

    def rate(write_ns: float, seed: int) -> float:
        return float(des.solve(textbook(8, 0.1, 2e4, 1e3, write_ns), seed=seed, events=40_000).throughput_per_s[0])

    paired = [rate(3060.0, seed) / rate(3000.0, seed) for seed in range(12)]
    crossed = [rate(3060.0, seed) / rate(3000.0, seed + 100) for seed in range(12)]
    assert np.std(paired) < 0.7 * np.std(crossed)


def test_too_many_causes_or_too_few_slowdowns_are_refused() -> None:
    network = mmap_sem(OLD)
    with pytest.raises(ValueError, match="at most 30 causes and lines"):
        des.solve(replace(network, causes=("x",) * 31))
    with pytest.raises(ValueError, match="slowdown needs cpus"):
        des.solve(replace(network, slowdown=np.ones((1, 3))))


def test_mser5_finds_the_end_of_a_warm_up_and_drops_nothing_from_noise() -> None:
    noise = np.random.default_rng(1).normal(size=320)
    assert batches.mser5(noise) <= 40
    decay = 20 * np.exp(-np.arange(320) / 10)
    assert 30 <= batches.mser5(noise + decay) <= 80
    assert batches.mser5(np.ones(320)) == 0
    assert batches.mser5(np.arange(320.0)) <= 160


def test_ratio_interval_covers_a_ratio_of_dependent_totals() -> None:
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(2000):
        time = rng.gamma(4.0, size=20)
        ratio, half_width = batches.ratio_interval(3 * time + rng.normal(size=20), time)
        covered.append(abs(ratio - 3) < half_width)
    assert 0.93 < np.mean(covered) < 0.97


def test_percentile_is_that_of_the_sample_within_a_bin() -> None:
    sample = np.random.default_rng(3).exponential(1e4, size=200_000)
    histogram = np.bincount((16 * np.log2(sample)).clip(0, 639).astype(int), minlength=640).astype(float)
    for q in (0.1, 0.5, 0.99):
        assert batches.percentile(histogram, q) == pytest.approx(np.quantile(sample, q), rel=0.01)
    assert batches.percentile(np.zeros(640), 0.5) == 0.0


def test_p99_of_a_lone_exponential_fault() -> None:
    found = des.solve(textbook(1, 0.5, 1e3, 1e4, 1e4), events=400_000)
    assert found.fault_p99_ns[0] == pytest.approx(1e4 * np.log(100), rel=0.02)
    assert found.fault_mean_ns[0] == pytest.approx(1e4, rel=0.01)

"""The exact chain from a program: hand-written chains, textbook stations, and the simulation of every protocol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from agreement_chains import Small, solved, systems
from small_networks import network_of, reader_writer, speculative, step
from systems import FREE, every_op, speculating, textbook
from tiny_systems import tiny

from spfmodel.network import Network, Op
from spfmodel.primitives.reader_writer import ERAS, FCFS
from spfmodel.primitives.state import ATTEMPTS, CAUSES, CYCLES
from spfmodel.protocols import PROTOCOLS
from spfmodel.solvers import batches, des, table_chain
from spfmodel.solvers.markov import Chain, stationary, stationary_by_sweeps
from spfmodel.solvers.mva import mva
from spfmodel.solvers.rwlock_chain import simple_system, solve_lock
from spfmodel.solvers.spf_chain import SpfParameters, solve_spf
from spfmodel.solvers.table_program import exponential
from spfmodel.sources import BadInput

# -- against chains written by hand, and product forms ---------------------------------------------


@pytest.mark.parametrize(("n", "same_vma"), list(product((1, 2, 3, 4, 5), (0.3, 1.0))))
def test_it_is_the_chain_of_the_small_speculative_system(n: int, same_vma: float) -> None:
    p = SpfParameters(n, 0.3, 5.0, 1.0, 4.0, 1.5, same_vma)
    exact, found = solve_spf(p), table_chain.solve(speculating(p))
    assert found.throughput_per_s[0] * 1e-6 == pytest.approx(exact.throughput, rel=1e-9)
    assert found.abort_share["at_once"][0] == pytest.approx(exact.early_share, rel=1e-9)
    late = exact.abort_share - exact.early_share
    assert found.abort_share["at_the_end"][0] == pytest.approx(late, rel=1e-9)


@pytest.mark.parametrize(("n", "p"), [(1, 0.3), (2, 0.02), (3, 0.8), (5, 0.1), (8, 0.3)])
def test_it_is_the_chain_of_the_reader_writer_lock(n: int, p: float) -> None:
    exact, found = solve_lock(simple_system(n, p, 2e3, 1e3, 3e3)), table_chain.solve(textbook(n, p, 2e3, 1e3, 3e3))
    assert found.throughput_per_s[0] * 1e-9 == pytest.approx(exact.throughput, rel=1e-9)
    assert found.utilisation["mmap_sem (write)"][0] == pytest.approx(exact.writer, rel=1e-9)
    assert found.utilisation["mmap_sem (read)"][0] == pytest.approx(exact.reader_owned, rel=1e-9)
    in_faults = found.faults_per_s[0] * found.fault_mean_ns[0] * 1e-9
    assert in_faults == pytest.approx(exact.readers + exact.readers_waiting, rel=1e-9)


def test_a_line_and_an_exclusive_lock_have_the_product_form() -> None:
    """Two lines and a lock that all updates hold: think time 900, stations of 110, 300 and 80 ns."""
    steps = [
        step(Op.WORK, 900.0), step(Op.UPDATE_BEGIN), step(Op.LINE, 110.0), step(Op.WRITE_LOCK), step(Op.WORK, 300.0),
        step(Op.WRITE_UNLOCK), step(Op.LINE, 80.0, 1), step(Op.UPDATE_END), step(Op.CYCLE_END),
    ]  # fmt: skip
    network = network_of(steps, 4, faults=0, updates=1, lines=("a", "b"))
    station = np.array([110.0, 300.0, 80.0])
    found = table_chain.solve(replace(network, line_local_ns=np.full(1, 110.0)))
    remote = table_chain.solve(replace(network, value_ns=np.where(network.op == Op.LINE, 110.0, network.value_ns),
                                       line_local_ns=np.full(1, 110.0)))  # fmt: skip
    exact = mva(4, 900.0, np.array([110.0, 300.0, 110.0]))
    assert remote.throughput_per_s[0] * 1e-9 == pytest.approx(exact.throughput[-1], rel=1e-9)
    assert remote.update_mean_ns[0] == pytest.approx(exact.residence.sum(), rel=1e-9)
    assert found.throughput_per_s[0] * 1e-9 < mva(4, 900.0, station).throughput[-1]


def test_sweeps_find_what_elimination_finds() -> None:
    chain = table_chain.explore(tiny(PROTOCOLS["spf_rwlock"], "map, touch, unmap", 3), 0, 10_000).chain
    np.testing.assert_allclose(stationary_by_sweeps(chain), stationary(chain), rtol=1e-9, atol=1e-15)
    pair = Chain(2, np.array([0, 1]), np.array([1, 0]), np.array([1.0, 3.0]))
    np.testing.assert_allclose(stationary_by_sweeps(pair), [0.75, 0.25], rtol=1e-12)


# -- against the simulation ------------------------------------------------------------------------


def agrees(network: Network, seed: int, events: int) -> None:
    """A figure of the simulation lies within 3 half-widths of the exact one (a longer run: for means, too)."""
    exact, found = table_chain.solve(network), des.solve(network, seed=seed, events=events)
    near = 3 * float(found.throughput_half_width[0] / found.throughput_per_s[0])
    assert near < 0.05
    for figure in ("throughput_per_s", "faults_per_s", "updates_per_s", "fault_mean_ns", "update_mean_ns"):
        assert getattr(found, figure)[0] == pytest.approx(getattr(exact, figure)[0], rel=near), figure
    for kind in ("utilisation", "abort_share"):
        for key, value in getattr(exact, kind).items():
            assert getattr(found, kind)[key][0] == pytest.approx(value[0], abs=0.01), key
    assert found.busy_cpus[0] == pytest.approx(exact.busy_cpus[0])


def small_every_op(n: int, **rules: int) -> Network:
    """Every op of an update and a speculative fault; two threads share a page table."""
    network = every_op(rules=FCFS._replace(**rules))
    return replace(
        exponential(network), n_threads=n, entry=network.entry[:n], rwsem_ns=np.array([FREE]), threads_per_page_table=2
    )


@pytest.mark.parametrize("downgrade", [0, 1])
def test_every_op_with_lines_local_atomics_and_page_tables(downgrade: int) -> None:
    agrees(small_every_op(2, downgrade=downgrade), seed=1, events=1_000_000)


def test_four_threads_on_two_page_tables() -> None:
    network = tiny(PROTOCOLS["spf_rwlock_v11"], "drop, touch", 4)
    agrees(replace(network, threads_per_page_table=2), seed=2, events=1_000_000)


def test_threads_that_only_update_and_phases_that_come_now_and_then() -> None:
    steps = [
        step(Op.WORK, 900.0), step(Op.FAULT_BEGIN), step(Op.READ_LOCK), step(Op.WORK, 400.0), step(Op.READ_UNLOCK),
        step(Op.FAULT_END), step(Op.EVERY, 3.0, 12), step(Op.UPDATE_BEGIN), step(Op.WRITE_LOCK), step(Op.WORK, 800.0),
        step(Op.WRITE_UNLOCK), step(Op.UPDATE_END), step(Op.CYCLE_END, 0.0, 0), step(Op.WORK, 2e3),
        step(Op.UPDATE_BEGIN), step(Op.WRITE_LOCK), step(Op.WORK, 700.0), step(Op.WRITE_UNLOCK), step(Op.UPDATE_END),
        step(Op.CYCLE_END, 0.0, 13),
    ]  # fmt: skip
    network = network_of(steps, 3, faults=1, updates=1 / 3)
    agrees(replace(network, entry=np.array([0, 0, 13], np.int32)), seed=3, events=1_000_000)


def covered(which: Small, seeds: range, events: int) -> Iterator[bool]:
    """For each seed: does the simulation's interval hold the exact throughput?"""
    network, exact = solved(which)
    for seed in seeds:
        found = des.solve(network, seed=seed, events=events)
        yield abs(found.throughput_per_s[0] - exact.throughput_per_s[0]) <= found.throughput_half_width[0]


QUICK = [("map, touch, unmap", 2), ("grow, touch, shrink", 3), ("touch", 5), ("protect, touch", 3), ("drop, touch", 2)]


def test_the_interval_covers_the_exact_chain_of_every_protocol() -> None:
    """Four seeds for each of five systems: twenty in all per protocol."""
    found = {
        name: [
            hit
            for place, rest in enumerate(QUICK)
            for hit in covered(Small(name, *rest), range(20 * k + 4 * place, 20 * k + 4 * place + 4), 50_000)
        ]
        for k, name in enumerate(PROTOCOLS)
    }
    assert {len(hits) for hits in found.values()} == {20}
    assert 0.9 <= np.mean(list(found.values())) <= 0.99
    assert min(np.mean(hits) for hits in found.values()) >= 0.8


@pytest.mark.verification
@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_interval_covers_the_exact_chain_for_twenty_seeds(name: str) -> None:
    hits = [hit for which in systems(name) for hit in covered(which, range(20), 100_000)]
    assert len(hits) == 400
    assert 0.9 <= np.mean(hits) <= 0.99


def abort_counts(network: Network, seed: int, events: int) -> np.ndarray:
    """Attempts, then aborts by cause, in a run without its first tenth."""
    run = des.simulate(des.at_random_places(network, seed), 0, seed, events)[0]
    total = run[-1] - run[len(run) // 10]
    first = CAUSES - CYCLES
    return np.array([total[ATTEMPTS - CYCLES], *total[first : first + len(network.causes)]])


def abort_shares(which: Small, seeds: range, events: int) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """By cause that can occur: its exact share, and attempts and aborts of each run, (R,) each."""
    network, exact = solved(which)
    counts = np.array([abort_counts(network, seed, events) for seed in seeds])
    for c, cause in enumerate(network.causes):
        p = float(exact.abort_share[cause][0])
        if p > 1e-12:
            yield p, counts[:, 0], counts[:, 1 + c]
        else:
            assert counts[:, 1 + c].sum() == 0


SPECULATIVE = [name for name, protocol in PROTOCOLS.items() if protocol.attempt]


@pytest.mark.parametrize("name", SPECULATIVE)
def test_aborts_by_cause_are_within_their_binomial_error(name: str) -> None:
    """Within four of them: one update aborts several faults at once, so that aborts spread a little more."""
    scores = []
    for which in systems(name)[5:10]:
        for p, attempts, aborts in abort_shares(which, range(1), 80_000):
            scores.append((aborts.sum() - attempts.sum() * p) / np.sqrt(attempts.sum() * p * (1 - p)))
    assert len(scores) >= 3
    assert np.abs(scores).max() < 4


@pytest.mark.verification
@pytest.mark.parametrize("name", SPECULATIVE)
def test_aborts_by_cause_are_within_their_error_for_twenty_seeds(name: str) -> None:
    """Student's intervals of the ratio over twenty runs hold the exact share as often as they say."""
    covered, dispersion = [], []
    for which in systems(name):
        for p, attempts, aborts in abort_shares(which, range(20), 100_000):
            share, half = batches.ratio_interval(aborts, attempts)
            covered.append(abs(share - p) <= half)
            dispersion.append(((aborts - attempts * p) ** 2 / (attempts * p * (1 - p))).mean())
    assert np.mean(covered) >= 0.85
    assert 0.7 < np.median(dispersion) < 2


# -- what it refuses -------------------------------------------------------------------------------


def test_what_it_cannot_solve_is_refused_in_one_sentence() -> None:
    with pytest.raises(BadInput, match="only the textbook lock"):
        table_chain.solve(reader_writer(2, 3, 1.0, 1.0, 1.0, rules=ERAS["to-4.19"]))
    with pytest.raises(BadInput, match="a CPU per thread"):
        table_chain.solve(reader_writer(4, 3, 1.0, 1.0, 1.0, cpus=2))
    with pytest.raises(BadInput, match="more than 50 states"):
        table_chain.solve(speculative(4, 9, 1e3, 1e3, 1e3, 800.0, 1.0), most_states=50)
    with pytest.raises(BadInput, match="counts below"):
        table_chain.solve(reader_writer(2, 5000, 1.0, 1.0, 1.0))


def test_a_program_in_which_no_time_passes_is_refused() -> None:
    network = network_of([step(Op.UPDATE_BEGIN), step(Op.UPDATE_END), step(Op.CYCLE_END)], 1, faults=0, updates=1)
    with pytest.raises(ValueError, match="without any time passing"):
        table_chain.solve(network)

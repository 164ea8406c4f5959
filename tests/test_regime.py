"""Which solver `auto` takes, what it says about its error, and two equilibria where there are two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_networks import network_of, reader_writer, speculative, step
from tiny_systems import tiny

from spfmodel import catalog
from spfmodel.network import Network, Op
from spfmodel.primitives.reader_writer import ERAS
from spfmodel.program import build
from spfmodel.protocols import PROTOCOLS
from spfmodel.solvers import closed, regime, solve, table_chain


def real(workload: str, n: int, protocol: str = "spf_rwlock") -> Network:
    return build(catalog.machine("x86-vm-16"), catalog.workload(workload), PROTOCOLS[protocol], n)


def test_auto_is_exact_for_one_thread_and_for_small_textbook_systems() -> None:
    alone = solve(real("ebizzy-mTt", 1))
    assert alone.solver == "one thread, exact"
    assert alone.error_band == 0
    small = tiny(PROTOCOLS["spf_rwlock"], "map, touch, unmap", 3)
    found = solve(small)
    assert found.solver == "ctmc, exact, from the table"
    assert found.throughput_per_s == table_chain.solve(small).throughput_per_s


@pytest.mark.parametrize("workload", ["pft", "ebizzy-mTt", "brk1"])
def test_auto_simulates_threads_that_wait_for_each_other(workload: str) -> None:
    found = solve(real(workload, 8), events=20_000)
    assert found.solver == "des"
    assert found.error_band == pytest.approx(float(found.throughput_half_width[0] / found.throughput_per_s[0]))


def test_a_chain_that_grows_too_large_is_left_to_the_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regime, "CHAIN_STATES", 1000)
    large = speculative(5, 200, 1e3, 1e3, 1e3, 800.0, 1.0)
    assert regime.choose(large).solver == "chain"
    assert solve(large, events=20_000).solver == "des"


def test_sleepers_real_times_and_many_draws_are_not_for_the_chain() -> None:
    small = reader_writer(3, 2, 1e3, 1e3, 1e3)
    assert regime.choose(small).solver == "chain"
    for other in (
        reader_writer(3, 2, 1e3, 1e3, 1e3, rules=ERAS["to-4.19"]),
        reader_writer(3, 2, 1e3, 1e3, 1e3, scv=0.25),
        reader_writer(3, 2, 1e3, 1e3, 1e3, line=50.0),
        reader_writer(3, 2, 1e3, 1e3, 1e3, cpus=2),
        reader_writer(6, 2, 1e3, 1e3, 1e3),
    ):
        assert regime.choose(other).solver == "des"


def test_regimes_by_who_waits_for_what() -> None:
    systems = {
        regime.ALONE: reader_writer(1, 3, 1e3, 1e3, 1e3),
        regime.CROWD: reader_writer(8, 3, 1e3, 1e3, 1e3, cpus=4),
        regime.LIGHT: reader_writer(4, 9, 1e5, 1e3, 1e3),
        regime.LOCK: reader_writer(8, 3, 1e2, 1e3, 4e3),
        regime.SLEEP: reader_writer(8, 3, 1e2, 1e3, 4e3, rules=ERAS["to-4.19"]),
        regime.ABORTS: speculative(8, 9, 2e3, 1e3, 4e3, 800.0, 1.0),
        regime.LINES: replace(tiny(PROTOCOLS["ideal"], "touch", 12, memory_ratio=0.9, line_ns=400.0)),
    }
    assert set(systems) == set(regime.REGIMES)
    for name, network in systems.items():
        found = closed.solve(network)
        assert regime.regime(network, found) == name
        assert solve(network, solver="closed").error_band == regime.BANDS["closed"][name]


def guarded_line(n: int) -> Network:
    """Attempts pass a slow line that fallbacks avoid: aborts speed the updates up that cause them."""
    rows = [
        step(Op.WORK, 50.0), step(Op.UPDATE_BEGIN), step(Op.WRITE_LOCK), step(Op.SEQ_ODD, 1.0), step(Op.WORK, 500.0),
        step(Op.SEQ_EVEN), step(Op.WRITE_UNLOCK), step(Op.UPDATE_END), step(Op.WORK, 50.0), step(Op.FAULT_BEGIN),
        step(Op.ATTEMPT), step(Op.SEQ_READ, 0.0, 0, 14, 0), step(Op.LINE, 3000.0), step(Op.JUMP, 0.0, 17),
        step(Op.READ_LOCK), step(Op.WORK, 10.0), step(Op.READ_UNLOCK), step(Op.FAULT_END), step(Op.CYCLE_END),
    ]  # fmt: skip
    network = network_of(rows, n, faults=1, updates=1, lines=("slow",))
    return replace(network, line_local_ns=np.full(1, 3000.0))


def test_two_equilibria_are_found_and_told() -> None:
    """The exact system of five threads lives between them."""
    network = guarded_line(5)
    ends, exact = regime.equilibria(network), table_chain.solve(network)
    assert ends is not None
    assert ends.differ == 1
    low, high = (float(end.throughput_per_s[0]) for end in (ends.low, ends.high))
    assert 1.5 * low < exact.throughput_per_s[0] < high / 1.5
    assert ends.low.fallback_share[0] < 0.2 < exact.fallback_share[0] < 0.6 < ends.high.fallback_share[0]
    assert ends.note.startswith("two equilibria in 100% of the draws: 15.8% or 78.9% of attempts abort")


@pytest.mark.parametrize("protocol", ["spf_rwlock", "spf_mmseq", "per_vma_lock"])
def test_one_equilibrium_needs_no_note(protocol: str) -> None:
    ends = regime.equilibria(real("ebizzy-mTt", 16, protocol))
    assert ends is not None
    assert ends.note == ""


def test_threads_that_differ_have_no_formula_and_no_note() -> None:
    network = replace(reader_writer(2, 3, 1.0, 1.0, 1.0), entry=np.array([0, 2], np.int32))
    assert regime.equilibria(network) is None

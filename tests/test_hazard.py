"""Aborts by their chances: the same mean as aborts counted, exact chains, and less noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_networks import speculative
from systems import every_op, speculating

from spfmodel.network import Network, Op
from spfmodel.primitives.state import ATTEMPTS, CAUSES, CYCLES, EXPECTED
from spfmodel.solvers import des, table_chain
from spfmodel.solvers.spf_chain import SpfParameters, solve_spf
from spfmodel.solvers.windows import windows


def shares(network: Network, seeds: int, events: int) -> tuple[np.ndarray, np.ndarray]:
    """Aborts / attempts by seed and cause, (seeds, C): counted, and by their chances."""
    ends = np.array([des.simulate(network, 0, seed, events)[0][-1] for seed in range(seeds)])
    attempts, size = ends[:, [ATTEMPTS - CYCLES]], len(network.causes)
    counted, expected = (ends[:, at - CYCLES : at - CYCLES + size] for at in (CAUSES, EXPECTED))
    return counted / attempts, expected / attempts


def moving_together() -> Network:
    """Updates under a read hold: their odd sections overlap, so that two of them make the sequence even."""
    network = every_op(cpus=6)
    op = network.op.copy()
    op[op == Op.WRITE_LOCK], op[op == Op.WRITE_UNLOCK] = Op.READ_LOCK, Op.READ_UNLOCK
    op[op == Op.DOWNGRADE] = Op.SPIN_UNLOCK  # does nothing
    return replace(network, op=op)


SYSTEMS = {
    "every op": every_op(), "3 CPUs": every_op(cpus=3), "overlapping": moving_together(),
    "one window": speculative(4, 3, 2000.0, 700.0, 1500.0, 900.0, 0.2, chance=0.05),
}  # fmt: skip


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_chances_sum_to_the_aborts_on_average(name: str) -> None:
    counted, expected = shares(SYSTEMS[name], seeds=24, events=30_000)
    apart = np.column_stack([counted - expected, (counted - expected).sum(axis=1)])
    error = apart.std(axis=0, ddof=1) / np.sqrt(len(apart))
    assert np.all(np.abs(apart.mean(axis=0)) <= 4 * error)
    assert np.any(error > 0)


@pytest.mark.parametrize("same_vma", [1e-3, 0.3])
def test_late_aborts_are_those_of_the_exact_chain_with_less_noise(same_vma: float) -> None:
    p = SpfParameters(4, 0.3, 5.0, 1.0, 4.0, 1.5, same_vma)
    exact = solve_spf(p)
    counted, expected = (by_cause[:, 2] for by_cause in shares(speculating(p), seeds=24, events=30_000))
    late = exact.abort_share - exact.early_share
    assert expected.mean() == pytest.approx(late, abs=4 * expected.std(ddof=1) / np.sqrt(24))
    assert expected.mean() == pytest.approx(late, rel=0.02)
    assert counted.var() > (100 if same_vma < 0.01 else 2) * expected.var()


def test_a_coin_alone_has_no_noise_but_that_of_the_attempts() -> None:
    network = speculative(4, 20, 2000.0, 700.0, 1500.0, 900.0, 0.0, chance=1e-7)
    _, expected = shares(network, seeds=2, events=20_000)
    assert expected.sum(axis=1) == pytest.approx(1e-7, rel=0.01)


def test_what_an_attempt_relies_on() -> None:
    """Of `every_op`: sequence 0 is read first and checked first; the PTE lock and a chance come between."""
    network = every_op()
    table, books = windows(network, 0)
    size = len(network.op)
    first = int(np.flatnonzero(network.op == Op.SEQ_READ)[0])
    causes = [table[place - 4 * size :][:4].tolist() if place else None for place in table[first : first + 9]]
    only, both = [-1, 0, -1, 0], [-1, 0, 1, 0]
    assert causes == [None, only, both, both, both, both, [-1, -1, 1, 1], None, None]
    checks = [Op.SEQ_READ, Op.SEQ_READ, Op.TRYLOCK, Op.CHANCE, Op.SEQ_CHECK, Op.SEQ_CHECK]
    assert books[[first, first + 1, *range(first + 3, first + 7)]].tolist() == [1, 1, 1, 0, -1, -1]
    assert network.op[[first, first + 1, *range(first + 3, first + 7)]].tolist() == checks


def test_a_sequence_that_always_moves_has_no_coin() -> None:
    network = speculative(4, 3, 2000.0, 700.0, 1500.0, 900.0, 1.0)
    table, books = windows(network, 0)
    assert not table.any()
    assert not np.any(books < 0)
    counted, expected = shares(network, seeds=2, events=20_000)
    assert np.array_equal(counted[:, 1:], expected[:, 1:])  # the first is a CHANCE


@pytest.mark.verification
def test_the_interval_of_the_fallback_share_covers_the_exact_chain() -> None:
    network = speculative(3, 2, 2000.0, 700.0, 1500.0, 900.0, 0.05, chance=0.01)
    exact = float(table_chain.solve(network).fallback_share[0])
    covered = []
    for seed in range(200):
        found = des.solve(network, seed=seed, events=60_000)
        assert found.fallback_half_width is not None
        covered.append(abs(found.fallback_share[0] - exact) <= found.fallback_half_width[0])
    assert 0.9 <= np.mean(covered) <= 0.99


def test_among_very_many_threads_what_sequences_abort_is_counted_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at each attempt at each update would cost the more, the more threads there are."""
    network = speculating(SpfParameters(4, 0.3, 5.0, 1.0, 4.0, 1.5, 0.3))
    monkeypatch.setattr("spfmodel.solvers.windows.MOST_WATCHED", 3)
    counted, expected = shares(network, seeds=2, events=30_000)
    assert np.array_equal(counted[:, 1:], expected[:, 1:])  # the first is a CHANCE
    assert np.all(counted[:, 2] > 0)

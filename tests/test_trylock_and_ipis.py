"""The PTE lock tried or spun for, and shootdowns: closed form, exact chain, drawn placements, measurements."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from spfmodel import controlled, datasets, flushes
from spfmodel.primitives import ipi, spin_trylock
from spfmodel.solvers.trylock_chain import TrylockParameters, solve_trylock
from spfmodel.symbolic import ipi as waits
from spfmodel.symbolic import spin_trylock as locks
from spfmodel.symbolic import symbols


def test_same_table_as_derived_and_drawn():
    rng, n = np.random.default_rng(1), 100_000
    mine, other, start = rng.uniform(0, 1, n), rng.uniform(1, 2, n), rng.uniform(0, 1, n)
    derived = sp.lambdify(symbols("L T"), locks.same_table())
    for length in (0.125, 0.5, 0.7, 1.0, 2.0):
        formula = float(spin_trylock.same_table(length, 1.0))
        drawn = np.mean(np.floor(mine * length + start) == np.floor(other * length + start))
        assert formula == pytest.approx(drawn, abs=0.006)
        placed = spin_trylock.same_table_at(length, np.linspace(0, 1, 20_001), 1.0)
        assert formula == pytest.approx(placed.mean(), abs=2e-4)
        if length <= 0.5:
            assert formula == pytest.approx(derived(length, 1.0))


@pytest.mark.parametrize("m", [1, 2, 3])
def test_spinning_as_derived(m):
    derived = sp.lambdify(symbols("S Z"), locks.spin_wait(m))
    assert float(spin_trylock.spin_wait_ns(m, 2.0, 3.0)) == pytest.approx(derived(2.0, 3.0), abs=1e-12)


@pytest.mark.parametrize("m", [1, 2, 4, 8])
def test_retry_and_abort_against_the_exact_chain(m):
    """A retry is the machine repairman; an abort is close to P (F + W) while tries rarely fail."""
    for hold in (200.0, 1000.0):
        retry = solve_trylock(TrylockParameters(m, 2300.0, hold, 0.0))
        assert retry.lost == pytest.approx(float(spin_trylock.spin_wait_ns(m, hold, 2300.0)), abs=1e-6)
        abort = solve_trylock(TrylockParameters(m, 2300.0, hold, 1800.0))
        formula = float(spin_trylock.abort_lost_ns(m, hold, 2300.0, 1800.0))
        assert formula == pytest.approx(abort.lost, rel=0.1, abs=1e-9)
        assert abort.lost >= retry.lost


def test_busy_share_of_the_chain_is_engsets_while_tries_rarely_fail():
    rare = solve_trylock(TrylockParameters(3, 1000.0, 1.0, 10.0)).busy_share
    assert rare == pytest.approx(float(spin_trylock.busy_probability(3, 1.0, 1000.0)), rel=0.02)


def test_hold_of_busy_turns_engset_round():
    busy = spin_trylock.busy_probability(1.7, 150.0, 2000.0 - 150.0)
    assert float(spin_trylock.hold_of_busy(busy, 1.7, 2000.0)) == pytest.approx(150.0)


def test_table_spans():
    spans = {key: span >> 20 for key, span in spin_trylock.TABLE_SPANS.items()}
    assert spans["x86_64", 4] == spans["arm64", 4] == spans["ppc64-radix", 64] == 2
    assert (spans["ppc64-hash", 64], spans["arm64", 16], spans["arm64", 64]) == (16, 32, 512)
    per_lock = spin_trylock.PPC64_FRAGMENTS * spin_trylock.TABLE_SPANS["ppc64-hash", 64]
    assert spin_trylock.sharers_of_chunks(80, 512 * 1024, per_lock) == 80
    assert spin_trylock.sharers_random(11, 5120, 512) == 2


def test_one_hold_explains_busy_pte_locks_at_other_region_sizes():
    """Fitted to regions of 256 KiB, it predicts those of 2 MiB; and those of 1 MiB, once they share a table."""
    rows = {row["mode"]: row for row in controlled.busy_locks()}
    fitted = rows["ebizzy"]
    hold = float(spin_trylock.hold_of_busy(fitted["busy"], 1 + fitted["same_table"], fitted["cycle"]))
    assert 100 < hold < 400
    anon, mib = rows["anon"], rows["pf1"]
    predicted = spin_trylock.busy_probability(1 + anon["same_table"], hold, anon["cycle"] - hold)
    assert 1 / 1.2 < float(predicted) / anon["busy"] < 1.2
    together = spin_trylock.busy_probability(2, hold, mib["cycle"] - hold)
    assert 1 / 1.2 < float(together) / mib["busy"] < 1.2


def test_unsplit_locks_cap_throughput_whatever_the_threads():
    table = datasets.measurements()
    rate = table[table["source"] == "Wu2013a"].set_index("id")["total_per_s"].astype(float)
    name = "PTL-will-it-scale.page_fault3.{}.threads-{}"
    unsplit, split = ([rate[name.format(n, way)] for n in (90, 120)] for way in ("base", "new"))
    assert abs(np.log(unsplit[1] / unsplit[0])) < 0.05
    assert all(after / before > 5 for before, after in zip(unsplit, split, strict=True))


@pytest.mark.parametrize("n", [1, 2, 5])
def test_longest_window_as_derived(n):
    u, mean, whole = symbols("u m D")
    exponential = sp.lambdify((u, mean), waits.longest_exponential(n))
    constant = sp.lambdify((u, whole), waits.longest_constant(n))
    for share in (0.02, 0.3, 1.0):
        np.testing.assert_allclose(ipi.wait_exponential_ns(n, share, 250.0), exponential(share, 250.0))
        np.testing.assert_allclose(ipi.wait_constant_ns(n, np.array(share), 250.0), constant(share, 250.0))


def test_a_shootdown_costs_more_with_targets_and_windows():
    cost = ipi.FLUSH_COSTS["x86"]
    n = np.arange(0, 56)
    plain, windows = ipi.shootdown_ns(n, cost), ipi.shootdown_ns(n, cost, 0.3, 300.0)
    assert plain[0] == cost.base_ns[0]
    assert np.all(np.diff(plain) > 0)
    assert windows[0] == plain[0]
    assert np.all(np.diff(windows - plain) > 0)
    assert np.all(windows - plain < 300.0)
    tlbie = ipi.FLUSH_COSTS["ppc64-tlbie"]
    np.testing.assert_array_equal(ipi.shootdown_ns(n, tlbie), ipi.shootdown_ns(n, tlbie, 0.3, 300.0))


def test_flush_costs_are_ranges_with_sources():
    for cost in ipi.FLUSH_COSTS.values():
        assert cost.source
        for median, low, high in (cost.base_ns, cost.first_ns, cost.target_ns):
            assert 0 <= low <= median <= high
        assert cost.interrupts == (cost.first_ns[0] > 0)
    assert ipi.off_share(1e-3, 300.0) == pytest.approx(0.3)
    assert ipi.off_share(1.0, 300.0) == 1


def slope(machine, way):
    rows = flushes.loops().query("machine == @machine and way == @way")
    n, took = rows["n_threads"].to_numpy(float), rows["loop_ns"].to_numpy(float)
    per_cpu = ipi.per_cpu_ns(n, took)
    return per_cpu, np.abs(np.log(ipi.loop_ns(n, took[0], per_cpu) / took))


def test_published_flush_loops_are_linear_in_the_cpus_that_run():
    base, miss = slope("skylake-56", "baseline v5.17+")
    assert 1000 < base < 2200
    assert np.sort(miss)[-2] < 0.1
    patched, _miss = slope("skylake-56", "+patch")
    assert patched < base
    with_ipi, miss = slope("milan-72", "mmap_lock+IPI_shootdown")
    without, _miss = slope("milan-72", "mmap_lock+INVLPGB")
    assert miss.max() < 0.2
    assert 400 < with_ipi - without < 900


def test_one_interrupt_costs_twenty_microseconds_in_a_virtual_machine():
    took = [row["flush_ns"] for row in flushes.interrupted()]
    median, low, high = ipi.FLUSH_COSTS["x86-vm"].first_ns
    assert len(took) == 4
    assert low < min(took) <= max(took) < high
    assert np.median(took) == pytest.approx(median, rel=0.1)

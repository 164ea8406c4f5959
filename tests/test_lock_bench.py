"""Waiman Long's microbenchmark: simulation, closed form and measurement of old and new rwsems."""

from __future__ import annotations

from math import log

import pytest

from spfmodel import datasets
from spfmodel.lock_bench import MACHINES, by_formula, rate
from spfmodel.primitives.reader_writer import PATCHES

IVB, SKYLAKE = MACHINES["ivb-ex"], MACHINES["skylake-2s"]
OLD = {
    ("Long2019a", "rwsem_pre"): IVB,
    ("Long2019b", "rwsem_wake_256"): IVB,
    ("Long2019b", "rwsem_wake_few"): IVB,
    ("Long2019d", "rwsem_v5.1"): SKYLAKE,
}
NEW = {("Long2019a", "rwsem_reader_owned_spin"): IVB, ("Long2019d", "rwsem_v5.2/5.3_rearch"): SKYLAKE}


def measured(source: str, variant: str, kind: str = "equal readers/writers") -> dict[int, float]:
    """Total locking rate, kops/s, by threads."""
    table = datasets.measurements()
    rows = table[(table.source == source) & (table.variant == variant) & (table.metric == "total locking rate")]
    rows = rows[rows.benchmark.str.contains(kind)]
    return {int(n): float(value) for n, value in zip(rows.threads, rows.value, strict=True)}


def factor(a: float, b: float) -> float:
    """How far apart, 1 or more."""
    return max(a / b, b / a)


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_a_thread_that_is_alone_takes_what_was_measured_alone(machine: object) -> None:
    alone = rate(machine, PATCHES["rwsem_v5.1"], 1, events=50_000)  # type: ignore[arg-type]
    assert alone == pytest.approx(measured("Long2019c", "rwsem", "wlock")[1], rel=0.03)


@pytest.mark.parametrize(("series", "machine"), OLD.items(), ids=[variant for _, variant in OLD])
def test_the_old_curves_hold_within_a_factor_of_two(series: tuple[str, str], machine: object) -> None:
    for n, value in measured(*series).items():
        assert factor(rate(machine, PATCHES[series[1]], n), value) < 2  # type: ignore[arg-type]


@pytest.mark.parametrize(("series", "machine"), NEW.items(), ids=[variant for _, variant in NEW])
def test_the_new_lock_stays_flat_up_to_32_threads(series: tuple[str, str], machine: object) -> None:
    for n, value in measured(*series).items():
        if n <= 32:
            assert factor(rate(machine, PATCHES[series[1]], n), value) < 1.5  # type: ignore[arg-type]


def test_writers_alone_pass_the_lock_on_without_sleep() -> None:
    for n, value in measured("Long2019c", "rwsem", "wlock").items():
        if n <= 64:
            assert factor(rate(IVB, PATCHES["rwsem_reader_owned_spin"], n, 1.0), value) < 1.25


def test_new_over_old_at_64_threads_on_skylake() -> None:
    old, new = (measured("Long2019d", variant)[64] for variant in ("rwsem_v5.1", "rwsem_v5.2/5.3_rearch"))
    ours = rate(SKYLAKE, PATCHES["rwsem_v5.2/5.3_rearch"], 64, runs=5) / rate(SKYLAKE, PATCHES["rwsem_v5.1"], 64)
    assert factor(ours, new / old) < 1.5


def test_new_over_old_at_64_threads_on_eight_sockets_once_interrupts_have_sent_all_to_sleep() -> None:
    new_rules = PATCHES["rwsem_reader_owned_spin"]
    old, new = (measured("Long2019a", variant)[64] for variant in ("rwsem_pre", "rwsem_reader_owned_spin"))
    collapsed = rate(IVB, new_rules, 64, interrupted_every_ns=1e6, events=5_000_000, runs=5)
    assert factor(collapsed / rate(IVB, PATCHES["rwsem_pre"], 64), new / old) < 1.5
    assert rate(IVB, new_rules, 64, runs=5) > 5 * collapsed


def test_waking_all_readers_pays_from_32_threads_on() -> None:
    for n in (32, 64):
        few, many = (measured("Long2019b", variant)[n] for variant in ("rwsem_wake_few", "rwsem_wake_256"))
        ours = rate(IVB, PATCHES["rwsem_wake_256"], n) / rate(IVB, PATCHES["rwsem_wake_few"], n)
        assert ours > 1.5
        assert factor(ours, many / few) < 3.5


@pytest.mark.parametrize("n_threads", [8, 16, 32, 64, 128])
@pytest.mark.parametrize(("name", "variant"), [("ivb-ex", "rwsem_wake_few"), ("skylake-2s", "rwsem_v5.1")])
def test_the_closed_form_of_sleepers_is_near_the_simulation(name: str, variant: str, n_threads: int) -> None:
    simulated = rate(MACHINES[name], PATCHES[variant], n_threads)
    assert abs(log(by_formula(MACHINES[name], n_threads) / simulated)) < log(1.35)

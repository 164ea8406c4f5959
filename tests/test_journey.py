"""One fault's journey: which shared lines it writes, what it costs, what an abort leaves."""

from __future__ import annotations

import pytest

from spfmodel import PROTOCOLS, journey, load_machine, load_workload
from spfmodel.journey import Priced
from spfmodel.protocols.vocabulary import Action


@pytest.fixture(scope="module")
def priced() -> dict[str, journey.Floats]:
    return journey.uncontended(load_machine("power8-80"), load_workload("ebizzy-mTRp"))


@pytest.mark.parametrize(("name", "lines"), [("mmap_sem", 2), ("spf_rwlock", 4), ("spf_mmseq", 0), ("ideal", 0)])
def test_shared_lines(name: str, lines: int, priced: dict[str, journey.Floats]) -> None:
    assert journey.shared_writes(journey.succeeds(PROTOCOLS[name], priced)) == lines


def test_an_attempt_costs_what_its_steps_cost(priced: dict[str, journey.Floats]) -> None:
    found = journey.succeeds(PROTOCOLS["spf_rwlock"], priced)
    names = ("fault_entry_ns", "vma_walk_ns", "speculative_work_ns", "memory_ns", "pte_commit_ns")
    medians = {name: sorted(priced[name])[len(priced[name]) // 2] for name in (*names, "line_ns")}
    assert journey.total_ns(found) == pytest.approx(4 * medians["line_ns"] + sum(map(medians.get, names)), rel=0.05)
    assert all(p.low <= p.ns <= p.high for p in found)


def test_what_takes_no_time_has_no_price(priced: dict[str, journey.Floats]) -> None:
    for p in journey.succeeds(PROTOCOLS["spf_rwlock"], priced):
        assert bool(p.price) == (p.step.action in (Action.WORK, Action.LINE))


def test_an_abort_wastes_more_the_later_it_comes(priced: dict[str, journey.Floats]) -> None:
    rows = journey.after_abort(PROTOCOLS["spf_rwlock"], priced)
    wasted = [float(str(row["wasted ns"])) for row in rows]
    assert wasted == sorted(wasted)
    assert wasted[0] > 0
    assert {row["shared lines written"] for row in rows} == {6}
    assert {row["aborts as"] for row in rows} == {"vma_changed", "vma_notsup", "pmd_changed", "pte_lock"}


def test_the_parts_of_an_abort_add_up(priced: dict[str, journey.Floats]) -> None:
    protocol = PROTOCOLS["spf_mmseq"]
    last = journey.after_abort(protocol, priced)[-1]
    way = journey.journeys([protocol], priced)["spf_mmseq, aborted last"]
    entry = way[0].ns
    assert float(str(last["wasted ns"])) + float(str(last["remains ns"])) + entry == pytest.approx(last["in all ns"])
    assert journey.total_ns(way) == last["in all ns"]


def test_bars_and_steps_list_every_step(priced: dict[str, journey.Floats]) -> None:
    ways = journey.journeys([PROTOCOLS["mmap_sem"], PROTOCOLS["spf_rwlock"]], priced)
    assert list(ways) == ["mmap_sem", "spf_rwlock", "spf_rwlock, aborted last"]
    assert len(journey.bars(ways)) == sum(map(len, ways.values()))
    assert [row["can abort as"] for row in journey.steps(ways["mmap_sem"])] == [""] * len(ways["mmap_sem"])
    assert {p.kind for p in ways["spf_rwlock"] if isinstance(p, Priced) and p.ns} == set(journey.KINDS.values())

"""A program does what the tables say: jumps land where they should, loops count, one thread never tries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spfmodel import catalog
from spfmodel.machine import Phase, Workload
from spfmodel.network import Network, Op
from spfmodel.pricing import faults_per_cycle, phases
from spfmodel.program import build, rules_for
from spfmodel.protocols import PROTOCOLS

MACHINES = {name: catalog.prior(name) for name in catalog.machine_names()}
SPF = [name for name, p in PROTOCOLS.items() if p.attempt]
FAIL_AT = {Op.SEQ_READ, Op.SEQ_CHECK, Op.TRYLOCK, Op.CHANCE, Op.VMA_READ_TRY}


def built(protocol: str, workload: str = "ebizzy-mTRp", machine: str = "x86-vm-16", n: int = 4) -> Network:
    return build(MACHINES[machine], catalog.workload(workload), PROTOCOLS[protocol], n)


def walk(network: Network, abort_at: int = -1) -> list[int]:
    """Steps of one cycle of a lone thread; the attempt aborts at step `abort_at`, once."""
    at, seen, loops = 0, list[int](), 0.0
    while True:
        seen.append(at)
        op = Op(network.op[at])
        if op == Op.CYCLE_END:
            return seen
        if at == abort_at:
            at, abort_at = int(network.fail[at]), -1
        elif op == Op.JUMP:
            at = int(network.arg[at])
        elif op == Op.LOOP:
            loops += 1
            again = loops < network.value_ns[0, at]
            at, loops = (int(network.arg[at]), loops) if again else (at + 1, 0.0)
        else:
            at += 1


def ops(network: Network, places: list[int]) -> list[Op]:
    return [Op(network.op[i]) for i in places]


def short(workload: Workload) -> Workload:
    """At most 512 KiB a cycle: the walk is slow."""
    touched = workload.parameters.get("touched_kib")
    if touched is None or touched.value <= 512:
        return workload
    less = replace(touched, value=512.0, low=512.0, high=512.0)
    return replace(workload, parameters={**workload.parameters, "touched_kib": less})


def in_faults(done: list[Op]) -> list[Op]:
    """Steps between the beginnings and the ends of faults."""
    depth = np.cumsum([(op == Op.FAULT_BEGIN) - (op == Op.FAULT_END) for op in done])
    return [op for op, inside in zip(done, depth, strict=True) if inside]


@pytest.mark.parametrize("workload", catalog.workload_names())
@pytest.mark.parametrize("machine", ["x86-vm-16", "power8-80"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_cycle_counts_its_faults_and_updates(protocol: str, machine: str, workload: str) -> None:
    """The walk gives memory back in every cycle, so that those updates count in full."""
    w, p = short(catalog.workload(workload)), PROTOCOLS[protocol]
    network = build(MACHINES[machine], w, p, 4)
    done = ops(network, walk(network))
    updates = [phase for phase in phases(w.program, w) if phase.do == "update"]
    processes = w.choice("mode") == "processes"
    tries = bool(p.attempt) and not (processes and p.skips_single_threaded)
    assert done.count(Op.FAULT_BEGIN) == done.count(Op.FAULT_END) == network.faults_per_cycle
    assert done.count(Op.UPDATE_BEGIN) == done.count(Op.UPDATE_END) == len(updates)
    assert done.count(Op.ATTEMPT) == (network.faults_per_cycle if tries else 0)
    locked = not (tries or processes or protocol == "ideal")
    assert in_faults(done).count(Op.READ_LOCK) == (network.faults_per_cycle if locked else 0)


@pytest.mark.parametrize("protocol", SPF)
def test_every_abort_goes_to_the_start_of_the_fallback_and_takes_the_lock(protocol: str) -> None:
    network = built(protocol)
    jump = int(np.flatnonzero(network.op == Op.JUMP)[0])
    end = int(np.flatnonzero(network.op == Op.FAULT_END)[0])
    aborts = np.flatnonzero(network.fail >= 0)
    assert network.arg[jump] == end
    assert set(network.fail[aborts]) == {jump + 1}
    assert set(ops(network, aborts.tolist())) <= FAIL_AT
    assert (network.cause[aborts] >= 0).all()
    assert (np.delete(network.cause, aborts) == -1).all()
    for i in aborts.tolist():
        done = ops(network, walk(network, i))
        assert done.count(Op.READ_LOCK) == done.count(Op.READ_UNLOCK) == 1
        assert done.count(Op.FAULT_END) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arguments_point_at_what_exists(protocol: str) -> None:
    network = built(protocol, "ebizzy-mTt")
    steps = len(network.op)
    line = network.op == Op.LINE
    assert set(network.arg[line]) == set(range(len(network.lines)))
    assert set(network.cause[network.cause >= 0]) <= set(range(len(network.causes)))
    jumps = np.isin(network.op, [Op.JUMP, Op.LOOP, Op.CYCLE_END])
    assert ((network.arg[jumps] >= 0) & (network.arg[jumps] < steps)).all()
    assert len(network.labels) == len(network.scv) == network.value_ns.shape[1] == steps
    timed = (network.op == Op.WORK) | (network.op == Op.FLUSH) | line
    assert (network.value_ns[:, network.op == Op.WORK] > 0).all()
    assert (network.scv[timed] > 0).all()
    assert (network.scv[~timed] == 0).all()


def test_a_loop_repeats_the_think_time_and_the_fault() -> None:
    network = built("spf_rwlock", "ebizzy-mTt")
    loop = int(np.flatnonzero(network.op == Op.LOOP)[0])
    assert network.value_ns[0, loop] == 128
    assert network.labels[network.arg[loop]] == "think"
    assert Op(network.op[network.arg[loop] + 1]) == Op.FAULT_BEGIN
    assert Op(network.op[loop - 1]) == Op.FAULT_END


@pytest.mark.parametrize("protocol", [name for name in SPF if PROTOCOLS[name].skips_single_threaded])
def test_a_single_thread_never_tries(protocol: str) -> None:
    network = built(protocol, n=1)
    assert not np.any(network.op == Op.ATTEMPT)
    assert not np.any(network.fail >= 0)
    assert walk(network)
    assert np.any(built(protocol, n=2).op == Op.ATTEMPT)


def repeating() -> Workload:
    """Two thinks in a row, of which only the second belongs to the loop; updates that repeat."""
    base = catalog.workload("ebizzy-mTRp")
    three = replace(base.parameters["touched_kib"], value=3.0, low=3.0, high=3.0, unit="count")
    program = (Phase(do="think"), Phase(do="update", op="mprotect", repeat="faults"), Phase(do="fault"))
    rest = {name: q for name, q in base.parameters.items() if name != "touched_kib"}
    return replace(base, program=program, parameters=rest | {"faults": three})


def test_updates_repeat_and_nothing_before_a_loop_slips_into_it() -> None:
    network = build(MACHINES["x86-vm-16"], repeating(), PROTOCOLS["mmap_sem"], 4)
    done = ops(network, walk(network))
    assert network.updates_per_cycle == done.count(Op.UPDATE_END) == 3
    assert network.faults_per_cycle == done.count(Op.FAULT_END) == 1
    thinks = [i for i in walk(network) if network.labels[i].startswith("think")]
    assert len(thinks) == 1 + 3 + 1
    assert {network.value_ns[0, i] for i in thinks} == {repeating().parameters["think_ns"].value}


@pytest.mark.parametrize("machine", MACHINES)
def test_work_slows_as_cpus_fill(machine: str) -> None:
    m = MACHINES[machine]
    draws = {"sibling_gain": np.array([0.2, 0.3]), "crowding": np.array([0.0, 0.2])}
    slow = build(m, catalog.workload("pft"), PROTOCOLS["mmap_sem"], 4, draws=draws).slowdown
    assert slow.shape == (2, m.cpus + 1)
    assert (slow >= 1).all()
    assert (np.diff(slow, axis=1) >= -1e-12).all()
    np.testing.assert_allclose(slow[0, : m.cores + 1], 1.0)
    siblings = m.cpus - m.cores
    assert slow[0, -1] == pytest.approx(m.cpus / (m.cores + 0.2 * siblings))
    assert slow[1, 1] == 1.0


def test_throughput_counts_units_of_work() -> None:
    """ebizzy counts records, brk1 two calls a cycle, pft the faults themselves."""
    units = {w: built("mmap_sem", w).units_per_cycle for w in catalog.workload_names()}
    assert (units["ebizzy-mTRp"], units["ebizzy-mTt"], units["brk1"], units["pft"], units["malloc1"]) == (1, 1, 2, 1, 1)


def test_the_kernel_decides_the_rwsem_and_the_machine_whether_it_spins() -> None:
    machine = MACHINES["x86-vm-16"]
    assert rules_for(machine).downgrade == 0
    assert rules_for(machine, "5.15").read_steal == 1
    still = rules_for(replace(machine, spin_on_owner=False), "5.15")
    assert (still.write_spin, still.spin_on_reader, still.read_steal) == (0, 0, 1)
    assert build(machine, repeating(), PROTOCOLS["mmap_sem"], 4, kernel="5.15").rules == rules_for(machine, "5.15")


def test_every_draw_has_its_own_prices() -> None:
    draws = {"fault_work_ns": np.array([1000.0, 2000.0]), "work_scv": np.array([0.2, 0.4])}
    network = build(MACHINES["x86-vm-16"], catalog.workload("pft"), PROTOCOLS["mmap_sem"], 4, draws=draws)
    place = next(i for i, label in enumerate(network.labels) if "clear" in label)
    assert np.diff(network.value_ns[:, place]) == pytest.approx(1000.0)
    assert network.scv[place] == pytest.approx(0.3)


def test_faults_per_cycle_is_what_the_program_runs() -> None:
    for name in catalog.workload_names():
        network = built("mmap_sem", name, "power8-80")
        assert network.faults_per_cycle == faults_per_cycle(MACHINES["power8-80"], catalog.workload(name))

"""Predictions: the object of the contract, shares that add up, what kernels, facts and seeds change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite, sqrt

import numpy as np
import pytest
from quick_questions import DRAWS, found, question, quick
from scipy import stats

from spfmodel import PROTOCOLS, load_machine, load_workload, predict
from spfmodel.asking import asked
from spfmodel.prediction import balanced, draws_for, events_for
from spfmodel.program import build
from spfmodel.shapes import flat, predictions
from spfmodel.structural import stratified
from spfmodel.verdict import range_reason

INTERVAL = {"median", "low", "high"}
KEYS = {
    "error_band",
    "protocol", "n_threads", "status", "throughput_per_s", "baseline_throughput_per_s", "speedup", "range_only",
    "reason", "attempt_share", "fallback_share", "baseline_fallback_share", "abort_share", "fault_ns", "update_ns",
    "bottleneck", "method", "verdict",
}  # fmt: skip


def gain(protocol: str = "spf_rwlock", n: int = 16, **more: object) -> float:
    return predict(question(**more), [PROTOCOLS[protocol]], [n])[0].speedup.median


def intervals(content: object) -> list[Mapping[str, float]]:
    """Every median, low and high in a JSON object."""
    if isinstance(content, dict) and set(content) == INTERVAL:
        return [content]
    parts = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    return [interval for part in parts for interval in intervals(part)]


@pytest.mark.parametrize(
    ("machine", "workload"), [("x86-vm-16", "ebizzy-mTRp"), ("skylake-112", "pft"), ("power8-80", "brk1")]
)
def test_the_json_is_the_object_of_the_contract(machine: str, workload: str) -> None:
    q = question(machine, workload)
    shown = json.loads(json.dumps(predictions(q, predict(q, list(PROTOCOLS.values()), [1, 4]), {}), allow_nan=False))
    assert set(shown) == {"machine", "workload", "baseline", "level", "solver", "seed", "predictions", "provenance"}
    assert {"version", "git", "data_sha256"} <= set(shown["provenance"])
    assert [(p["n_threads"], p["protocol"]) for p in shown["predictions"]] == [
        (n, p) for n in (1, 4) for p in PROTOCOLS
    ]
    for p in shown["predictions"]:
        assert set(p) == KEYS
        assert set(p["fault_ns"]) == {"mean", "p99"}
        assert set(p["update_ns"]) == {"mean"}
        assert p["status"] == ("fitted" if p["protocol"] == "mmap_sem" and workload != "brk1" else "predicted")
        assert p["verdict"].endswith(".")
        assert "\n" not in p["verdict"]
    assert len(intervals(shown)) >= 9 * len(shown["predictions"])
    for i in intervals(shown):
        assert all(isfinite(value) for value in i.values())
        assert i["low"] <= i["median"] <= i["high"]


@pytest.mark.parametrize("protocol", [name for name, p in PROTOCOLS.items() if p.attempt])
def test_aborts_add_up_to_fallbacks_in_every_draw(protocol: str) -> None:
    p = found(protocol)
    causes = {str(step.abort) for step in PROTOCOLS[protocol].attempt if step.abort}
    assert set(p.abort_share) == causes
    total = np.sum([p.draws[f"abort_share:{cause}"] for cause in causes], axis=0)
    np.testing.assert_allclose(total, p.draws["fallback_share"], rtol=1e-12)
    assert (total >= 0).all()
    assert np.median(total) > 0
    assert (total <= 1).all()
    assert (p.draws["attempt_share"] <= 1).all()
    assert p.attempt_share.median == pytest.approx(1, abs=1e-3)
    assert len(total) == DRAWS


@pytest.mark.parametrize(("protocol", "n"), [("mmap_sem", 16), ("ideal", 16), ("spf_rwlock", 1), ("spf_mmseq", 1)])
def test_without_attempts_shares_are_nothing_without_width(protocol: str, n: int) -> None:
    p = found(protocol, n)
    for share in (p.attempt_share, p.fallback_share, p.baseline_fallback_share):
        assert (share.low, share.median, share.high) == (0, 0, 0)
    assert p.abort_share == {}
    assert "fall back" not in p.verdict


def test_the_baseline_compared_with_itself_is_even() -> None:
    p = found("mmap_sem")
    assert (p.speedup.low, p.speedup.high) == (1, 1)
    assert p.throughput_per_s == p.baseline_throughput_per_s
    assert not p.range_only


def test_another_baseline() -> None:
    p = predict(question(baseline=PROTOCOLS["spf_rwlock"]), [PROTOCOLS["ideal"]], [16])[0]
    assert p.baseline_fallback_share.median > 0
    assert p.fallback_share.high == 0
    assert p.speedup.median < found("ideal").speedup.median
    assert "spf_rwlock" in p.verdict


def test_many_faults_among_updates_in_a_virtual_machine_are_a_range_only() -> None:
    p = found("spf_rwlock", 16, "x86-vm-16", "ebizzy-mTt")
    assert p.range_only
    assert "virtual machine" in p.reason
    for i in (p.speedup, p.throughput_per_s):
        assert i.median == pytest.approx(sqrt(i.low * i.high))
    assert "a range only" in p.verdict
    assert range_reason(load_machine("power8-80"), load_workload("ebizzy-mTt"), 80) == ""
    assert "thousand threads" in range_reason(load_machine("power8-80"), load_workload("ebizzy-mTt"), 1001)
    assert not found("spf_rwlock").range_only
    assert found("spf_rwlock").reason == ""


def test_the_gain_of_2018_shrinks_on_the_rwsem_of_2021() -> None:
    both = {"baseline_kernel": "5.15", "candidate_kernel": "5.15"}
    assert gain(**both) < 0.6 * found("spf_rwlock").speedup.median
    assert gain("mmap_sem", candidate_kernel="5.15") > 1.3
    assert gain("mmap_sem", baseline_kernel="5.15") < 1 / 1.3


def test_a_kernel_of_the_machine_and_the_same_kernel_for_both_sides_agree() -> None:
    machine = replace(quick("x86-vm-16"), kernel="5.15")
    assert gain(machine=machine) == gain(baseline_kernel="5.15", candidate_kernel="5.15")
    assert gain(candidate_kernel="4.16") == found("spf_rwlock").speedup.median


def test_status_is_fitted_only_for_what_was_fitted() -> None:
    q = question(candidate_kernel="5.15")
    assert [p.status for p in predict(q, [PROTOCOLS["mmap_sem"], PROTOCOLS["ideal"]], [4])] == ["predicted"] * 2
    assert found("mmap_sem", 4).status == "fitted"
    assert found("mmap_sem", 4, "x86-vm-16", "brk1").status == "predicted"


def test_the_same_seed_gives_the_same_another_a_little_different() -> None:
    first, again, other = (
        predict(question(seed=seed), [PROTOCOLS["spf_rwlock"]], [8])[0] for seed in (1, 1, 2)
    )  # fmt: skip
    assert flat([first]) == flat([again])
    assert flat([first]) != flat([other])
    assert np.log(first.speedup.median / other.speedup.median) == pytest.approx(0, abs=0.35)


def test_a_higher_level_is_wider() -> None:
    few, many = (predict(question(level=level), [PROTOCOLS["ideal"]], [8])[0].speedup for level in (0.5, 0.95))
    assert many.low < few.low < few.median == many.median < few.high < many.high


def test_what_is_fixed_no_draw_touches() -> None:
    drawn = draws_for(question(overrides={"wake_ns": 1e4, "same_vma": 0.0}))
    assert (drawn["wake_ns"] == 1e4).all()
    assert (drawn["same_vma"] == 0).all()
    assert len({len(values) for values in drawn.values()}) == 1
    assert np.ptp(drawn["line_ns"]) > 0


def test_draws_are_the_calibrations_and_another_workload_keeps_its_own_parameters() -> None:
    machine = quick("x86-vm-16")
    c = machine.calibrations["ebizzy-mTRp"]
    joint = dict(zip(c.draws.names, c.draws.values.T, strict=True))
    mine, other = draws_for(question()), draws_for(question(workload="brk1"))
    np.testing.assert_array_equal(mine["wake_ns"], joint["wake_ns"])
    np.testing.assert_array_equal(mine["think_ns"], joint["think_ns"])
    np.testing.assert_array_equal(other["wake_ns"], joint["wake_ns"])
    assert not np.isin(other["think_ns"], mine["think_ns"]).any()
    known = {**machine.costs, **load_workload("ebizzy-mTRp").parameters}
    assert all(values.max() <= 1 for name, values in mine.items() if known[name].unit == "share")


def test_exact_chains_get_fewer_draws() -> None:
    prior = replace(quick("x86-vm-16"), calibrations={})
    sizes = [len(draws_for(question(machine=prior, solver=s))["wake_ns"]) for s in ("auto", "closed", "ctmc")]
    assert sizes == [64, 64, 16]


def test_without_a_calibration_the_prior_speaks() -> None:
    q = question(machine=replace(quick("x86-vm-16"), calibrations={}), n_draws=200)
    drawn, prior = draws_for(q)["wake_ns"], q.machine.costs["wake_ns"]
    assert np.log(np.median(drawn) / prior.value) == pytest.approx(0, abs=4 * prior.log_sd / sqrt(200))
    assert np.log(drawn).std() == pytest.approx(prior.log_sd, rel=0.2)


def test_parameters_of_the_workload_move_the_fallbacks() -> None:
    never = predict(question(overrides={"same_vma": 0.0}), [PROTOCOLS["spf_rwlock"]], [16])[0]
    always = predict(question(overrides={"notsup_share": 1.0}), [PROTOCOLS["spf_rwlock"]], [16])[0]
    assert never.abort_share["vma_changed"].high == 0
    assert always.fallback_share.low > 0.95
    assert always.fallback_share.high <= 1
    assert always.abort_share["vma_notsup"].median > 0.95
    assert always.speedup.median < found("spf_rwlock").speedup.median / 2


def test_default_threads_are_the_benchmarks() -> None:
    def threads(machine: str, workload: str, *sets: str) -> tuple[int, ...]:
        return asked(machine=machine, workload=workload, protocol="ideal", sets=sets).threads

    assert threads("x86-vm-16", "ebizzy-mTRp") == (32,)
    assert threads("power8-80", "ebizzy-mTRp") == (160,)
    assert threads("power8-80", "ebizzy-mTt") == (80,)
    assert threads("skylake-112", "pft") == (112,)
    assert threads("x86-vm-16", "ebizzy-mTRp", "cpus=4", "cores=4") == (8,)


def test_longer_cycles_get_more_events() -> None:
    short, long = (
        events_for(build(quick("x86-vm-16"), load_workload(w), PROTOCOLS["mmap_sem"], 4)) for w in ("pft", "ebizzy-mTt")
    )
    assert 80_000 == short < long == 400_000
    assert events_for(build(quick("x86-vm-16"), load_workload("pft"), PROTOCOLS["mmap_sem"], 1000)) == 500_000


def test_a_thousand_threads_are_simulated_long_enough() -> None:
    """Beyond two a CPU nothing changes on the unpatched kernel; too short a run would see only its start."""
    few, many = (found("mmap_sem", n, "power8-80").throughput_per_s.median for n in (160, 1000))
    assert many == pytest.approx(few, rel=0.1)


def test_stratified_noise_is_normal_without_bias() -> None:
    noise = stratified(np.random.default_rng(1), 64)
    assert np.median(noise) == pytest.approx(0, abs=1e-12)
    assert noise.std() == pytest.approx(1, abs=0.03)


def test_a_few_draws_stand_for_the_whole_law() -> None:
    """Of the first 1, 2, 4 ... numbers each equal part of the law has one; two calls are unrelated."""
    rng = np.random.default_rng(3)
    drawn = np.array([balanced(rng, 64) for _ in range(200)])
    for n in (1, 2, 16, 64):
        part = np.floor(stats.norm.cdf(drawn[:, :n]) * n)
        assert np.array_equal(np.sort(part, axis=1), np.tile(np.arange(n), (200, 1)))
    assert stats.kstest(drawn[:, 0], "norm").pvalue > 0.001
    assert abs(np.corrcoef(drawn[::2].ravel(), drawn[1::2].ravel())[0, 1]) < 5 / np.sqrt(6400)
    assert balanced(rng, 5).shape == (5,)

"""Scores against textbook values; structural terms come back from made-up misses; no machine teaches itself."""

from __future__ import annotations

from dataclasses import replace
from math import log

import numpy as np
import pytest
from scipy.stats import norm

from spfmodel import rivals
from spfmodel.asks import Ask
from spfmodel.network import Op
from spfmodel.prediction import Question, draws_for
from spfmodel.program import build
from spfmodel.protocols import PROTOCOLS
from spfmodel.raw_cells import RawCell, nouns
from spfmodel.score import Point, aggregate, compatible, coverage, interval_score
from spfmodel.structural import SCALES, Residual, learn, posterior_sd

rng = np.random.default_rng(7)


def test_the_interval_score_is_proper() -> None:
    """Of normal measurements the true 80 % interval scores best, and its score is what the integral says."""
    x = rng.standard_normal(40_000)
    z = norm.ppf(0.9)
    scores = {k: interval_score(np.full_like(x, -k * z), np.full_like(x, k * z), x).mean() for k in (0.6, 1.0, 1.5)}
    assert min(scores, key=lambda k: scores[k]) == 1.0
    assert scores[1.0] == pytest.approx(2 * norm.pdf(z) / 0.1, rel=0.02)


def test_coverage_by_level_is_that_of_uniform_ranks() -> None:
    ranks = (np.arange(1000) + 0.5) / 1000
    found = coverage(ranks.tolist(), [str(i) for i in range(1000)], (0.1, 0.5, 0.9))
    assert found == pytest.approx([0.1, 0.5, 0.9], abs=0.002)


def test_a_coverage_is_called_incompatible_as_often_as_the_binomial_law_says() -> None:
    hits = rng.binomial(20, 0.8, 400)
    doubted = np.mean([not compatible(float(h), 20)[0] for h in hits])
    assert doubted < 0.07
    assert compatible(10, 20) == (False, pytest.approx(0.0026, abs=0.002))


def test_many_cells_of_one_vote_weigh_no_more_than_one() -> None:
    good = [Point(f"good {i}", 0.1, 0.0, 0.2, 0.0, 0.2, 0.1) for i in range(3)]
    bad = [Point("bad", 1.0, 0.9, 1.1, 0.9, 1.1, 0.0) for _ in range(50)]
    found = aggregate(good + bad)
    assert (found["votes"], found["cells"], found["median_abs_error"]) == (4, 53, 0.0)
    assert found["covered_80"] == 0.75
    assert found["signs_asked"] == 3


@pytest.mark.parametrize("sd", [0.05, 0.3])
def test_a_spread_comes_back_from_many_misses(sd: float) -> None:
    known = rng.uniform(0.01, 0.04, 800)
    misses = np.sqrt(known + sd**2) * rng.standard_normal(800)
    found, low, high = posterior_sd(misses, known, np.ones(800), 0.25)
    assert low < found < high
    assert found == pytest.approx(sd, rel=0.15, abs=0.035)


def test_without_misses_the_prior_speaks_and_with_none_but_small_ones_it_is_not_zero() -> None:
    nothing = np.empty(0)
    assert posterior_sd(nothing, nothing, nothing, 0.25)[0] == pytest.approx(0.25, rel=0.01)
    exact = posterior_sd(np.zeros(3), np.full(3, 1e-4), np.ones(3), 0.25)[0]
    assert 0.005 < exact < 0.1


def residual(machine: str, median: float, vote: str = "w", versions: tuple[float, ...] = (0.0,)) -> Residual:
    return Residual(machine, vote, "writers", versions, median, 0.05)


def test_a_machine_teaches_others_but_never_itself() -> None:
    """Its own measurements may say anything: what it is predicted with stays bit-identical."""
    told = [residual(name, 0.1, versions=(0.0, 0.05)) for name in "abc"]
    wild = [told[0]._replace(versions=(9.0, -3.0)), *told[1:]]
    assert learn(told, without="a") == learn(wild, without="a")
    assert learn(told, without="b") != learn(wild, without="b")
    assert learn(told, without="a")["writers"].machines == ("b", "c")
    assert set(learn(told)) == set(SCALES)


def test_noise_between_versions_is_told_from_what_the_model_misses() -> None:
    noisy = [residual(f"m{i}", 0.0, versions=tuple(0.2 * rng.standard_normal(6))) for i in range(30)]
    missed = [residual(f"m{i}", 0.3 * float(rng.standard_normal())) for i in range(60)]
    assert learn(noisy)["writers"].versions_sd == pytest.approx(0.2, rel=0.25)
    assert learn(noisy)["writers"].model_sd < 0.08
    assert learn(missed)["writers"].model_sd == pytest.approx(0.3, rel=0.25)


def raw(ask: Ask, n: int, kind: str, measured: float) -> RawCell:
    one = np.ones(2)
    return RawCell(
        ask=ask, threads=(n,), quantity="speedup", kind=kind, term=kind, draws=one, fallback=one, base_per_s=one,
        range_only=False, measured=(measured,), rows=(), mark="",
    )  # fmt: skip


PFT = raw(Ask("skylake-112", "pft", "spf_mmseq"), 48, "readers", 1.7)


def test_usl_keeps_the_queue_and_drops_the_crosstalk() -> None:
    """The curve without kappa over the fitted curve, written out again, at one number of threads."""
    n, rate = (
        np.array(list(side), dtype=float)
        for side in zip(*rivals.base_curve("skylake-112", "pft", "threads", None).items(), strict=True)
    )
    size, sigma, kappa = rivals.fitted_usl(n, rate)
    law = [size * 48 / (1 + sigma * 47 + k * 48 * 47) for k in (0.0, kappa)]
    assert rivals.usl(PFT, [], None) == pytest.approx(log(law[0] / law[1]))
    assert kappa > 0


def test_usl_is_silent_on_a_curve_of_few_points() -> None:
    assert rivals.usl(raw(Ask("x86-vm-16", "ebizzy-mTRp", "spf_rwlock"), 32, "writers", 5.9), [], None) is None


def test_amdahl_counts_what_is_done_under_the_lock() -> None:
    """Writers: all that lies between locking and unlocking, added up again; refused faults and processes: no gain."""
    ask = Ask("power8-80", "ebizzy-mTRp", "spf_rwlock")
    machine, workload, baseline = nouns(ask, None)
    question = Question(machine=machine, workload=workload, baseline=PROTOCOLS[baseline], n_draws=1)
    network = build(machine, workload, PROTOCOLS[baseline], 160, draws=draws_for(question))
    inside, held, total = {"read": 0.0, "write": 0.0}, "", 0.0
    for op, value in zip(network.op, network.value_ns[0], strict=True):
        held = {Op.READ_LOCK: "read", Op.WRITE_LOCK: "write", Op.READ_UNLOCK: "", Op.WRITE_UNLOCK: ""}.get(Op(op), held)
        if op <= Op.LINE:
            total += value
            inside[held] = inside.get(held, 0.0) + value
    before, after = rivals.serial_shares(network)
    assert before == pytest.approx((inside["read"] + inside["write"]) / total)
    assert after == pytest.approx(inside["write"] / total)
    gain = rivals.amdahl(raw(ask, 160, "writers", 2.1), [], None)
    assert 0 < gain < log(80)
    assert rivals.amdahl(raw(ask, 160, "unsupported", 1.0), [], None) == 0


def test_a_copied_gain_is_the_other_machines_and_never_the_own() -> None:
    other = [raw(Ask("icelake-128", "pft", "spf_mmseq"), n, "readers", gain) for n, gain in ((32, 1.0), (128, 4.0))]
    assert rivals.copied(replace(PFT, threads=(56,)), other, None) == pytest.approx(log(4.0) / 2)
    assert rivals.copied(PFT, [], None) is None
    wild = replace(PFT, measured=(40.0,))
    said, honest = (rivals.points("copy", [cell, *other])[0][0] for cell in (wild, PFT))
    assert said[1:6] == honest[1:6]
    assert said != honest

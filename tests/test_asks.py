"""Every published speed-up that the model can speak to becomes an ask."""

from __future__ import annotations

import re
from functools import cache
from math import nan

import numpy as np
import pandas as pd
import pytest

from spfmodel import asks, catalog, datasets
from spfmodel.asks import Ask
from spfmodel.prediction import Interval, Prediction
from spfmodel.protocols import PROTOCOLS


@cache
def numbers() -> pd.Series[float]:
    return datasets.measurements().set_index("id")["number"]


def test_every_ask_names_a_machine_a_workload_and_a_protocol_that_exist() -> None:
    found = asks.every()
    assert len(set(found)) == len(found)
    assert {a.machine for a in found} <= set(catalog.machine_names())
    assert {a.workload for a in found} <= set(catalog.workload_names())
    assert {a.protocol for a in found} <= set(PROTOCOLS)
    assert {a.mode for a in found} == {"threads", "processes"}


def test_the_short_list_is_among_them() -> None:
    assert set(asks.CORE) <= set(asks.every())


def test_a_speed_up_is_read_off_its_rows() -> None:
    found = asks.measured(Ask("x86-vm-16", "ebizzy-mTRp", "spf_srcu"))
    assert found["id"].tolist() == ["m0029", "m0038", "m0050", "m0062"]
    for row in found.to_dict("records"):
        assert row["speedup"] == pytest.approx(numbers()[row["id"]] / numbers()[row["base_ids"]].median())
    assert set(found["threads"]) == {(32,)}


def test_times_are_turned_round() -> None:
    found = asks.measured(Ask("power8-80", "kernbench", "range_lock", "processes"))
    assert found["speedup"].tolist() == [pytest.approx(716.701 / 724.679)]


@pytest.mark.parametrize(
    ("ask", "speedup"),
    [
        (Ask("haswell-48", "pft", "spf_mmseq"), 3.7),
        (Ask("lichee-4", "ebizzy-mTRp", "per_vma_lock"), 1.3268),
        (Ask("pixel7-8", "app-launch", "per_vma_lock"), 1 / 0.93),
    ],
)
def test_a_stated_gain_needs_no_base_row(ask: Ask, speedup: float) -> None:
    found = asks.measured(ask)
    assert found["speedup"].tolist() == [pytest.approx(speedup)]
    assert found["base_ids"].tolist() == [[]]


def test_an_average_over_a_sweep_says_so() -> None:
    threads = asks.measured(Ask("lkp-skl-112", "brk1", "spf_srcu"))
    processes = asks.measured(Ask("lkp-skl-112", "brk1", "spf_srcu", "processes"))
    assert threads["threads"].tolist() == [(1, 28, 56, 84, 112)]
    assert processes["threads"].tolist() == [(56,)]
    assert (threads["mark"] == asks.AVERAGED).all()
    assert not asks.pairs()["threads"].map(len).gt(1)[asks.pairs()["mark"] == ""].any()


def test_versions_of_the_series_are_told_apart() -> None:
    of = asks.pairs().groupby("source")["protocol"].agg(set)
    assert of["Dufour2018d"] == {"spf_rwlock"}
    assert of["Dufour2018f"] == {"spf_rwlock_v11"}
    assert of["Kamezawa2010a"] == {"per_vma_refcnt"}


def test_no_pair_compares_two_configurations() -> None:
    found = asks.measured(Ask("x86-vm-16", "kernbench", "spf_srcu", "processes"))
    assert set(found["source"]) == {"Dufour2017d", "Dufour2017f", "Dufour2017g"}
    assert found["speedup"].between(0.97, 1.03).all()


CANDIDATES_ONLY = ("srcu_read_ns", "srcu_brk_ratio", "srcu_map_ratio", "failed_attempt_ratio", "range_lock_ns")
"""costs that only candidate rows can show"""


def test_no_cost_rests_on_the_machines_own_candidate_rows() -> None:
    table = asks.pairs()
    for machine in table["machine"].unique():
        own = set(table["id"][table["machine"] == machine])
        for name, q in catalog.uncalibrated(machine).costs.items():
            text = f"{q.source} {q.where} {q.note}"
            assert not own & set(re.findall(r"\bm\d{4}\b", text)), (machine, name)
            if name in CANDIDATES_ONLY:
                assert machine.removesuffix("-4.14") not in text, (machine, name)


def prediction(n: int, base: float, candidate: float) -> Prediction:
    """A made-up prediction of one draw."""
    wide = Interval(median=nan, low=nan, high=nan)
    return Prediction(
        protocol="spf_srcu", n_threads=n, status="predicted", unit="faults", throughput_per_s=wide,
        baseline_throughput_per_s=wide, speedup=wide, range_only=False, reason="", attempt_share=wide,
        fallback_share=wide, baseline_fallback_share=wide, abort_share={}, fault_ns={}, update_ns={}, bottleneck="",
        method="", error_band=None, verdict="",
        draws={"throughput_per_s": np.array([candidate]), "baseline_throughput_per_s": np.array([base])},
    )  # fmt: skip


def test_a_sweep_is_averaged_as_rates_of_one_thread() -> None:
    found = asks.averaged([prediction(1, 100.0, 80.0), prediction(10, 200.0, 400.0)])
    assert found == pytest.approx([(80 + 40) / (100 + 20)])

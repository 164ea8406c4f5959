"""Attempts, fallbacks and share of every real capture; why there is none where there is none."""

from __future__ import annotations

import pytest
from capture_files import REAL, answered, read

from spfmodel import captures

ANSWERS = {
    "proc_vmstat_pervma_stats_kernel.txt": (14635402 + 24302 + 839, 24302 + 839),
    "proc_vmstat_spf_kernel.txt": (12938521, 1809952),
    "pfbench_output_pervma_kernel.txt": (21277 + 1090 + 71972, 1090),
    "pfbench_output_spf_kernel.txt": (49391 + 30490, 7995 + 3489),
    "bpftrace_mmap_lock_wait_hist.txt": (201054, 1454 - 3),
    "tracefs_trace_excerpt.txt": (447, 8),
    "trace_cmd_report_guest612.txt": (232, 4),
    "perf_script_fields_excerpt.txt": (92, 0),
}
BOUNDS = {
    "perf_stat_user_touch.txt": (381705, 40 - 3),
    "perf_stat_kern_touch.txt": (70, 328441 - 328406),
    "perf_stat_csv_mmapwriter.txt": (304125, 54118 - (81149 - 54118) - 3),
    "perf_stat_json_mmapwriter.txt": (314028, 55709 - (83535 - 55709) - 3),
    "perf_stat_interval_csv.txt": (313561, 77925),
}
NO_SHARE = {
    "mmap_lock_wait.bt": "no fault events",
    "perf_lock_contention.txt": "only waits",
    "perf_lock_report.txt": "no fault events",
    "perf_report_callers_first.txt": "not the user faults",
    "perf_script_without_fields.txt": "not the user faults",
    "perf_stat_per_cpu_filters.txt": "nothing says with which filter",
    "perf_stat_repeated_filters.txt": "nothing says with which filter",
    "perf_report_fallback_callgraph.txt": "not the user faults",
    "perf_script_callgraph_excerpt.txt": "not the user faults",
    "perf_trace_pagefaults.txt": "only faults",
    "proc_vmstat_host618_excerpt.txt": "not compiled in",
}


def test_every_real_file_has_an_answer() -> None:
    assert {*ANSWERS, *BOUNDS, *NO_SHARE} == {file.name for file in REAL}


@pytest.mark.parametrize("name", ANSWERS)
def test_attempts_fallbacks_and_share(name: str) -> None:
    shown = captures.as_json(answered(name))
    attempts, fallbacks = ANSWERS[name]
    assert (shown["attempts"], shown["fallbacks"]) == (attempts, fallbacks)
    share = shown["fallback_share"]
    assert share["median"] == pytest.approx(fallbacks / attempts)
    assert share["low"] <= share["median"] <= share["high"] <= 1
    assert share["high"] > 0
    assert not shown["range_only"]


@pytest.mark.parametrize("name", BOUNDS)
def test_reads_and_writes_together_are_only_a_bound(name: str) -> None:
    shown = captures.as_json(answered(name))
    attempts, most = BOUNDS[name]
    assert (shown["attempts"], shown["fallbacks"], shown["fallbacks_at_most"]) == (attempts, None, most)
    share = shown["fallback_share"]
    assert (share["low"], share["high"]) == (0, pytest.approx(most / attempts))
    assert 0 < share["median"] < share["high"]
    assert shown["range_only"]


@pytest.mark.parametrize("name", NO_SHARE)
def test_without_fault_events_the_share_is_null_and_says_why(name: str) -> None:
    shown = captures.as_json(answered(name))
    assert (shown["attempts"], shown["fallbacks"], shown["fallback_share"]) == (None, None, None)
    assert NO_SHARE[name] in shown["reason"]
    assert shown["unknown"]


def test_lespinasse_reasons_add_up() -> None:
    shown = captures.as_json(answered("proc_vmstat_spf_kernel.txt"))
    assert sum(shown["by_cause"].values()) == shown["fallbacks"]
    assert shown["by_cause"]["spf_abort_no_speculate"] == 1454138
    assert shown["design"] == "spf_mmseq"


def test_bpftrace_with_all_call_graphs_counts_fallbacks_one_by_one() -> None:
    whole = read("bpftrace_call_graphs.txt")
    whole.events |= {"@acq[0, 1]": 48, "@acq[0, 0]": 3}
    made = captures.answer([whole])
    assert made.evidence
    assert (made.evidence.fallbacks, made.evidence.attempts) == (41, 900)
    whole.events["@acq[0, 1]"] = 60
    made = captures.answer([whole])
    assert made.evidence
    assert (made.evidence.fallbacks, made.evidence.sure) == (60, 3)

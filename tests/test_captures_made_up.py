"""Forms of other tools, versions and locales, in small files written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from capture_files import MADE_UP, answered, read, written

from spfmodel import captures


def test_spf_of_v10_as_published() -> None:
    shown = captures.as_json(answered("perf_stat_spf_v10.txt"))
    assert (shown["attempts"], shown["fallbacks"], shown["design"]) == (856866 + 285 + 1506 + 73, 1864, "spf")
    assert {cause: n for cause, n in shown["by_cause"].items() if n} == {
        "pte_lock": 285, "vma_changed": 1506, "vma_notsup": 73,
    }  # fmt: skip


def test_filters_are_told_apart_where_they_are_stated() -> None:
    found = read("perf_stat_filters.txt")
    name = "mmap_lock:mmap_lock_acquire_returned"
    assert [found.events[label] for label in (name, f"{name}#2", f"{name}#3")] == [1436, 1954, 3167]
    assert found.filters[f"{name}#2"] == "write==0 && success==1"
    assert (found.kernel, found.threads, found.cpus) == ("6.18.5", 3, 2)
    made = answered("perf_stat_filters.txt")
    assert made.evidence
    assert (made.evidence.fallbacks, made.evidence.sure) == (2890 - 1436 - 3, 1436 - 3)
    assert made.share
    assert made.share.low < 1433 / 201054 < 1451 / 201054 < made.share.high


def test_the_same_filters_without_their_lines_say_nothing(tmp_path: Path) -> None:
    lines = (MADE_UP / "perf_stat_filters.txt").read_text().splitlines()
    file = written(tmp_path, "\n".join(line for line in lines if not line.startswith("# filter")))
    shown = captures.as_json(captures.answer([captures.read(file)]))
    assert list(shown["files"][0]["events"].values())[-3:] == [1436, 1954, 3167]
    assert shown["fallback_share"] is None or shown["range_only"]


def test_repetitions_in_a_german_locale() -> None:
    found = read("perf_stat_repeated.txt")
    assert found.events["faults"] == 1_706_379
    assert (found.repetitions, found.elapsed_s) == (5, pytest.approx(10.0321))
    assert found.spreads["pagefault:spf_vma_changed"] == pytest.approx(0.041)
    assert found.uncounted == ["cycles", "instructions"]
    share = answered("perf_stat_repeated.txt").share
    assert share
    assert share.median == pytest.approx(30951 / (1674599 + 30951))
    assert (share.high - share.low) / 2 / share.median == pytest.approx(1.96 * 0.041, rel=0.1)


def test_intervals_that_scatter_widen_the_interval() -> None:
    made = answered("perf_stat_interval_text.txt")
    assert made.evidence
    assert made.share
    assert len(made.evidence.groups) == 6
    assert made.evidence.groups[0] == (1300 - 500 - 12, 98001)
    assert made.share.dispersion > 100
    alone = captures.share_of(made.evidence.fallbacks, made.evidence.attempts)
    assert made.share.high - made.share.median > 10 * (alone.high - alone.median)
    assert any("scatter" in note for note in made.notes)


def test_cpus_are_summed_and_filters_are_not() -> None:
    found = read("perf_stat_per_cpu.txt")
    name = "mmap_lock:mmap_lock_acquire_returned"
    assert found.events == {"exceptions:page_fault_user": 8000, name: 48, f"{name}#2": 16}
    made = answered("perf_stat_per_cpu.txt")
    assert made.share is None
    assert "which filter" in made.reason


def test_call_graphs_of_spf_events() -> None:
    made = answered("perf_script_spf_callgraph.txt")
    assert made.callers == {("fallback", "search_mem"): 1, ("fallback", "copy_mem"): 1}
    assert made.share is None
    assert "successes are not" in made.reason


def test_turned_write_locks_kernel_faults_and_lost_events() -> None:
    found = read("trace_cmd_lost.txt")
    assert found.locks
    assert (found.locks.fallbacks, found.locks.kernel_reads, found.locks.downgrades) == (1, 1, 1)
    assert found.lost == 121
    hold = {h.name: h.total for h in found.histograms}
    assert hold["hold write"] == pytest.approx(10_000, abs=1)
    assert hold["hold read"] == pytest.approx(2_000 + 3_000 + 20_000, abs=3)
    assert any("lost" in note for note in answered("trace_cmd_lost.txt").notes)


def test_bpftrace_call_graphs_and_odd_bins() -> None:
    found = read("bpftrace_call_graphs.txt")
    assert found.lost == 17
    assert found.events == {"@pages": 12, "@faults_user": 900}
    assert {kind: n for (kind, _), n in found.callers.items()} == {"fallback": 41, "anon_vma": 7}
    assert found.histograms[0].bins == ((0, 0, 1), (0, 1, 2), (1, 2, 0), (2, 4, 5))


def test_lock_stat_of_mmap_sem() -> None:
    found = read("lock_stat.txt")
    assert found.events["&mm->mmap_sem-R contentions"] == 561
    assert found.events["&mm->mmap_sem-W acquisitions"] == 9120
    assert found.callers["wait", "__do_page_fault (&mm->mmap_sem)"] == 401
    assert found.callers["held it meanwhile", "vm_munmap (&mm->mmap_sem)"] == 300
    assert {r.setting: r.value for r in found.results}["&mm->mmap_sem-R"] == pytest.approx(240110e3)


def test_lock_contention_by_lock_and_by_thread() -> None:
    assert read("perf_lock_by_lock.txt").callers == {("wait", "ffff8881155745c8 mmap_lock (rwsem)"): 661}
    assert read("perf_lock_by_thread.txt").callers == {("wait", "9749 pfbench"): 120, ("wait", "9750 pfbench"): 17}


def test_benchmarks() -> None:
    table = [(r.metric, r.setting, r.value) for r in read("will_it_scale.csv").results]
    assert ("threads", "2 tasks", 401100.0) in table
    assert len(table) == 10
    assert [r.value for r in read("will_it_scale.txt").results] == [330011]
    assert [(r.value, r.unit) for r in read("ebizzy.txt").results] == [(24614, "records/s")]
    assert read("ebizzy.txt").elapsed_s == 10
    rows = {(r.metric, r.setting): r.value for r in read("mmtests_report.txt").results}
    assert rows["Hmean faults/sec-4", "5.16.0 spf"] == 958123.40
    assert rows["Ops Minor Faults", "5.16.0 vanilla"] == 10241024
    assert rows["Duration Elapsed", "5.16.0 spf"] == 51.90
    assert captures.as_json(answered("ebizzy.txt"))["fallback_share"] is None


def test_two_looks_in_one_file() -> None:
    found = read("vmstat_two_looks.txt")
    assert found.events == {
        "pgfault": 500000, "vma_lock_success": 490000, "vma_lock_abort": 2500, "vma_lock_retry": 20, "vma_lock_miss": 2,
    }  # fmt: skip
    shown = captures.as_json(answered("vmstat_two_looks.txt"))
    assert (shown["attempts"], shown["fallbacks"]) == (492520, 2520)
    assert "vma_lock_miss" not in shown["by_cause"]
    assert any("vma_lock_miss (2) is an internal retry" in note for note in shown["notes"])


def test_two_files_are_a_before_and_an_after(tmp_path: Path) -> None:
    looks = (MADE_UP / "vmstat_two_looks.txt").read_text().split("nr_free_pages")[1:]
    before, after = (captures.read(written(tmp_path, f"nr_free_pages{look}", f"{i}")) for i, look in enumerate(looks))
    made = captures.answer([before, after])
    assert made.evidence
    assert (made.evidence.attempts, made.evidence.fallbacks) == (492520, 2520)
    assert captures.as_json(made)["files"][0]["events"]["pgfault"] == 1000000
    with pytest.raises(ValueError, match="give the earlier look first"):
        captures.answer([after, before])


def test_successes_alone_make_no_share() -> None:
    made = answered("vmstat_spf_v12.txt")
    assert made.share is None
    assert "failures are not" in made.reason
    assert captures.success_of_faults(made.captures[0].events) == pytest.approx(0.98138, abs=1e-5)

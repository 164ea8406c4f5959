"""Every real capture is read, with the counts that its own text states."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from capture_files import FOLDER, REAL, read

from spfmodel import captures

TOOLS = {
    "bpftrace_mmap_lock_wait_hist.txt": "bpftrace",
    "mmap_lock_wait.bt": "bpftrace program",
    "perf_lock_contention.txt": "perf lock contention",
    "perf_lock_report.txt": "perf lock report",
    "perf_report_callers_first.txt": "perf report",
    "perf_report_fallback_callgraph.txt": "perf report",
    "perf_script_callgraph_excerpt.txt": "perf script",
    "perf_script_fields_excerpt.txt": "perf script",
    "perf_script_without_fields.txt": "perf script",
    "perf_stat_csv_mmapwriter.txt": "perf stat -x",
    "perf_stat_interval_csv.txt": "perf stat -x",
    "perf_stat_json_mmapwriter.txt": "perf stat -j",
    "perf_stat_kern_touch.txt": "perf stat",
    "perf_stat_per_cpu_filters.txt": "perf stat",
    "perf_stat_repeated_filters.txt": "perf stat",
    "perf_stat_user_touch.txt": "perf stat",
    "perf_trace_pagefaults.txt": "perf trace",
    "pfbench_output_pervma_kernel.txt": "pfbench",
    "pfbench_output_spf_kernel.txt": "pfbench",
    "proc_vmstat_host618_excerpt.txt": "/proc/vmstat",
    "proc_vmstat_pervma_stats_kernel.txt": "/proc/vmstat",
    "proc_vmstat_spf_kernel.txt": "/proc/vmstat",
    "trace_cmd_report_guest612.txt": "trace-cmd report",
    "tracefs_trace_excerpt.txt": "tracefs trace",
}
START, ACQUIRED, RELEASED = "mmap_lock_start_locking", "mmap_lock_acquire_returned", "mmap_lock_released"


def text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def test_every_real_file_is_known_by_its_content() -> None:
    assert {file.name: captures.read(file).tool for file in REAL} == TOOLS


@pytest.mark.parametrize("name", [name for name in TOOLS if name.startswith("proc_vmstat")])
def test_vmstat_is_read_name_by_name(name: str) -> None:
    stated = dict(line.split() for line in text(name).splitlines())
    assert read(name).events == {event: int(count) for event, count in stated.items()}


@pytest.mark.parametrize("name", ["perf_stat_user_touch.txt", "perf_stat_kern_touch.txt"])
def test_perf_stat_is_read_row_by_row(name: str) -> None:
    rows = re.findall(r"^ +(\d+)      (\S+) +$", text(name), re.MULTILINE)
    assert len(rows) == 11
    found = read(name)
    assert {event: str(found.events[event]) for _, event in rows} == {event: count for count, event in rows}
    assert found.elapsed_s == float(re.search(r"([\d.]+) seconds time elapsed", text(name))[1])  # type: ignore[index]
    assert found.threads == 2


def test_csv_and_json_are_read_row_by_row() -> None:
    rows = [line.split(",") for line in text("perf_stat_csv_mmapwriter.txt").splitlines() if ",," in line]
    found = read("perf_stat_csv_mmapwriter.txt").events
    assert {row[2]: int(row[0]) for row in rows} == {event: n for event, n in found.items() if event != "pgfault"}
    assert len(rows) == 7
    values = re.findall(r'"counter-value" : "(\d+)\.0+".*?"event" : "([^"]+)"', text("perf_stat_json_mmapwriter.txt"))
    found = read("perf_stat_json_mmapwriter.txt").events
    assert {event: int(n) for n, event in values} == {event: n for event, n in found.items() if event != "pgfault"}


def test_intervals_stand_apart_and_add_up() -> None:
    rows = [line.strip().split(",") for line in text("perf_stat_interval_csv.txt").splitlines() if ",," in line]
    found = read("perf_stat_interval_csv.txt")
    moments = list(dict.fromkeys(row[0] for row in rows))
    assert [stint.events for stint in found.stints] == [
        {row[3]: int(row[1]) for row in rows if row[0] == moment} for moment in moments
    ]
    assert found.events["page-faults"] == sum(int(row[1]) for row in rows if row[3] == "page-faults") == 313_564
    assert sum(stint.seconds or 0 for stint in found.stints) == pytest.approx(float(moments[-1]))


@pytest.mark.parametrize(
    "name", ["tracefs_trace_excerpt.txt", "trace_cmd_report_guest612.txt", "perf_script_fields_excerpt.txt"]
)
def test_traces_are_counted_event_by_event(name: str) -> None:
    stated = Counter(re.findall(r"\d: +((?:\w+:)?\w+): ", text(name)))
    assert read(name).events == stated


@pytest.mark.parametrize(("name", "fell", "faults"), [("tracefs", 8, 447), ("trace_cmd", 4, 232)])
def test_traces_tell_who_fell_back(name: str, fell: int, faults: int) -> None:
    """By another reading of the same text: a failed trylock whose thread's last event was a user fault."""
    file = next(file for file in REAL if file.name.startswith(name))
    use = captures.read(file).locks
    last: dict[str, str] = {}
    tried = 0
    for thread, event in re.findall(r"pfbench-(\d+) .*?\d: (\w+:.*)", file.read_text(encoding="utf-8")):
        failed = "success=false" in event
        tried += failed and last.get(thread) == "page_fault_user"
        last[thread] = last.get(thread, "") if START in event else event.partition(":")[0]
    assert use
    assert (use.fallbacks, use.tried_first, use.user_faults) == (tried, fell, faults)
    assert sum(use.slices[i][0] for i in range(len(use.slices))) == fell


def test_waits_and_holds_of_the_trace_are_those_of_its_events() -> None:
    found = {h.name: h for h in read("tracefs_trace_excerpt.txt").histograms}
    lines = text("tracefs_trace_excerpt.txt")
    assert found["wait read"].count == lines.count("write=false success=true") == 8
    assert found["wait write"].count == lines.count("write=true success=true") == 14
    assert found["hold read"].count + found["hold write"].count == lines.count(RELEASED) == 22
    assert found["wait read"].total == pytest.approx(210_000)  # 24, 38, 22 us and five more
    assert found["wait read"].quantile(0.5) == (22_528, 24_576)


def test_bpftrace_maps_and_histograms() -> None:
    found = read("bpftrace_mmap_lock_wait_hist.txt")
    scalars = dict(re.findall(r"^(@.*): (\d+)$", text("bpftrace_mmap_lock_wait_hist.txt"), re.MULTILINE))
    assert {name: str(count) for name, count in found.events.items() if name[0] == "@"} == scalars
    counts = {histogram.name: histogram.count for histogram in found.histograms}
    assert counts == {"hold read": 1454, "hold write": 3167, "wait read": 1436 + 1454, "wait write": 3167}
    assert found.histograms[0].bins[0] == (256, 512, 3)
    assert found.histograms[3].bins[-1] == (8 << 20, 16 << 20, 1)


def test_lock_contention_keeps_equal_callers_apart() -> None:
    found = read("perf_lock_contention.txt")
    rows = re.findall(r"^ +(\d+) .* (\w+(?::[RW])?)   (\S+)$", text("perf_lock_contention.txt"), re.MULTILINE)
    assert list(found.events.values()) == [int(row[0]) for row in rows]
    assert len(rows) == 24
    assert found.events["rwsem:R exc_page_fault+0x1d8#2"] == 554
    assert found.callers["wait", "fault (exc_page_fault, rwsem:R)"] == 661 + 554
    waits = {r.setting: r.value for r in found.results if r.metric == "total wait"}
    assert waits["rwsem:W __x64_sys_mprotect+0x1b"] == pytest.approx(395.95e6)


def test_call_graphs_tell_fallbacks_from_kernel_mode_and_first_faults() -> None:
    shown = read("perf_script_callgraph_excerpt.txt").callers
    assert shown == {
        ("kernel fault", "elf_load"): 1,
        ("kernel fault", "_copy_to_user"): 2,
        ("anon_vma", "__libc_start_main_impl"): 1,
        ("anon_vma", "__memmove_avx512_unaligned_erms"): 1,
    }
    whole = read("perf_report_fallback_callgraph.txt")
    assert whole.events == {"mmap_lock:mmap_lock_acquire_returned": 177}
    assert whole.callers["fallback", "worker"] == round(0.4520 * 177)
    assert whole.callers["kernel fault", "_copy_to_user"] == 2
    assert whole.callers["kernel fault", "elf_load"] == 1
    assert sum(whole.callers.values()) == round(0.4859 * 177)


def test_call_graphs_from_the_caller_downwards() -> None:
    """Sorted the other way round; the same run by perf script had 133 kernel-mode faults and 22 first faults."""
    found = read("perf_report_callers_first.txt")
    assert found.callers["kernel fault", "_copy_to_iter"] == round(0.4103 * 290)
    assert found.callers["kernel fault", "filldir64"] == round(0.0241 * 290)
    kinds: Counter[str] = Counter()
    for (kind, _), times in found.callers.items():
        kinds[kind] += times
    assert kinds["kernel fault"] <= 133
    assert kinds["anon_vma"] <= 22
    assert sum(kinds.values()) == pytest.approx(0.569 * 290, abs=10)


def test_filters_and_cpus_of_perf_stat() -> None:
    name = "mmap_lock:mmap_lock_acquire_returned"
    found = read("perf_stat_per_cpu_filters.txt").events
    assert (found["page-faults"], found[name], found[f"{name}#2"]) == (596 + 31584, 16 + 173, 31 + 86)
    repeated = read("perf_stat_repeated_filters.txt")
    assert (repeated.events[name], repeated.events[f"{name}#2"], repeated.repetitions) == (178, 112, 3)
    assert repeated.elapsed_s == 0.13845


def test_events_without_their_fields_are_only_counted() -> None:
    found = read("perf_script_without_fields.txt")
    lines = text("perf_script_without_fields.txt")
    assert found.events["mmap_lock:mmap_lock_start_locking"] == lines.count(f"{START}:")
    assert not found.histograms
    assert "-F ...,trace" in found.notes[0]


def test_perf_trace_counts_faults_by_function() -> None:
    found = read("perf_trace_pagefaults.txt")
    assert found.events["minfault"] == text("perf_trace_pagefaults.txt").count(" minfault ")
    assert found.callers["fault", "_dl_aux_init"] == 2


def test_runs_of_the_load_stand_apart() -> None:
    found = read("pfbench_output_pervma_kernel.txt")
    assert found.events == {
        "pgfault": 22367, "vma_lock_success": 21277, "vma_lock_abort": 1090, "pgfault#2": 71972,
        "vma_lock_success#2": 71972,
    }  # fmt: skip
    assert [(stint.label.split()[-4:], stint.seconds) for stint in found.stints] == [
        (["-o", "mprot_own", "-X", "1"], 0.502),
        (["-o", "mprot_other", "-X", "0"], 0.501),
    ]
    assert [r.value for r in found.results if r.metric == "touches"] == [44614.4, 143742.4]


def test_the_program_is_read_and_never_run(tmp_path: Path) -> None:
    found = read("mmap_lock_wait.bt")
    assert found.events == {}
    assert "run it" in found.notes[0]

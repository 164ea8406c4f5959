"""From counts to a share with its interval: published counts, textbook intervals, coverage, what goes with what."""

from __future__ import annotations

import json
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from capture_files import FOLDER, MADE_UP, REAL, answered, written
from scipy import stats
from typed_lines import Typed, refused

from spfmodel import captures, datasets
from spfmodel.captures import binomial
from spfmodel.captures.evidence import of_counters
from spfmodel.captures.names import FAULT_COUNTERS, canonical
from spfmodel.captures.stacks import Frame, classify
from spfmodel.protocols.vocabulary import AbortCause

COUNTERS = datasets.counters()
EVENTS = ["faults", "spf", "spf_pte_lock", "spf_vma_changed", "spf_vma_noanon", "spf_vma_notsup", "spf_vma_access",
          "spf_pmd_changed"]  # fmt: skip
PUBLISHED = COUNTERS[COUNTERS["spf"].notna() & COUNTERS["faults"].notna()]


def counts_of(row: object) -> dict[str, int]:
    """Counts of a published row, as perf names the events; those not printed are left out."""
    values = {name: getattr(row, name) for name in EVENTS}
    return {name.replace("spf_", "pagefault:spf_"): int(n) for name, n in values.items() if str(n) != "<NA>"}


def test_shares_of_published_counters_come_from_their_raw_counts() -> None:
    assert len(PUBLISHED) == 18
    for row in PUBLISHED.itertuples():
        share = captures.success_of_faults(counts_of(row))
        assert share is not None
        assert round(100 * share, 3) == float(row.derived_spf_share_pct), row.id


def test_attempts_and_fallbacks_of_published_counters() -> None:
    for row in PUBLISHED.itertuples():
        counts = counts_of(row)
        failures = sum(n for name, n in counts.items() if name.startswith("pagefault:"))
        found, share = of_counters(counts), captures.from_counts(counts)
        if not any(name.startswith("pagefault:") for name in counts):
            assert found is None
            continue
        assert found
        assert (found.attempts, found.fallbacks) == (counts["spf"] + failures, failures)
        assert share is None if not found.attempts else share.median == failures / found.attempts
    ebizzy = captures.from_counts(counts_of(next(PUBLISHED[PUBLISHED["id"] == "c18"].itertuples())))
    assert ebizzy
    assert ebizzy.median == pytest.approx(413493 / 1874646)


def test_causes_carry_the_names_of_the_protocols() -> None:
    for name in ("perf_stat_spf_v10.txt", "proc_vmstat_pervma_stats_kernel.txt"):
        found = answered(name).evidence
        assert found
        assert set(found.by_cause) <= {str(cause) for cause in AbortCause}
    assert {str(cause) for cause in AbortCause if str(cause).startswith("spf_")} <= FAULT_COUNTERS


def test_jeffreys_against_scipy() -> None:
    for k, n in ((1, 10), (3, 447), (1090, 22367)):
        expected = stats.beta.ppf([0.025, 0.975], k + 0.5, n - k + 0.5)
        assert binomial.jeffreys(k, n) == pytest.approx(tuple(expected))
    wilson = stats.binomtest(1090, 22367).proportion_ci(method="wilson")
    assert binomial.jeffreys(1090, 22367) == pytest.approx((wilson.low, wilson.high), rel=2e-3)


def test_dispersion_is_chi_square_over_its_freedom() -> None:
    groups = [(12, 100), (30, 100), (20, 100)]
    table = np.array([[k, n - k] for k, n in groups])
    chi2 = stats.chi2_contingency(table, correction=False).statistic
    assert binomial.dispersion(groups) == pytest.approx(chi2 / 2)
    assert binomial.dispersion([(0, 10), (0, 20)]) == 1


def test_an_interval_with_repetitions_is_about_that_of_students_t() -> None:
    rng = np.random.default_rng(5)
    shares = rng.normal(0.1, 0.02, 8)
    groups = [(round(100_000 * share), 100_000) for share in shares]
    made = captures.share_of(sum(k for k, _ in groups), 800_000, groups)
    half = stats.t.ppf(0.975, 7) * np.std(shares, ddof=1) / sqrt(8)
    assert (made.high - made.low) / 2 == pytest.approx(half, rel=0.03)


@pytest.mark.parametrize(("runs", "scatter"), [(3, 0.0), (3, 0.5), (8, 0.2), (20, 0.5)])
def test_intervals_cover(runs: int, scatter: float) -> None:
    """Of 400 experiments whose runs scatter log-normally, at least 92.5 % of the 95 % intervals hold the mean."""
    rng = np.random.default_rng([runs, int(10 * scatter)])
    covered = 0
    for _ in range(400):
        chances = 0.02 * np.exp(rng.normal(-(scatter**2) / 2, scatter, runs))
        groups = [(int(rng.binomial(20_000, chance)), 20_000) for chance in chances]
        made = captures.share_of(sum(k for k, _ in groups), 20_000 * runs, groups)
        covered += made.low <= 0.02 <= made.high
    assert covered >= (370 if runs > 3 else 350)


def test_names_of_all_versions() -> None:
    assert canonical("pagefault:spf_vma_changed") == "spf_vma_changed"
    assert canonical("speculative-faults:u") == "spf"
    assert canonical("exceptions:page_fault_kernel#2") == "page_fault_kernel"
    assert canonical("SPF_ABORT_PTE_MAP_LOCK_SEQ1") == "spf_abort_pte_map_lock_seq1"
    unknown = of_counters({"spf": 90, "pagefault:spf_new_reason": 10})
    assert unknown
    assert unknown.by_cause == {"new_reason": 10}


def test_lespinasse_without_reasons_and_per_vma_without_zeros() -> None:
    plain = of_counters({"spf_attempt": 100, "spf_abort": 7})
    assert plain
    assert (plain.fallbacks, plain.by_cause) == (7, {})
    bare = of_counters({"vma_lock_success": 100})
    assert bare
    assert (bare.attempts, bare.fallbacks) == (100, 0)


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        (["lock_mm_and_find_vma", "exc_page_fault", "asm_exc_page_fault", "worker"], ("fallback", "worker")),
        (["down_read", "do_page_fault", "do_mem_abort", "el0_da", "main"], ("fallback", "main")),
        (["lock_mm_and_find_vma", "do_page_fault", "do_mem_abort", "el1_abort", "copy"], ("kernel fault", "copy")),
        (["down_read", "___do_page_fault", "data_access_common_virt", "f"], ("fallback", "f")),
        (["exc_page_fault", "_copy_to_user", "do_syscall_64", "write"], ("kernel fault", "_copy_to_user")),
        (["__vmf_anon_prepare", "handle_mm_fault", "exc_page_fault", "f"], ("anon_vma", "f")),
        (["do_madvise", "__x64_sys_madvise", "do_syscall_64"], ("other read", "__x64_sys_madvise")),
        ([], ("other read", "[unknown]")),
    ],
)
def test_what_a_call_graph_means(symbols: list[str], expected: tuple[str, str]) -> None:
    assert classify([Frame(symbol) for symbol in symbols]) == expected


def test_the_best_evidence_counts_and_is_not_counted_twice() -> None:
    made = answered("vmstat_two_looks.txt", "perf_stat_filters.txt", "bpftrace_mmap_lock_wait_hist.txt")
    assert made.evidence
    assert made.evidence.attempts == 492520
    assert [part.used for part in made.parts] == [True, False, False]
    assert made.histograms
    both = answered("bpftrace_mmap_lock_wait_hist.txt", "perf_stat_filters.txt").evidence
    assert both
    assert both.attempts == 201054


def test_repetitions_in_files_of_their_own_count_together() -> None:
    made = answered("perf_stat_filters.txt", "perf_stat_filters.txt", "perf_stat_filters.txt")
    assert made.evidence
    assert made.evidence.attempts == 3 * 201054
    assert made.evidence.groups == [(1451, 201054)] * 3


def test_different_designs_have_no_common_share() -> None:
    made = answered("proc_vmstat_spf_kernel.txt", "proc_vmstat_pervma_stats_kernel.txt")
    assert made.share is None
    assert "different designs" in made.reason
    assert [part.evidence.attempts for part in made.parts if part.evidence] == [12938521, 14660543]


def test_traps_are_told() -> None:
    notes = {file.name: " ".join(captures.answer([captures.read(file)]).notes) for file in REAL}
    assert "328,406 faults came from kernel mode" in notes["perf_stat_kern_touch.txt"]
    assert "it is an excerpt" in notes["tracefs_trace_excerpt.txt"]
    assert "also counts spin locks" in notes["trace_cmd_report_guest612.txt"]
    assert "since boot" in notes["proc_vmstat_spf_kernel.txt"]
    assert "single-threaded" in notes["proc_vmstat_spf_kernel.txt"]
    assert "internal retry" in notes["proc_vmstat_pervma_stats_kernel.txt"]
    assert "__vmf_anon_prepare" in notes["bpftrace_mmap_lock_wait_hist.txt"]
    assert "different settings" in notes["pfbench_output_pervma_kernel.txt"]
    assert "v11 and later" in " ".join(answered("perf_stat_repeated.txt").notes)


@pytest.mark.parametrize("file", [*REAL, *sorted(MADE_UP.iterdir())], ids=lambda file: file.name)
def test_text_fits_and_json_is_plain(file: Path) -> None:
    made = captures.answer([captures.read(file)])
    shown = json.loads(json.dumps(captures.as_json(made), allow_nan=False))
    asked = {"files", "attempts", "fallbacks", "fallback_share", "by_cause", "unknown", "notes"}
    assert asked <= set(shown)
    assert {"path", "tool", "kernel", "events"} <= set(shown["files"][0])
    assert all(isinstance(count, int) for count in shown["files"][0]["events"].values())
    lines = list(captures.lines(made))
    assert max(len(line) for line in lines if str(FOLDER) not in line) <= 80
    assert any(line.startswith("Fallback share: ") for line in lines)


def test_the_verb(typed: Typed, tmp_path: Path) -> None:
    file = str(FOLDER / "proc_vmstat_pervma_stats_kernel.txt")
    status, out, err = typed("capture", file, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["fallbacks"] == 25141
    status, out, _ = typed("capture", file)
    assert status == 0
    assert "Fallback share: 0.171 % (95 % interval 0.169 % to 0.174 %)" in out
    assert "name what a tool printed" in refused(typed, "capture")
    assert "BASE and CANDIDATE" in refused(typed, "capture", "--compare", file)
    assert "line 2: expected" in refused(typed, "capture", str(written(tmp_path, "pgfault 1\npgfault2 x\n")))

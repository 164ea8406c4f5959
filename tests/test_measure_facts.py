"""What this host is, which lock its faults try first, and how often they fell back as far as it tells."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
from measured_host import CPUS, HOST, needs_linux

from spfmodel import catalog
from spfmodel.measure import facts, session
from spfmodel.measure.job import Touch
from spfmodel.measure.libc import SYSTEM_CALLS
from spfmodel.measure.loads import Load
from spfmodel.measure.lock_events import COUNTERS, counted, family, from_counters, traced, tracefs, vmstat, why_not
from spfmodel.measure.together import window

pytestmark = needs_linux


def test_this_hosts_facts() -> None:
    known = facts.facts(session.read())
    assert known["arch"] in facts.ARCHES.values()
    assert known["page_kib"] in (4, 8, 16, 64)
    assert facts.prior_class(known) in catalog.prior_names()
    assert facts.vma_lock_protocol() in ("", "per_vma_lock", "per_vma_refcnt", "spf_mmseq", "spf_rcu")
    assert set(facts.system_numbers()) == set(SYSTEM_CALLS["x86_64"])


@pytest.mark.parametrize(
    ("release", "config", "protocol"),
    [("5.10.1", "y", ""), ("6.1.0-18-amd64", "y", ""), ("6.4.0", "y", "per_vma_lock"), ("6.14.9", "y", "per_vma_lock"),
     ("6.15-rc1", "y", "per_vma_refcnt"), ("6.18.44", "n", ""), ("7.0", "y", "per_vma_refcnt")],
)  # fmt: skip
def test_which_lock_a_kernel_tries_first(
    monkeypatch: pytest.MonkeyPatch, release: str, config: str, protocol: str
) -> None:
    monkeypatch.setattr(platform, "release", lambda: release)
    monkeypatch.setattr(facts, "configuration", lambda: {"CONFIG_PER_VMA_LOCK": config})
    monkeypatch.setattr(facts, "text", lambda _: "")
    assert facts.vma_lock_protocol() == protocol


@pytest.mark.parametrize(
    ("arch", "sockets", "model", "name"),
    [("arm64", 1, "", "arm64-phone"), ("ppc64", 2, "", "power8"), ("x86_64", 1, "AMD EPYC", "x86-1s"),
     ("x86_64", 2, "AMD EPYC", "amd-2s"), ("x86_64", 8, "Intel Xeon", "x86-4s")],
)  # fmt: skip
def test_what_stands_in_for_the_rest(
    monkeypatch: pytest.MonkeyPatch, arch: str, sockets: int, model: str, name: str
) -> None:
    monkeypatch.setattr(facts, "cpu_model", lambda: model)
    assert facts.prior_class({"arch": arch, "virtual": False, "sockets": sockets}) == name


def test_counters_give_a_share() -> None:
    before = vmstat("vma_lock_success 100\nvma_lock_abort 5\nvma_lock_retry 0\nvma_lock_miss 7\npgfault 1\n")
    after = vmstat("vma_lock_success 190\nvma_lock_abort 13\nvma_lock_retry 2\nvma_lock_miss 9\npgfault 2\n")
    assert family(before) == "vma_lock"
    assert from_counters("vma_lock", before, after).share == pytest.approx(0.1)
    spf = from_counters("spf", vmstat("spf_attempt 0\nspf_abort 0"), vmstat("spf_attempt 50\nspf_abort 4"))
    assert (spf.share, spf.count) == (0.08, 4)
    assert from_counters("vma_lock", before, before).share is None
    assert not family(vmstat("pgfault 3"))
    assert set(COUNTERS) == {"vma_lock", "spf"}


def test_events_that_newer_ones_overwrote_count(tmp_path: Path) -> None:
    for cpu, (kept, lost) in enumerate([(10, 0), (5, 300)]):
        folder = tmp_path / "per_cpu" / f"cpu{cpu}"
        folder.mkdir(parents=True)
        text = f"entries: {kept}\noverrun: {lost}\ncommit overrun: 0\nbytes: 1\noldest event ts:  1.2\n"
        (folder / "stats").write_text(text, encoding="ascii")
    assert counted(tmp_path) == 315


@pytest.mark.skipif(tracefs() is None, reason=why_not())
def test_kernel_mode_faults_take_mmap_lock_and_user_mode_ones_do_not() -> None:
    load = Load(update_op="", every=0, one_vma=False, threads=len(CPUS[:2]))
    shares = {}
    for how in (Touch.USER, Touch.KERN):

        def work(how: Touch = how) -> int:
            return sum(run.minor_faults for run in window(HOST, load.setting(how), 10_000_000).runs)

        def nothing(how: Touch = how) -> object:
            return window(HOST, load.setting(how), 1)

        shares[how] = traced(work, nothing).share
    assert shares[Touch.KERN] > 0.95
    assert shares[Touch.USER] < 0.05 or not facts.vma_lock_protocol()


def test_without_tracefs_it_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spfmodel.measure.lock_events.TRACEFS", ("/nowhere",))
    found = traced(lambda: 1, lambda: None)
    assert found.share is None
    assert "tracefs" in found.how

"""The emitted script: right for its kernel, sound shell, and run for real on a load with an updater."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spfmodel import captures
from spfmodel.application import observed
from spfmodel.capture_script import script
from spfmodel.kernel_at_hand import Host, family, here, tracefs
from spfmodel.sources import BadInput

LOAD = Path(__file__).parent / "fault_load.py"
KERNELS = ["4.4", "4.16", "4.15-spf", "5.10", "5.17-rc5-spf", "6.1", "6.12", "v6.18.0"]


def shell(text: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script with sh; its results go to `folder`."""
    file = folder.parent / "capture.sh"
    file.write_text(text, encoding="ascii")
    command = ["sh", str(file), "-o", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def missing(*tools: str) -> str:
    """Why a real run is impossible here; empty if it is possible."""
    absent = [tool for tool in tools if not shutil.which(tool)]
    if absent:
        return f"not installed: {', '.join(absent)}"
    if os.geteuid() != 0:
        return "tracing needs root"
    return "" if here().events else "tracefs is not mounted"


def instances() -> set[Path]:
    """The tracing instances that exist."""
    root = tracefs()
    assert root is not None
    return set((root / "instances").iterdir())


def needs(*tools: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(bool(missing(*tools)), reason=missing(*tools) or "possible here")


@pytest.mark.parametrize("kernel", KERNELS)
def test_sh_reads_it(kernel: str, tmp_path: Path) -> None:
    file = tmp_path / "capture.sh"
    file.write_text(script(kernel), encoding="ascii")
    for shell_name in ("sh", "bash"):
        if shutil.which(shell_name):
            subprocess.run([shell_name, "-n", str(file)], check=True)


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="not installed: shellcheck")
@pytest.mark.parametrize("kernel", ["", "4.16", "4.15-spf", "6.12"])
def test_shellcheck_has_nothing_to_say(kernel: str) -> None:
    command = ["shellcheck", "-s", "sh", "-"]
    done = subprocess.run(command, input=script(kernel), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_each_kernel_counts_what_it_has() -> None:
    old, dufour, lespinasse, new = (script(k) for k in ("4.16", "4.15-spf", "5.17-spf", "6.12"))
    assert "pagefault spf_vma_changed" in dufour
    assert "rwsem_down_read_failed" in dufour
    assert "mmap_lock_start_locking" not in old + dufour
    assert "mmap_sem" in old
    assert "spf_attempt and spf_abort" in lespinasse
    assert "mmap_lock_start_locking 'write==0'" in new
    assert "CONFIG_PER_VMA_LOCK_STATS" in new
    assert "rwsem_down_read_slowpath" in script("5.4")


@pytest.mark.parametrize("kernel", ["six", "6", "6.12;reboot", "6.12\nrm -rf /", "$(id)", "", "6.1\u00b2", "9" * 200])
def test_a_bad_version_is_refused(kernel: str) -> None:
    if not kernel:
        assert here().kernel in script("")
        return
    with pytest.raises(BadInput, match="--kernel"):
        script(kernel)


def test_a_process_can_be_chosen_beforehand(tmp_path: Path) -> None:
    text = script("6.12", pid=os.getpid())
    done = shell(text, "-w", "vmstat", "-t", "1", folder=tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "# scope: process" in (tmp_path / "out" / "vmstat.txt").read_text()


def test_what_the_host_has_decides() -> None:
    spf = Host(kernel="4.18.0", events=frozenset({"pagefault/spf_pte_lock"}), tools=())
    assert family(spf).name == "spf_trace"
    assert family(Host(kernel="5.12", counters=frozenset({"spf_attempt"}))).name == "spf_mmseq"
    bare = script(host=Host(kernel="6.12", tools=(), arch="aarch64"))
    assert not re.search(r"have (perf|bpftrace|trace-cmd)", bare)
    assert "exceptions/page_fault_user" not in bare
    assert "tracefs" in bare


def test_a_wrong_command_line_is_said(tmp_path: Path) -> None:
    for arguments in ([], ["-p", "999999999"], ["-t", "soon", "-a"], ["-x"]):
        done = shell(script("6.12"), *arguments, folder=tmp_path / "out")
        assert done.returncode == 2
        assert done.stderr
    assert not (tmp_path / "out").exists()


def test_counters_alone_need_no_root(tmp_path: Path) -> None:
    done = shell(script("6.12"), "-w", "vmstat", "--", "sh", "-c", "exit 3", folder=tmp_path / "out")
    assert done.returncode == 3, "the command's own status"
    text = (tmp_path / "out" / "vmstat.txt").read_text()
    first, second = (int(n) for n in re.findall(r"^pgfault (\d+)$", text, re.MULTILINE))
    assert second > first
    assert f"# kernel: {os.uname().release}" in text


def counts(text: str, event: str) -> list[int]:
    return [int(n) for n in re.findall(rf"^\s*(\d+)\s+{event}\b", text, re.MULTILINE)]


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """All that this host has, around the load: the folder, and what the load said."""
    folder = tmp_path_factory.mktemp("run") / "out"
    done = shell(script(), "--", sys.executable, str(LOAD), "0.8", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@needs("perf", "bpftrace")
def test_perf_counts_the_load(whole_run: tuple[Path, str]) -> None:
    folder, said = whole_run
    touched = int(re.findall(r"touches=(\d+)", said)[0])
    updates = int(re.findall(r"updates=(\d+)", said)[0])
    text = (folder / "perf_stat.txt").read_text()
    (faults,) = counts(text, "exceptions:page_fault_user")
    reads, writes = counts(text, "mmap_lock:mmap_lock_start_locking")
    assert touched <= faults < 1.1 * touched + 20_000
    assert updates <= writes < 2 * updates + 3000
    assert 0 < reads < faults
    assert text.count("# filter: mmap_lock:mmap_lock_start_locking") == 2
    assert re.search(r"^# threads: 4$", text, re.MULTILINE)


@needs("perf", "bpftrace")
def test_bpftrace_saw_the_same_run(whole_run: tuple[Path, str]) -> None:
    folder, _said = whole_run
    text = (folder / "bpftrace.txt").read_text()
    (perf,) = counts((folder / "perf_stat.txt").read_text(), "exceptions:page_fault_user")
    faults = int(re.findall(r"^@faults_user: (\d+)$", text, re.MULTILINE)[0])
    assert faults == pytest.approx(perf, rel=0.1)
    assert "@wait_ns[1]" in text
    assert "lock_mm_and_find_vma" in text or "exc_page_fault" in text


@needs("perf", "bpftrace")
def test_capture_reads_it_and_reports_the_fallback_share(whole_run: tuple[Path, str]) -> None:
    folder, said = whole_run
    touched = int(re.findall(r"touches=(\d+)", said)[0])
    files = {file.stem: captures.read(file) for file in sorted(folder.iterdir())}
    found = captures.answer(list(files.values()))
    assert found.share is not None
    assert found.evidence is not None
    assert found.share.low <= found.share.median <= found.share.high < 0.2
    assert found.share.high > 0
    assert found.evidence.attempts >= touched
    assert files["perf_stat"].elapsed_s == files["vmstat"].elapsed_s, "perf's wait for the command does not count"
    assert {h.name for h in found.histograms} >= {"wait read", "wait write", "hold write"}
    seen = observed(found)
    assert (seen.threads, seen.unmaps) == (4, False)
    assert seen.updates_per_s is not None
    assert seen.busy_cpus is not None
    assert 0 < seen.busy_cpus < 4


@needs()
def test_bare_tracefs_on_a_process_that_runs(tmp_path: Path) -> None:
    before = instances()
    with subprocess.Popen([sys.executable, str(LOAD), "2.5"], stdout=subprocess.DEVNULL) as load:
        done = shell(script(), "-p", str(load.pid), "-t", "1", "-w", "tracefs vmstat", folder=tmp_path / "out")
        load.terminate()
    assert done.returncode == 0, done.stderr
    assert instances() == before, "its own instance is gone"
    with (tmp_path / "out" / "trace.txt").open() as file:
        head = "".join(line for line, _ in zip(file, range(5000), strict=False))
    assert "entries-in-buffer/entries-written" in head
    assert "page_fault_user: address=" in head
    assert "# seconds: 1" in head
    found = captures.answer([captures.read(file) for file in (tmp_path / "out").iterdir()])
    assert found.share is not None
    assert found.share.low <= found.share.median <= found.share.high < 0.2


@needs()
def test_interrupted_it_still_writes_and_cleans_up(tmp_path: Path) -> None:
    (tmp_path / "capture.sh").write_text(script(), encoding="ascii")
    before = instances()
    command = ["sh", "capture.sh", "-o", "out", "-w", "tracefs vmstat", "--", "sleep", "60"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as run:
        while instances() == before and run.poll() is None:
            time.sleep(0.02)
        run.terminate()
        said = run.communicate(timeout=20)[1]
    assert "done after" in said
    assert (tmp_path / "out" / "vmstat.txt").exists()
    assert instances() == before

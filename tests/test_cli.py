"""The verbs as typed: JSON and nothing else on stdout, one sentence on stderr for what is wrong, exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import pytest
from typed_lines import Typed, refused

from spfmodel import catalog, machine_file
from spfmodel.protocols import PROTOCOLS
from spfmodel.provenance import ROOT, VERSION

PREDICT = ["predict", "-m", "x86-vm-16", "-w", "ebizzy-mTRp", "-p", "spf_rwlock", "--solver", "closed"]


def test_version_and_help(typed: Typed) -> None:
    assert typed("--version") == (0, f"spfmodel {VERSION}\n", "")
    for verb in ("show", "predict", "fit", "validate", "report", "lab", "doctor"):
        status, out, _ = typed(verb, "--help")
        assert status == 0
        assert f"spfmodel {verb}" in " ".join(out.split()) or verb in out


def test_predict_prints_one_json_object_and_nothing_else(typed: Typed) -> None:
    status, out, err = typed(*PREDICT, "--json")
    shown = json.loads(out)
    assert (status, err) == (0, "")
    assert (shown["machine"], shown["workload"], shown["baseline"]) == ("x86-vm-16", "ebizzy-mTRp", "mmap_sem")
    assert [p["n_threads"] for p in shown["predictions"]] == [32]
    assert typed(*PREDICT, "--json")[1] == out
    assert json.loads(typed(*PREDICT, "--json", "--seed", "2")[1])["predictions"] != shown["predictions"]


def test_predict_for_people(typed: Typed) -> None:
    status, out, _ = typed(*PREDICT, "--threads", "4,1,4")
    lines = out.splitlines()
    assert status == 0
    assert "against mmap_sem; 90% intervals" in lines[0]
    assert [line.split()[0] for line in lines if "(predicted)" in line] == ["4", "1"]
    assert "records/s: " in out


def test_predict_takes_several_protocols_and_another_baseline(typed: Typed) -> None:
    _, out, _ = typed(
        *PREDICT[:5], "-p", "spf_rwlock, ideal", "--baseline", "spf_mmseq", "--solver", "closed", "--json"
    )
    shown = json.loads(out)
    assert [p["protocol"] for p in shown["predictions"]] == ["spf_rwlock", "ideal"]
    assert shown["baseline"] == "spf_mmseq"
    assert shown["predictions"][0]["baseline_fallback_share"]["median"] > 0


def test_predict_writes_a_table_and_a_figure(typed: Typed, tmp_path: Path) -> None:
    csv, svg = tmp_path / "p.csv", tmp_path / "p.svg"
    status, _, _ = typed(*PREDICT, "--threads", "1,8", "--csv", str(csv), "--plot", str(svg))
    assert status == 0
    assert len(csv.read_text().splitlines()) == 3
    assert "<svg" in svg.read_text()[:2000]
    assert sorted(tmp_path.iterdir()) == [csv, svg]


def test_what_is_set_changes_the_answer(typed: Typed) -> None:
    def throughput(*more: str) -> float:
        shown = json.loads(typed(*PREDICT, "--json", *more)[1])
        return float(shown["predictions"][0]["baseline_throughput_per_s"]["median"])

    usual = throughput()
    assert throughput("--set", "wake_ns=1000") > 1.2 * usual
    assert throughput("--set", "workload.think_ns=10000000") < 0.9 * usual
    assert throughput("--set", "kernel=5.15") == throughput("--set", "baseline.kernel=5.15") != usual


REFUSED = [
    (["-m", "x86-vm-61"], r"unknown machine x86-vm-61; did you mean x86-vm-16?"),
    (["-m", "none/x.toml"], "no such file"),
    (["-w", "ebizzy"], "unknown workload ebizzy; did you mean ebizzy-mT"),
    (["-p", "spf_rwlok"], "unknown protocol spf_rwlok; did you mean spf_rwlock?"),
    (["-p", " , "], "--protocol is empty; "),
    (["--baseline", "mmap"], "unknown protocol mmap; did you mean mmap_sem?"),
    (["--threads", "0"], "--threads 0: 0 is no number of threads; give 1 to 4096"),
    (["--threads", "4,,8"], "nothing is no number of threads"),
    (["--threads", "nan"], "nan is no number of threads"),
    (["--threads", "\u00b2"], "is no number of threads"),
    (["--solver", "dse"], "unknown solver dse; did you mean des?"),
    (["--level", "nan"], "--level is nan; give a number between 0 and 1"),
    (["--level", "90"], "--level is 90; give a number between 0 and 1"),
    (["--level", "most"], "--level"),
    (["--seed", "-1"], "--seed is -1; give a whole number of at least 0"),
    (["--seed", "1.5"], "--seed"),
    (["--set", "wake_ns=-5"], "--set wake_ns=-5: give a finite number above 0"),
    (["--set", "wake_ms=5"], "--set wake_ms is unknown; did you mean wake_ns?"),
    (["--set", "cores=17"], "has cores = 17 above cpus = 16"),
    (["--csv", "none/x.csv"], "the folder none does not exist; make it, or name another file"),
    (["--csv", "/proc/x.csv"], "--csv /proc/x.csv can't be written"),
    (["--plot", "x.jpeg"], "--plot x.jpeg: the ending decides the format; use .png, .svg or .pdf"),
    (["--bogus"], "No such option: --bogus"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "sentence"), REFUSED, ids=[" ".join(words) for words, _ in REFUSED])
def test_predict_refuses(typed: Typed, words: Sequence[str], sentence: str) -> None:
    assert sentence in refused(typed, *PREDICT, *words)


def test_other_bad_lines(typed: Typed, tmp_path: Path) -> None:
    assert "Missing option" in refused(typed, "predict")
    assert "No such command 'predcit'" in refused(typed, "predcit")
    assert "nothing is called spf_rwlok" in refused(typed, "show", "spf_rwlok")
    assert "nowhere.toml" in refused(typed, "report", str(tmp_path / "nowhere.toml"))


def broken_machine(folder: Path, old: str, new: str) -> Path:
    """A shipped machine's file with one thing wrong."""
    text = machine_file.machine_toml(catalog.uncalibrated("x86-vm-16"))
    assert old in text
    file = folder / "mine.toml"
    file.write_text(text.replace(old, new, 1))
    return file


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("cpus = 16", "cpu = 16", "unknown key cpu; did you mean cpus?"),
        ("cpus = 16", "cpus = 0", "cpus is 0"),
        ("value = 0.8\n", "value = nan\n", "is nan; give a finite number"),
        ("low = 0.7\n", "low = -0.7\n", "reaches down to -0.7; give only positive numbers"),
        ("[costs.wake_ns]", "[costs.wake]", "wake is unknown; did you mean wake_ns?"),
        ("cpus = 16", "cpus = ", "not valid TOML"),
    ],
)
def test_a_broken_machine_file_is_refused(typed: Typed, tmp_path: Path, old: str, new: str, sentence: str) -> None:
    file = broken_machine(tmp_path, old, new)
    said = refused(typed, "predict", "-m", str(file), *PREDICT[3:])
    assert sentence in said
    assert str(file) in said


def test_doctor_says_what_is_here(typed: Typed) -> None:
    _, out, _ = typed("doctor", "--json")
    found = json.loads(out)
    assert found["spfmodel"] == VERSION
    assert found["numpy"].startswith("2.")
    assert len(typed("doctor")[1].splitlines()) == len(found)


def test_show_lists_and_prints(typed: Typed) -> None:
    assert set(PROTOCOLS) == {item["name"] for item in json.loads(typed("show", "protocols", "--json")[1])["items"]}
    assert "mm_rb" in typed("show", "spf_rwlock")[1]


def command(*words: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-m", "spfmodel", *words], stdout=pipe, stderr=pipe, text=True, cwd=ROOT)


@pytest.mark.parametrize(("words", "limit_s"), [(["--version"], 0.5), (["show"], 2.0)])
def test_start_up_is_quick(words: list[str], limit_s: float) -> None:
    """CPU time: what else runs on this host does not count."""
    before = getrusage(RUSAGE_CHILDREN)
    with command(*words) as process:
        out, err = process.communicate()
    assert (bool(out), err) == (True, "")
    after = getrusage(RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < limit_s


def test_a_closed_pipe_is_no_error() -> None:
    with command("show") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait() == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_an_interrupt_says_so(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("spfmodel.show.render", interrupted)
    assert typed("show") == (130, "", "spfmodel: interrupted; no file is half written, run it again\n")

"""`capture --compare`: widths, words, numbers against scipy, and the fallbacks beside each result."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from spfmodel.cli import run
from spfmodel.comparison import compared, expanded
from spfmodel.cover_letter import WIDTH, as_json, compare
from spfmodel.sources import BadInput

SPF_RUN = """#CFG 1 -m anon -t 2
R tag= mode=anon touch=user threads=2 writers=0 wop=mmap K=8 dur_s=0.5 touches_per_s={rate} wops_per_s=12323.8
V pgfault=53590
V spf_attempt={attempts}
V spf_abort={aborts}
"""


def will_it_scale(folder: Path, rows: dict[int, list[float]]) -> Path:
    """One file a run: page touches of threads, by number of tasks."""
    folder.mkdir()
    for number in range(len(next(iter(rows.values())))):
        lines = ["tasks,processes,processes_idle,threads,threads_idle,linear", "0,0,100,0,100,0"]
        lines += [f"{n},{100 * n},50.5,{values[number]:.0f},49.0,{100 * n}" for n, values in rows.items()]
        (folder / f"run{number}.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    rng = np.random.default_rng(3)
    folder = tmp_path_factory.mktemp("sides")
    base = {1: rng.normal(30_000, 300, 6).round().tolist(), 16: rng.normal(80_000, 2000, 6).round().tolist()}
    better = {1: rng.normal(30_000, 300, 5).round().tolist(), 16: rng.normal(120_000, 2000, 5).round().tolist()}
    return will_it_scale(folder / "base", base), will_it_scale(folder / "candidate", better)


def threads_of(folder: Path, tasks: int) -> list[float]:
    texts = [file.read_text() for file in sorted(folder.iterdir())]
    return [float(line.split(",")[3]) for text in texts for line in text.splitlines() if line.startswith(f"{tasks},")]


def test_text_is_72_wide_and_says_it_in_words(sides: tuple[Path, Path]) -> None:
    lines = compare([sides[0]], [sides[1] / "run*.csv"])
    assert max(map(len, lines)) <= WIDTH
    assert all(line.isascii() for line in lines)
    text = "\n".join(lines)
    assert "not significant (p = " in text
    assert "significant (p < 0.001), 6 and 5 runs" in text
    assert "%change" in text
    assert "4 comparisons" not in text, "the processes' runs are alike to the digit and untested"


def test_numbers_are_scipys(sides: tuple[Path, Path]) -> None:
    rows = {(row.metric, row.setting): row for row in compared([sides[0]], [sides[1]]).rows}
    assert set(rows) == {(metric, f"{n} tasks") for metric in ("processes", "threads") for n in (1, 16)}
    base, candidate = (threads_of(side, 16) for side in sides)
    found = rows["threads", "16 tasks"].difference
    theirs = stats.ttest_ind(np.log(candidate), np.log(base), equal_var=False)
    assert found.base.mean == pytest.approx(np.mean(base))
    assert found.candidate.sd == pytest.approx(np.std(candidate, ddof=1))
    assert found.p == pytest.approx(theirs.pvalue)
    assert found.low == pytest.approx(100 * np.expm1(theirs.confidence_interval(0.95).low))


def test_markdown_has_tables_of_seven_columns(sides: tuple[Path, Path]) -> None:
    lines = compare([sides[0]], [sides[1]], markdown=True)
    tables = [line for line in lines if line.startswith("| ")]
    assert len(tables) == 2 + 4
    assert all(line.replace("\\|", "").count("|") == 8 for line in tables)


def test_fallbacks_of_the_very_runs_stand_beside_them(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("base", "candidate")]
    files[0].write_text(SPF_RUN.format(rate=98596.7, attempts=49391, aborts=7995))
    files[1].write_text(SPF_RUN.format(rate=120000.0, attempts=50000, aborts=500))
    row = compared(files[:1], files[1:]).rows[0]
    shares = [share.median for share in row.fallbacks if share]
    assert shares == pytest.approx([7995 / 49391, 0.01])
    text = " ".join(" ".join(compare(files[:1], files[1:])).split())
    assert "base 16.2 % [15.9, 16.5]" in text
    assert "candidate 1 % [0.9" in text
    assert "nothing can be said about noise" in text


def test_different_settings_alone_are_what_is_compared(tmp_path: Path) -> None:
    text = SPF_RUN.format(rate=1000.0, attempts=10, aborts=1)
    (tmp_path / "user").write_text(text)
    (tmp_path / "kern").write_text(text.replace("touch=user", "touch=kern"))
    rows = compared([tmp_path / "user"], [tmp_path / "kern"]).rows
    assert " -> mode=anon touch=kern" in rows[0].setting


def test_ebizzy_and_json(tmp_path: Path) -> None:
    for side, rates in (("base", (100, 103, 98)), ("candidate", (140, 139, 144))):
        (tmp_path / side).mkdir()
        for number, rate in enumerate(rates):
            text = f"{rate} records/s\nreal 10.00 s\nuser  1.00 s\nsys   1.00 s\n"
            (tmp_path / side / f"{number}.txt").write_text(text)
    found = as_json(compared([tmp_path / "base"], [tmp_path / "candidate"]))
    (result,) = found["results"]
    assert result["unit"] == "records/s"
    assert result["base"]["n"] == 3
    assert result["significant"] is True
    assert result["base"]["fallback_share"] is None
    assert found["candidate"]["files"] == 3


def test_perf_stat_alone_compares_times_and_counts(tmp_path: Path) -> None:
    shape = " Performance counter stats for 'x':\n\n  {n}  page-faults\n\n  {t} seconds time elapsed\n"
    for name, n, t in (("a", 1000, 2.0), ("b", 1001, 2.1), ("c", 500, 1.0), ("d", 503, 1.1)):
        (tmp_path / name).write_text(shape.format(n=n, t=t))
    found = compared([tmp_path / "a", tmp_path / "b"], [tmp_path / "c", tmp_path / "d"])
    assert [row.metric for row in found.rows] == ["elapsed time"]
    assert {row.metric: row.difference.base.mean for row in found.events}["page-faults"] == 1000.5
    assert "less is better" in "\n".join(compare([tmp_path / "a"], [tmp_path / "c"]))


def test_what_can_not_be_compared_is_refused(tmp_path: Path, sides: tuple[Path, Path]) -> None:
    (tmp_path / "ebizzy").write_text("100 records/s\n")
    with pytest.raises(BadInput, match="no result in common"):
        compare([sides[0]], [tmp_path / "ebizzy"])
    (tmp_path / "nothing").mkdir()
    for missing in (tmp_path / "nothing", tmp_path / "*.csv"):
        with pytest.raises(BadInput, match="no file there"):
            expanded([missing])
    with pytest.raises(BadInput, match="can't be read"):
        compare([tmp_path / "absent"], [sides[1]])


def test_odd_names_stay_within_their_cells(tmp_path: Path) -> None:
    text = " Performance counter stats for 'x':\n\n  7  pagefault:a|b<i>_*\n\n  1.0 seconds time elapsed\n"
    (tmp_path / "a").write_text(text)
    assert max(map(len, compare([tmp_path / "a"], [tmp_path / "a"]))) <= WIDTH
    assert "<i>" not in "".join(compare([tmp_path / "a"], [tmp_path / "a"], markdown=True)).partition("```")[0]


def test_from_the_command_line(sides: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["capture", "--compare", str(sides[0]), str(sides[1])]) == 0
    assert capsys.readouterr().out.startswith("Benchmark results")
    assert run(["capture", "--compare", str(sides[0]), str(sides[1]), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["results"]) == 4
    assert run(["capture", "--compare", str(sides[0])]) == 2

"""The report runner: strict parameters, notebooks in parallel, failures shown, provenance kept."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import write_notebook, write_recipe

from spfmodel.provenance import VERSION, files_sha256, stamp
from spfmodel.report import Answer, ReportResult, answer, load_recipe, run
from spfmodel.report import notebook as report_notebook
from spfmodel.report.cells import mathml
from spfmodel.report.page import verdict
from spfmodel.report.strip import strip
from spfmodel.sources import BadInput


def test_a_failing_notebook_does_not_stop_the_others(small_report: ReportResult) -> None:
    assert [outcome.ok for outcome in small_report.outcomes] == [True, False, True]
    assert small_report.exit_status == 1
    assert small_report.outcomes[1].error == "ZeroDivisionError: division by zero"
    page = small_report.index.read_text()
    assert "1 of 3 notebooks failed" in page
    failed = small_report.index.with_name("fails.html").read_text()
    assert "before the fall" in failed
    assert "This notebook failed" in failed
    assert "never said\n" not in failed


def test_the_index_starts_with_the_answers(small_report: ReportResult) -> None:
    page = small_report.index.read_text()
    assert page.index("2.00 ×") < page.index("2.20 ×") < page.index("About good.ipynb")
    assert "At 32 threads the lock is held 800 ns." in page
    assert "1.2 %" in page
    assert page.count("<svg") == 2


def test_given_parameters_replace_the_defaults(small_report: ReportResult) -> None:
    made = json.loads(small_report.index.with_name("good.provenance.json").read_text())
    assert made["parameters"]["n_threads"] == 32
    assert made["parameters"]["hold_ns"] == 800.0
    assert made["seed"] == 1
    assert made["version"] == VERSION
    assert 0 < made["duration_s"] < 300
    assert re.fullmatch(r"[0-9a-f]{64}", made["data_sha256"])


def test_answers_lie_beside_the_notebook(small_report: ReportResult) -> None:
    found = Answer.model_validate_json(small_report.index.with_name("good.answers.json").read_text())
    assert found.claims[0].measured == 2.2
    assert small_report.outcomes[2].answer is None


def test_code_is_folded_and_formulas_are_mathml(small_report: ReportResult) -> None:
    page = small_report.index.with_name("good.html").read_text()
    assert page.count('<details class="code">') == 6
    assert "parameters of this run" in page
    assert page.count("<math") == 3
    assert "data:image/png;base64," in page


def test_pages_need_no_network_and_no_script(small_report: ReportResult) -> None:
    for name in ("index", "good", "fails", "silent"):
        page = small_report.index.with_name(f"{name}.html").read_text()
        assert "<script" not in page
        assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", page)


def test_no_half_written_file_is_left(small_report: ReportResult) -> None:
    names = sorted(file.name for file in small_report.index.parent.iterdir())
    suffixes = ("answers.json", "data", "html", "ipynb", "provenance.json")
    assert names == sorted(["index.html", *(f"{n}.{s}" for n in ("good", "fails", "silent") for s in suffixes)])


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        (
            "n_thread = 4",
            "has no parameter `n_thread`; it has: hold_ns, machine, n_threads, quick, seed, threads",
        ),
        ("n_threads = 4.0", "`n_threads` is an integer (such as 16), not 4.0"),
        ("n_threads = true", "`n_threads` is an integer (such as 16), not True"),
        ("n_threads = '4'", "`n_threads` is an integer (such as 16), not '4'"),
        ("hold_ns = 'long'", "`hold_ns` is a number (such as 800.0), not 'long'"),
        ("hold_ns = nan", "`hold_ns` is a number (such as 800.0), not nan"),
        ("hold_ns = false", "`hold_ns` is a number"),
        ("machine = 1", "`machine` is a text"),
        ("quick = 1", "`quick` is true or false"),
        ("threads = 4", "`threads` is a list"),
        ("threads = [1, 'x']", "`threads` is a list"),
    ],
)
def test_unknown_and_mistyped_parameters_are_refused(tmp_path: Path, setting: str, complaint: str) -> None:
    write_notebook(tmp_path / "one.ipynb", [])
    recipe = write_recipe(tmp_path, f"one.ipynb\nparameters = {{{setting}}}")
    with pytest.raises(BadInput, match=re.escape(complaint)):
        run(recipe)
    assert not (tmp_path / "out").exists()


def test_an_integer_passes_for_a_number(tmp_path: Path) -> None:
    write_notebook(tmp_path / "one.ipynb", [])
    recipe = write_recipe(tmp_path, "one.ipynb\nparameters = {hold_ns = 900, threads = []}")
    (job,) = load_recipe(recipe).jobs
    assert job.given == {"hold_ns": 900.0, "threads": []}
    assert type(job.given["hold_ns"]) is float


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[report", "not valid TOML"),
        ("[report]\ntitle = 'x'\nout = 'o'\n", "`notebook` is missing"),
        (
            "[report]\ntitle = 'x'\nout = 'o'\ncolour = 1\n[[notebook]]\npath='a'\ntitle='b'\nquestion='c'",
            "colour",
        ),
        (
            "[report]\ntitle = 'x'\nout = 'o'\n[[notebook]]\npath='no.ipynb'\ntitle='b'\nquestion='c'",
            "no.ipynb",
        ),
        (
            "[report]\ntitle = 'x'\nout = 'o'\n[[notebook]]\npath='recipe.toml'\ntitle='b'\nquestion='c'",
            "not a Jup",
        ),
    ],
)
def test_a_bad_recipe_gets_one_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(text)
    with pytest.raises(BadInput) as refused:
        run(recipe)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value).strip()


def test_a_missing_recipe_and_an_unwritable_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Cannot read the recipe"):
        run(tmp_path / "none.toml")
    write_notebook(tmp_path / "one.ipynb", [])
    (tmp_path / "file").write_text("precious")
    with pytest.raises(BadInput, match="Cannot write the report"):
        run(write_recipe(tmp_path, "one.ipynb"), out=tmp_path / "file")
    assert (tmp_path / "file").read_text() == "precious"


def test_two_notebooks_may_not_write_the_same_page(tmp_path: Path) -> None:
    write_notebook(tmp_path / "one.ipynb", [])
    with pytest.raises(BadInput, match=r"2 notebooks would write one\.html"):
        load_recipe(write_recipe(tmp_path, "one.ipynb", "one.ipynb"))
    named = load_recipe(write_recipe(tmp_path, "one.ipynb", 'one.ipynb\nname = "two"'))
    assert [job.name for job in named.jobs] == ["one", "two"]


def test_notebooks_run_at_the_same_time_and_progress_is_told(tmp_path: Path) -> None:
    """Each waits until the other has begun, so that neither can end if they run one after the other."""
    for me, other in (("a", "b"), ("b", "a")):
        meet = f"import pathlib, time\nhere = pathlib.Path({str(tmp_path)!r})\n(here / 'begun_{me}').touch()\n"
        meet += "end = time.time() + 60\n"
        meet += f"while not (here / 'begun_{other}').exists():\n    assert time.time() < end\n    time.sleep(.05)"
        write_notebook(tmp_path / f"{me}.ipynb", [meet])
    told: list[tuple[int, int, str]] = []
    result = run(write_recipe(tmp_path, "a.ipynb", "b.ipynb"), jobs=2, progress=lambda *line: told.append(line))
    assert result.exit_status == 0
    assert [done for done, _total, _line in told] == [0, 1, 2]
    assert {total for _done, total, _line in told} == {2}


def test_a_kernel_that_does_not_start_gets_one_more_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_notebook(tmp_path / "one.ipynb", [])
    (job,) = load_recipe(write_recipe(tmp_path, "one.ipynb")).jobs
    answers = iter([("The kernel did not start: port taken", True), ("", False), ("", False)])
    monkeypatch.setattr(report_notebook, "attempt", lambda job, target: next(answers))
    monkeypatch.setattr(report_notebook, "prepare_environment", lambda scratch: None)
    _notebook, error = report_notebook.run_kernel(job, tmp_path)
    assert error == ""
    assert len(list(answers)) == 1


def test_a_malformed_answer_is_refused() -> None:
    claim = {"machine": "m", "claim": "c", "unit": "x", "predicted": {"median": 3, "low": 1, "high": 2}}
    with pytest.raises(BadInput, match="not in order"):
        answer({"sentence": "s", "claims": [claim]})
    with pytest.raises(BadInput, match="`sentence` is missing"):
        answer({})
    with pytest.raises(BadInput, match="`colour` is not a known key"):
        answer({"sentence": "s", "colour": "red"})


def test_verdicts_and_pictures_follow_the_numbers() -> None:
    said = [verdict(claim_measured(value)) for value in (0.5, 1.0, 1.9, 2.1, {"median": 2.1, "low": 1.9, "high": 3})]
    assert said == ["predicted too high", "inside", "inside", "predicted too low", "ranges overlap"]
    assert verdict(claim_measured(None)) == "not measured"
    assert "#D55E00" not in strip(claim_measured(None))
    places = [float(re.findall(r"M([\d.]+) [\d.]+l5", strip(claim_measured(v)))[0]) for v in (0.5, 1.0, 1.5)]
    assert all(left < right for left, right in pairwise(places))


def claim_measured(value: object) -> object:
    interval = {"median": 1.5, "low": 1.0, "high": 2.0}
    claim = {"machine": "m", "claim": "c", "unit": "x", "predicted": interval, "measured": value}
    return answer({"sentence": "s", "claims": [claim]}).claims[0]


def test_a_formula_that_cannot_be_converted_is_shown_as_it_is() -> None:
    assert mathml(r"$\frac{a}{b}$").startswith("<math")
    assert "<mfrac>" in mathml(r"$\displaystyle \frac{a}{b}$", "block")
    assert mathml(r"a & < \left(") == r"<code>a &amp; &lt; \left(</code>"


def test_hashes_follow_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = files_sha256(tmp_path.rglob("*"), relative_to=tmp_path)
    (tmp_path / ".hidden").write_text("x")
    assert files_sha256(tmp_path.rglob("*"), relative_to=tmp_path) == first
    (tmp_path / "a").write_text("2")
    changed = files_sha256(tmp_path.rglob("*"), relative_to=tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert len({first, changed, files_sha256(tmp_path.rglob("*"), relative_to=tmp_path)}) == 3
    assert stamp({"seed": 1})["parameters_sha256"] != stamp({"seed": 2})["parameters_sha256"]

"""Batches of notebooks: sets of parameters, declared types and ranges, resuming, and what is kept beside a page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import write_notebook, write_recipe

from spfmodel.report import ReportResult, load_recipe, parameters, pictures, run
from spfmodel.report.earlier import earlier, inputs_sha256
from spfmodel.report.recipe import Job
from spfmodel.sources import BadInput

ROOT = Path(__file__).parents[1]
DECLARED = """\
from spfmodel.report.parameters import MachineName, Share, Threads
machine: MachineName = "x86-vm-16"
n_threads: Threads = 16
threads: list[Threads] = [1, 4]
spread: Share = 0.2
touch: Literal["user", "kernel"] = "user"
quick: bool = False"""


def jobs(folder: Path, more: str, declared: str = DECLARED) -> tuple[Job, ...]:
    """What a recipe makes of one notebook."""
    write_notebook(folder / "one.ipynb", [], declared)
    return load_recipe(write_recipe(folder, f"one.ipynb\n{more}")).jobs


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("n_threads = 0", "`n_threads` is an integer from 1 to 4096 (such as 16), not 0."),
        ("n_threads = 5000", "`n_threads` is an integer from 1 to 4096"),
        ("threads = [1, 0]", "`threads` is a list, each an integer from 1 to 4096 (such as [1, 4]), not 0."),
        ("spread = 1.5", "`spread` is a number from 0 to 1 (such as 0.2), not 1.5."),
        ("spread = inf", "`spread` is a number from 0 to 1"),
        ("machine = 'x86-vm-61'", "`machine`: unknown machine x86-vm-61; did you mean x86-vm-16?"),
        ("touch = 'both'", "`touch` is one of user, kernel (such as 'user'), not 'both'."),
        ("quikc = true", "has no parameter `quikc`; it has: machine, n_threads, quick, spread, threads, touch."),
    ],
)
def test_what_the_notebook_does_not_declare_is_refused(tmp_path: Path, setting: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=re.escape(complaint)):
        jobs(tmp_path, f"parameters = {{{setting}}}")


@pytest.mark.parametrize(
    ("declared", "complaint"),
    [("n: Threads = 0", "`n` is an integer from 1 to 4096 (such as 0), not 0"), ("n: Thread = 1", "unknown type")],
)
def test_a_declaration_that_contradicts_itself_is_refused(tmp_path: Path, declared: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=re.escape(complaint)):
        jobs(tmp_path, "", declared)


def test_every_shipped_notebook_declares_what_its_parameters_are() -> None:
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        model = parameters.declared(notebook, notebook.name)
        assert {"seed"} <= set(model.model_fields)
        assert parameters.check({}, model, notebook.name)["seed"] == 1
        with pytest.raises(BadInput, match="`seed` is an integer of at least 0"):
            parameters.check({"seed": -1}, model, notebook.name)


def test_a_notebook_runs_with_every_set_of_parameters(tmp_path: Path) -> None:
    listed = '[[notebook.run]]\nname = "power8"\nparameters = {machine = "power8-80"}\n'
    every = 'each = {machine = ["power8-80", "x86-vm-16"], n_threads = [1, 16]}\n'
    found = jobs(tmp_path, f"parameters = {{quick = true}}\n{every}{listed}")
    assert [job.name for job in found] == [
        "power8", "one-power8-80-1", "one-power8-80-16", "one-x86-vm-16-1", "one-x86-vm-16-16",
    ]  # fmt: skip
    assert found[0].given == {"quick": True, "machine": "power8-80"}
    assert found[2].title == "About one.ipynb: machine power8-80, n_threads 16"
    assert [job.parameters["n_threads"] for job in found] == [16, 1, 16, 1, 16]
    with pytest.raises(BadInput, match=r"each\.n_threads of one\.ipynb is empty"):
        jobs(tmp_path, "each = {n_threads = []}")


def test_a_second_run_repeats_only_what_failed(small_report: ReportResult) -> None:
    out = small_report.index.parent
    before = (out / "good.html").stat().st_mtime_ns
    told: list[str] = []
    again = run(out.parent / "recipe.toml", progress=lambda done, total, line: told.append(line))
    assert [outcome.again for outcome in again.outcomes] == [False, True, False]
    assert told[0] == "running 1 notebooks, 1 at a time; 2 unchanged"
    assert (out / "good.html").stat().st_mtime_ns == before
    assert again.outcomes[0].answer == small_report.outcomes[0].answer
    assert again.index.read_text().count("earlier</span>") == 2


def test_a_changed_input_is_another_run(small_report: ReportResult, tmp_path: Path) -> None:
    job, out = small_report.outcomes[0].job, small_report.index.parent
    same = inputs_sha256(job)
    assert earlier(job, out, same) is not None
    assert earlier(job, tmp_path, same) is None
    other = (tmp_path / "good.ipynb").resolve()
    other.write_bytes(job.notebook.read_bytes() + b"\n")
    changed = [
        replace(job, parameters=job.parameters | {"n_threads": 33}),
        replace(job, title="Another"),
        replace(job, notebook=other),
    ]
    assert len({same, *map(inputs_sha256, changed)}) == 4
    assert all(earlier(one, out, inputs_sha256(one)) is None for one in changed)
    failed = small_report.outcomes[1].job
    assert earlier(failed, out, inputs_sha256(failed)) is None


def test_figures_and_tables_can_be_rebuilt_from_what_is_kept(small_report: ReportResult) -> None:
    import pandas as pd
    import pyarrow.parquet as pq

    data = small_report.index.with_name("good.data")
    assert sorted(file.name for file in data.iterdir()) == ["figure-1.parquet", "table-1.parquet"]
    figure = pd.read_parquet(data / "figure-1.parquet")
    assert figure[["x", "y"]].to_numpy().tolist() == [[1, 800], [4, 3200]]
    about = json.loads(pq.read_schema(data / "figure-1.parquet").metadata[b"spfmodel"])
    assert about["panels"][0]["x_scale"] == "linear"
    assert pd.read_parquet(data / "table-1.parquet")["threads"].tolist() == [1, 4]


def test_a_failed_assertion_shows_its_line(tmp_path: Path) -> None:
    write_notebook(tmp_path / "one.ipynb", ["gain = 1.0\nassert gain > 2"])
    (outcome,) = run(write_recipe(tmp_path, "one.ipynb"), jobs=1).outcomes
    assert outcome.error == "AssertionError: assert gain > 2"


def test_every_image_has_a_text_alternative(small_report: ReportResult) -> None:
    for name in ("index", "good"):
        page = small_report.index.with_name(f"{name}.html").read_text()
        images = re.findall(r"<img[^>]*>", page)
        assert images
        assert all(re.search(r'alt="[^"]{7,}"', image) for image in images)
        assert page.count("<svg") == page.count("aria-label=")


def test_failures_come_first_and_every_run_says_how_long(small_report: ReportResult) -> None:
    page = small_report.index.read_text()
    runs = page[page.index("What ran") :]
    assert runs.index("ZeroDivisionError") < runs.index("At 32 threads") < runs.index("it gave no answer")
    assert len(re.findall(r'class="number">[\d.]+ s', runs)) == 3


def test_a_page_stays_under_two_megabytes() -> None:
    import io
    from base64 import b64encode

    import numpy as np
    from PIL import Image

    target = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 255, (520, 1000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(target, "PNG")
    picture = f'<img alt="x" src="data:image/png;base64,{b64encode(target.getvalue()).decode()}">'
    assert len(picture) > pictures.PAGE_BYTES
    assert len(pictures.light(picture).encode()) <= pictures.PAGE_BYTES
    assert pictures.light("<p>") == "<p>"


@pytest.mark.verification
def test_a_process_that_dies_costs_one_notebook(tmp_path: Path) -> None:
    write_notebook(tmp_path / "dies.ipynb", ["import os\nos.kill(os.getppid(), 9)"])
    write_notebook(tmp_path / "lives.ipynb", ["print(1)"])
    result = run(write_recipe(tmp_path, "dies.ipynb", "lives.ipynb"), jobs=2)
    assert [outcome.ok for outcome in result.outcomes] == [False, True]
    assert "process that ran it died" in result.index.read_text()

"""The README says what is so: its verbs exist, its commands run, its paths lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typed_lines import Typed

from spfmodel.cli import app
from spfmodel.provenance import ROOT

TEXTS = ["README.md", "CONTRIBUTING.md", "data/README.md", "CHANGELOG.md", "docs/semantics.md"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
VERBS = {command.callback.__name__ for command in app.registered_commands if command.callback}
VERBS |= {str(group.name) for group in app.registered_groups}


def in_code(text: str) -> list[str]:
    """What stands between backticks, and the lines of fenced blocks."""
    fenced = [line for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)) + fenced


def test_the_verbs_of_the_table_exist_and_no_other_is_missing() -> None:
    table = re.search(r"\| verb \| does \|\n\|.*?\n(.*?)\n\n", README, re.DOTALL)
    assert table is not None
    named = {row.split("`")[1].split()[0] for row in table[1].splitlines()}
    assert named <= VERBS
    assert {"show", "predict", "fit", "validate", "report"} <= named


@pytest.mark.parametrize("name", TEXTS)
def test_make_targets_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = (ROOT / name).read_text(encoding="utf-8")
    asked = {code.split()[1] for code in in_code(text) if re.match(r"make [a-z]+\b", code)}
    assert asked <= targets


@pytest.mark.parametrize("name", TEXTS)
def test_links_and_paths_lead_somewhere(name: str) -> None:
    file = ROOT / name
    text = file.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    paths = [code for code in in_code(text) if re.fullmatch(r"(data|docs|reports|spfmodel|tests)/[\w./-]+", code)]
    made = {"reports/out/index.html"}
    for link in links:
        assert (file.parent / link).exists(), link
    for path in set(paths) - made:
        assert "NAME" in path or (ROOT / path).exists(), path


def options(verb: str) -> set[str]:
    """Every option that a verb takes, as `--help` prints them."""
    from typer.main import get_command

    command = get_command(app).commands[verb]  # type: ignore[attr-defined]
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("name", TEXTS)
def test_verbs_and_options_that_are_named_exist(name: str) -> None:
    for code in in_code((ROOT / name).read_text(encoding="utf-8")):
        words = re.findall(r"^(?:\S*/)?spfmodel ([a-z]+)(.*)", code)
        for verb, rest in words:
            assert verb in VERBS, code
            assert set(re.findall(r"(?<!\S)--?[a-z]+", rest)) <= options(verb) | {"--help"}, code


def test_the_recipe_for_ones_own_measurement_works(typed: Typed, tmp_path: Path) -> None:
    """The `fit` line of the README, word for word, on a table with the columns that it names."""
    (line,) = [code for code in in_code(README) if "spfmodel fit" in code and "-o" in code]
    (columns,) = [code for code in in_code(README) if code.startswith("protocol,")]
    table = tmp_path / "mine.csv"
    table.write_text(f"{columns}\nmmap_sem,1,ns:wake_ns,20000\n")
    words = shlex.split(line)[1:]
    named = {"FILE.csv": str(table), "W": "ebizzy-mTRp", "mine.toml": str(tmp_path / "mine.toml")}
    status, _, err = typed(*(named.get(word, word) for word in words))
    assert (status, err) == (0, "")
    assert (tmp_path / "mine.toml").exists()


@pytest.mark.parametrize("name", TEXTS)
def test_no_text_names_another_place(name: str) -> None:
    """No absolute path of anybody's machine."""
    assert not re.search(r"(?<![\w.])/(home|work|root|Users)/", (ROOT / name).read_text(encoding="utf-8"))

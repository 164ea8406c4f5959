"""A protocol of one's own: the example works, and what is wrong in a file is one sentence with exit status 2."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from spfmodel.asking import Asked, asked
from spfmodel.cli import run
from spfmodel.program import build
from spfmodel.protocol_file import protocol, read
from spfmodel.protocols import PROTOCOLS, Action
from spfmodel.protocols.footprint import atomics
from spfmodel.settings import parse
from spfmodel.show import items, render
from spfmodel.sources import BadInput

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLE = DOCS / "vma_copy.toml"
TEXT = EXAMPLE.read_text(encoding="utf-8")
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a protocol file, and gives its path."""

    def file(text: str) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return file


def asking(candidates: str, sets: Sequence[str] = ()) -> Asked:
    """Candidates on a small machine."""
    return asked(machine="x86-vm-16", workload="ebizzy-mTRp", protocol=candidates, threads="4", sets=sets)


HEAD = 'name = "mine"\ntitle = "mine"\nsource = "me"\n'
LIKE = HEAD + 'like = "spf_rcu"\n'


def test_the_example_is_what_the_guide_shows() -> None:
    assert f"```toml\n{TEXT}```\n" in (DOCS / "protocols.md").read_text(encoding="utf-8")


def test_the_guide_lists_every_protocol_with_its_atomics_and_every_action() -> None:
    guide = (DOCS / "protocols.md").read_text(encoding="utf-8")
    for name, p in PROTOCOLS.items():
        (row,) = (line for line in guide.splitlines() if line.startswith(f"| `{name}` |"))
        assert row.split("|")[3].split("/")[0].strip() == str(atomics(p.attempt or p.classic).total())
    assert all(f"`{action}`" in guide for action in Action)


def test_the_example_takes_from_what_it_is_like() -> None:
    own = read(EXAMPLE)
    below = PROTOCOLS["spf_rcu"]
    assert own.protocol.classic == below.classic
    assert own.protocol.update == below.update
    assert own.protocol.refuses == below.refuses
    assert own.protocol.fallback == ()
    assert own.protocol.notes == ()
    assert own.costs["vma_copy_ns"].value == 20
    assert atomics(own.protocol.attempt).total() == 0


def test_a_file_that_only_names_what_it_is_like_is_that_protocol(write: Write) -> None:
    own = read(write(HEAD + 'like = "spf_rwlock"\nskips_single_threaded = false\nrefuses = ["file"]\n'))
    below = PROTOCOLS["spf_rwlock"]
    assert (own.protocol.attempt, own.protocol.fallback) == (below.attempt, below.fallback)
    assert not own.protocol.skips_single_threaded
    assert own.protocol.refuses == ("file",)


def test_a_cost_of_ones_own_reaches_the_program_and_its_draws() -> None:
    q = asking(str(EXAMPLE)).question
    plain, dear = (
        build(q.machine, q.workload, read(EXAMPLE).protocol, 4, draws=draws)
        for draws in ({}, {"vma_copy_ns": np.array([520.0])})
    )
    label = next(i for i, text in enumerate(plain.labels) if "copy the VMA" in text)
    assert dear.value_ns[0, label] - plain.value_ns[0, label] == pytest.approx(500)
    assert q.machine.costs["vma_copy_ns"].log_sd > 0
    fixed = asking(str(EXAMPLE), ["vma_copy_ns=7"]).question
    assert fixed.overrides["vma_copy_ns"] == 7
    with pytest.raises(BadInput, match="vma_copy_ns is unknown"):
        parse(["vma_copy_ns=7"])


def test_it_is_predicted_by_its_path_and_compared(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Beside the design it is like: no line to wait for, so it is no slower."""
    table = tmp_path / "out.csv"
    ask = ["predict", "-m", "skylake-112", "-w", "pft", "-p", f"{EXAMPLE},spf_rcu", "--threads", "24"]
    assert run([*ask, "--solver", "closed", "--json", "--csv", str(table)]) == 0
    found = json.loads(capsys.readouterr().out)["predictions"]
    assert [p["protocol"] for p in found] == ["vma_copy", "spf_rcu"]
    assert found[0]["throughput_per_s"]["median"] > found[1]["throughput_per_s"]["median"]
    assert set(found[0]["abort_share"]) == {"vma_changed", "vma_notsup", "pte_lock"}
    assert "vma_copy" in table.read_text()


def test_it_may_be_the_baseline() -> None:
    what = asked(machine="x86-vm-16", workload="ebizzy-mTRp", protocol="ideal", baseline=str(EXAMPLE), threads="4")
    assert what.question.baseline.name == "vma_copy"
    assert "vma_copy_ns" in what.question.machine.costs


def test_it_is_shown_as_its_table_with_its_costs() -> None:
    text = render(str(EXAMPLE))
    assert "A fault takes no atomics; checks vma_seq; tries pte_lock." in text
    assert ["vma_copy_ns", "20", "8", "50", "ns", "prior"] in [line.split()[:6] for line in text.splitlines()]
    assert items(str(EXAMPLE))["kind"] == "protocol"
    json.dumps(items(str(EXAMPLE)), allow_nan=False)


def test_two_files_that_disagree_are_refused(write: Write) -> None:
    other = write(TEXT.replace("value = 20", "value = 30").replace('name = "vma_copy"', 'name = "other"'))
    with pytest.raises(BadInput, match=r"^costs\.vma_copy_ns differs between two protocol files; give it two names$"):
        asking(f"{EXAMPLE},{other}")
    namesake = write(TEXT.replace('note = "one try"', 'note = "a try"'))
    with pytest.raises(BadInput, match=r"^two different protocols are called vma_copy; rename one$"):
        asking(f"{EXAMPLE},{namesake}")


BAD = {
    "attempt, row 3: action = wrk is unknown; did you mean work?": TEXT.replace(
        'action = "work"\ncost = "vma_copy_ns"', 'action = "wrk"\ncost = "vma_copy_ns"'
    ),
    "attempt, row 11: unknown key abrt; did you mean abort?": TEXT.replace('abort = "pte_lock"', 'abrt = "pte_lock"'),
    "attempt, row 11: abort = pte_loc is unknown; did you mean pte_lock?": TEXT.replace(
        'abort = "pte_lock"', 'abort = "pte_loc"'
    ),
    "attempt, row 1: action is missing; add it": LIKE + '[[attempt]]\ncost = "vma_walk_ns"\n',
    "attempt, row 11 (trylock) can fail, but names no cause; add abort, such as vma_changed": TEXT.replace(
        'abort = "pte_lock"\n', ""
    ),
    "attempt, row 11 takes pte_lock, which no later row gives back; add that row": TEXT.replace(
        '[[attempt]]\naction = "spin_unlock"\nresource = "pte_lock"\n', ""
    ),
    "attempt, row 3 (work) has cost vma_copy_ns, which is unknown; `spfmodel show costs` lists them, or add "
    "[costs.vma_copy_ns]": TEXT[: TEXT.index("[costs")],
    "[attempt] is a single table; write [[attempt]] above each of its rows": LIKE + '[attempt]\naction = "work"\n',
    "name mmap_sem is that of a shipped protocol; give it another": LIKE.replace('"mine"', '"mmap_sem"'),
    "like = spf_rdu is no shipped protocol; did you mean spf_rcu?": LIKE.replace("spf_rcu", "spf_rdu"),
    "refuses fil, which is no kind of fault; did you mean file?": LIKE + 'refuses = ["fil"]\n',
    "lock = ticket is unknown": LIKE + 'lock = "ticket"\n',
    "costs.line_ns exists already; fix it by --set, or choose another name": TEXT.replace("vma_copy_ns", "line_ns"),
    "costs.vma_copy has unit ns; let its name end with _ns": TEXT.replace("[costs.vma_copy_ns]", "[costs.vma_copy]"),
    "costs.vma_copy_ns runs low 80, middle 20, high 50; put them in ascending order": TEXT.replace(
        "low = 8", "low = 80"
    ),
    "costs.vma_copy_ns reaches from -8 to 50; give numbers of at least 0": TEXT.replace("low = 8", "low = -8"),
    "costs.vma_copy_ns.source is missing; add it": TEXT[: TEXT.rindex("source")],
    "unknown key atempt; did you mean attempt?": TEXT.replace("[[attempt]]", "[[atempt]]"),
    "title is missing; add it": 'name = "mine"\nsource = "me"\nlike = "spf_rcu"\n',
    "there is no classic path, which faults in kernel mode and those that fall back take; add [[classic]]": HEAD,
    "not valid TOML": "name = ",
}


@pytest.mark.parametrize("sentence", BAD)
def test_what_is_wrong_is_one_sentence(sentence: str, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(BAD[sentence])
    assert run(["predict", "-m", "x86-vm-16", "-w", "pft", "-p", str(file)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"spfmodel: {file}: {sentence}")
    assert said.err.count("\n") == 1


def test_a_missing_file_and_an_unknown_name_are_told_apart() -> None:
    with pytest.raises(BadInput, match=r"^none/mine\.toml: no such file"):
        protocol("none/mine.toml")
    with pytest.raises(BadInput, match=r"^unknown protocol spf_rwlok; did you mean spf_rwlock\?; or give a path"):
        protocol("spf_rwlok")

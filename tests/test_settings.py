"""--set: what is known is fixed, what is not is refused in one sentence."""

from __future__ import annotations

import pytest

from spfmodel import catalog
from spfmodel.settings import parse, with_settings
from spfmodel.sources import BadInput, Kind

VM, EBIZZY = catalog.machine("x86-vm-16"), catalog.workload("ebizzy-mTRp")


def test_settings_are_sorted_by_whom_they_concern() -> None:
    found = parse(["cpus=8", "wake_ns=3e4", "workload.think_ns=0", "candidate.kernel=5.15", "virtual=no", "kernel=6.1"])
    assert found.facts == {"cpus": 8, "virtual": False, "kernel": "6.1"}
    assert found.costs == {"wake_ns": 3e4}
    assert found.parameters == {"think_ns": 0.0}
    assert found.kernels == {"candidate.kernel": "5.15"}


def test_facts_costs_and_parameters_are_fixed_with_their_unit() -> None:
    machine, workload, fixed = with_settings(
        VM, EBIZZY, parse(["cpus=8", "cores=4", "page_kib=64", "wake_ns=30000", "workload.think_ns=0"])
    )
    assert (machine.cpus, machine.cores, machine.page_kib, machine.kernel) == (8, 4, 64, VM.kernel)
    wake = machine.costs["wake_ns"]
    assert (wake.value, wake.low, wake.high, wake.unit, wake.kind) == (3e4, 3e4, 3e4, "ns", Kind.FACT)
    assert wake.log_sd == 0
    assert workload.parameters["think_ns"].value == 0
    assert fixed == {"wake_ns": 3e4, "think_ns": 0.0}
    assert machine.costs["line_ns"] == VM.costs["line_ns"]


def test_nothing_set_changes_nothing() -> None:
    assert with_settings(VM, EBIZZY, parse([])) == (VM, EBIZZY, {})


REFUSED = [
    ("cpu=8", r"--set cpu is unknown; did you mean cpus\?"),
    ("wake=8", r"--set wake is unknown; did you mean wake_ns\?"),
    ("workload.thinkns=8", r"--set workload.thinkns is unknown; did you mean think_ns\?"),
    ("workload.KEY=1", r"--set workload.KEY is unknown; "),
    ("baseline.kernels=5.1", r"did you mean baseline.kernel\?"),
    ("cpus", "--set cpus: write KEY=VALUE"),
    ("=3", "--set =3: write KEY=VALUE"),
    ("cpus=", "--set cpus=: write KEY=VALUE"),
    ("wake_ns=-1", "--set wake_ns=-1: give a finite number above 0"),
    ("wake_ns=0", "give a finite number above 0"),
    ("wake_ns=nan", "--set wake_ns=nan: give a finite number"),
    ("wake_ns=inf", "give a finite number"),
    ("wake_ns=fast", "--set wake_ns=fast: fast is not a number; give one in ns"),
    ("workload.think_ns=-1", "give a finite number of at least 0"),
    ("zap_share=1.2", "--set zap_share=1.2: a share is at most 1"),
    ("workload.same_vma=2", "a share is at most 1"),
    ("cpus=8", "--set: has cores = 16 above cpus = 8; cpus counts hardware threads"),
    ("sockets=17", "--set: has sockets = 17 above cores = 16"),
    ("cpus=0", "--set: cpus is 0"),
    ("cpus=10000000", "--set: cpus is 10000000"),
    ("cpus=many", "--set: cpus is 'many'"),
    ("page_kib=5", "--set: page_kib is 5"),
    ("thp=sometimes", "--set: thp is 'sometimes'; input should be 'always', 'madvise' or 'never'"),
    ("virtual=perhaps", "--set: virtual is 'perhaps'"),
    ("arch=vax", "--set: arch is 'vax'"),
    ("kernel=new", "--set kernel=new: kernel version 'new' is not understood"),
    ("candidate.kernel=x", "--set candidate.kernel=x: kernel version 'x' is not understood"),
    ("workload.collapse_share=0.1", "--set workload.collapse_share: ebizzy-mTRp has no such parameter"),
]


@pytest.mark.parametrize(("item", "sentence"), REFUSED, ids=[item for item, _ in REFUSED])
def test_refused(item: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence) as caught:
        with_settings(VM, EBIZZY, parse([item]))
    assert "\n" not in str(caught.value)


def test_two_words_on_one_key_are_refused_unless_they_agree() -> None:
    with pytest.raises(BadInput, match="--set cpus is both 8 and 16; keep one"):
        parse(["cpus=8", "cpus=16"])
    assert parse(["cpus=8", "cpus=8"]).facts == {"cpus": 8}


def test_facts_that_fit_only_together_are_taken_together() -> None:
    machine, _, _ = with_settings(VM, EBIZZY, parse(["cpus=8", "cores=8"]))
    assert machine.cores == 8

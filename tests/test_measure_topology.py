"""Classes of CPU pairs, on made-up sysfs trees of known machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from spfmodel.measure.topology import Topology, pairs, parse_list, read


def tree(root: Path, cores: dict[int, str], packages: dict[int, int], nodes: tuple[str, ...] = ("0",)) -> Path:
    """A sysfs of CPUs with the list of their core's threads and their package."""
    for cpu, siblings in cores.items():
        folder = root / "cpu" / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{siblings}\n", encoding="ascii")
        (folder / "physical_package_id").write_text(f"{packages[cpu]}\n", encoding="ascii")
    for k, cpus in enumerate(nodes):
        (root / "node" / f"node{k}").mkdir(parents=True)
        (root / "node" / f"node{k}" / "cpulist").write_text(cpus, encoding="ascii")
    return root


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """Two sockets of two cores of two threads, numbered as Linux does: siblings at the end."""
    cores = {cpu: f"{cpu % 4},{cpu % 4 + 4}" for cpu in range(8)}
    return tree(tmp_path, cores, {cpu: cpu % 4 // 2 for cpu in range(8)}, ("0-1,4-5", "2-3,6-7"))


def test_a_server(server: Path) -> None:
    t = read(range(8), server)
    assert (len(t.cpus), t.cores, t.sockets, t.numa_nodes) == (8, 4, 2, 2)
    assert t.cpus[:4] == [0, 1, 2, 3]  # cores first, a socket after the other
    assert (t.kind(0, 4), t.kind(0, 1), t.kind(0, 2), t.kind(4, 1)) == ("smt", "socket", "cross", "socket")


def test_pairs_of_each_class_share_no_cpu(server: Path) -> None:
    t = read(range(8), server)
    found = pairs(t)
    assert list(found) == ["smt", "socket", "cross"]
    for kind, mine in found.items():
        assert all(t.kind(*pair) == kind for pair in mine)
        assert len({cpu for pair in mine for cpu in pair}) == 2 * len(mine)
    assert len(pairs(t, most=1)["cross"]) == 1


def test_cpus_that_may_not_be_used_do_not_count(server: Path) -> None:
    t = read([4, 5], server)
    assert (t.cores, t.sockets, t.numa_nodes) == (2, 1, 1)
    assert list(pairs(t)) == ["socket"]
    assert pairs(read([6], server)) == {}


def test_a_lone_core_of_two_threads(tmp_path: Path) -> None:
    t = read([0, 1], tree(tmp_path, {0: "0-1", 1: "0-1"}, {0: 0, 1: 0}))
    assert (t.cores, t.sockets) == (1, 1)
    assert list(pairs(t)) == ["smt"]


@pytest.mark.parametrize("package", [0, -1])
def test_arm_says_minus_one_where_it_does_not_know(tmp_path: Path, package: int) -> None:
    t = read([0, 1], tree(tmp_path, {0: "0", 1: "1"}, {0: package, 1: package}))
    assert (t.cores, t.sockets) == (2, 1)


def test_without_sysfs_every_cpu_is_a_core(tmp_path: Path) -> None:
    t = read([0, 3], tmp_path)
    assert t == Topology(core={0: 0, 3: 3}, socket={0: 0, 3: 0}, numa_nodes=1)


@pytest.mark.parametrize(
    ("text", "cpus"), [("", []), ("0\n", [0]), ("0-3", [0, 1, 2, 3]), ("0-1,8,10-11", [0, 1, 8, 10, 11])]
)
def test_lists_of_cpus(text: str, cpus: list[int]) -> None:
    assert parse_list(text) == cpus

"""Designs of a sweep: any part of one is that part of the whole, and the whole is what its name says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import qmc

from spfmodel.sweep.axes import Axis, spaced
from spfmodel.sweep.design import SCRAMBLE, grid_size, lhs, permuted, rows, sobol
from spfmodel.sweep.plan import point_seed

POINTS = 1000


def axis(**more: object) -> Axis:
    return Axis(**{"name": "line_ns", "unit": "ns", "home": "cost", "shapes": False, **more})  # type: ignore[arg-type]


AXES = [
    axis(low=10.0, high=1000.0, log=True),
    axis(name="wake_ns", low=2.0, high=5.0),
    axis(name="threads", low=1, high=7, whole=True),
    axis(name="kernel", levels=("4.16", "5.15", "6.1")),
]


@pytest.mark.parametrize("kind", ["sobol", "lhs"])
def test_any_part_of_a_design_is_that_part_of_the_whole(kind: str) -> None:
    whole = rows(kind, AXES, POINTS, 7, 0, POINTS)
    for start, stop in [(900, 1000), (0, 1), (1, 3), (333, 777), (14, 15), (3, 4)]:
        part = rows(kind, AXES, POINTS, 7, start, stop)
        assert all(np.array_equal(part[name], whole[name][start:stop]) for name in whole)


def test_sobol_is_scipys_sequence() -> None:
    engine = qmc.Sobol(3, scramble=True, rng=np.random.default_rng(np.random.SeedSequence((5, SCRAMBLE))))
    whole = engine.random(1024)
    assert np.array_equal(np.concatenate([sobol(3, 5, 100, 1024), sobol(3, 5, 0, 100)]), np.roll(whole, -100, axis=0))
    assert qmc.discrepancy(whole) < 0.3 * qmc.discrepancy(np.random.default_rng(1).random((1024, 3)))


def test_seeds_make_different_designs() -> None:
    for design in (lambda s: sobol(2, s, 0, 8), lambda s: lhs(2, 8, s, 0, 8)):
        assert not np.array_equal(design(1), design(2))


@pytest.mark.parametrize("points", [1, 2, 3, 1000, 4096])
def test_a_latin_hypercube_has_one_point_in_each_stratum_of_each_axis(points: int) -> None:
    u = lhs(3, points, 1, 0, points)
    for column in u.T:
        assert np.array_equal(np.sort((column * points).astype(int)), np.arange(points))


def test_columns_of_a_latin_hypercube_are_independent_and_uniform_within_strata() -> None:
    n = 20_000
    u = lhs(3, n, 3, 0, n)
    assert np.abs(np.corrcoef(u.T) - np.eye(3)).max() < 4 / np.sqrt(n)
    within = u * n % 1
    assert np.abs(within.mean(axis=0) - 0.5).max() < 4 / np.sqrt(12 * n)
    serial = [np.corrcoef(column[1:], column[:-1])[0, 1] for column in u.T]
    assert np.abs(serial).max() < 4 / np.sqrt(n)


@settings(max_examples=30)
@given(st.integers(1, 3000), st.integers(0, 2**40))
def test_a_permutation_sends_everything_somewhere_else(size: int, key: int) -> None:
    assert np.array_equal(np.sort(permuted(np.arange(size, dtype=np.uint64), size, (key,))), np.arange(size))


def test_the_last_axis_of_a_grid_changes_fastest() -> None:
    axes = [axis(levels=(1.0, 2.0)), axis(name="kernel", levels=("4.16", "5.15", "6.1"))]
    found = rows("grid", axes, grid_size(axes), 1, 0, 6)
    assert found["line_ns"].tolist() == [1, 1, 1, 2, 2, 2]
    assert found["kernel"].tolist() == ["4.16", "5.15", "6.1"] * 2
    assert rows("grid", axes, 6, 1, 4, 6)["kernel"].tolist() == ["5.15", "6.1"]


def test_levels_and_whole_numbers_have_equal_shares() -> None:
    u = (np.arange(840) + 0.5) / 840
    assert set(np.unique(AXES[2].at(u), return_counts=True)[1]) == {120}
    assert set(np.unique(AXES[3].at(u), return_counts=True)[1]) == {280}
    assert AXES[2].at(np.array([0.0, 1 - 1e-16])).tolist() == [1, 7]


def test_ranges_keep_their_ends_and_are_even_in_what_they_say() -> None:
    u = np.array([0.0, 0.25, 0.5, np.nextafter(1, 0)])
    assert AXES[0].at(u) == pytest.approx([10, 10**1.5, 100, 1000])
    assert AXES[1].at(u) == pytest.approx([2, 2.75, 3.5, 5])
    assert spaced(0, 1, 3, log=False, whole=False) == (0.0, 0.5, 1.0)
    assert spaced(1, 4, 9, log=True, whole=True) == (1, 2, 3, 4)


def test_a_point_has_the_seed_of_that_child() -> None:
    children = np.random.SeedSequence(11).spawn(5)
    assert [point_seed(11, i) for i in range(5)] == [int(c.generate_state(1, np.uint64)[0]) for c in children]

"""docs/agreement.md says what is found today, and the error bands are those of its table."""

from __future__ import annotations

import agreement_regimes
import pytest
from agreement import document
from agreement_regimes import Row, by_regime, compare, keys, read_rows

from spfmodel.protocols import PROTOCOLS
from spfmodel.solvers import regime

DOCUMENT = agreement_regimes.DOCS / "agreement.md"
SAMPLE = 13
"""every so many rows are solved anew; a prime, so that all settings, locks and numbers of threads occur"""


def same(old: Row, new: Row) -> bool:
    """Equal but for the simulation's noise."""
    near = 2 * (old.noise + new.noise) + 0.002
    pairs = [(old.closed, new.closed), (old.closed_aborts, new.closed_aborts)]
    pairs += [(old.ctmc or 0.0, new.ctmc or 0.0), (old.ctmc_aborts or 0.0, new.ctmc_aborts or 0.0)]
    return old.regime == new.regime and all(abs(a - b) <= near for a, b in pairs)


def test_the_file_lists_every_system() -> None:
    assert [row.key for row in read_rows()] == keys()


def test_a_sample_of_the_file_is_what_is_found_today() -> None:
    sample = read_rows()[::SAMPLE]
    assert {row.key.protocol for row in sample} == set(PROTOCOLS)
    assert not [row.key for row in sample if not same(row, compare(row.key))]


@pytest.mark.verification
def test_the_whole_file_is_what_is_found_today() -> None:
    assert not [row.key for row in read_rows() if not same(row, compare(row.key))]


def test_the_page_shows_the_file() -> None:
    assert agreement_regimes.tables(read_rows()) in DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.verification
def test_the_page_is_written_anew_as_it_is() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document()


def test_bands_are_those_of_the_table_and_no_wider() -> None:
    found = {(solver, name): errors[2] for name, solver, errors, _ in by_regime(read_rows())}
    for (solver, name), p95 in found.items():
        assert p95 <= regime.BANDS[solver][name] <= 1.3 * p95 + 0.01, (solver, name)
    measured = {name for _, name in found}
    assert measured | {regime.ALONE} == set(regime.REGIMES)

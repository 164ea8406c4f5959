"""The report's pages: a notebook with its code folded, and the index that starts with the answers.

The pages need no network and no JavaScript: style sheet and figures lie inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from .answers import Claim
from .pictures import card
from .recipe import Recipe
from .strip import strip
from .wording import spoken

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from .notebook import Outcome


def index_page(recipe: Recipe, outcomes: tuple[Outcome, ...], made: Mapping[str, str]) -> str:
    """Write the index: predicted beside measured, then what ran, failures first, then a card for each notebook."""
    claims = [claim for outcome in outcomes if outcome.answer for claim in outcome.answer.claims]
    shown = sorted(outcomes, key=lambda outcome: outcome.ok)
    return (
        environment()
        .get_template("index.html.j2")
        .render(recipe=recipe, outcomes=shown, groups=by_machine(claims), made=made, css=style_sheet())
    )


def notebook_page(
    notebook: NotebookNode, outcome: Outcome, made: Mapping[str, object], kept: Sequence[str] = ()
) -> str:
    """Write a notebook's page around its converted cells. kept : names of the files in its data folder."""
    from .cells import code_colours, html_of

    return (
        environment()
        .get_template("notebook.html.j2")
        .render(body=html_of(notebook), outcome=outcome, made=made, kept=kept, css=style_sheet() + code_colours())
    )


def by_machine(claims: list[Claim]) -> dict[str, list[Claim]]:
    """Group the claims by machine, in the order in which they came."""
    groups: dict[str, list[Claim]] = {}
    for claim in claims:
        groups.setdefault(claim.machine, []).append(claim)
    return groups


def verdict(claim: Claim) -> str:
    """Say how a prediction fared, in a few words."""
    if claim.measured_median is None or claim.measured_ends is None:
        return "not measured"
    low, high = claim.measured_ends
    if claim.predicted.low <= claim.measured_median <= claim.predicted.high:
        return "inside"
    if high >= claim.predicted.low and low <= claim.predicted.high:
        return "ranges overlap"
    return "predicted too low" if claim.measured_median > claim.predicted.high else "predicted too high"


def measured_words(claim: Claim) -> str:
    """Write the measured value."""
    return "—" if claim.measured_median is None else spoken(claim.measured_median, claim.unit)


def measured_range(claim: Claim) -> str:
    """Write the range of the measured value; empty where it has none."""
    low, high = claim.measured_ends or (0.0, 0.0)
    return f"{spoken(low, claim.unit)} to {spoken(high, claim.unit)}" if low < high else ""


def duration(seconds: float) -> str:
    """Write how long something took.

    >>> duration(4.26), duration(83.0)
    ('4.3 s', '1 min 23 s')
    """
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


@cache
def environment() -> Environment:
    """Load the templates, which escape what they are given."""
    loaded = Environment(
        loader=PackageLoader("spfmodel.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    loaded.globals.update(
        verdict=verdict,
        strip=strip,
        card=card,
        duration=duration,
        measured_words=measured_words,
        measured_range=measured_range,
    )
    loaded.filters.update(spoken=spoken)
    return loaded


def style_sheet() -> str:
    """Read the style sheet that all pages carry."""
    return (files("spfmodel.report") / "templates" / "report.css").read_text(encoding="utf-8")

"""Runs a batch of notebooks to HTML, with an index page that starts with the answers.

`run` takes a recipe (a TOML file that lists notebooks and their parameters). Each notebook ends with
`answer(...)`: one sentence, and the claims that the index sets against published measurements.
"""

from .answers import Answer, Claim, Interval, answer
from .batch import ReportResult, run
from .kept import keep
from .listing import listing
from .recipe import Recipe, load_recipe

__all__ = ["Answer", "Claim", "Interval", "Recipe", "ReportResult", "answer", "keep", "listing", "load_recipe", "run"]

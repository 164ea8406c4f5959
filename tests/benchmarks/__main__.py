"""`make bench`: runs the benchmarks, prints the table, draws the figure, compares the ratios with the stored ones."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from time import perf_counter

from . import figure, table
from .growth import Curve
from .peers import BUILD, HERE, ROOT, say
from .row import Row, slower_than_stored
from .table import Results

SUBJECTS = ("des", "mva", "sweeps", "chain", "verbs", "captures", "variance")
BUSY = 0.5
"""load average above which wall times are not to be trusted"""
STORED = HERE / "results" / "latest.json"
LAST = BUILD / "results.json"
PICTURE = ROOT / "docs" / "speed.png"
MARKERS = ("<!-- speed table -->", "<!-- end of speed table -->")


def one(subject: str, *, long: bool) -> tuple[list[Row], list[Curve]]:
    """Measure one subject."""
    module = importlib.import_module(f".{subject}", __package__)
    rows, curves = module.measure(long)
    return rows, curves


def run(subjects: list[str], *, long: bool) -> tuple[Results, list[str]]:
    """Measure them all; what went wrong, in a sentence each."""
    out, wrong = Results(date=table.now(), machine=table.machine()), []
    for subject in subjects:
        started = perf_counter()
        try:
            rows, curves = one(subject, long=long)
        except Exception as error:  # the others go on
            wrong.append(f"{subject} failed: {type(error).__name__}: {error}")
            say(wrong[-1])
            continue
        out.rows += rows
        out.curves += curves
        say(f"{subject}: done in {perf_counter() - started:.0f} s")
    return out, wrong


def store(results: Results) -> None:
    """Make these the stored results, and put them into the documents."""
    merged = results.merged_into(table.read(STORED))
    table.write(merged, STORED)
    figure.draw(merged, PICTURE)
    for page, inside in ((ROOT / "docs" / "speed.md", table.long_table), (ROOT / "README.md", table.short_table)):
        page.write_text(table.between(page.read_text(encoding="utf-8"), *MARKERS, inside(merged)), encoding="utf-8")
    say(f"Stored: {', '.join(str(file.relative_to(ROOT)) for file in (STORED, PICTURE))}, docs/speed.md, README.md")


def arguments() -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", default="", help=f"of {','.join(SUBJECTS)}")
    parser.add_argument("--long", action="store_true", help="also 10^8 design points (several minutes)")
    parser.add_argument("--check", action="store_true", help="exit status 1 if a ratio is 20 %% worse than stored")
    parser.add_argument("--store", action="store_true", help="rewrite the stored table, docs/speed.* and README's")
    parser.add_argument("--store-last", action="store_true", help="the same with the last run, without running")
    return parser.parse_args()


def main() -> int:
    """Run; exit status 1 where a benchmark fails, or with --check where a ratio is worse."""
    given = arguments()
    if given.store_last:
        store(table.read(LAST))
        return 0
    subjects = [name for name in given.only.split(",") if name] or list(SUBJECTS)
    if unknown := set(subjects) - set(SUBJECTS):
        sys.stderr.write(f"make bench: no subject {sorted(unknown)[0]!r}; there are {', '.join(SUBJECTS)}\n")
        return 2
    results, wrong = run(subjects, long=given.long)
    before = table.read(STORED)
    slower = slower_than_stored(results.rows, before.rows)
    table.write(results, LAST)
    figure.draw(results, BUILD / "speed.png")
    busy = [f"Others were using this machine (load {results.machine['load']}): wall times are not to be trusted."]
    busy = busy if float(results.machine["load"]) > BUSY else []
    sys.stdout.write(table.text(results) + "\n" + "".join(f"{line}\n" for line in [*slower, *wrong, *busy]))
    say(f"Written: {shown(LAST)}, {shown(BUILD / 'speed.png')}; stored: {shown(STORED)} ({before.date or 'none'})")
    if given.store and not wrong:
        store(results)
    return int(bool(wrong) or (given.check and bool(slower)))


def shown(file: Path) -> str:
    """Relative to the repository."""
    return os.path.relpath(file, ROOT)


if __name__ == "__main__":
    sys.exit(main())

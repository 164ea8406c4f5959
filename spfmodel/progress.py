"""Progress of long work on stderr: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(label: str, rate: str = "") -> Iterator[Callable[[int, int, str], None]]:
    """Yield `tell(done, total, line)`: on a terminal the line stands above the bar, elsewhere it is logged.

    Where `line` is empty only the bar moves, and a log gets nothing. rate : its unit, where the bar is to show one
    """
    if sys.stderr.isatty():
        with bar(label, rate) as tell:
            yield tell
    else:
        yield log_line


@contextmanager
def bar(label: str, rate: str = "") -> Iterator[Callable[[int, int, str], None]]:
    """Show a bar with the time used and the time left, and how much is done per second where `rate` names its unit."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """What is done per second."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f} {rate}" if task.speed else "")

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    speed = (Rate(),) if rate else ()
    with Progress(*columns, TimeRemainingColumn(), *speed, console=console) as display:
        task = display.add_task(label, total=None)

        def tell(done: int, total: int, line: str) -> None:
            if line:
                console.print(line, markup=False, highlight=False)
            display.update(task, completed=done, total=total)

        yield tell


def log_line(done: int, total: int, line: str) -> None:
    """Write one plain line, without a bar."""
    if line:
        sys.stderr.write(f"[{done}/{total}] {line}\n")
        sys.stderr.flush()

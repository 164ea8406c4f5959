"""Command lines run in this process."""

from __future__ import annotations

from collections.abc import Callable

Typed = Callable[..., tuple[int, str, str]]
"""Words to exit status, stdout, stderr."""


def refused(typed: Typed, *words: str) -> str:
    """The one sentence with which a command line is refused."""
    status, out, err = typed(*words)
    assert (status, out) == (2, "")
    assert err.startswith("spfmodel: ")
    assert len(err.splitlines()) == 1
    return err

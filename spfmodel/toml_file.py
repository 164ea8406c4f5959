"""Reads a TOML file, once as long as it stays the same."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from .sources import BadInput
from .unchanged import state_of


def read_toml(file: Path) -> dict[str, Any]:
    """A TOML file's content; refused in one sentence if it cannot be read.

    A file that has not changed is parsed once in a process (Python's parser takes 1 us a character, and a machine is
    made of eight files). The dict is the caller's own, the tables inside it are shared: leave them as they are.
    """
    try:
        state = state_of(file)
        return _content(file) if state is None else dict(_remembered(file, state))
    except FileNotFoundError:
        raise BadInput(f"{file}: no such file; give the path of a TOML file, or a shipped name") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: cannot be read ({error}); give a readable TOML file in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{file}: not valid TOML ({error}); mend that place") from None


def _content(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


@lru_cache(maxsize=256)
def _remembered(file: Path, state: tuple[int, ...]) -> dict[str, Any]:
    """The content of a file in this state."""
    del state
    return _content(file)

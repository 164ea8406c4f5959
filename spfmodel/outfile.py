"""Files that a verb writes: refused before the work if they can't be written, replaced whole after it."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from .sources import BadInput


def check_writable(path: Path | None, what: str) -> None:
    """Refuse a file that can't be written, before anything is computed for it."""
    if path is None:
        return
    if path.is_dir():
        raise BadInput(f"{what} {path} is a folder; name a file")
    if not path.parent.is_dir():
        raise BadInput(f"{what} {path}: the folder {path.parent} does not exist; make it, or name another file")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise BadInput(f"{what} {path} can't be written; name a file in a folder of your own")


def replace_file(path: Path, content: str) -> None:
    """Write a file whole or not at all: what existed before stays until the new one is complete."""
    try:
        with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)
    except OSError as error:
        raise BadInput(f"{path} can't be written ({error.strerror}); name another file") from None

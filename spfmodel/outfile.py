"""Files that a verb writes: refused before the work if they can't be written, replaced whole after it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile, mkdtemp

from .sources import BadInput


def check_writable(path: Path | None, what: str) -> None:
    """Refuse a file that can't be written, before anything is computed for it."""
    if path is None:
        return
    if path.is_dir():
        raise BadInput(f"{what} {path} is a folder; name a file")
    if not path.parent.is_dir():
        raise BadInput(f"{what} {path}: the folder {path.parent} does not exist; make it, or name another file")
    if not _takes_files(path):
        raise BadInput(f"{what} {path} can't be written; name a file in a folder of your own")


def _takes_files(path: Path) -> bool:
    """Whether the file, if there, and its folder can be written: tried out, since root may do what a mount forbids."""
    if path.exists() and not os.access(path, os.W_OK):
        return False
    if path.exists() and not path.is_file():
        return True
    try:
        TemporaryFile(dir=path.resolve().parent).close()
    except OSError:
        return False
    return True


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A path to write to, in the same folder; it takes the place of `path` only once it is complete.

    What is no regular file (a pipe, /dev/stdout) is written as it is.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    target = path.resolve()
    folder: Path | None = None
    try:
        folder = Path(mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        yield folder / target.name
        if target.exists():
            (folder / target.name).chmod(target.stat().st_mode & 0o777)
        (folder / target.name).replace(target)
    except OSError as error:
        raise BadInput(f"{path} can't be written ({error.strerror or error}); name another file") from None
    finally:
        if folder is not None:
            _remove(folder)


def _remove(folder: Path) -> None:
    for left in folder.iterdir():
        left.unlink()
    folder.rmdir()


def replace_file(path: Path, content: str) -> None:
    """Write a file whole or not at all: what existed before stays until the new one is complete."""
    with replaced(path) as fresh:
        fresh.write_text(content, encoding="utf-8")

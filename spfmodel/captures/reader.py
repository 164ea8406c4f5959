"""A capture as a file that may be huge, broken or hostile: read in blocks, refused in one sentence."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ..sources import BadInput
from .wording import excerpt, printable

BLOCK = 1 << 20
LONGEST_LINE = 1 << 20
MOST_WITHOUT_SIZE = 1 << 28
"""bytes read of a file in /proc or /sys, which states no size"""
LONGEST_NUMBER = 100
"""characters; what is longer counts as too big"""
BIGGEST_COUNT = 2**64 - 1
FOREIGN = {
    b"PERFILE2": "is perf.data itself; run `perf script -i` or `perf stat` on it and give the text",
    b"\x17\x08\x44tracing": "is trace.dat itself; run `trace-cmd report -i` on it and give the text",
    b"\x1f\x8b": "is compressed; unpack it first",
    b"\xfd7zXZ": "is compressed; unpack it first",
    b"(\xb5/\xfd": "is compressed; unpack it first",
    b"\xff\xfe": "is UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "is UTF-16 text; save it as UTF-8",
    b"\x7fELF": "is a program; give the text that a tool printed",
}


class CaptureFile:
    """A regular file of text, opened anew by each reading of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = printable(str(path).encode("utf-8", "surrogateescape"))

    def blocks(self) -> Iterator[tuple[int, list[bytes]]]:
        """Yield (number of the first line, lines without their ends); the last line may lack its end."""
        number, left = 1, b""
        for block in self._bytes():
            *whole, left = (left + block).split(b"\n")
            if len(whole[0] if whole else left) > LONGEST_LINE:
                raise self.refuse(number, "a line of at most 1 MB")
            if whole:
                yield number, whole
                number += len(whole)
        if left:
            yield number, [left]

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield (line number, text); bytes that are no UTF-8 and control characters are shown as `?`."""
        for first, lines in self.blocks():
            for number, line in enumerate(lines, first):
                yield number, printable(line)

    def refuse(self, number: int, expected: str, found: str | bytes | None = None) -> BadInput:
        """Make the sentence for a line that can't be read: file, line, what was expected, what is there."""
        there = "" if found is None else f", found {excerpt(found)}"
        return BadInput(f"{self.name}: line {number}: expected {expected}{there}")

    def count(self, text: str, number: int) -> int:
        """Read a count: a whole number from 0 to 2^64 - 1, perhaps in groups of three digits.

        The groups' separator is that of any locale: a comma, a dot, a space, an apostrophe.
        """
        dotted = text.strip().split(".")
        grouped = len(dotted) == 2 and _grouped(dotted[0], dotted[1:], ",")
        value = self.amount("".join(dotted) if grouped else text, number)
        if value != int(value):
            raise self.refuse(number, "a whole number", text)
        return int(value)

    def amount(self, text: str, number: int) -> int | float:
        """Read a number >= 0 and below 2^64; an int where it has no decimals."""
        digits = ungrouped(text)
        if digits is None:
            raise self.refuse(number, "a number that is not negative", text)
        whole, _, decimals = digits.partition(".")
        if len(whole) > 20 or int(whole) > BIGGEST_COUNT:
            raise self.refuse(number, "a count below 2^64", text)
        return int(whole) if not decimals.strip("0") else float(digits[:40])

    def _bytes(self) -> Iterator[bytes]:
        try:
            yield from self._checked(self._open())
        except BlockingIOError:
            raise BadInput(f"{self.name} has no end yet; give a file that is complete") from None
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise BadInput(f"{self.name} can't be read ({why}); give a file of text") from None

    def _open(self) -> int:
        mode = self.path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise BadInput(f"{self.name} is a folder; give the files in it by name")
        if not stat.S_ISREG(mode):
            raise BadInput(f"{self.name} is not a regular file; save the output to a file first")
        return os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)

    def _checked(self, descriptor: int) -> Iterator[bytes]:
        """Yield the blocks up to the size that the file has now: one that grows meanwhile ends there."""
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            size = os.fstat(descriptor).st_size
            done, limit = 0, size or MOST_WITHOUT_SIZE
            while block := file.read(min(BLOCK, limit - done)):
                self._refuse_foreign(block, first=done == 0)
                done += len(block)
                yield block
        if done == 0:
            raise BadInput(f"{self.name} is empty; was the tool interrupted?")
        if not size and done >= limit:
            raise BadInput(f"{self.name} has no end; save the output to a file first")

    def _refuse_foreign(self, block: bytes, *, first: bool) -> None:
        for magic, why in FOREIGN.items():
            if first and block.startswith(magic):
                raise BadInput(f"{self.name} {why}")
        if b"\0" in block:
            raise BadInput(f"{self.name} holds NUL bytes and is no text; give the text that a tool printed")


def ungrouped(text: str) -> str | None:
    """Digits with at most one decimal point, without the separators of thousands; None if it is no number.

    >>> [ungrouped(t) for t in ("304128", "1,234,567", "1.234.567", "12.5", "1 234", "-3", "1.020,31", "1.0.0", "")]
    ['304128', '1234567', '1234567', '12.5', '1234', None, '1020.31', None, None]
    """
    text = text.strip()[:LONGEST_NUMBER]
    whole = _whole(text)
    if whole:
        return whole
    point = max(text.rfind("."), text.rfind(","))
    dotted = text[max(point, 0) :].startswith(",")  # a decimal comma: dots before it are groups
    before = _whole(text[: max(point, 0)].replace(".", ",") if dotted else text[: max(point, 0)])
    decimals = text[point + 1 :]
    return f"{before}.{decimals}" if before and _digits(decimals) else None


def _whole(text: str) -> str:
    """Digits of a whole number, perhaps in groups of three; empty if it is none."""
    if _digits(text):
        return text
    for separator in ",.'’ \u00a0\u202f":
        first, *groups = text.split(separator)
        if groups and _grouped(first, groups, separator):
            return first + "".join(groups)
    return ""


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _grouped(first: str, groups: list[str], separator: str) -> bool:
    """Whether groups of three follow; one dot alone is a decimal point."""
    if separator == "." and len(groups) == 1:
        return False
    return _digits(first) and len(first) <= 3 and all(len(group) == 3 and _digits(group) for group in groups)

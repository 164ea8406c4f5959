"""Spoilt copies of the captures that ship: bytes and lines changed, cut, doubled, swapped, made huge."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from capture_files import ALL

ODD = (
    b"\x00", b"\xff\xfe", b"\x1b[2J", b"\n\n\n", b" " * 300, b"-1", b"99999999999999999999999999", b"nan", b"1e999",
    b"@[", b"{", b"}", b": ", b"\t", b"(", b"[1, 2)", b"%", b"\xe2\x80\xae", b"#", b",,", b"<not counted>", b"success=",
    b"\r", b"0x", b"1" * 5000, b"[" * 2000, b"Performance counter stats for 'x':", b"# filter: a b",
)  # fmt: skip


def spoilt(seed: int, count: int) -> Iterator[tuple[Path, bytes]]:
    """Yield `count` mutations, of each file in turn: (its original, its content)."""
    originals = [(file, file.read_bytes()[:6000]) for file in ALL]
    for number in range(count):
        file, content = originals[number % len(originals)]
        rng = random.Random(seed * 1_000_003 + number)
        for _ in range(rng.choice((1, 1, 2, 3, 8))):
            content = _mutated(content, rng)
        yield file, content


def _mutated(content: bytes, rng: random.Random) -> bytes:
    return rng.choice((_byte, _insert, _cut, _truncate, _lines, _digit, _field))(content, rng)


def _at(content: bytes, rng: random.Random) -> int:
    return rng.randrange(len(content) + 1)


def _byte(content: bytes, rng: random.Random) -> bytes:
    at = _at(content, rng)
    return content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]


def _insert(content: bytes, rng: random.Random) -> bytes:
    at = _at(content, rng)
    return content[:at] + rng.choice(ODD) + content[at:]


def _cut(content: bytes, rng: random.Random) -> bytes:
    at = _at(content, rng)
    return content[:at] + content[at + rng.randrange(80) :]


def _truncate(content: bytes, rng: random.Random) -> bytes:
    return content[: _at(content, rng)]


def _lines(content: bytes, rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one : one + 1] = rng.choice(([], [lines[one]] * 3, [lines[other]], [lines[one], lines[other]]))
    return b"\n".join(lines)


def _digit(content: bytes, rng: random.Random) -> bytes:
    digits = [at for at, byte in enumerate(content) if 48 <= byte < 58]
    at = rng.choice(digits or [0])
    return content[:at] + rng.choice((b"-", b".", b"9" * 25, b"", b",", b"x", b"0")) + content[at + 1 :]


def _field(content: bytes, rng: random.Random) -> bytes:
    """Swap two words of a line."""
    lines = content.split(b"\n")
    number = rng.randrange(len(lines))
    words = lines[number].split(b" ")
    rng.shuffle(words)
    lines[number] = b" ".join(words)
    return b"\n".join(lines)

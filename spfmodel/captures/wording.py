"""Text from a capture, made safe to print."""

from __future__ import annotations


def printable(line: bytes) -> str:
    r"""Decode UTF-8; what is no UTF-8 or would steer a terminal becomes `?`, a tab stays.

    >>> printable(b"pf\x1b[31m\xff\tx")
    'pf?[31m?\tx'
    """
    text = line.decode("utf-8", "replace").rstrip("\r")
    if text.isprintable():
        return text.replace("\ufffd", "?")
    return "".join(c if c == "\t" or (c.isprintable() and c != "\ufffd") else _stand_in(c) for c in text)


def _stand_in(character: str) -> str:
    """A space for a space of another width, `?` for the rest."""
    return " " if character.isspace() and character in "\u00a0\u202f\u2009" else "?"


def excerpt(found: str | bytes, width: int = 60) -> str:
    """The beginning of a line, in quotes.

    >>> excerpt("a" * 100, 8)
    "'aaaaa...'"
    """
    text = printable(found) if isinstance(found, bytes) else printable(found[: 4 * width].encode("utf-8", "replace"))
    text = text.strip().replace("\t", " ")
    return repr(text if len(text) <= width else text[: width - 3] + "...")


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun.

    >>> plural(1, "file"), plural(12345, "fault")
    ('1 file', '12,345 faults')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"

"""Pictures inside pages: the first figure of a notebook, small enough for the index, and pages that stay light."""

from __future__ import annotations

import io
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

PAGE_BYTES = 2_000_000
"""no page is larger"""
CARD_PIXELS = 640
"""width of a figure on the index"""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure as it was shown."""

    png: str
    """in base64"""
    words: str
    """its text alternative"""


def first_figure(notebook: Any) -> Picture | None:
    """Find the first PNG among the outputs of a notebook (as nbformat or JSON reads it)."""
    outputs = (output for cell in notebook["cells"] for output in cell.get("outputs", []))
    for data in (output.get("data", {}) for output in outputs):
        if png := data.get("image/png", "").strip():
            return Picture(png=png, words="".join(data.get("text/plain", "")))
    return None


def card(picture: Picture) -> str:
    """Make a figure narrow and few-coloured: a PNG in base64 of some 20 kB."""
    return recoded(picture.png, CARD_PIXELS)


def recoded(png: str, width: int | None = None, colours: int = 128) -> str:
    """Write a PNG (base64) with a palette, no wider than `width` pixels."""
    from PIL import Image

    with Image.open(io.BytesIO(b64decode(png))) as image:
        flat = Image.new("RGB", image.size, "white")
        flat.paste(image, mask=image.convert("RGBA").getchannel("A"))
    if width is not None and flat.width > width:
        flat = flat.resize((width, round(flat.height * width / flat.width)), Image.Resampling.LANCZOS)
    target = io.BytesIO()
    flat.quantize(colours).save(target, "PNG", optimize=True)
    return b64encode(target.getvalue()).decode()


def light(page: str) -> str:
    """Return a page of at most PAGE_BYTES: with palettes, then narrower figures, where it would be larger."""
    for width in (None, 1000, CARD_PIXELS, 320):
        if len(page.encode()) <= PAGE_BYTES:
            break
        page = re.sub(r'(?<=data:image/png;base64,)[^"]+', lambda found: recoded(found[0], width), page)  # noqa: B023
    return page

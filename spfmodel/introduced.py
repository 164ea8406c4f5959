"""Nouns introduce themselves in a notebook: each says that it can, `introduce` (a floor for people) says how."""

from __future__ import annotations

from importlib import import_module


class Introduced:
    """Something that a notebook shows as itself; the words are found by name when a notebook asks for them."""

    def _repr_html_(self) -> str:
        return str(import_module("spfmodel.introduce").html(self))

"""Turns an executed notebook's cells into HTML: code folded, formulas as MathML, no scripts."""

from __future__ import annotations

import html
from functools import cache
from pathlib import Path

from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]


class MathRenderer(IPythonRenderer):
    """Markdown to HTML with formulas as MathML, which a browser shows without a script."""

    def inline_math(self, body: str) -> str:
        """Render `$...$`."""
        return mathml(body)

    def block_math(self, body: str) -> str:
        """Render `$$...$$`."""
        return mathml(body, display="block")

    def latex_environment(self, name: str, body: str) -> str:
        r"""Render `\begin{name}...\end{name}`."""
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", display="block")


def html_of(notebook: NotebookNode) -> str:
    """Convert the cells of a notebook: the body of a page."""
    body, _resources = exporter().from_notebook_node(notebook)
    return body


@cache
def exporter() -> HTMLExporter:
    """Make the converter: nbconvert with the template beside this file."""
    return HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="spfmodel",
        extra_template_basedirs=[str(Path(__file__).parent / "templates")],
        filters={"mathml": mathml, "markdown2html": markdown},
    )


def markdown(source: str) -> str:
    """Convert a Markdown cell."""
    return str(MarkdownWithMath(renderer=MathRenderer(escape=False, exclude_anchor_links=True)).render(source))


def mathml(latex: str, display: str = "inline") -> str:
    """Turn a LaTeX formula (with or without its dollars) into MathML; show the LaTeX where that fails."""
    formula = latex.strip().strip("$").replace(r"\displaystyle", "").strip()
    try:
        return str(convert(formula, display=display))
    except Exception:  # the converter raises many kinds, and a formula must never cost the page
        return f"<code>{html.escape(latex)}</code>"


def code_colours() -> str:
    """Style sheet of highlighted Python, for light and for dark screens."""
    bright, dark = (
        str(HtmlFormatter(style=style).get_style_defs(".highlight")) for style in ("friendly", "github-dark")
    )
    return f"{bright}\n@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}\n"

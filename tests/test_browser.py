"""The report in a real browser, wide and narrow, light and dark: it opens, complains of nothing and asks nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from browser import Browser

from spfmodel.report import ReportResult
from spfmodel.report.printing import printed

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(chromium, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def test_the_index_opens_and_its_links_lead_to_pages(browser: Browser, small_report: ReportResult) -> None:
    index = browser.look(small_report.index, 1280)
    assert index.title == "A small report"
    assert "ebizzy speed-up" in index.text
    targets = sorted(set(index.links))
    assert targets == ["fails.html", "good.html", "silent.html"]
    for target in targets:
        page = browser.look(small_report.index.with_name(target), 1280)
        assert page.title == f"About {target.replace('html', 'ipynb')}"
        assert len(re.sub(r"\s+", " ", page.text)) > 20
        for link in page.links:
            file, _, anchor = unquote(link).partition("#")
            assert not file or (small_report.index.parent / file).exists()
            assert not anchor or anchor in page.ids
        assert "index.html" in page.links


@pytest.mark.parametrize("width", [1280, 400])
def test_pages_fit_and_neither_complain_nor_ask(browser: Browser, small_report: ReportResult, width: int) -> None:
    for name in ("index", "good", "fails"):
        page = browser.look(small_report.index.with_name(f"{name}.html"), width)
        assert page.wide <= width
        assert page.complaints == []
        assert page.requests == []
        assert all(alternative and shown for alternative, shown in page.images)


def test_dark_screens_get_dark_pages(browser: Browser, small_report: ReportResult) -> None:
    bright, dark = (browser.look(small_report.index, 1280, dark=dark).back for dark in (False, True))
    assert min(map(int, re.findall(r"\d+", bright))) > 200
    assert max(map(int, re.findall(r"\d+", dark))) < 60


def test_the_browser_would_tell(browser: Browser, tmp_path: Path) -> None:
    """A page that does everything wrong."""
    bad = tmp_path / "bad.html"
    image = '<img src="http://example.invalid/x.png">'
    bad.write_text(f'<div style="width: 2000px">x</div>{image}<script>console.error("no"); throw Error()</script>')
    page = browser.look(bad, 400)
    assert page.wide >= 2000
    assert len(page.complaints) >= 2
    assert page.requests == ["http://example.invalid/x.png"]
    assert page.images == [["", False]]


@pytest.mark.verification
def test_pages_are_printed(chromium: str, small_report: ReportResult) -> None:
    (made,) = printed([small_report.index.with_name("good.html")])
    assert made.read_bytes().startswith(b"%PDF")
    assert str(small_report.index.parent).encode() not in made.read_bytes()
    made.unlink()

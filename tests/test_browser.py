"""The report in a real browser: the index opens, and so does every page it links to."""

from __future__ import annotations

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from spfmodel.report import ReportResult

pytestmark = pytest.mark.browser

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--virtual-time-budget=5000",
)


class Page(HTMLParser):
    """What a browser made of a page: its title, its links, its text."""

    def __init__(self, dom: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.text: dict[str, str] = {}
        self.inside: list[str] = []
        self.feed(dom)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside.append(tag)
        self.ids |= {value for name, value in attrs if name == "id" and value}
        self.links += [value for name, value in attrs if tag == "a" and name == "href" and value]

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag in set(self.inside):
            self.text[tag] = self.text.get(tag, "") + data


def opened(chromium: str, file: Path, profile: Path) -> Page:
    """Open a file with Chromium, without a network, and read the document as the browser built it."""
    offline = ["--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={profile}"]
    command = [chromium, *FLAGS, *offline, "--dump-dom", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return Page(done.stdout)


def test_the_index_opens_and_its_links_lead_to_pages(chromium: str, small_report: ReportResult, tmp_path: Path) -> None:
    index = opened(chromium, small_report.index, tmp_path / "index")
    assert index.text["title"].strip() == "A small report"
    assert "ebizzy speed-up" in index.text["table"]
    targets = sorted(set(index.links))
    assert targets == ["fails.html", "good.html", "silent.html"]
    for number, target in enumerate(targets):
        page = opened(chromium, small_report.index.with_name(target), tmp_path / str(number))
        assert page.text["title"].strip() == f"About {target.replace('html', 'ipynb')}"
        assert len(re.sub(r"\s+", " ", page.text["main"])) > 20
        for link in page.links:
            file, _, anchor = unquote(link).partition("#")
            assert not file or (small_report.index.parent / file).exists()
            assert not anchor or anchor in page.ids
        assert "index.html" in page.links

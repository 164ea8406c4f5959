"""Pages as PDF, printed by Chromium where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from ..sources import BadInput

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-pdf-header-footer",
)
PRINT_TIMEOUT_S = 120


def chromium() -> str:
    """Find the browser, or say that there is none."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise BadInput(
        "--format pdf needs Chromium, and there is none on the PATH; install it (on Debian: apt-get install chromium) "
        "or print the pages from a browser"
    )


def printed(pages: Sequence[Path], jobs: int = 2) -> list[Path]:
    """Print pages to PDF beside them. -> the files that could be made."""
    browser = chromium()
    with ThreadPoolExecutor(jobs) as pool:
        made = pool.map(lambda page: _print(browser, page), pages)
        return [file for file in made if file is not None]


def _print(browser: str, page: Path) -> Path | None:
    """Print one page. Links to its neighbours are left out: on paper they would name this computer's folders."""
    target = page.with_suffix(".pdf")
    with TemporaryDirectory(prefix="spfmodel-", ignore_cleanup_errors=True) as scratch:
        sheet, fresh = Path(scratch, page.name), Path(scratch, target.name)
        text = page.read_text(encoding="utf-8")
        sheet.write_text(re.sub(r'<a href="(?!#|https?:)[^"]*">', "<a>", text), encoding="utf-8")
        command = [browser, *FLAGS, f"--user-data-dir={scratch}/profile", f"--print-to-pdf={fresh}", sheet.as_uri()]
        try:
            subprocess.run(command, capture_output=True, timeout=PRINT_TIMEOUT_S, check=True)  # noqa: S603
        except (OSError, subprocess.SubprocessError):
            return None
        if not fresh.exists():
            return None
        shutil.move(fresh, target)
    return target

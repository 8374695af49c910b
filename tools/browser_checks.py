"""What can be wrong with a page in a browser: width, contrast, names, texts for images.

`problems_in(page)` looks at a page of Playwright's as it is shown. The rules are those of WCAG 2.2:
1.4.3 (contrast of text), 1.4.10 (reflow), 4.1.2 (names), 1.1.1 (images), 2.4.2 and 3.1.1 (title,
language).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: For a browser without a display, that fetches nothing by itself.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

CHECKS = Path(__file__).with_suffix(".js").read_text("utf-8")


def browser_path() -> str | None:
    """The browser of the system, if there is one."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@contextmanager
def browser() -> Iterator[Any]:
    """A headless browser of Playwright's, with a new profile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=browser_path(), headless=True, args=list(ARGUMENTS)
        )
        try:
            yield running
        finally:
            running.close()


def problems_in(page: Any) -> list[str]:
    """What is wrong with a page, as it is shown now; one line each."""
    found: list[str] = page.evaluate(CHECKS)
    return found

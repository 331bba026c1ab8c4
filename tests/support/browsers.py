"""Chromium without a window, as tests drive it: what it says on its console, and where it tries to reach, is kept."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium")


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """Yield a browser of Playwright's."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


def open_page(started: Any, path: Path, **options: Any) -> Any:
    """Return a page of a file, once its script has run; its `said` and `asked` are lists."""
    page = started.new_page(**options)
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: page.said.append(f"error: {error}"))
    page.on("dialog", lambda dialog: page.said.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    return page


@contextlib.contextmanager
def opened(path: Path, **options: Any) -> Iterator[Any]:
    """Yield a page of a file in a browser of its own."""
    with browser() as started:
        yield open_page(started, path, **options)

"""A real browser, Chromium, for the tests of pages; they are skipped where it or playwright is missing."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """Return playwright's handle of a headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium) -> Iterator[Callable]:
    """Return a function that opens a file or a local address; at the end, no page may have erred or asked elsewhere.

    ``open_page(path, width=1200, dark=False)`` returns playwright's page once it is loaded. Errors and warnings of the
    console, exceptions, and requests to any other host are collected for all pages, and make the test fail.
    """
    contexts, problems = [], []

    def open_it(address: Path | str, *, width: int = 1200, height: int = 900, dark: bool = False):
        address = address.resolve().as_uri() if isinstance(address, Path) else address
        host = urlsplit(address).netloc
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(f"exception: {error}"))
        page.on(
            "console",
            lambda line: problems.append(f"console: {line.text}") if line.type in ("error", "warning") else None,
        )
        page.on("request", lambda asked: _note_request(asked.url, host, problems))
        page.goto(address)
        page.wait_for_load_state("load")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert not problems, "\n".join(problems)


def _note_request(address: str, host: str, problems: list[str]) -> None:
    """Add a request that leaves the page's own host, or its own file."""
    parts = urlsplit(address)
    if parts.scheme not in ("file", "data", "blob", "about") and parts.netloc != host:
        problems.append(f"request to {address}")


def pytest_collection_modifyitems(items) -> None:
    """Mark every test of this folder, so that `pytest -m browser` runs all of them and nothing else."""
    for item in items:
        if Path(__file__).parent in Path(item.path).parents:
            item.add_marker(pytest.mark.browser)

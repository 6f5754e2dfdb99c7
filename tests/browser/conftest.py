"""Real Chromium, on the loopback interface only."""

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import launch
from tests.browser.monitor_page import open_page, wait_for_moving_picture
from tests.camera_process import CameraProcess
from tests.e2e.conftest import server_process
from tests.server_process import ServerProcess

__all__ = ["browser", "drawn_page", "pages", "server_process", "watch_page"]

# What is written on the picture would cover the barcode, and has the colour of boxes.
UNCOVER = """for (const cover of document.querySelectorAll(".chip, .stage .tools")) {
  cover.style.visibility = "hidden";
}"""


expect.set_options(timeout=30_000)  # a busy machine takes longer than the five seconds there are


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a module.

    Not of the session: Playwright keeps an event loop in the main thread, where no other test
    could run one of its own.
    """
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@contextmanager
def pages(address: str) -> Iterator[str]:
    """This folder, served from an address of this machine; where watch.html is."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Stay silent."""

    handler = functools.partial(Handler, directory=str(Path(__file__).parent))
    with http.server.ThreadingHTTPServer((address, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{address}:{server.server_port}/watch.html"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def drawn_page(browser: Browser, segment_name: str, tmp_path: Path) -> Iterator[Page]:
    """The monitor's page with the drawn clip and its detections, nothing over the picture.

    The detections' segment is called ``{segment_name}-boxes``.
    """
    boxes = f"{segment_name}-boxes"
    flags = ["-monitor=127.0.0.1:0", f"-detections={boxes}"]
    with (
        CameraProcess("barcode-480p30", segment_name, "--detections", boxes),
        ServerProcess(segment_name, tmp_path, *flags) as server,
        open_page(browser, server.urls["monitor"], 900) as page,
    ):
        wait_for_moving_picture(page)
        page.evaluate(UNCOVER)
        yield page


@pytest.fixture(scope="session")
def watch_page() -> Iterator[str]:
    """The address of watch.html, served from this folder."""
    with pages("127.0.0.1") as url:
        yield url

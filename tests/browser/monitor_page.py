"""The monitor's page in a tab, and the processes behind it."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

__all__ = [
    "add_frame_reader",
    "monitor_process",
    "open_page",
    "pictures",
    "serious_findings",
    "until",
    "wait_for_moving_picture",
    "watch",
]

READ_FRAME = Path(__file__).with_name("read_frame.js").read_text()
WATCH = Path(__file__).with_name("monitor_watch.js").read_text()


def until(seen: Callable[[], object], what: str, timeout_s: float = 15.0) -> None:
    """Wait for something on a page whose policy forbids Playwright's own waiting."""
    deadline = time.monotonic() + timeout_s
    while not seen():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.02)


def pictures(page: Page) -> int:
    """How many pictures the page has shown."""
    return int(
        page.evaluate("document.getElementById('video').getVideoPlaybackQuality().totalVideoFrames")
    )


def wait_for_moving_picture(page: Page) -> None:
    """Wait until the picture has moved by a second's worth."""
    begin = pictures(page)
    until(lambda: pictures(page) >= begin + 30, "a moving picture")
    expect(page.locator("#stage")).to_have_attribute("data-state", "live")


def add_frame_reader(page: Page) -> None:
    """Give the page what read_frame.js has, as ``readFrame``."""
    page.evaluate(f"void (globalThis.readFrame = {READ_FRAME})")


def watch(page: Page, seconds: float) -> Any:
    """What monitor_watch.js has seen on the page in that time."""
    add_frame_reader(page)
    return page.evaluate(WATCH, seconds)


def serious_findings(page: Page) -> list[str]:
    """What axe-core has to say against the page, of those impacts that shut people out."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{found['id']}: {node['target']}"
        for found in violations
        if found["impact"] in {"serious", "critical"}
        for node in found["nodes"]
    ]


@contextmanager
def open_page(browser: Browser, url: str, width: int = 1440, **options: str) -> Iterator[Page]:
    """A tab that shows the page; errors on its console fail the test."""
    errors: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)  # type: ignore[arg-type]
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(f"{message.text} ({message.location['url']})")

    page.on("console", note)
    page.goto(url)
    yield page
    context.close()
    assert not errors, errors


@contextmanager
def monitor_process(server: str, detections: str = "/petstream-none") -> Iterator[str]:
    """`petstream monitor` for a server; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "petstream", "monitor", f"-http={address}"]
    command += [f"-server={server}", f"-detections={detections}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert re.search("listens on", process.stderr.readline())
        try:
            yield f"http://{address}"
        finally:
            process.terminate()

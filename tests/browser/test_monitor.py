"""The monitor's page in real Chromium: what it shows in every state, for everybody."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.monitor_page import (
    monitor_process,
    open_page,
    pictures,
    serious_findings,
    until,
    wait_for_moving_picture,
)
from tests.camera_process import CameraProcess
from tests.demo_process import demo
from tests.scale import scaled, within
from tests.server_process import ServerProcess

WIDTHS = [390, 1440]
SCHEMES = ["dark", "light"]
BACK_S = 3.0
FPS = re.compile(scaled(r"^\d+ fps$", r"^(29|30|31) fps$"))


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    root = "document.documentElement"
    return int(page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_demo_at_first_sight(
    browser: Browser, segment_name: str, tmp_path: Path, width: int
) -> None:
    """A picture, boxes, figures and health, nothing too wide, nothing axe finds serious."""
    with demo(segment_name, tmp_path) as running, open_page(browser, running.url, width) as page:
        expect(page.locator("#stage")).to_have_attribute("data-state", "live")
        wait_for_moving_picture(page)
        expect(page.locator("#health")).to_have_text("All well · 1 viewer")
        expect(page.locator("#fps")).to_have_text(FPS)
        expect(page.locator("#latency")).to_have_text(re.compile(r"^\d+ ms$"))
        expect(page.locator("#bit-rate")).to_have_text(re.compile(r"^\d+\.\d Mbit/s$"))
        expect(page.locator("#size")).to_have_text("854 \N{MULTIPLICATION SIGN} 480")
        expect(page.locator("#lost")).to_have_text("0")
        expect(page.locator("#reasons li").first).to_have_text("Everything works.")
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert serious_findings(page) == []
        assert overflow(page) == 0


def test_the_keyboard_does_it_all(browser: Browser, segment_name: str, tmp_path: Path) -> None:
    """B, S, F and R; no letter is taken from the list of choices."""
    with demo(segment_name, tmp_path) as running, open_page(browser, running.url) as page:
        wait_for_moving_picture(page)
        boxes = page.get_by_role("button", name="Boxes")
        page.keyboard.press("b")
        expect(boxes).to_have_attribute("aria-pressed", "false")
        page.keyboard.press("b")
        expect(boxes).to_have_attribute("aria-pressed", "true")
        with page.expect_download() as download:
            page.keyboard.press("s")
        assert re.fullmatch(r"snapshot_\d{8}_\d{6}\.jpg", download.value.suggested_filename)
        assert Path(download.value.path()).read_bytes().startswith(b"\xff\xd8")
        page.keyboard.press("f")
        until(lambda: page.evaluate("document.fullscreenElement?.id") == "stage", "full screen")
        page.keyboard.press("f")
        until(lambda: page.evaluate("document.fullscreenElement") is None, "the page again")
        page.locator("#pre-roll").focus()
        page.keyboard.press("r")
        expect(page.get_by_role("button", name="Record", exact=True)).to_be_enabled()
        page.locator("#pre-roll").blur()
        page.keyboard.press("r")
        expect(page.get_by_role("button", name="Stop")).to_be_enabled()
        expect(page.locator("#on-air-time")).to_have_text(re.compile(r"^0:0\d$"))
        page.keyboard.press("r")
        expect(page.get_by_role("button", name="Record", exact=True)).to_be_enabled()


def test_the_picture_comes_back_after_a_server_restart(
    browser: Browser, segment_name: str, tmp_path: Path
) -> None:
    """The page says that the server is away; within 3 s of its return it shows the picture."""
    with (
        CameraProcess("barcode-480p30", segment_name),
        ServerProcess(segment_name, tmp_path) as first,
    ):
        port = first.urls["http"].rpartition(":")[2]
        with monitor_process(first.urls["http"]) as url:
            page = browser.new_page()  # console errors are expected: calls fail meanwhile
            page.goto(url)
            wait_for_moving_picture(page)
            first.process.kill()
            expect(page.locator("#health")).to_have_text("The server is away")
            expect(page.locator("#state")).to_have_text(re.compile("The server is away"))
            expect(page.get_by_role("button", name="Record", exact=True)).to_be_disabled()
            shown = pictures(page)
            with ServerProcess(segment_name, tmp_path, f"-http=127.0.0.1:{port}"):
                returned = time.monotonic()
                until(lambda: pictures(page) > shown, "a picture of the new server", 30)
                within("s until the picture is back", time.monotonic() - returned, BACK_S)
                wait_for_moving_picture(page)
                expect(page.locator("#health")).to_have_text("All well · 1 viewer")
            page.close()


def test_a_camera_that_stands_still_is_named(
    browser: Browser, segment_name: str, tmp_path: Path
) -> None:
    """The page waits for it, in words, and goes on by itself."""
    with ServerProcess(segment_name, tmp_path, "-monitor=127.0.0.1:0") as server:
        with (
            CameraProcess("barcode-480p30", segment_name),
            open_page(browser, server.urls["monitor"]) as page,
        ):
            wait_for_moving_picture(page)
        with open_page(browser, server.urls["monitor"]) as page:
            expect(page.locator("#health")).to_have_text("No camera")
            expect(page.locator("#reasons")).to_contain_text("start the camera daemon")
            with CameraProcess("barcode-480p30", segment_name):
                wait_for_moving_picture(page)
                expect(page.locator("#health")).to_have_text("All well · 1 viewer")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_without_a_server(browser: Browser, width: int) -> None:
    """The page is there, says what is missing, is in good order, and offers to try again."""
    with monitor_process("http://127.0.0.1:9") as url:
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto(url)
        expect(page.locator("#health")).to_have_text("The server is away")
        expect(page.locator("#state")).to_have_text("The server is away; trying again")
        expect(page.locator("#recordings-empty")).to_have_text("The server is away")
        expect(page.get_by_role("button", name="Record", exact=True)).to_be_disabled()
        expect(page.get_by_role("button", name="Try now")).to_be_enabled()
        assert serious_findings(page) == []
        assert overflow(page) == 0
        page.close()

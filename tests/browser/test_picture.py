"""The live picture in real Chromium: every frame, in order; at night for half a minute."""

import itertools
import time
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from simulator import Fixture
from tests.browser.monitor_page import until
from tests.camera_process import CameraProcess
from tests.server_process import ServerProcess

CLIP = "barcode-480p30"
IN_A_ROW = 60
WATCHED_S = 30.0
IN_STEP_S = 5  # tabs that were just opened start up, compile, and catch up with the cached GOP
SETTLE_S = 60.0
WAITING_MAX = 2  # access units received and not yet decoded


def open_viewer(browser: Browser, page_url: str, server: ServerProcess) -> Page:
    """A tab that shows the live picture."""
    page = browser.new_page()
    page.goto(page_url)
    page.evaluate("server => connect(server)", server.urls["http"])
    return page


def wait_until_in_step(pages: list[Page]) -> None:
    """Wait until every tab has decoded all that came for IN_STEP_S in a row, and dropped none."""
    deadline, seconds, dropped = time.monotonic() + SETTLE_S, 0, -1
    while seconds < IN_STEP_S:
        time.sleep(1)
        found = [page.evaluate("figures()") for page in pages]
        before, dropped = dropped, sum(tab["framesDropped"] for tab in found)
        waiting = max(
            tab["framesReceived"] - tab["framesDecoded"] - tab["framesDropped"] for tab in found
        )
        in_step = waiting <= WAITING_MAX and dropped == before
        seconds = seconds + 1 if in_step else 0
        assert time.monotonic() < deadline, f"{waiting} access units wait after {SETTLE_S:.0f} s"


def watch(pages: list[Page]) -> list[tuple[dict[str, Any], dict[str, Any], list[int]]]:
    """Counters before and after WATCHED_S, and the barcodes read meanwhile, of each tab."""
    before = [page.evaluate("begin()") for page in pages]
    time.sleep(WATCHED_S)
    after = [page.evaluate("figures()") for page in pages]
    numbers = [page.evaluate("numbers") for page in pages]
    for page in pages:
        page.close()
    return list(zip(before, after, numbers, strict=True))


def is_step_back(before: int, after: int, length: int) -> bool:
    """Whether a picture is older than the one before; where the clip begins anew is none."""
    return (after - before) % length >= length // 2


def test_pictures_follow_each_other(
    browser: Browser, watch_page: str, server_process: ServerProcess, segment_name: str
) -> None:
    """In a tab 60 barcodes follow each other without a gap or a step back; a second one moves."""
    length = len(Fixture.load(CLIP).access_units)
    with CameraProcess(CLIP, segment_name):
        server_process.wait_for_health("ok")
        pages = [open_viewer(browser, watch_page, server_process) for _ in range(2)]

        def in_a_row() -> bool:
            """Whether the newest pictures follow each other; at first a tab has to catch up."""
            numbers = pages[0].evaluate(f"numbers.slice(-{IN_A_ROW})")
            assert None not in numbers, "a barcode could not be read"
            steps = {(b - a) % length for a, b in itertools.pairwise(numbers)}
            return len(numbers) == IN_A_ROW and steps == {1}

        until(in_a_row, f"{IN_A_ROW} pictures in a row", 60)
        until(lambda: len(set(pages[1].evaluate("numbers"))) > IN_A_ROW // 2, "another tab", 60)
        for page in pages:
            numbers = page.evaluate("numbers")
            assert None not in numbers, "a barcode could not be read"
            back = [p for p in itertools.pairwise(numbers) if is_step_back(*p, length)]
            assert back == []
            page.close()


@pytest.mark.nightly
@pytest.mark.realtime
@pytest.mark.parametrize("clip", ["barcode-1080p30", "barcode-480p30"])
@pytest.mark.parametrize("tabs", [1, 5])
def test_thirty_frames_a_second_without_a_gap(
    browser: Browser,
    watch_page: str,
    server_process: ServerProcess,
    segment_name: str,
    clip: str,
    tabs: int,
) -> None:
    """Each tab decodes 30 frames a second for 30 s, drops none, and the barcode counts up."""
    length = len(Fixture.load(clip).access_units)
    with CameraProcess(clip, segment_name):
        server_process.wait_for_health("ok")
        pages = [open_viewer(browser, watch_page, server_process) for _ in range(tabs)]
        wait_until_in_step(pages)
        watched = watch(pages)
    for before, after, numbers in watched:
        seconds = (after["timestamp"] - before["timestamp"]) / 1e3
        rate = (after["framesDecoded"] - before["framesDecoded"]) / seconds
        assert rate == pytest.approx(30, abs=0.3)
        assert after["framesDropped"] == before["framesDropped"]
        assert after["packetsLost"] == 0
        assert None not in numbers, "a barcode could not be read"
        steps = [(b - a) % length for a, b in itertools.pairwise(numbers)]
        assert len(steps) > 29 * WATCHED_S
        assert set(steps) == {1}

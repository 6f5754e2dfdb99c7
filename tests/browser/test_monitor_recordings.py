"""A recording from the button to the bin, in real Chromium with the real server."""

import re
from pathlib import Path

import requests
from playwright.sync_api import Browser, Page, expect

from tests.browser.monitor_page import (
    open_page,
    serious_findings,
    until,
    wait_for_moving_picture,
)
from tests.demo_process import demo
from tests.media import count_frames
from tests.server_process import ServerProcess

PLAYER = "document.querySelector('.card video')"


def record(page: Page, at_least: str) -> None:
    """Press the button, wait until the time says so, and press it again."""
    page.get_by_role("button", name="Record", exact=True).click()
    stop = page.get_by_role("button", name="Stop")
    expect(page.locator("#recording")).to_have_text(
        re.compile(rf"^{at_least} · [\d.]+ [kM]B$"), timeout=10_000
    )
    expect(page.locator("#on-air")).to_be_visible()
    stop.click()
    expect(page.get_by_role("button", name="Record", exact=True)).to_be_enabled()


def play_and_seek(page: Page) -> None:
    """Open the first recording: it plays, and shows the picture of each place it is taken to."""
    page.locator(".card .play").first.click()
    until(lambda: page.evaluate(f"{PLAYER}.currentTime") > 0.3, "a recording that plays")
    length = float(page.evaluate(f"{PLAYER}.duration"))
    assert length > 1.9
    page.evaluate(f"{PLAYER}.pause()")
    for place in (0.9, 0.1, 0.5):
        page.evaluate(f"{PLAYER}.currentTime = {place * length}")
        until(lambda: not page.evaluate(f"{PLAYER}.seeking"), f"the picture at {place}")
        assert abs(page.evaluate(f"{PLAYER}.currentTime") - place * length) < 0.1
        assert page.evaluate(f"{PLAYER}.readyState") >= 2
    assert page.evaluate(f"{PLAYER}.error") is None


def test_record_list_play_seek_delete(browser: Browser, segment_name: str, tmp_path: Path) -> None:
    """All of it without a word of explanation, and the file is gone at the end."""
    with demo(segment_name, tmp_path) as running, open_page(browser, running.url) as page:
        expect(page.locator("#recordings-empty")).to_contain_text("None yet")
        wait_for_moving_picture(page)
        record(page, "0:02")
        card = page.locator(".card")
        expect(card).to_have_count(1)
        expect(card.locator("h3")).to_have_text(re.compile("^Today, "))
        answer = requests.get(f"{running.server_url}/recordings", timeout=20)
        (recorded,) = answer.json()["recordings"]
        seconds = recorded["duration_ms"] // 1000
        assert seconds >= 2  # what the button said when it was pressed
        expect(card.locator(".duration")).to_have_text(f"0:{seconds:02}")
        until(
            lambda: page.evaluate("document.querySelector('.card img').naturalWidth"), "thumbnail"
        )
        (file,) = tmp_path.glob("*.mp4")
        assert count_frames(file) >= 60

        play_and_seek(page)
        page.keyboard.press("Escape")
        expect(card.locator("video")).to_have_count(0)
        expect(card.locator(".play")).to_be_focused()

        with page.expect_download() as download:
            card.locator(".download").click()
        assert Path(download.value.path()).read_bytes() == file.read_bytes()

        card.locator(".protect").click()
        expect(card.locator(".protect")).to_have_attribute("aria-pressed", "true")
        expect(card.locator(".delete")).to_be_disabled()
        card.locator(".protect").click()
        expect(card.locator(".delete")).to_be_enabled()

        assert serious_findings(page) == []
        card.locator(".delete").click()
        assert serious_findings(page) == []
        page.get_by_role("button", name="Keep it").click()
        expect(card).to_have_count(1)
        card.locator(".delete").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(card).to_have_count(0)
        expect(page.locator("#recordings-empty")).to_contain_text("None yet")
    assert not list(tmp_path.glob("*.mp4"))


def test_a_recording_that_ended_before_a_key_frame(
    browser: Browser, segment_name: str, tmp_path: Path
) -> None:
    """It is in the list as what it is; nothing is asked for that it cannot have."""
    with (
        ServerProcess(segment_name, tmp_path, "-monitor=127.0.0.1:0") as server,
        open_page(browser, server.urls["monitor"]) as page,
    ):
        expect(page.get_by_role("button", name="Record", exact=True)).to_be_enabled()
        server.post("/start", {"format": "mp4"})
        server.post("/stop")
        card = page.locator(".card")
        expect(card.locator(".facts")).to_have_text(re.compile(r"MP4 · empty; it ended before"))
        expect(card.locator(".play")).to_be_disabled()
        expect(card.locator(".download")).to_be_hidden()
        expect(card.locator("img")).not_to_have_attribute("src", re.compile("thumbnail"))
        assert serious_findings(page) == []
        card.locator(".delete").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(card).to_have_count(0)
    assert not list(tmp_path.glob("*.mp4"))


def test_a_recording_from_before_the_button(
    browser: Browser, segment_name: str, tmp_path: Path
) -> None:
    """With a pre-roll it is longer than the button was down; a raw one plays as well."""
    with demo(segment_name, tmp_path) as running, open_page(browser, running.url) as page:
        wait_for_moving_picture(page)
        page.wait_for_timeout(5000)
        page.locator("#pre-roll").select_option("5")
        record(page, "0:0[5-9]")
        expect(page.locator(".card .duration")).to_have_text(re.compile(r"0:0[5-9]"))
        play_and_seek(page)

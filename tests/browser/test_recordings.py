"""Recordings in Chromium's own player: they play, know their length, and can be sought in."""

import io
import time
import urllib.request
from pathlib import Path
from typing import Any

import av
import pytest
from playwright.sync_api import Browser, Page

from tests.browser.monitor_page import until
from tests.camera_process import CameraProcess
from tests.scale import scaled
from tests.server_process import ServerProcess

RECORDED_S = scaled(2, 8)

# A picture from before the seek may still be on its way: what counts is the one that stays, and it
# is waited for until it is that of the target, or time is up.
SEEK = """async ([target, begin]) => {
    const video = document.querySelector('video');
    let shown = null, still = null;
    video.pause();
    await new Promise(resolve => {
        const isThere = () => shown !== null && Math.abs(shown - begin) < 0.02;
        const settle = () => {
            clearTimeout(still);
            still = setTimeout(() => isThere() && resolve(), 300);
        };
        const note = (_, data) => {
            shown = data.mediaTime;
            video.requestVideoFrameCallback(note);
            if (!video.seeking) settle();
        };
        video.requestVideoFrameCallback(note);
        video.addEventListener('seeked', settle, {once: true});
        setTimeout(resolve, 10000);
        video.currentTime = target;
    });
    return shown;
}"""
STATE = """() => {
    const video = document.querySelector('video');
    return {duration: video.duration, time: video.currentTime, error: video.error?.message ?? null,
            ready: video.readyState, width: video.videoWidth};
}"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with some seconds of both formats."""
    directory = tmp_path_factory.mktemp("recordings")
    segment = f"/petstream-recordings-{time.monotonic_ns()}"
    with (
        CameraProcess("barcode-480p30", segment),
        ServerProcess(segment, directory) as server,
    ):
        server.wait_for_health("ok")
        for wanted in ("h264", "mp4"):
            server.post("/start", {"format": wanted, "pre_roll_s": 0})
            while server.get("/status")["duration_ms"] < 1000 * RECORDED_S:
                time.sleep(0.1)
            server.post("/stop")
    return directory


def state_when_ready(page: Page) -> dict[str, Any]:
    """The player's state once it can play."""
    deadline = time.monotonic() + 15
    state = page.evaluate(STATE)
    while state["ready"] < 3:
        assert time.monotonic() < deadline, state
        assert state["error"] is None
        time.sleep(0.05)
        state = page.evaluate(STATE)
    return dict(state)


def picture_times(url: str) -> list[float]:
    """When each picture of an MP4 begins, in seconds."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        mp4 = io.BytesIO(answer.read())
    with av.open(mp4, "r") as container:
        packets = list(container.demux(video=0))
    return sorted(float(p.pts * p.time_base) for p in packets if p.pts is not None and p.time_base)


@pytest.mark.parametrize("wanted", ["h264", "mp4"])
def test_plays_and_seeks(browser: Browser, recorded: Path, segment_name: str, wanted: str) -> None:
    """Opened by its address it plays; each of several seeks shows the picture of that time."""
    with ServerProcess(segment_name, recorded) as server:
        (entry,) = (e for e in server.get("/recordings")["recordings"] if e["format"] == wanted)
        url = f"{server.urls['http']}/recordings/{entry['name']}?format=mp4"
        times = picture_times(url)
        page = browser.new_page()
        page.goto(url)
        state = state_when_ready(page)
        assert state["width"] == 854
        assert state["duration"] == pytest.approx(entry["duration_ms"] / 1000, abs=0.05)
        for target in (0.81 * RECORDED_S, 0.93 * RECORDED_S, 0.02 * RECORDED_S, 0.38 * RECORDED_S):
            # The one that begins last before it: a machine that lacks CPU may leave a gap there.
            begin = max(at for at in times if at <= target)
            shown = page.evaluate(SEEK, [target, begin])
            assert shown == pytest.approx(begin, abs=0.02), f"{shown} instead of {begin}"
        page.evaluate("document.querySelector('video').play()")
        until(lambda: page.evaluate(STATE)["time"] > 0.4 * RECORDED_S, "a recording that plays")
        assert page.evaluate(STATE)["error"] is None
        page.close()

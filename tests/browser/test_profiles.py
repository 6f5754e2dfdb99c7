"""Main and High streams above level 3.1 in real Chromium."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.test_picture import open_viewer
from tests.camera_process import CameraProcess
from tests.h264.encoding import encode
from tests.server_process import ServerProcess


@pytest.mark.parametrize(("profile", "level"), [("main", "4.0"), ("high", "5.1")])
def test_profile_is_decoded(
    browser: Browser,
    watch_page: str,
    server_process: ServerProcess,
    segment_name: str,
    tmp_path: Path,
    profile: str,
    level: str,
) -> None:
    """The offer is accepted, and the pictures are decoded one after the other."""
    clip = tmp_path / f"{profile}.h264"
    options = {"profile": profile, "level": level, "x264-params": "keyint=30:bframes=0"}
    clip.write_bytes(b"".join(encode(640, 368, frames=90, options=options)))
    with CameraProcess(str(clip), segment_name):
        server_process.wait_for_health("ok")
        page = open_viewer(browser, watch_page, server_process)
        page.wait_for_function("figures().then((found) => found.framesDecoded >= 60)")
        counters = page.evaluate("figures()")
        page.close()
    assert (counters["pliCount"], counters["freezeCount"]) == (0, 0)

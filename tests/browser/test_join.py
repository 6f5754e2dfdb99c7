"""A viewer that joins in mid-GOP, in real Chromium: a picture at once, all of them, then live."""

import itertools
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from simulator import Camera
from tests.browser.joining import Join, begin_to_watch, join, open_joiner, seen
from tests.server_process import ServerProcess
from tests.waiting import wait_until

CLIP = "barcode-480p30-gop4s"  # its one GOP is the whole clip
FIRST_PICTURE_MS = 1000  # what the contract asks for is measured by tools/joins
LIVE_MS = 100
JOINS = 30


@pytest.fixture
def camera(segment_name: str) -> Iterator[Camera]:
    """A camera with an IDR every four seconds."""
    with Camera(CLIP, shm=segment_name, loop=True) as camera:
        yield camera


def test_a_picture_before_the_next_idr(
    browser: Browser, watch_page: str, server_process: ServerProcess, segment_name: str
) -> None:
    """Who joins in mid-GOP sees the IDR that was written before, and not the one that is to come.

    The camera is so slow that the next IDR is ten seconds away.
    """
    with Camera(CLIP, shm=segment_name, loop=True, fps=10) as camera:
        server_process.wait_for_health("ok")
        wait_until(lambda: camera.stats.access_units >= 15, "mid-GOP")
        page = browser.new_page()
        open_joiner(page, watch_page)
        begin_to_watch(page, server_process.urls["http"], watch_ms=1400)
        pictures = seen(page, camera).pictures
        page.close()
    assert pictures, "there was no picture"
    first = pictures[0]
    assert first.number == 0
    assert first.age_ms > first.at_ms, "it was captured after the offer"


@pytest.mark.nightly
@pytest.mark.realtime
def test_joins_in_mid_gop(
    browser: Browser, watch_page: str, server_process: ServerProcess, camera: Camera
) -> None:
    """Pictures from the IDR on are decoded, none is broken or late, and it is live in 1 s."""
    server_process.wait_for_health("ok")
    page = browser.new_page()
    open_joiner(page, watch_page)
    for _ in range(JOINS):
        joined = join(page, server_process.urls["http"], camera)
        assert_decodes_from_its_first_picture(joined, len(camera.fixture.access_units))
        assert joined.first_ms < FIRST_PICTURE_MS
        assert joined.age_after_ms(1000) <= LIVE_MS
    page.close()


def assert_decodes_from_its_first_picture(joined: Join, length: int) -> None:
    """From the IDR on in order, nothing broken or asked for again, and none missing once live.

    While it catches up Chromium shows fewer pictures than it decodes if it is short of time, and
    leaves out what an IDR that has come meanwhile makes obsolete.
    """
    numbers = [picture.number for picture in joined.pictures]
    assert numbers[0] == 0, "the first picture is not the IDR"
    assert -1 not in numbers, "a picture is broken"
    for before, after in itertools.pairwise(joined.pictures):
        step = (after.number - before.number) % length
        catching_up = before.at_ms < 1000 and (1 < step < length / 2 or after.number == 0)
        assert step == 1 or catching_up, (before, after)
    counters = joined.counters
    assert counters["framesDecoded"] + counters["framesDropped"] >= counters["framesReceived"] - 1
    assert [counters[name] for name in ("pliCount", "freezeCount", "packetsLost")] == [0, 0, 0]

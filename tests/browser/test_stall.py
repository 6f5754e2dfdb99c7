"""One of five viewers stands still for ten seconds, in real Chromium."""

import itertools
import os
import signal
import time
from collections.abc import Iterator, Sequence

import pytest
from playwright.sync_api import Browser, Page

from simulator import Camera
from tests.browser.chromium import launch_another, process_ids
from tests.browser.joining import Join, begin_to_watch, open_joiner, seen
from tests.browser.test_picture import open_viewer
from tests.faults.figures import holding
from tests.server_process import ServerProcess

CLIP = "barcode-480p30"  # an IDR every second
STALL_S = 10.0
GOP_S = 1.0
FRESH_MS = 150
MEMORY_BYTES = 8 * 2**20


@pytest.fixture
def camera(segment_name: str) -> Iterator[Camera]:
    """A camera whose capture times are known."""
    with Camera(CLIP, shm=segment_name, loop=True) as camera:
        yield camera


@pytest.mark.nightly
@pytest.mark.realtime
def test_d09_a_viewer_is_stopped(
    browser: Browser, watch_page: str, server_process: ServerProcess, camera: Camera
) -> None:
    """All processes of its browser are stopped: the others go on, and it is live again in a GOP."""
    url = server_process.urls["http"]
    server_process.wait_for_health("ok")
    others = [open_viewer(browser, watch_page, server_process) for _ in range(4)]
    another = launch_another(browser)
    page = another.new_page()
    open_joiner(page, watch_page)
    begin_to_watch(page, url, 1000 * (STALL_S + 6))
    time.sleep(2)
    memory = holding(server_process.process.pid).rss
    before = [other.evaluate("begin()") for other in others]
    processes = process_ids(another)
    stop(processes, signal.SIGSTOP)
    time.sleep(STALL_S)
    stop(processes, signal.SIGCONT)
    woken_s = time.monotonic()
    assert_moved_on(others, before, len(camera.fixture.access_units))
    stopped = seen(page, camera)
    another.close()
    assert holding(server_process.process.pid).rss - memory < MEMORY_BYTES
    took_s = live_again_s(stopped, woken_s)
    print(f"live again {1000 * took_s:.0f} ms after waking")
    assert took_s <= GOP_S + 0.5


def stop(processes: Sequence[int], number: signal.Signals) -> None:
    """Send SIGSTOP or SIGCONT to each."""
    for process in processes:
        os.kill(process, number)


def assert_moved_on(pages: Sequence[Page], before: Sequence[dict[str, float]], length: int) -> None:
    """Every tab decoded 30 pictures a second, each following the one before."""
    for page, begin in zip(pages, before, strict=True):
        end, numbers = page.evaluate("figures()"), page.evaluate("numbers")
        seconds = (end["timestamp"] - begin["timestamp"]) / 1000
        rate = (end["framesDecoded"] - begin["framesDecoded"]) / seconds
        assert rate == pytest.approx(30, abs=0.5)
        assert {(b - a) % length for a, b in itertools.pairwise(numbers)} == {1}
        assert end["freezeCount"] == begin["freezeCount"]
        page.close()


def live_again_s(stopped: Join, woken_s: float) -> float:
    """From waking until pictures are fresh for good."""
    late = [p for p in stopped.pictures if stopped.posted_s + p.at_ms / 1000 > woken_s]
    assert len(late) > 60
    assert all(picture.number >= 0 for picture in late), "a picture is broken"
    stale = [number for number, picture in enumerate(late) if picture.age_ms > FRESH_MS]
    first_fresh = late[stale[-1] + 1] if stale else late[0]
    return stopped.posted_s + first_fresh.at_ms / 1000 - woken_s

"""Boxes and latency against what is really on the screen: its pixels, and the barcode in them."""

import io
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from playwright.sync_api import Browser, Page

from petstream.shm.detections import DetectionsReader
from simulator import Fixture, read_barcode
from simulator.barcode import Box
from tests.browser.monitor_page import open_page, wait_for_moving_picture
from tests.camera_process import CameraProcess
from tests.server_process import ServerProcess

CLIP = Fixture.load("barcode-480p30")
LENGTH = len(CLIP.access_units)
NEAR_PX = 3.0
FRAME_MS = 1000 / 30
LATENCY_P50_MAX_MS = 60.0

# Reads the barcode on each refresh of the screen, and notes when a number was first seen.
WATCH = """async (seconds) => {
  const video = document.getElementById("video");
  const canvas = new OffscreenCanvas(256, 8);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const seen = [];
  const end = performance.now() + 1000 * seconds;
  let last = null;
  while (performance.now() < end) {
    const at = await new Promise(requestAnimationFrame);
    const strip = Math.floor(video.videoHeight / 12);
    context.drawImage(video, 0, 0, video.videoWidth, strip, 0, 0, 256, 8);
    const { data } = context.getImageData(0, 4, 256, 1);
    const bits = Array.from({ length: 16 }, (_, cell) => (data[4 * (16 * cell + 8)] > 128 ? 1 : 0));
    const number = bits.slice(4, 14).reduce((value, bit) => 2 * value + bit, 0);
    const shown = Number.parseFloat(document.getElementById("latency").textContent);
    if (number !== last) seen.push([number, performance.timeOrigin + at, shown]);
    last = number;
  }
  return seen;
}"""


# What is written on the picture would cover the barcode, and has the colour of boxes.
UNCOVER = """for (const cover of document.querySelectorAll(".chip, .stage .tools")) {
  cover.style.visibility = "hidden";
}"""


@pytest.fixture
def page(browser: Browser, segment_name: str, tmp_path: Path) -> Iterator[Page]:
    """The page with a camera and its detections."""
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


def screenshot(page: Page) -> Any:
    """The stage as it is on the screen: a picture in yuv444p, planes Y, Cb and Cr."""
    png = page.locator("#stage").screenshot(type="png")
    with av.open(io.BytesIO(png), "r", format="png_pipe") as container:
        return next(container.decode(video=0)).reformat(format="yuv444p")


def extent(picture: Any, wanted: Any, top: int) -> Box | None:
    """The box round all pixels that ``wanted(cb, cr)``, below ``top``; None if there are none."""
    _, blue, red = (bytes(plane) for plane in picture.planes)
    stride = picture.planes[1].line_size
    found = [
        (x, y)
        for y in range(top, picture.height, 2)
        for x in range(0, picture.width, 2)
        if wanted(blue[y * stride + x], red[y * stride + x])
    ]
    if not found:
        return None
    xs, ys = [x for x, _ in found], [y for _, y in found]
    return Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))


def is_frame(blue: int, red: int) -> bool:
    """Whether a colour is that of the boxes."""
    return red < 105 and blue < 135


def box_error(picture: Any, number: int, scale: float) -> float:
    """How far the frame on the screen is from the ball of a picture, in pixels of the screen."""
    drawn = extent(picture, is_frame, int(1.5 * picture.height / 12))
    assert drawn is not None, "no box on the screen"
    ball = CLIP.boxes[number % LENGTH]
    # The label stands on the box's upper edge, so that only the other three sides are its own.
    sides = (
        (drawn.x, ball.x),
        (drawn.x + drawn.w, ball.x + ball.w),
        (drawn.y + drawn.h, ball.y + ball.h),
    )
    return max(abs(seen - side * scale) for seen, side in sides)


def test_the_box_is_round_the_ball(page: Page) -> None:
    """On the screen: the frame is that of the picture shown, or of a neighbour, within 3 px."""
    checked = 0
    for _ in range(8):
        picture = screenshot(page)
        luma = picture.planes[0]
        number = read_barcode(bytes(luma), picture.width, picture.height, luma.line_size)
        if number is None or CLIP.boxes[number].y < 80:  # the label would be in the strip
            continue
        scale = picture.width / CLIP.width
        errors = [box_error(picture, number + step, scale) for step in (-1, 0, 1)]
        assert min(errors) <= NEAR_PX, (number, errors)
        checked += 1
    assert checked >= 3


def test_boxes_can_be_taken_away(page: Page) -> None:
    """Nothing is left of them."""
    page.keyboard.press("b")
    picture = screenshot(page)
    assert extent(picture, is_frame, int(1.5 * picture.height / 12)) is None


@pytest.mark.nightly
@pytest.mark.realtime
def test_the_latency_is_that_of_the_barcode(page: Page, segment_name: str) -> None:
    """What the page says is within a frame of when each number was first on the screen."""
    monotonic_minus_wall_ns = time.monotonic_ns() - time.time_ns()
    with DetectionsReader(f"{segment_name}-boxes") as reader:
        reader.read()
        begun = reader.read()
        while begun is None:
            begun = reader.read()
        seen = page.evaluate(WATCH, 5)
    measured = [
        latency_ms(number, wall_ms * 1e6 + monotonic_minus_wall_ns, begun)
        for number, wall_ms, _ in seen[1:]
    ]
    told = statistics.median(shown for _, _, shown in seen)
    read = statistics.median(measured)
    assert told == pytest.approx(read, abs=FRAME_MS)
    assert told <= LATENCY_P50_MAX_MS


def latency_ms(number: int, shown_ns: float, begun: Any) -> float:
    """From the capture of a picture of the clip to its display, knowing one capture time."""
    interval_ns = 1e9 / 30
    # The picture with this number that was captured last before it was shown.
    first_ns = begun.capture_ns + ((number - begun.frame_number) % LENGTH) * interval_ns
    behind_ns = (shown_ns - first_ns) % (LENGTH * interval_ns)
    return float(behind_ns / 1e6)

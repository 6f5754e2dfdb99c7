"""The overlay by itself, in real Chromium: which boxes it draws, and where."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.monitor_page import add_frame_reader, monitor_process

# Steps are [method, arguments...]; afterwards, the frame that was drawn.
DRAW = """async ([width, height, steps]) => {
  const { Overlay } = await import("/static/overlay.js");
  const canvas = document.createElement("canvas");
  canvas.style.cssText = `position: fixed; left: 0; top: 0; width: ${width}px; height: ${height}px`;
  document.body.append(canvas);
  const overlay = new Overlay(canvas);
  await new Promise((resized) => new ResizeObserver(resized).observe(canvas));
  await new Promise(requestAnimationFrame);
  for (const [method, ...values] of steps) overlay[method](...values);
  const frame = readFrame(canvas);
  canvas.remove();
  return frame;
}"""

HD = {"width": 1920, "height": 1080}


def detections(capture_ms: float, x: int = 480, y: int = 540, w: int = 960, h: int = 270) -> Any:
    """An event as the stream has it."""
    box = {"class_name": "cat", "confidence": 0.5, "x": x, "y": y, "w": w, "h": h}
    return {"capture_ns": capture_ms * 1e6, "frame_number": 1, "version": 1, "detections": [box]}


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A tab that can load the page's modules; no server is needed."""
    with monitor_process("http://127.0.0.1:9") as url:
        page = browser.new_page()
        page.goto(url)
        add_frame_reader(page)
        yield page
        page.close()


def draw(page: Page, width: int, height: int, *steps: list[Any]) -> dict[str, int] | None:
    """What is on a canvas of that size after some calls."""
    return page.evaluate(DRAW, [width, height, json.loads(json.dumps(steps))])  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("width", "height", "picture", "left", "right", "bottom"),
    [
        (960, 540, HD, 240, 720, 405),  # half the size
        (960, 740, HD, 240, 720, 505),  # bars above and below
        (1160, 540, HD, 340, 820, 405),  # bars at the sides
        (390, 844, HD, 97.5, 292.5, 476.6),  # a phone held upright
        (540, 960, {"width": 1080, "height": 1920}, 240, 720, 405),  # a camera held upright
    ],
)
def test_boxes_are_where_the_picture_is(
    page: Page, width: int, height: int, picture: Any, left: float, right: float, bottom: float
) -> None:
    """In an element of any shape, the frame is on the picture's own pixels."""
    drawn = draw(page, width, height, ["add", detections(1000)], ["show", 1000, picture])
    assert drawn is not None
    assert abs(drawn["left"] - left) <= 2
    assert min(right, width) - 3 <= drawn["right"] <= right + 2
    assert abs(drawn["lower"] - bottom) <= 2


def lower_edge(page: Page, *steps: list[Any]) -> int | None:
    """Where the frame ends on a canvas as large as the picture; None without a frame."""
    drawn = draw(page, 960, 540, *steps)
    return None if drawn is None else drawn["lower"]


SMALL = {"width": 960, "height": 540}
SHOW = ["show", 1000, SMALL]
SWITCH = [["show", 4990, HD], ["show", 5000, SMALL]]


def at(capture_ms: float, bottom: int) -> list[Any]:
    """Detections with a box that ends there."""
    return ["add", detections(capture_ms, 100, bottom - 100, 200, 100)]


@pytest.mark.parametrize(
    ("steps", "bottom"),
    [
        ([at(967, 200), at(1000, 300), at(1033, 400), SHOW], 300),
        ([at(967, 200), at(1033, 400), SHOW], 200),
        ([SHOW, at(1000, 300)], 300),
        ([SHOW, at(1033, 400)], None),
        ([at(400, 200), SHOW], None),
        ([*SWITCH, at(5000, 200), at(990, 300), SHOW], 300),
        ([["show", 990, HD], at(980, 200), SHOW], None),
        ([["show", 990, HD], at(980, 200), SHOW, at(1000, 300)], 300),
        ([["show", None, SMALL], at(5000, 200)], 200),
        ([], None),
    ],
    ids=[
        "of the picture shown, not the newest",
        "of the picture before, when it has none",
        "as soon as they come, when they come late",
        "not of a picture to come",
        "not when too old",
        "also after the camera's clock has begun anew",
        "not of a camera of another size",
        "of the new size as soon as they come",
        "the newest, when the browser tells nothing",
        "none",
    ],
)
def test_which_boxes_are_drawn(page: Page, steps: list[Any], bottom: int | None) -> None:
    """By capture time, whatever comes first."""
    edge = lower_edge(page, *steps)
    assert (edge is None) == (bottom is None)
    if edge is not None and bottom is not None:
        assert abs(edge - bottom) <= 2

"""Boxes against what is really on the screen: its pixels, and the barcode in them."""

import io
from typing import Any, NamedTuple

import av
import pytest
from playwright.sync_api import Page

from simulator import Fixture, read_barcode
from tests.browser.monitor_page import watch
from tests.scale import scaled

CLIP = Fixture.load("barcode-480p30")
LENGTH = len(CLIP.access_units)
NEAR_PX = 3.0


class Sides(NamedTuple):
    """Of a frame on the screen, all but the upper one: there the label stands."""

    left: int
    right: int
    lower: int


def screenshot(page: Page) -> Any:
    """The stage as it is on the screen: a picture in yuv444p, planes Y, Cb and Cr."""
    png = page.locator("#stage").screenshot(type="png")
    with av.open(io.BytesIO(png), "r", format="png_pipe") as container:
        return next(container.decode(video=0)).reformat(format="yuv444p")


def extent(picture: Any, wanted: Any, top: int) -> Sides | None:
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
    return Sides(min(xs), max(xs), max(ys))


def is_frame(blue: int, red: int) -> bool:
    """Whether a colour is that of the boxes."""
    return red < 105 and blue < 135


def side_error(drawn: Sides, number: int, scale: float) -> float:
    """How far a frame is from the ball of a picture, in pixels of the screen."""
    ball = CLIP.boxes[number % LENGTH]
    sides = ball.x, ball.x + ball.w, ball.y + ball.h
    return max(abs(seen - side * scale) for seen, side in zip(drawn, sides, strict=True))


def test_the_box_is_round_the_ball(drawn_page: Page) -> None:
    """On the screen: the frame is that of the picture shown, or of a neighbour, within 3 px."""
    screens, checked = scaled(8, 150), 0
    for _ in range(screens):
        picture = screenshot(drawn_page)
        luma = picture.planes[0]
        number = read_barcode(bytes(luma), picture.width, picture.height, luma.line_size)
        if number is None or CLIP.boxes[number].y < 80:  # the label would be in the strip
            continue
        drawn = extent(picture, is_frame, int(1.5 * picture.height / 12))
        assert drawn is not None, "no box on the screen"
        scale = picture.width / CLIP.width
        errors = [side_error(drawn, number + step, scale) for step in (-1, 0, 1)]
        assert min(errors) <= NEAR_PX, (number, errors)
        checked += 1
    assert checked >= screens // 3


def test_boxes_can_be_taken_away(drawn_page: Page) -> None:
    """Nothing is left of them."""
    drawn_page.keyboard.press("b")
    picture = screenshot(drawn_page)
    assert extent(picture, is_frame, int(1.5 * picture.height / 12)) is None


@pytest.mark.nightly
@pytest.mark.realtime
def test_every_picture_has_the_box_of_its_ball(drawn_page: Page) -> None:
    """For a minute: there when the picture comes, of the picture itself or of a neighbour."""
    watched = watch(drawn_page, 60)
    scale = watched["width"] / CLIP.width
    errors = [
        [side_error(Sides(**frame), number + step, scale) for step in (0, -1, 1)]
        for number, _, frame in watched["pictures"]
        if frame is not None
    ]
    count = len(watched["pictures"])
    own = sum(error[0] <= NEAR_PX for error in errors)
    print(f"{count} pictures in 60 s, {count - len(errors)} without a box; {own} have their own")
    print(f"of their own or a neighbour's ball, {max(map(min, errors)):.1f} px away at most")
    assert count >= 60 * 20
    assert len(errors) == count
    assert max(map(min, errors)) <= NEAR_PX

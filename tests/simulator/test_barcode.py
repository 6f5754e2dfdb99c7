"""Barcode and ball: what is drawn is what is read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.barcode import (
    CELLS,
    NUMBER_MAX,
    ball_box,
    barcode_cells,
    draw_barcode,
    draw_disc,
    read_barcode,
    strip_height,
)

SIZES = st.tuples(st.integers(80, 400), st.integers(60, 240))


def picture(width: int, height: int, number: int) -> bytearray:
    """A grey picture with a barcode."""
    luma = bytearray([110]) * (width * height)
    draw_barcode(luma, width, height, width, number)
    return luma


@settings(deadline=None)
@given(st.integers(0, NUMBER_MAX), SIZES, st.integers(0, 40))
def test_a_number_is_read_as_it_was_drawn(number: int, size: tuple[int, int], pad: int) -> None:
    """Any number, at any size and with padded rows, comes back."""
    width, height = size
    stride = width + pad
    luma = bytearray(stride * height)
    draw_barcode(luma, width, height, stride, number)
    assert read_barcode(luma, width, height, stride) == number


@settings(deadline=None)
@given(st.integers(0, NUMBER_MAX), st.integers(80, 200), st.integers(-10, 30))
def test_weak_contrast_is_enough(number: int, span: int, low: int) -> None:
    """Levels need not be black and white, as on a canvas or through a dim display."""
    width, height = 320, 240
    low = max(low, 0)
    scale = bytes(low + span * level // 255 for level in range(256))
    luma = picture(width, height, number).translate(scale)
    assert read_barcode(luma, width, height, width) == number


def test_cells_are_start_number_and_parity() -> None:
    """The layout is the documented one, bit by bit."""
    assert barcode_cells(0b1000000011) == (1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1)
    assert len(barcode_cells(0)) == CELLS


@pytest.mark.parametrize("number", [-1, NUMBER_MAX + 1])
def test_a_number_that_does_not_fit_is_refused(number: int) -> None:
    """Ten bits hold 0 to 1023 and nothing else."""
    with pytest.raises(ValueError, match="1023"):
        barcode_cells(number)


@settings(deadline=None)
@given(st.integers(0, NUMBER_MAX), st.integers(0, CELLS - 1))
def test_one_wrong_cell_is_noticed(number: int, cell: int) -> None:
    """A cell of the other colour never makes another number."""
    width, height = 320, 240
    luma = picture(width, height, number)
    start, end = cell * width // CELLS, (cell + 1) * width // CELLS
    for y in range(strip_height(height)):
        row = slice(y * width + start, y * width + end)
        luma[row] = bytes(251 - level for level in luma[row])
    assert read_barcode(luma, width, height, width) is None


@pytest.mark.parametrize("level", [0, 16, 128, 235, 255])
def test_a_plain_picture_has_no_number(level: int) -> None:
    """Black, white and grey pictures give None."""
    assert read_barcode(bytes([level]) * (320 * 240), 320, 240, 320) is None


def test_a_cell_between_black_and_white_has_no_number() -> None:
    """Half of one barcode mixed with half of another is not read as either."""
    one, other = picture(320, 240, 0), picture(320, 240, NUMBER_MAX)
    mixed = bytes((a + b) // 2 for a, b in zip(one, other, strict=True))
    assert read_barcode(mixed, 320, 240, 320) is None


@pytest.mark.parametrize("size", [(1920, 1080), (854, 480), (640, 360)])
@pytest.mark.parametrize("length", [60, 120, 7])
def test_the_ball_stays_below_the_strip_and_comes_back(size: tuple[int, int], length: int) -> None:
    """Its box lies in the picture, off the barcode, and is the same one clip later."""
    width, height = size
    boxes = [ball_box(number, length, width, height) for number in range(2 * length)]
    for box in boxes:
        assert box.x >= 0
        assert box.y >= strip_height(height)
        assert box.x + box.w <= width
        assert box.y + box.h <= height
        assert not any(side % 2 for side in box)
    assert boxes[:length] == boxes[length:]
    assert len(set(boxes)) > 1


def test_the_disc_touches_its_box_and_nothing_beyond() -> None:
    """What is drawn fills the box from edge to edge, and its corners stay free."""
    box = ball_box(3, 60, 320, 240)
    plane = bytearray(320 * 240)
    draw_disc(plane, 320, box, 9)
    drawn = [divmod(at, 320) for at, value in enumerate(plane) if value]
    assert min(y for y, _ in drawn) == box.y
    assert max(y for y, _ in drawn) == box.y + box.h - 1
    assert min(x for _, x in drawn) == box.x
    assert max(x for _, x in drawn) == box.x + box.w - 1
    assert plane[box.y * 320 + box.x] == 0

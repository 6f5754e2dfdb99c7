"""The frame number drawn into a picture, and read back from it.

Strategy: geometry as data and integer arithmetic only, so that a script in a page can read the
same code from a canvas with nothing but the numbers below.

The code is a strip along the top, the full width of the picture and ``height // 12`` rows high,
of 16 cells; cell ``i`` covers the columns ``i * width // 16`` up to ``(i + 1) * width // 16``.
From the left, white being 1:

    cell      0 1 2 3    4 .. 13                        14                15
    meaning   1 0 1 0    the number, high bit first     parity of the     parity of the
              start                                     bits in cells     bits in cells
                                                        4, 6, 8, 10, 12   5, 7, 9, 11, 13

A parity cell is white when an odd number of its bits are white. To read: take the mean of nine
samples round the middle of each cell (``x`` at 3, 4 and 5 eighths of the cell, ``y`` at 3, 4 and
5 eighths of the strip); white is the mean of cells 0 and 2, black that of cells 1 and 3. Reject
the picture when these lie less than 64 apart, when a cell lies in the middle third between them,
or when start or parity do not fit. No level is absolute, so it works on luma of limited range
and on the RGB of a canvas alike, at any scale that leaves a cell a few pixels.

Below the strip a ball goes left and right once, and up and down twice, in the course of a clip;
``ball_box`` is the box round it.
"""

from math import isqrt
from typing import Final, NamedTuple

__all__ = [
    "CELLS",
    "NUMBER_BITS",
    "NUMBER_MAX",
    "START",
    "Box",
    "ball_box",
    "barcode_cells",
    "draw_barcode",
    "draw_disc",
    "read_barcode",
    "strip_height",
]

CELLS: Final = 16
START: Final = (1, 0, 1, 0)
NUMBER_BITS: Final = 10
NUMBER_MAX: Final = 2**NUMBER_BITS - 1

_BLACK: Final = 16  # luma of limited range, ITU-R BT.709 clause 4.6
_WHITE: Final = 235
_CONTRAST_MIN: Final = 64
_SAMPLES_EIGHTHS: Final = (3, 4, 5)


class Box(NamedTuple):
    """A rectangle in pixels, from its upper left corner; all four are even."""

    x: int
    y: int
    w: int
    h: int


def strip_height(height: int) -> int:
    """Rows of the barcode in a picture of this height."""
    return height // 12


def barcode_cells(number: int) -> tuple[int, ...]:
    """The 16 cells for a number from 0 to 1023, white being 1."""
    if not 0 <= number <= NUMBER_MAX:
        raise ValueError(f"number {number} does not fit a barcode, 0 to {NUMBER_MAX} do")
    bits = tuple(number >> shift & 1 for shift in reversed(range(NUMBER_BITS)))
    return START + bits + (sum(bits[0::2]) % 2, sum(bits[1::2]) % 2)


def draw_barcode(luma: bytearray, width: int, height: int, stride: int, number: int) -> None:
    """Draw the number into a luma plane of ``height`` rows that are ``stride`` bytes apart."""
    row = bytearray(width)
    for cell, is_white in enumerate(barcode_cells(number)):
        start, end = cell * width // CELLS, (cell + 1) * width // CELLS
        row[start:end] = bytes([_WHITE if is_white else _BLACK]) * (end - start)
    for y in range(strip_height(height)):
        luma[y * stride : y * stride + width] = row


def read_barcode(
    luma: bytes | bytearray | memoryview, width: int, height: int, stride: int
) -> int | None:
    """The number drawn into a luma plane, or None when there is none to be read."""
    levels = [_cell_level(luma, width, height, stride, cell) for cell in range(CELLS)]
    white = (levels[0] + levels[2]) / 2
    black = (levels[1] + levels[3]) / 2
    third = (white - black) / 3
    if white - black < _CONTRAST_MIN or any(
        black + third < level < white - third for level in levels
    ):
        return None
    cells = tuple(int(level > black + third) for level in levels)
    number = int("".join(map(str, cells[len(START) : len(START) + NUMBER_BITS])), 2)
    return number if cells == barcode_cells(number) else None


def ball_box(number: int, clip_length: int, width: int, height: int) -> Box:
    """Where the ball is in picture ``number`` of a clip of ``clip_length`` pictures.

    With ``swing(n, range) = 2 * range * min(n, clip_length - n) // clip_length``, ``n`` taken
    modulo ``clip_length``, the box is a square of ``side = height // 4`` whose corner lies at
    ``swing(number, width - side)`` from the left and ``swing(2 * number, rest)`` below the
    strip, ``rest`` being what the strip and the ball leave of the height. All rounded down to
    even numbers, as chroma planes of half the size need it.
    """
    strip = strip_height(height)
    side = _even(height // 4)
    x = _swing(number, clip_length, width - side)
    y = strip + 1 + _swing(2 * number, clip_length, height - strip - 1 - side)
    return Box(_even(x), _even(y), side, side)


def draw_disc(plane: bytearray, stride: int, box: Box, value: int) -> None:
    """Fill the circle inside ``box`` of a plane whose rows are ``stride`` bytes apart."""
    for row in range(box.h):
        # In half pixels from the middle, so that an even side needs no rounding.
        reach = (isqrt(box.h**2 - (2 * row + 1 - box.h) ** 2) + 1) // 2
        start = (box.y + row) * stride + box.x + box.w // 2 - reach
        plane[start : start + 2 * reach] = bytes([value]) * (2 * reach)


def _cell_level(
    luma: bytes | bytearray | memoryview, width: int, height: int, stride: int, cell: int
) -> float:
    start, end = cell * width // CELLS, (cell + 1) * width // CELLS
    rows = strip_height(height)
    samples = [
        luma[rows * y // 8 * stride + start + (end - start) * x // 8]
        for y in _SAMPLES_EIGHTHS
        for x in _SAMPLES_EIGHTHS
    ]
    return sum(samples) / len(samples)


def _swing(number: int, clip_length: int, span: int) -> int:
    number %= clip_length
    return 2 * span * min(number, clip_length - number) // clip_length


def _even(value: int) -> int:
    return value & ~1

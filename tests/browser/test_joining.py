"""The measure of how old a picture is."""

import math

from tests.browser.joining import capture_age_ms

MS = 1_000_000


def test_age_is_right_after_the_camera_stood_still() -> None:
    """Each picture counts from its own capture, not from where an even pace would have put it."""
    captures = [(0, 100 * MS), (1, 133 * MS), (2, 1_500 * MS), (0, 1_533 * MS)]
    assert capture_age_ms(captures, 2, 1_510) == 10
    assert capture_age_ms(captures, 0, 1_540) == 7
    assert capture_age_ms(captures, 0, 1_520) == 1_420
    assert capture_age_ms(captures, 3, 1_540) == math.inf

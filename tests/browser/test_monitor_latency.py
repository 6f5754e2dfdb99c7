"""The latency that the page tells, against when the barcode's numbers were on the screen."""

import statistics
import time
from typing import Any

import pytest
from playwright.sync_api import Page

from petstream.shm.detections import DetectionsReader
from simulator import Fixture
from tests.browser.monitor_page import watch

LENGTH = len(Fixture.load("barcode-480p30").access_units)
FRAME_MS = 1000 / 30
READINGS = 100
AGREE_MIN = 95
LATENCY_P50_MAX_MS = 60.0
OVER_MS = 1000.0  # the page tells the median of the pictures of a second


@pytest.mark.nightly
@pytest.mark.realtime
def test_the_latency_is_that_of_the_barcode(drawn_page: Page, segment_name: str) -> None:
    """Each reading is within a frame of the pictures that it is of, in 95 of 100."""
    behind_ms = monotonic_behind_page_ms(drawn_page)
    with DetectionsReader(f"{segment_name}-boxes") as reader:
        while (begun := reader.read()) is None:
            pass
    watched = watch(drawn_page, READINGS * OVER_MS / 1e3 + 2)
    shown = [
        (at, latency_ms(number, at - behind_ms, begun)) for number, at, _ in watched["pictures"]
    ]
    told, differences = [], []
    for at, latency in watched["readings"][1 : READINGS + 1]:
        of = [measured for when, measured in shown if at - OVER_MS <= when < at]
        told.append(latency)
        differences.append(abs(latency - statistics.median(of)))
    agree = sum(difference <= FRAME_MS for difference in differences)
    print(f"{agree} of {len(told)} readings agree; {len(shown)} pictures")
    print(f"apart: {statistics.median(differences):.1f} ms p50, {max(differences):.1f} ms at most")
    print(f"told: {statistics.median(told):.1f} ms p50, {max(told):.1f} ms at most")
    assert len(told) == READINGS
    assert agree >= AGREE_MIN
    assert statistics.median(told) <= LATENCY_P50_MAX_MS


def monotonic_behind_page_ms(page: Page) -> float:
    """performance.now() minus this machine's monotonic clock, by the shortest of some trips."""
    trips = []
    for _ in range(50):
        begin = time.monotonic_ns()
        now_ms = page.evaluate("performance.now()")
        end = time.monotonic_ns()
        trips.append((end - begin, now_ms - (begin + end) / 2e6))
    return float(min(trips)[1])


def latency_ms(number: int, shown_ms: float, begun: Any) -> float:
    """From the capture of a picture of the clip to its display, knowing one capture time."""
    # The picture with this number that was captured last before it was shown.
    since_begun_ms = shown_ms - begun.capture_ns / 1e6
    number_since_begun = (number - begun.frame_number) % LENGTH
    return float((since_begun_ms - number_since_begun * FRAME_MS) % (LENGTH * FRAME_MS))

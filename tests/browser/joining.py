"""Joins in real Chromium, and when each picture was there: for tests and for tools/joins.

Strategy: the camera runs in this process, so that the capture time of every picture is known from
the number in its barcode, whatever RTP says, and also if the camera itself stood still meanwhile.
"""

import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from simulator import Camera

__all__ = ["Join", "Picture", "begin_to_watch", "capture_age_ms", "join", "open_joiner", "seen"]

JOIN_SCRIPT = (Path(__file__).parent / "join.js").read_text()


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        at_ms: after the offer was posted.
        number: in its barcode; -1 if it cannot be read.
        age_ms: since it was captured; infinite for a number that the camera has not shown.
    """

    at_ms: float
    number: int
    age_ms: float


@dataclass(frozen=True)
class Join:
    """A viewer from its offer on.

    Attributes:
        counters: Chromium's inbound-rtp statistics.
        posted_s: when the offer was posted, by CLOCK_MONOTONIC.
    """

    pictures: list[Picture]
    counters: dict[str, Any]
    posted_s: float

    @property
    def first_ms(self) -> float:
        """From the offer to the first decoded picture."""
        return self.pictures[0].at_ms

    def age_after_ms(self, since_ms: float) -> float:
        """How old pictures are, in the median of those that came that long after the offer."""
        ages = sorted(p.age_ms for p in self.pictures if p.at_ms >= since_ms)
        return ages[len(ages) // 2]


def capture_age_ms(captures: Sequence[tuple[int, int]], number: int, now_ms: float) -> float:
    """How long before ``now_ms`` of CLOCK_MONOTONIC the newest picture of a number was captured."""
    ages_ms = (now_ms - at_ns / 1e6 for position, at_ns in reversed(captures) if position == number)
    return next((age_ms for age_ms in ages_ms if age_ms >= 0), math.inf)


def open_joiner(page: Page, url: str) -> None:
    """Make a page ready for join()."""
    page.goto(url)
    page.add_script_tag(content=JOIN_SCRIPT)


def join(page: Page, server: str, camera: Camera, watch_ms: float = 1400) -> Join:
    """Come at a random phase of the GOP, watch for a while, and leave."""
    time.sleep(random.random() / 2)
    begin_to_watch(page, server, watch_ms)
    return seen(page, camera)


def begin_to_watch(page: Page, server: str, watch_ms: float) -> None:
    """Join, and leave that long afterwards; does not wait."""
    page.evaluate("([server, ms]) => { window.joined = join(server, ms); }", [server, watch_ms])


def seen(page: Page, camera: Camera) -> Join:
    """What came to light, once the time is over."""
    came = page.evaluate("window.joined")
    captures = list(camera.stats.captures)
    pictures = [
        Picture(at_ms, number, capture_age_ms(captures, number, came["postedAt"] + at_ms))
        for at_ms, number in (
            (at_ms, -1 if read is None else read) for at_ms, read in came["pictures"]
        )
    ]
    return Join(pictures, came["counters"], came["postedAt"] / 1000)

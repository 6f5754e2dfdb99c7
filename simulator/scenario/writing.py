"""Faults of the act of writing: slow copies, the other order, bursts, stalls, two writers at once.

Strategy: each replaces the three steps claim, copy and post for a number of access units, or
changes when they happen. What is written is left alone.
"""

import time
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from petstream.shm.layout import FRAME_HEADER_SIZE, FRAME_SIZE, RING_SLOTS, Frame
from simulator.errors import ScenarioError
from simulator.fixture import Fixture
from simulator.pacing import interval_of_fps
from simulator.ring_writer import RingWriter
from simulator.scenario.fault import Fault, choice, number, text
from simulator.scenario.stage import Stage, daemon_manner

__all__ = ["Burst", "Fps", "SlowCopy", "Stall", "TwoWriters"]

_COUNT_MAX: Final = 1_000_000
_PARTS: Final = 16  # of a slow copy


@dataclass(frozen=True)
class SlowCopy(Fault, kind="slow-copy"):
    """The copy into the slot takes long, so that readers meet half-written slots.

    Attributes:
        count: access units.
        ms: how long each copy takes.
        order: ``claim-first`` as daemons do, ``copy-first`` as they should.
    """

    count: int = number(30, 1, _COUNT_MAX)
    ms: int = number(12, 0, 10_000)
    order: str = choice("claim-first", "copy-first")

    def act(self, stage: Stage, now: int) -> None:  # noqa: ARG002
        def publish(writer: RingWriter) -> None:
            claims_first = self.order == "claim-first"
            slot = writer.claim() if claims_first else writer.write_index % RING_SLOTS
            for part in range(_PARTS):
                ends = [FRAME_SIZE * step // _PARTS for step in (part, part + 1)]
                writer.copy(slot, *ends)
                stage.wait_ms(self.ms / _PARTS)
            if not claims_first:
                writer.claim()
            writer.post()

        stage.publish_by(self.count, publish)


@dataclass(frozen=True)
class Stall(Fault, kind="stall"):
    """The camera stands still.

    Attributes:
        ms: for how long.
    """

    ms: int = number(3000, 0, 3_600_000)

    def act(self, stage: Stage, now: int) -> None:  # noqa: ARG002
        stage.wait_ms(self.ms)


@dataclass(frozen=True)
class Burst(Fault, kind="burst"):
    """Access units come at once instead of one by one; more than 30 lap a reader that is slow.

    Attributes:
        count: access units.
        whole: copy the whole slot, as daemons do; without it only what is used is copied, which
            is a hundred times quicker and laps any reader.
    """

    count: int = number(15, 1, _COUNT_MAX)
    whole: bool = True

    def act(self, stage: Stage, now: int) -> None:  # noqa: ARG002
        stage.hurried = self.count
        if not self.whole:
            stage.publish_by(self.count, _publish_what_is_used)


def _publish_what_is_used(writer: RingWriter) -> None:
    size = min(FRAME_SIZE, FRAME_HEADER_SIZE + int(writer.frame.data_size))
    writer.copy(writer.claim(), 0, size)
    writer.post()


@dataclass(frozen=True)
class Fps(Fault, kind="fps"):
    """The camera's rate changes and stays so.

    Attributes:
        fps: access units a second, such as ``15`` or ``30000/1001``.
    """

    fps: str = text("15")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._interval_ns()

    def act(self, stage: Stage, now: int) -> None:  # noqa: ARG002
        stage.interval_ns = self._interval_ns()

    def _interval_ns(self) -> Fraction:
        try:
            return interval_of_fps(_positive(self.fps))
        except (ValueError, ZeroDivisionError):
            raise ScenarioError(
                f"fault fps: fps is {self.fps!r}, expected a number over 0"
            ) from None


def _positive(words: str) -> Fraction:
    rate = Fraction(words)
    if not 0 < rate <= 100_000:
        raise ValueError(words)
    return rate


@dataclass(frozen=True)
class TwoWriters(Fault, kind="two-writers"):
    """Two cameras write into one ring, the second in the middle of the first one's copy.

    Attributes:
        count: access units of each.
        clip: what the second camera sees.
        camera_id: of the second.
    """

    count: int = number(30, 1, _COUNT_MAX)
    clip: str = text("bbb-480p30")
    camera_id: int = number(1, 0, 255)

    def act(self, stage: Stage, now: int) -> None:
        other = stage.source_of(Fixture.load(self.clip), self.camera_id)
        numbers = iter(range(now, now + self.count))

        def publish(writer: RingWriter) -> None:
            first, slot = Frame.from_buffer_copy(writer.frame), writer.claim()
            writer.copy(slot, 0, FRAME_SIZE // 2)
            stage.fill(other, next(numbers), time.monotonic_ns())
            daemon_manner(writer)
            writer.frame = first
            writer.copy(slot)
            writer.post()

        stage.publish_by(self.count, publish)

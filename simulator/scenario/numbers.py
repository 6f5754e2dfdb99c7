"""Faults of the numbers beside an access unit: header fields, clock and frame number.

Strategy: the frame is filled as it should be, and then the field is changed. The stamp of a
stamping camera keeps the true number and time, so that a test can tell what it has before it.
"""

from dataclasses import dataclass
from typing import Final

from petstream.shm.layout import Frame
from simulator.scenario.fault import Fault, choice, number
from simulator.scenario.stage import Stage

__all__ = ["Clock", "FrameNumber", "Header"]

_COUNT_MAX: Final = 1_000_000
_NS_PER_MS: Final = 1_000_000
_DAY_MS: Final = 86_400_000
_TIMES: Final = frozenset({"tv_sec", "tv_nsec"})


@dataclass(frozen=True)
class Header(Fault, kind="header"):
    """A field of the slot's header has a value of no use.

    Attributes:
        field: which.
        value: cut to the field's size, as C would.
        count: access units.
    """

    field: str = choice(
        "data_size", "format", "width", "height", "camera_id", "tv_sec", "tv_nsec", "frame_number"
    )
    value: int = number(2**64 - 1, -(2**63), 2**64 - 1)
    count: int = number(3, 1, _COUNT_MAX)

    def act(self, stage: Stage, now: int) -> None:  # noqa: ARG002
        def change(frame: Frame) -> None:
            setattr(frame.timestamp if self.field in _TIMES else frame, self.field, self.value)

        stage.edit_frames(self.count, change)


@dataclass(frozen=True)
class Clock(Fault, kind="clock"):
    """The capture clock is set, and goes on from there.

    Attributes:
        step_ms: forward, or back if negative.
    """

    step_ms: int = number(3_600_000, -30 * _DAY_MS, 30 * _DAY_MS)

    def act(self, stage: Stage, now: int) -> None:  # noqa: ARG002
        stage.clock_offset_ns += self.step_ms * _NS_PER_MS


@dataclass(frozen=True)
class FrameNumber(Fault, kind="frame-number"):
    """The daemon's own numbers jump, go back, or repeat.

    Attributes:
        step: between this number and the last one; 0 repeats it, 1 would be right.
        count: so often in a row.
    """

    step: int = number(0, -1_000_000, 1_000_000)
    count: int = number(5, 1, _COUNT_MAX)

    def act(self, stage: Stage, now: int) -> None:  # noqa: ARG002
        def change(frame: Frame) -> None:
            stage.number_offset += self.step - 1
            frame.frame_number += self.step - 1

        stage.edit_frames(self.count, change)

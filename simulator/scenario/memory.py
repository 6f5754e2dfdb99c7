"""Faults of the segment: its writer dies, it is made anew, cut, or its semaphore is used by others.

Strategy: the segment is let go first, and then its file is treated as another program would treat
it; nothing is mapped while a file has a wrong size, for a store there would be SIGBUS. Each of
these leaves a good segment behind, also when the camera is stopped in the middle.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from petstream.shm.layout import FRAME_SIZE, RING_SIZE, SEM_VALUE_MAX
from petstream.shm.segment import SHM_DIRECTORY
from simulator.ring_writer import RingWriter
from simulator.scenario.fault import Fault, choice, number
from simulator.scenario.stage import Stage, daemon_manner

__all__ = ["Die", "Recreate", "Restart", "Semaphore", "Truncate", "WrongSize"]

_PAUSE_MAX_MS: Final = 600_000
_COUNT_MAX: Final = 2**32 - 1
_DRAINED_MAX: Final = 1000  # posts at a time; a saturated semaphore has two thousand million


def _restart(stage: Stage, now: int) -> None:
    """Another daemon attaches to the segment as it stands."""
    name, created = stage.writer.name, stage.writer.created
    stage.writer.close(leave=True)
    stage.writer = RingWriter(name, take_over=created)
    stage.begin_anew(now)


def _make_anew(stage: Stage, now: int, index: int = 0) -> None:
    """Another daemon makes the segment; what its name leads to now is let go."""
    name = stage.writer.name
    stage.writer.close(leave=True)
    _path(name).unlink(missing_ok=True)
    stage.writer = RingWriter(name)
    stage.writer.write_index = index
    stage.begin_anew(now)


def _path(name: str) -> Path:
    return SHM_DIRECTORY / name.removeprefix("/")


@dataclass(frozen=True)
class Die(Fault, kind="die"):
    """The daemon is killed in mid-copy, and started again on the same segment.

    Attributes:
        after_bytes: of the slot that had been copied.
        pause_ms: until the next daemon attaches.
    """

    after_bytes: int = number(FRAME_SIZE // 2, 0, FRAME_SIZE - 1)
    pause_ms: int = number(200, 0, _PAUSE_MAX_MS)

    def act(self, stage: Stage, now: int) -> None:
        stage.fill(stage.source, now, time.monotonic_ns())
        stage.writer.copy(stage.writer.claim(), 0, self.after_bytes)
        stage.wait_ms(self.pause_ms)
        _restart(stage, now)


@dataclass(frozen=True)
class Restart(Fault, kind="restart"):
    """The daemon ends between two access units, and is started again on the same segment.

    Attributes:
        pause_ms: until the next daemon attaches.
        init_semaphore: it initialises the semaphore again, which it must not.
    """

    pause_ms: int = number(200, 0, _PAUSE_MAX_MS)
    init_semaphore: bool = False

    def act(self, stage: Stage, now: int) -> None:
        stage.wait_ms(self.pause_ms)
        _restart(stage, now)
        if self.init_semaphore:
            stage.writer.init_semaphore()


@dataclass(frozen=True)
class Recreate(Fault, kind="recreate"):
    """The segment is unlinked and made anew.

    Attributes:
        index: where the new daemon's ``write_index`` begins, also lower than it was, or near 2^32.
        pause_ms: how long there is no segment.
    """

    index: int = number(0, 0, _COUNT_MAX)
    pause_ms: int = number(0, 0, _PAUSE_MAX_MS)

    def act(self, stage: Stage, now: int) -> None:
        _path(stage.writer.name).unlink(missing_ok=True)
        stage.wait_ms(self.pause_ms)
        _make_anew(stage, now, self.index)


@dataclass(frozen=True)
class Truncate(Fault, kind="truncate"):
    """The segment is cut under its readers, and made anew later.

    Attributes:
        size: bytes that are left.
        pause_ms: for how long.
    """

    size: int = number(0, 0, RING_SIZE - 1)
    pause_ms: int = number(500, 0, _PAUSE_MAX_MS)

    def act(self, stage: Stage, now: int) -> None:
        path = _path(stage.writer.name)
        if path.exists():
            os.truncate(path, self.size)
        stage.wait_ms(self.pause_ms)
        _make_anew(stage, now)


@dataclass(frozen=True)
class WrongSize(Fault, kind="wrong-size"):
    """A segment of another size stands in the ring's place for a while.

    Attributes:
        size: its bytes; 93314112 is a later daemon's, 0 one that is just being made.
        pause_ms: for how long.
    """

    size: int = number(93_314_112, 0, 2**31 - 1)
    pause_ms: int = number(500, 0, _PAUSE_MAX_MS)

    def act(self, stage: Stage, now: int) -> None:
        path = _path(stage.writer.name)
        path.unlink(missing_ok=True)
        with path.open("xb") as file:
            os.truncate(file.fileno(), self.size)  # sparse: no memory is used
        stage.wait_ms(self.pause_ms)
        _make_anew(stage, now)


@dataclass(frozen=True)
class Semaphore(Fault, kind="semaphore"):
    """Somebody else uses the ring's semaphore.

    Attributes:
        action: ``drain`` takes every post away, ``saturate`` sets the highest value,
            ``init`` initialises it to 0.
        count: access units that ``drain`` goes on for.
    """

    action: str = choice("drain", "saturate", "init")
    count: int = number(60, 1, _COUNT_MAX)

    def act(self, stage: Stage, now: int) -> None:  # noqa: ARG002
        if self.action == "drain":
            stage.publish_by(self.count, _drain)
        else:
            stage.writer.init_semaphore(SEM_VALUE_MAX if self.action == "saturate" else 0)


def _drain(writer: RingWriter) -> None:
    daemon_manner(writer)
    for _ in range(_DRAINED_MAX):
        if not writer.try_wait():
            break

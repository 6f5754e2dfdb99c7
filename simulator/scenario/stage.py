"""What a fault acts upon: the segment's writer, the source, and what is done to each access unit.

Strategy: an access unit passes three lists on its way into the ring. *Edits of the bytes* change
what is in it, *edits of the frame* what stands beside it, and a *manner* replaces the three steps
claim, copy and post. Each entry counts down with every access unit, so faults that overlap add
up. Without faults the lists are empty, and the stage does what a daemon does.

The stage belongs to the camera's thread.
"""

import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Final, Generic, TypeVar

from petstream.shm.layout import Frame
from simulator.fixture import Fixture
from simulator.ring_writer import RingWriter
from simulator.source import Source

__all__ = ["Manner", "Stage", "daemon_manner"]

_U64: Final = 2**64

EditBytes = Callable[[bytes], bytes]
EditFrame = Callable[[Frame], None]
Manner = Callable[[RingWriter], None]
Entry = TypeVar("Entry")


def daemon_manner(writer: RingWriter) -> None:
    """Publish the writer's frame in the daemon's order: claim, copy, post."""
    writer.copy(writer.claim())
    writer.post()


class _Lasting(Generic[Entry]):
    """Entries that each last for a number of access units."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, Entry]] = []

    def add(self, count: int, entry: Entry) -> None:
        self._entries.append((count, entry))

    def take(self) -> list[Entry]:
        """The entries for the next access unit, in the order in which they came."""
        taken = [entry for _, entry in self._entries]
        self._entries = [(left - 1, entry) for left, entry in self._entries if left > 1]
        return taken


class Stage:
    """The camera as faults see it.

    Attributes:
        writer: the ring's writing end; a fault may put another in its place.
        source: what is written next.
        interval_ns: between access units, as long as the segment asks for nothing else.
        clock_offset_ns: added to each capture time.
        number_offset: added to each frame number.
        hurried: so many access units are not waited for.
        stop: set when the camera shall end.
    """

    def __init__(
        self,
        writer: RingWriter,
        source: Source,
        *,
        interval_ns: Fraction,
        stamp: bool,
        stop: threading.Event,
    ) -> None:
        self.writer = writer
        self.source = source
        self.interval_ns = interval_ns
        self.clock_offset_ns = 0
        self.number_offset = 0
        self.hurried = 0
        self._stamp = stamp
        self.stop = stop
        self._bytes: _Lasting[EditBytes] = _Lasting()
        self._frames: _Lasting[EditFrame] = _Lasting()
        self._manners: _Lasting[Manner] = _Lasting()

    def edit_bytes(self, count: int, edit: EditBytes) -> None:
        """Change what is in the next ``count`` access units."""
        self._bytes.add(count, edit)

    def edit_frames(self, count: int, edit: EditFrame) -> None:
        """Change what stands beside the next ``count`` access units."""
        self._frames.add(count, edit)

    def publish_by(self, count: int, manner: Manner) -> None:
        """Publish the next ``count`` access units in another manner; the latest one counts."""
        self._manners.add(count, manner)

    def wait_ms(self, duration_ms: float) -> None:
        """Do nothing for so long, or until the camera is stopped."""
        self.stop.wait(duration_ms / 1e3)

    def see(self, clip: Fixture, camera_id: int) -> None:
        """Go on with another clip, from its first access unit."""
        self.source = self.source_of(clip, camera_id)

    def source_of(self, clip: Fixture, camera_id: int) -> Source:
        """Another camera before a clip."""
        return Source(
            clip, camera_id=camera_id, width=clip.width, height=clip.height, stamp=self._stamp
        )

    def begin_anew(self, number: int) -> None:
        """What a daemon does when it starts: from an IDR on, its numbers from 0."""
        self.source.position = 0
        self.number_offset = -number

    def fill(self, source: Source, number: int, capture_ns: int) -> int:
        """Put the next access unit of a source into the writer's frame; its size in bytes."""
        unit = source.take(number, capture_ns)
        for edit in self._bytes.take():
            unit = edit(unit)
        self.writer.fill(
            unit,
            frame_number=(number + self.number_offset) % _U64,
            capture_ns=capture_ns + self.clock_offset_ns,
            camera_id=source.camera_id,
            width=source.width,
            height=source.height,
        )
        for edit_frame in self._frames.take():
            edit_frame(self.writer.frame)
        return len(unit)

    def publish(self, number: int, capture_ns: int) -> int:
        """Write the next access unit; its size in bytes."""
        manner = (self._manners.take() or [daemon_manner])[-1]
        self.hurried = max(0, self.hurried - 1)
        size = self.fill(self.source, number, capture_ns)
        manner(self.writer)
        return size

"""A stage whose camera is the test: one access unit at a time, with a fault before it or not."""

import threading
from fractions import Fraction

from petstream.h264.nal import nal_unit_type, split_annexb
from simulator import Fixture, RingWriter
from simulator.scenario import Fault
from simulator.scenario.stage import Stage
from simulator.source import Source

from ..ring_view import RingView, SeenFrame, segment_path

__all__ = ["Bench"]


class Bench:
    """A stage whose camera is the test."""

    def __init__(self, segment: str, clip: Fixture) -> None:
        self.clip = clip
        self.stop = threading.Event()
        self.stop.set()  # so that nothing waits
        source = Source(clip, camera_id=0, width=clip.width, height=clip.height, stamp=False)
        self.stage = Stage(
            RingWriter(segment), source, interval_ns=Fraction(1), stamp=False, stop=self.stop
        )
        self.number = 0

    def write(self, fault: Fault | None = None) -> SeenFrame:
        """Write the next access unit, after a fault if there is one; what is in its slot."""
        if fault is not None:
            fault.act(self.stage, self.number)
        index = self.stage.writer.write_index
        self.stage.publish(self.number, 1_000_000_000 * (self.number + 1))
        self.number += 1
        return self.frame(index)

    def frame(self, index: int) -> SeenFrame:
        """The slot of a count."""
        with RingView.of(self.stage.writer.name) as view:
            return view.frame(index % 30)

    def kinds(self, data: bytes) -> list[int]:
        """The NAL unit types in an access unit."""
        return [nal_unit_type(nal) for nal in split_annexb(data)]

    @property
    def inode(self) -> int:
        """Of the segment its name leads to."""
        return segment_path(self.stage.writer.name).stat().st_ino

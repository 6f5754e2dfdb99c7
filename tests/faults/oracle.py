"""What a viewer or a recording would get, judged by the stamps the camera puts in.

Strategy: reader, processor and IDR gate in the thread of the test, which is what a subscription
sits behind. The stamp has the true number and a CRC of the slices, whatever the header says.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from petstream.errors import StreamError
from petstream.h264.access_unit import AccessUnit
from petstream.h264.gop import IdrGate
from petstream.h264.nal import is_random_access
from petstream.h264.processor import Processor
from petstream.h264.sei import find_stamp, stamp_crc
from petstream.shm.ring import RingReader

__all__ = ["Watched", "make_reader", "watch"]


@dataclass
class Watched:
    """What came through.

    Attributes:
        units: access units behind the gate, in order.
        numbers: their true numbers, None for one that has no stamp.
        refused: slots that the processor refused, by reason.
    """

    units: list[AccessUnit] = field(default_factory=list)
    numbers: list[int | None] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    def take(self, unit: AccessUnit) -> None:
        """Keep an access unit, and check that it is whole."""
        stamp = find_stamp(unit.nal_units)
        if stamp is not None:
            assert stamp.crc == stamp_crc(unit.nal_units), f"access unit {stamp} is corrupt"
        self.units.append(unit)
        self.numbers.append(None if stamp is None else stamp.frame_number)


def watch(reader: RingReader, is_over: Callable[[Watched], bool], timeout_s: float) -> Watched:
    """Read until ``is_over``; AssertionError after the time-out."""
    watched, processor, gate = Watched(), Processor(), IdrGate()
    deadline = time.monotonic() + timeout_s
    while not is_over(watched):
        assert time.monotonic() < deadline, (watched.numbers[-5:], watched.refused, reader.stats)
        for slot in reader.read(0.05):
            try:
                unit = processor.process(slot)
            except StreamError as error:
                watched.refused[error.reason] += 1
                continue
            if gate.admit(unit):
                watched.take(unit)
    return watched


def make_reader(name: str) -> RingReader:
    """A reader as the pipeline has it."""
    return RingReader(name, is_random_access=is_random_access)

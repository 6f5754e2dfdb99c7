"""Every scenario of the catalogue against the reader: nothing corrupt, and the picture comes back.

Strategy: each is played at three times the speed, and then without faults until a second of video
came without a gap. What passed the gate by then is whole and rises. What a scenario must do to the
stream besides is in ``EXPECTED``, so that a fault that did nothing would fail.

A reader that the machine keeps waiting is lapped, or cannot tell whole slots from torn ones, and
counts them; no other loss is allowed where a scenario leaves the stream sound.
"""

import dataclasses
from collections.abc import Callable

import pytest

from petstream.h264.nal import NalUnitType, nal_unit_type
from petstream.shm.ring import RingReader
from simulator import Camera, compose
from simulator.scenario import SCENARIOS
from tests.faults.oracle import Watched, make_reader, watch
from tests.scale import scaled

Check = Callable[[Watched, RingReader], bool]

EXPECTED: dict[str, Check] = {
    "b-frames": lambda watched, _: not watched.refused,
    "bad-header": lambda _, reader: len(reader.stats.rejected) == 4,
    "bad-nal-units": lambda watched, reader: sound(watched, reader),
    "clock": lambda watched, reader: sound(watched, reader),
    "day-night": lambda watched, _: {unit.camera_id for unit in watched.units} == {0, 1},
    "garbage": lambda watched, _: bool(watched.refused),
    "headers": lambda watched, _: watched.refused["parameter_sets_only"] > 0,
    "killed": lambda _, reader: reader.stats.torn > 0,
    "lapped": lambda _, reader: reader.stats.slots_lost > 0,
    "new-sps": lambda watched, _: len({u.parameter_sets for u in watched.units}) == 2,
    "numbers": lambda watched, _: [u.frame_number for u in watched.units] != watched.numbers,
    "recreate": lambda _, reader: reader.stats.attaches == 4,
    "safe-order": lambda watched, reader: sound(watched, reader),
    "sound": lambda watched, reader: sound(watched, reader),
    "truncate": lambda _, reader: reader.stats.attaches == 4 and reader.stats.read_errors == 3,
    "variable-fps": lambda watched, reader: sound(watched, reader),
    "wrap": lambda _, reader: reader.stats.attaches == 3,
    "wrong-size": lambda _, reader: reader.stats.attaches == 4,
}


def sound(watched: Watched, reader: RingReader) -> bool:
    """Nothing is refused, and nothing is missing but what the reader says it was too late for."""
    complete = watched.numbers == [*range(len(watched.numbers))]
    return not watched.refused and (complete or reader.stats.slots_lost + reader.stats.torn > 0)


def goes_on(watched: Watched, start: int) -> bool:
    """A second of video came without a gap, after the last fault."""
    last = [number for number in watched.numbers[-30:] if number is not None]
    return len(last) == 30 and last[0] >= start and last == [*range(last[0], last[0] + 30)]


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(scaled(1, 25)))
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_stream_survives(name: str, seed: int, segment_name: str) -> None:
    """What passed the gate is whole and in order, and it goes on when the fault is over."""
    drawn = compose([name], seed)
    timeline = dataclasses.replace(drawn, length=drawn.length + 1000)
    with (
        make_reader(segment_name) as reader,
        Camera(scenario=timeline, shm=segment_name, speed=3) as camera,
    ):
        watched = watch(reader, lambda seen: goes_on(seen, drawn.length), timeout_s=40)
        assert camera.faults == list(timeline.faults)
    numbers = [number for number in watched.numbers if number is not None]
    assert numbers == sorted(numbers)
    # A daemon that was killed leaves one that the next daemon's first has the number of.
    captured = {(unit.camera_id, unit.annexb()) for unit in watched.units}
    assert len(captured) == len(watched.units), "an access unit came twice"
    for unit in watched.units:
        assert not any(nal[0] & 0x80 or nal_unit_type(nal) in UNFIT for nal in unit.nal_units)
    check = EXPECTED.get(name)
    assert check is None or check(watched, reader), (watched.refused, reader.stats)


UNFIT = {0, NalUnitType.ACCESS_UNIT_DELIMITER, NalUnitType.FILLER_DATA, *range(24, 32)}

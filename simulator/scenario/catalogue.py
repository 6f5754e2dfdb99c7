"""Scenarios by name: each draws a few faults of its kind, at places and sizes from a seed.

Strategy: a scenario is a function from a random source to faults. Each leaves the first second and
a half alone, so that whoever watches has seen a sound stream, and the last second too, so that it
can be seen to come back. Composing is drawing each with the same seed and doing them all.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from petstream.shm.layout import DATA_SIZE_MAX, RING_SIZE
from simulator.errors import ScenarioError
from simulator.scenario.fault import Fault
from simulator.scenario.memory import Die, Recreate, Restart, Semaphore, Truncate, WrongSize
from simulator.scenario.numbers import Clock, FrameNumber, Header
from simulator.scenario.stream import BadNalUnits, EmptyNalUnits, Garbage, Headers, Switch
from simulator.scenario.timeline import DEFAULT_CLIP, Timeline
from simulator.scenario.writing import Burst, Fps, SlowCopy, Stall, TwoWriters

__all__ = ["SCENARIOS", "Scenario", "compose"]

_LENGTH: Final = 300
_FIRST: Final = 45
_LAST: Final = _LENGTH - 30

Draw = Callable[[random.Random], list[Fault]]


@dataclass(frozen=True)
class Scenario:
    """One entry of the catalogue.

    Attributes:
        summary: one line for people.
        draw: its faults.
        clip: what is played.
    """

    summary: str
    draw: Draw
    clip: str = DEFAULT_CLIP


def _places(source: random.Random, count: int) -> list[int]:
    """Rising places, each in its own part of the timeline, a quarter of a part apart at least."""
    part = (_LAST - _FIRST) // count
    return [_FIRST + at * part + source.randrange(part * 3 // 4) for at in range(count)]


def _torn(source: random.Random) -> list[Fault]:
    return [SlowCopy(at, 20, source.randint(5, 25)) for at in _places(source, 4)]


def _safe_order(source: random.Random) -> list[Fault]:
    return [SlowCopy(0, _LENGTH, source.randint(5, 25), "copy-first")]


def _killed(source: random.Random) -> list[Fault]:
    return [
        Die(at, source.randrange(3_110_448), source.randint(50, 500)) for at in _places(source, 3)
    ]


def _stall(source: random.Random) -> list[Fault]:
    return [Stall(at, source.randint(1_000, 4_000)) for at in _places(source, 2)]


def _restart(source: random.Random) -> list[Fault]:
    first, second = _places(source, 2)
    return [
        Restart(first, source.randint(20, 800)),
        Restart(second, source.randint(20, 800), init_semaphore=True),
    ]


def _recreate(source: random.Random) -> list[Fault]:
    first, second, third = _places(source, 3)
    return [
        Recreate(first, source.randint(1_000, 100_000)),
        Recreate(second, 0, source.randint(0, 800)),
        Recreate(third, source.randrange(2**32)),
    ]


def _truncate(source: random.Random) -> list[Fault]:
    sizes = (0, 4096, source.randrange(RING_SIZE))
    return [
        Truncate(at, size, source.randint(100, 1_000))
        for at, size in zip(_places(source, 3), sizes, strict=True)
    ]


def _wrong_size(source: random.Random) -> list[Fault]:
    sizes = (0, 93_314_112, source.randrange(2**27))
    return [
        WrongSize(at, size, source.randint(100, 1_000))
        for at, size in zip(_places(source, 3), sizes, strict=True)
    ]


def _wrap(source: random.Random) -> list[Fault]:
    return [Recreate(at, 2**32 - source.randint(1, 60)) for at in _places(source, 2)]


def _semaphore(source: random.Random) -> list[Fault]:
    actions = source.sample(["drain", "saturate", "init"], 3)
    return [
        Semaphore(at, action, source.randint(10, 60))
        for at, action in zip(_places(source, 3), actions, strict=True)
    ]


def _lapped(source: random.Random) -> list[Fault]:
    return [Burst(at, source.randint(31, 65), whole=False) for at in _places(source, 3)]


def _burst(source: random.Random) -> list[Fault]:
    faults: list[Fault] = []
    for at in _places(source, 3):
        faults += [Stall(at, source.randint(200, 900)), Burst(at, source.randint(5, 25))]
    return faults


def _bad_header(source: random.Random) -> list[Fault]:
    values = {
        "data_size": (0, DATA_SIZE_MAX + 1, 2**31, 2**63, 2**64 - 1),
        "format": (0, 1, 2, 4, -1),
        "width": (0, -1, 15, 2**31 - 1),
        "height": (0, -1, 15, 2**31 - 1),
        "camera_id": (-1, 256, 2**31 - 1),
    }
    return [
        Header(at, name, source.choice(values[name]), source.randint(1, 4))
        for at, name in zip(_places(source, len(values)), values, strict=True)
    ]


def _garbage(source: random.Random) -> list[Fault]:
    return [
        Garbage(at, source.randint(1, 4), source.randint(1, 50_000), source.randrange(2**32), dense)
        for at, dense in zip(_places(source, 4), (False, True, False, True), strict=True)
    ]


def _nal_units(source: random.Random) -> list[Fault]:
    first, second = _places(source, 2)
    return [EmptyNalUnits(first, 40), BadNalUnits(second, 40, source.randrange(2**32))]


def _headers(source: random.Random) -> list[Fault]:
    hows = ("missing", "swapped", "late", "alone")
    return [Headers(at, 35, how) for at, how in zip(_places(source, 4), hows, strict=True)]


def _new_sps(source: random.Random) -> list[Fault]:
    first, second = _places(source, 2)
    return [Switch(first, "bbb-480p30"), Switch(second, "barcode-480p30")]


def _night(source: random.Random) -> list[Fault]:
    dusk, dawn = _places(source, 2)
    return [
        TwoWriters(dusk, 10, "bbb-480p30", 1),
        Switch(dusk + 10, "bbb-480p30", 1),
        Switch(dawn, "barcode-480p30", 0),
    ]


def _fps(source: random.Random) -> list[Fault]:
    rates = ("15", "60", "30000/1001", "30")
    return [Fps(at, rate) for at, rate in zip(_places(source, 4), rates, strict=True)]


def _clock(source: random.Random) -> list[Fault]:
    first, second, third, fourth = _places(source, 4)
    return [
        Clock(first, 3_600_000),
        Clock(second, -source.randint(1, 7_200_000)),
        Header(third, "tv_sec", 0, 3),
        Header(fourth, "tv_nsec", source.randint(10**9, 2**62), 3),
    ]


def _numbers(source: random.Random) -> list[Fault]:
    first, second, third = _places(source, 3)
    return [
        FrameNumber(first, 0, source.randint(2, 9)),
        FrameNumber(second, -source.randint(1, 500), 1),
        FrameNumber(third, source.randint(2, 100_000), 3),
    ]


def _none(source: random.Random) -> list[Fault]:  # noqa: ARG001
    return []


SCENARIOS: Final[dict[str, Scenario]] = {
    "b-frames": Scenario("a stream with B-frames", _none, "b-frames-480p30"),
    "bad-header": Scenario("data_size, format, sizes and camera_id of no use", _bad_header),
    "bad-nal-units": Scenario("empty NAL units, and types no decoder may see", _nal_units),
    "burst": Scenario("stalls, after which what was held up comes at once", _burst),
    "clock": Scenario("the capture clock steps, is 0, has too many nanoseconds", _clock),
    "day-night": Scenario("two cameras write at once, then one takes over and back", _night),
    "garbage": Scenario("slots with random bytes", _garbage),
    "headers": Scenario("SPS and PPS missing, swapped, late, in a slot of their own", _headers),
    "killed": Scenario("the daemon is killed in mid-copy, another goes on", _killed),
    "lapped": Scenario("more slots than the ring has, in less than a frame's time", _lapped),
    "new-sps": Scenario("another SPS and picture size, and back", _new_sps),
    "numbers": Scenario("frame_number repeats, goes back and jumps", _numbers),
    "recreate": Scenario("unlinked and made anew, with a higher, lower and any index", _recreate),
    "restart": Scenario("the daemon starts again on the segment, once with sem_init", _restart),
    "safe-order": Scenario("slow copies in the safe order: copy first, then publish", _safe_order),
    "semaphore": Scenario("the semaphore is drained, saturated and initialised", _semaphore),
    "sound": Scenario("nothing goes wrong", _none),
    "stall": Scenario("the camera stands still for seconds", _stall),
    "torn": Scenario("slow copies, so that the newest slot is half-written", _torn),
    "truncate": Scenario("the segment is cut while it is read", _truncate),
    "variable-fps": Scenario("15, 60, 29.97 and 30 access units a second", _fps),
    "wrap": Scenario("the index passes 2^32", _wrap),
    "wrong-size": Scenario("a segment of another size takes the ring's place", _wrong_size),
}


def compose(names: Sequence[str], seed: int = 0) -> Timeline:
    """The timeline of one scenario, or of several at once.

    Args:
        names: from ``SCENARIOS``.
        seed: decides places and sizes; the same seed draws the same timeline.

    Raises:
        ScenarioError: there is no such scenario, or none was named.
    """
    for name in names:
        if name not in SCENARIOS:
            raise ScenarioError(f"no scenario {name!r}, choose from: {', '.join(SCENARIOS)}")
    if not names:
        raise ScenarioError(f"no scenario named, choose from: {', '.join(SCENARIOS)}")
    # A source for each, so that composing does not change what a scenario draws.
    faults = [
        fault for name in names for fault in SCENARIOS[name].draw(random.Random(f"{seed} {name}"))
    ]
    clips = [SCENARIOS[name].clip for name in names]
    clip = next((clip for clip in clips if clip != DEFAULT_CLIP), DEFAULT_CLIP)
    origin = f"petstream-sim --scenario {','.join(names)} --seed {seed}"
    return Timeline(tuple(faults), clip=clip, length=_LENGTH, origin=origin)

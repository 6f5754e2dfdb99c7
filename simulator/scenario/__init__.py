"""A camera that fails on command: faults, timelines of them, and scenarios by name.

    from simulator import Camera
    from simulator.scenario import Timeline, compose, SlowCopy

    Camera(scenario=compose(["torn", "stall"], seed=7))
    Camera(scenario=Timeline((SlowCopy(at=60, count=30, ms=12),)))

Reading order: ``stage`` (what faults act upon), ``fault`` (what they are), ``memory``,
``writing``, ``stream`` and ``numbers`` (the faults), ``timeline``, ``catalogue``,
``reading``.
"""

from simulator.scenario.catalogue import SCENARIOS, Scenario, compose
from simulator.scenario.fault import FAULT_KINDS, Fault
from simulator.scenario.memory import Die, Recreate, Restart, Semaphore, Truncate, WrongSize
from simulator.scenario.numbers import Clock, FrameNumber, Header
from simulator.scenario.reading import parse_timeline
from simulator.scenario.stream import BadNalUnits, EmptyNalUnits, Garbage, Headers, Switch
from simulator.scenario.timeline import Timeline
from simulator.scenario.writing import Burst, Fps, SlowCopy, Stall, TwoWriters

__all__ = [
    "FAULT_KINDS",
    "SCENARIOS",
    "BadNalUnits",
    "Burst",
    "Clock",
    "Die",
    "EmptyNalUnits",
    "Fault",
    "Fps",
    "FrameNumber",
    "Garbage",
    "Header",
    "Headers",
    "Recreate",
    "Restart",
    "Scenario",
    "Semaphore",
    "SlowCopy",
    "Stall",
    "Switch",
    "Timeline",
    "Truncate",
    "TwoWriters",
    "WrongSize",
    "compose",
    "parse_timeline",
]

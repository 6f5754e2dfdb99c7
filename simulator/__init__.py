"""A camera without hardware: plays H.264 clips into the shared-memory ring, as the daemon does.

    from simulator import Camera

    with Camera("barcode-480p30", shm="/my_test", loop=True):
        ...

Reading order: ``ring_writer`` on ``segment``, ``fixture`` on ``index`` and ``access_units``,
``pacing``, ``stamping`` and ``source``, ``detections``, what goes wrong in ``scenario``, then
``camera``, which joins them, and ``cli``. ``barcode`` stands for itself. Only petstream.shm and
petstream.h264 are used from petstream.

The names below are loaded when they are first asked for: ``pytest_plugin``, which pytest loads in
everybody's runs, is in this package.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.barcode import Box, ball_box, draw_barcode, read_barcode
    from simulator.camera import Camera, CameraStats
    from simulator.detections import DEFAULT_DETECTIONS, DetectionsWriter
    from simulator.errors import FixtureError, ScenarioError
    from simulator.fixture import Fixture, find_fixture, fixture_names
    from simulator.pacing import Pacer
    from simulator.ring_writer import DEFAULT_SEGMENT, RingWriter
    from simulator.scenario.catalogue import compose
    from simulator.scenario.reading import parse_timeline
    from simulator.scenario.timeline import Timeline
    from simulator.segment import WritableSegment

__all__ = [
    "DEFAULT_DETECTIONS",
    "DEFAULT_SEGMENT",
    "Box",
    "Camera",
    "CameraStats",
    "DetectionsWriter",
    "Fixture",
    "FixtureError",
    "Pacer",
    "RingWriter",
    "ScenarioError",
    "Timeline",
    "WritableSegment",
    "ball_box",
    "compose",
    "draw_barcode",
    "find_fixture",
    "fixture_names",
    "parse_timeline",
    "read_barcode",
]

_HOMES = {
    "DEFAULT_DETECTIONS": "simulator.detections",
    "DEFAULT_SEGMENT": "simulator.ring_writer",
    "Box": "simulator.barcode",
    "Camera": "simulator.camera",
    "CameraStats": "simulator.camera",
    "DetectionsWriter": "simulator.detections",
    "Fixture": "simulator.fixture",
    "FixtureError": "simulator.errors",
    "Pacer": "simulator.pacing",
    "RingWriter": "simulator.ring_writer",
    "ScenarioError": "simulator.errors",
    "Timeline": "simulator.scenario.timeline",
    "WritableSegment": "simulator.segment",
    "ball_box": "simulator.barcode",
    "compose": "simulator.scenario.catalogue",
    "draw_barcode": "simulator.barcode",
    "find_fixture": "simulator.fixture",
    "fixture_names": "simulator.fixture",
    "parse_timeline": "simulator.scenario.reading",
    "read_barcode": "simulator.barcode",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'simulator' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value

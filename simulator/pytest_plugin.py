"""A camera, a server and a viewer for other people's tests; pytest finds this module by itself.

    def test_my_page(camera, petstream_server, viewer):
        units = viewer.wait_for(30)
        assert camera.is_running and units[0].nal_units

Strategy: pytest imports this module in every run of everybody who has petstream installed, so it
imports nothing but pytest; the simulator, the server and aiortc come with the fixture that needs
them. Markers change what the fixtures make:

    @pytest.mark.camera("bbb-480p30", scenario="torn,stall", seed=7, fps=15)
    @pytest.mark.petstream("-max-clients=2", "-pre-roll=3")
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from petstream.server import Server
    from simulator.camera import Camera
    from simulator.viewer import Viewer

__all__ = ["camera", "petstream_segment", "petstream_server", "pytest_configure", "viewer"]

_MARKERS = (
    "camera(clip, scenario=..., seed=..., **options): what the fixture camera plays, as"
    " simulator.Camera takes it; scenario may be names from petstream-sim --list-scenarios",
    "petstream(*flags): flags of petstream serve for the fixture petstream_server",
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known, for those who run with --strict-markers."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.fixture
def petstream_segment() -> Iterator[str]:
    """The name of a shared-memory segment that nobody else uses."""
    name = f"/petstream-{os.getpid()}-{uuid.uuid4().hex[:12]}"
    yield name
    Path("/dev/shm", name[1:]).unlink(missing_ok=True)


@pytest.fixture
def camera(request: pytest.FixtureRequest, petstream_segment: str) -> Iterator[Camera]:
    """A simulated camera (``simulator.Camera``) that plays a clip in a loop until the test ends.

    Each picture of its default clip shows its number, and each access unit carries a stamp.
    """
    from simulator.camera import Camera

    marker = request.node.get_closest_marker("camera")
    options: dict[str, Any] = {"loop": True, "stamp": True, "shm": petstream_segment}
    clips: tuple[Any, ...] = ()
    if marker is not None:
        clips, options = marker.args, {**options, **_camera_options(marker.kwargs)}
    with Camera(*clips, **options) as made:
        yield made


@pytest.fixture
def petstream_server(
    request: pytest.FixtureRequest, petstream_segment: str, tmp_path: Path
) -> Iterator[Server]:
    """``petstream serve`` in this process (``petstream.server.Server``), on free ports.

    ``addresses["http"]`` is its URL, ``service`` what is behind it; recordings go to
    ``tmp_path / "recordings"``. It starts whether or not there is a camera.
    """
    from petstream.config import Config, load_config
    from petstream.server import Server

    marker = request.node.get_closest_marker("petstream")
    flags = [
        f"-shm={petstream_segment}",
        *(f"-{port}=127.0.0.1:0" for port in ("http", "metrics", "pprof")),
        f"-record-path={tmp_path / 'recordings'}",
        "-ice-addresses=127.0.0.1",
        *(marker.args if marker is not None else ()),
    ]
    server = Server(load_config(Config, flags, {}).config)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def viewer(camera: Camera, petstream_server: Server) -> Iterator[Viewer]:  # noqa: ARG001
    """A viewer (``simulator.viewer.Viewer``) that is connected and has its first picture."""
    from simulator.viewer import Viewer

    with Viewer(petstream_server.service.offer) as connected:
        connected.wait_for(1)
        yield connected


def _camera_options(given: dict[str, Any]) -> dict[str, Any]:
    """The options of a marker, its scenario drawn if it is a name."""
    from simulator.scenario import compose

    options = dict(given)
    seed = options.pop("seed", 0)
    if isinstance(options.get("scenario"), str):
        options["scenario"] = compose(options["scenario"].split(","), seed)
    return options

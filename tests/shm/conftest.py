"""What the shared-memory tests share: C programs, compiled, and a gate's camera."""

import subprocess
from pathlib import Path

import pytest

from petstream.shm.header import c_header
from tests.shm.gate_camera import Camera

SOURCES = Path(__file__).parent / "c"


@pytest.fixture(scope="session")
def c_programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ``writer``, ``waiter`` and ``layout``, built without a warning."""
    directory = tmp_path_factory.mktemp("c")
    (directory / "pet_shm.h").write_text(c_header(), encoding="ascii")
    for source in SOURCES.glob("*.c"):
        command = ["gcc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{directory}"]
        command += [str(source), "-o", str(directory / source.stem), "-pthread"]
        subprocess.run(command, check=True)
    return directory


@pytest.fixture
def camera() -> Camera:
    """A camera whose gate has just learned its base."""
    camera = Camera()
    camera.frame()
    assert camera.gate.mode == "gate"
    camera.whole.clear()
    return camera

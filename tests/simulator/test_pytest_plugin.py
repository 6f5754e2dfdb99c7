"""The pytest plugin: in a fresh environment, and for those who do not use it."""

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
import requests

from tests.scale import NIGHTLY

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "tests" / "example_project"


def run(*command: str | Path, directory: Path) -> str:
    """Run a command; its output, AssertionError with all of it if it fails."""
    done = subprocess.run(
        list(map(str, command)), cwd=directory, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(400)
def test_somebody_elses_tests_pass_in_a_fresh_environment(tmp_path: Path) -> None:
    """With nothing but pip install of the project, and pytest, the fixtures are there and work.

    In the gate what the project needs is lent by this environment; at night all of it is fetched.
    """
    environment, project = tmp_path / "venv", tmp_path / "project"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    pip: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    if NIGHTLY:
        run(*pip, ROOT, "pytest", directory=tmp_path)
    else:
        run(*pip, "--no-deps", ROOT, directory=tmp_path)
        (site_packages,) = environment.glob("lib/python*/site-packages")
        (site_packages / "lent.pth").write_text(sysconfig.get_path("purelib"))
    project.mkdir()
    for path in PROJECT.glob("*.*"):
        (project / path.name).write_bytes(path.read_bytes())
    output = run(python, "-m", "pytest", "-q", "-W", "error", directory=project)
    assert "3 passed" in output
    clips = run(environment / "bin" / "petstream-sim", "--help", directory=tmp_path)
    assert "barcode-480p30" in clips
    load = "import simulator; print(simulator.Fixture.load('b-frames-480p30').fps)"
    assert run(python, "-c", load, directory=tmp_path) == "30\n"
    shutil.rmtree(environment)  # 200 MB that pytest would keep


def test_whoever_does_not_use_it_pays_for_no_more_than_pytest() -> None:
    """Loading the plugin loads neither the simulator nor anything of petstream."""
    code = (
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import simulator.pytest_plugin\n"
        "print(*sorted(name for name in set(sys.modules) - before if '.' in name))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["simulator.pytest_plugin"]


def test_markers_are_known(tmp_path: Path) -> None:
    """pytest --markers explains both, so that --strict-markers takes them."""
    output = run(sys.executable, "-m", "pytest", "--markers", directory=tmp_path)
    assert "@pytest.mark.camera(clip, scenario=" in output
    assert "@pytest.mark.petstream(*flags)" in output


@pytest.mark.camera("bbb-480p30", scenario="sound,clock", fps=60, stamp=False)
def test_a_marker_says_what_the_camera_plays(request: pytest.FixtureRequest) -> None:
    """Clip, options, and scenarios by name."""
    camera = request.getfixturevalue("camera")
    assert (camera.fixture.name, camera.fps) == ("bbb-480p30", 60)
    assert {fault.kind for fault in camera.scenario.faults} == {"clock", "header"}


@pytest.mark.petstream("-allowed-host=door.test")
def test_a_marker_gives_the_server_flags(request: pytest.FixtureRequest) -> None:
    """Flags as on the command line; what it starts answers HTTP."""
    url = request.getfixturevalue("petstream_server").addresses["http"] + "/health"
    answers = [
        requests.get(url, headers={"Host": host}, timeout=20)
        for host in ("door.test", "other.test")
    ]
    assert [answer.status_code for answer in answers] == [200, 421]


def test_the_viewer_has_its_first_picture(request: pytest.FixtureRequest) -> None:
    """It is connected to the camera's stream, and an access unit of it is a byte stream."""
    viewer = request.getfixturevalue("viewer")
    assert viewer.state == "connected"
    assert viewer.units[0].annexb.startswith(b"\0\0\0\1\x67")

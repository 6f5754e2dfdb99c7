"""`pip install .` gives two commands that work, with their clips and pages."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_has_all_that_runs(tmp_path: Path) -> None:
    """Both commands, the typed marker, the page's files and the clips."""
    wheels = ["-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(tmp_path), str(ROOT)]
    subprocess.run([sys.executable, *wheels], check=True, capture_output=True, timeout=110)
    (wheel,) = tmp_path.glob("petstream-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (points,) = [name for name in names if name.endswith("entry_points.txt")]
        commands = archive.read(points).decode()
        archive.extractall(tmp_path / "installed")
    assert "petstream = petstream.cli:main" in commands
    assert "petstream-sim = simulator.cli:main" in commands
    assert {"petstream/py.typed", "petstream/web/monitor/static/index.html"} <= names
    assert any(name.endswith("fixtures/bbb-1080p30.h264") for name in names)
    assert not [name for name in names if name.startswith("tests/")]
    for module, argument in (("petstream", "version"), ("simulator", "--help")):
        done = subprocess.run(
            [sys.executable, "-m", module, argument],
            cwd=tmp_path / "installed",
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert "petstream" in done.stdout

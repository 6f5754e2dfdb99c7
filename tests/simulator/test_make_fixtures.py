"""The script that makes the clips."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "make_fixtures"
CLIP = "barcode-480p30-gop4s"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the script to its end."""
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one clip made by the script."""
    folder = tmp_path_factory.mktemp("made")
    result = run("--out", folder, CLIP)
    assert result.returncode == 0, result.stderr
    return folder


def test_a_second_run_makes_the_same_bytes(made: Path) -> None:
    """The encoder is reproducible, and so is what is drawn."""
    result = run("--check", "--out", made, CLIP)
    assert (result.returncode, result.stdout) == (0, f"{CLIP}: the same\n")


def test_a_difference_is_told(made: Path, tmp_path: Path) -> None:
    """--check fails when a clip is not what would be made."""
    for path in made.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    clip = tmp_path / f"{CLIP}.h264"
    clip.write_bytes(clip.read_bytes()[:-1] + b"\x55")
    result = run("--check", "--out", tmp_path, CLIP)
    assert (result.returncode, result.stdout) == (1, f"{CLIP}: DIFFERS\n")


def test_an_unknown_clip_is_an_error() -> None:
    """A name that is none is named."""
    result = run("nothing")
    assert result.returncode == 2
    assert "nothing" in result.stderr

"""What the README shows works as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from petstream.config import Config, help_text
from petstream.shm.header import c_header
from simulator import parse_timeline

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("program", blocks("python"), ids=range(len(blocks("python"))))
def test_python_programs(program: str, segment_name: str, tmp_path: Path) -> None:
    """Each runs to its end, records where it says it does, and leaves no segment."""
    path = tmp_path / "test_program.py"
    path.write_text(re.sub(r"/readme_\w+", segment_name, program))
    runner = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if "def test_" in program else []
    done = subprocess.run(
        [sys.executable, *runner, str(path)],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if "recordings" in program:
        (recording,) = (tmp_path / "recordings").glob("*.mp4")
        assert recording.name in done.stdout
    assert not Path("/dev/shm", segment_name[1:]).exists()


def test_daemon_program(tmp_path: Path) -> None:
    """The lines for a daemon compile with the generated header, without a warning."""
    (lines,) = blocks("c")
    (tmp_path / "pet_shm.h").write_text(c_header())
    source = tmp_path / "daemon.c"
    source.write_text(
        '#include "pet_shm.h"\nvoid fill(PetFrame *slot);\nvoid publish(PetRing *ring);\n'
        f"void publish(PetRing *ring) {{\n{lines}}}\n"
    )
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    subprocess.run(["gcc", *flags, str(source)], check=True)


def test_scenario_file() -> None:
    """The timeline that it shows can be read, and has the fault that it shows."""
    (text,) = [block for block in blocks("toml") if "[[fault]]" in block]
    timeline = parse_timeline(text)
    assert "slow-copy" in [fault.kind for fault in timeline.faults]
    assert len(timeline.faults) > 1


def test_flags() -> None:
    """The table of settings names flags that exist, with their defaults."""
    text = help_text(Config, "", "")
    rows = re.findall(r"^\| (`-.*?) \| (.*?) \|", README, re.MULTILINE)
    assert len(rows) >= 10
    for names, default in rows:
        for flag in re.findall(r"`(-[a-z-]+)`", names):
            assert f"  {flag} " in text, flag
        if re.fullmatch(r"`[^`]+`|\d+", default) and "," not in names:
            assert f"(default {default.strip('`')})" in text, (names, default)


def test_links() -> None:
    """Files that it points to are there."""
    targets = re.findall(r"\]\(([^)#][^)]*)\)", README)
    assert targets
    for target in targets:
        assert target.startswith("http") or (ROOT / target).exists(), target

"""The check behind every test: it fails the test that leaves something behind, and no other."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LEAKS = {
    "file descriptor to ": "KEPT.append(open('/dev/null'))",
    "thread Thread-": "KEPT.append(threading.Thread(target=time.sleep, args=(60,), daemon=True));"
    " KEPT[-1].start()",
    "task Task-": "loop = asyncio.new_event_loop(); KEPT.append(loop);"
    " KEPT.append(loop.create_task(asyncio.sleep(60))); loop.close()",
    "segment petstream-test-": "Path(f'/dev/shm/petstream-test-{os.getpid()}-left').touch()",
}


def run(statement: str, directory: Path) -> tuple[int, str]:
    """Run a test that does this under the check; exit code and output."""
    program = directory / "test_program.py"
    program.write_text(
        "import asyncio, os, threading, time\nfrom pathlib import Path\nKEPT = []\n"
        f"def test_it():\n    {statement}\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", str(program)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=directory, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        output, _ = process.communicate()
    Path(f"/dev/shm/petstream-test-{process.pid}-left").unlink(missing_ok=True)
    return process.returncode, output


@pytest.mark.nightly
def test_all_that_is_left_behind_is_named(tmp_path: Path) -> None:
    """A descriptor, a thread, a task and a segment fail the test, each by its name."""
    code, output = run("; ".join(LEAKS.values()), tmp_path)
    assert code == 1
    (line,) = re.findall(r"^E .*left behind: .*", output, re.MULTILINE)
    for name in LEAKS:
        assert name in line


def test_a_test_that_tidies_up_passes(tmp_path: Path) -> None:
    """Loops, files and threads that were closed are nothing."""
    code, output = run("asyncio.run(asyncio.sleep(0)); open('/dev/null').close()", tmp_path)
    assert code == 0, output

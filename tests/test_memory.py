"""Library pages that are given back after the start."""

import subprocess
import sys
from pathlib import Path

import pytest

from petstream import memory
from petstream.memory import Mapping, drop_unused_pages
from tests.server_process import ServerProcess

PROGRAM = """
import gc
import petstream.server
from petstream.memory import drop_unused_pages, settle

def held():
    with open("/proc/self/smaps_rollup") as rollup:
        return next(int(line.split()[1]) for line in rollup if line.startswith("Rss"))

before = held()
dropped = drop_unused_pages() >> 10
print(before, dropped, held())
import aiortc, hashlib, ssl  # what was dropped is there again when it is needed
hashlib.sha256(b"petstream").hexdigest()
aiortc.RTCPeerConnection
ssl.create_default_context()
settle()
assert gc.get_freeze_count() > 10_000  # the collector leaves them alone
"""


def test_libraries_leave_memory_and_go_on_working() -> None:
    """A third of what the imports take, in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, check=True, text=True
    )
    before, dropped, after = map(int, run.stdout.split())
    assert dropped > before / 4
    assert before - after > dropped / 2


def test_nothing_is_lost_that_is_not_in_a_file() -> None:
    """Called in a process with much on its heap; a second time it finds less."""
    heap = [bytes((n % 256,)) * 10_000 for n in range(500)]
    drop_unused_pages()
    assert all(block == bytes((n % 256,)) * 10_000 for n, block in enumerate(heap))


def test_a_kernel_that_does_not_tell_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One built without smaps, or a container that hides it."""
    monkeypatch.setattr(memory, "SMAPS", tmp_path / "smaps")
    assert drop_unused_pages() == 0


def test_serve_gives_pages_back(segment_name: str, tmp_path: Path) -> None:
    """Before it says that it runs."""
    with ServerProcess(segment_name, tmp_path / "recordings", "-log-level=debug") as server:
        log = "\n".join(server.log)
    assert 0 < log.index("libraries are not needed any more") < log.index("petstream.server: ")


@pytest.mark.parametrize(
    ("permissions", "inode", "written", "expected"),
    [
        ("r-xp", 7, 0, True),
        ("r--p", 7, 0, True),
        ("r--p", 7, 4096, False),  # relocated, and then made read-only
        ("rw-p", 7, 0, False),
        ("r--s", 7, 0, False),
        ("r--p", 0, 0, False),
    ],
)
def test_only_untouched_pages_of_files_are_dropped(
    permissions: str, inode: int, written: int, expected: bool
) -> None:
    """Whatever was written to would be gone."""
    mapping = Mapping(0x1000, 0x9000, permissions, inode, 0x4000, written)
    assert mapping.is_as_in_its_file is expected

"""RELIABILITY A12 and A13: others use the ring's semaphore, and more than one reads the ring."""

import contextlib
import mmap
import os
import struct
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from petstream.shm.layout import SEM_VALUE_MAX, Ring, Semaphore
from petstream.shm.ring import RingReader
from tests.c_writer import CWriter, Tally, read_until
from tests.scale import deadline_s, scaled, within
from tests.waiting import wait_until

TIMES = scaled(1, 20)
READERS = scaled(2, 8)
UNITS = scaled(60, 1_000)
INTERVAL_US = scaled(33_333, 10_000)
VALUE_OFFSET = Ring.new_frame_sem.offset + Semaphore.value.offset

Disturbance = Callable[[Path, str], contextlib.AbstractContextManager[None]]


def set_value(segment: str, value: int) -> None:
    """Write the semaphore's value, as sem_init does."""
    with Path("/dev/shm", segment[1:]).open("r+b") as file, mmap.mmap(file.fileno(), 4096) as head:
        struct.pack_into("<I", head, VALUE_OFFSET, value)


@contextlib.contextmanager
def saturated(_programs: Path, segment: str) -> Iterator[None]:
    """From here on sem_post fails with EOVERFLOW."""
    set_value(segment, SEM_VALUE_MAX)
    yield
    set_value(segment, 5)


@contextlib.contextmanager
def initialised(_programs: Path, segment: str) -> Iterator[None]:
    """Somebody calls sem_init on a semaphore in use."""
    set_value(segment, 0)
    yield


@contextlib.contextmanager
def waited_on(programs: Path, segment: str, how: str = "wait") -> Iterator[None]:
    """Another program takes the posts, as long as it runs."""
    command = [str(programs / "waiter"), segment, how]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as waiter:
        assert waiter.stdout is not None
        assert waiter.stdout.readline() == b"attached\n"
        try:
            yield
        finally:
            waiter.kill()


def drained(programs: Path, segment: str) -> contextlib.AbstractContextManager[None]:
    """Another program takes the posts without ever waiting for one."""
    return waited_on(programs, segment, "try")


@pytest.mark.parametrize("disturb", [saturated, initialised, waited_on, drained])
def test_a12_disturbed_semaphore(c_programs: Path, segment_name: str, disturb: Disturbance) -> None:
    """Lag one within a second, the gate again once all is quiet, and every access unit comes."""
    tally = Tally()
    with (
        CWriter(c_programs, segment_name, interval_us=33_333),
        RingReader(segment_name) as reader,
    ):
        read_until_mode(reader, tally, "gate", deadline_s(10))
        for _ in range(TIMES):
            with disturb(c_programs, segment_name):
                read_until_mode(reader, tally, "lag one", deadline_s(1))
                read_until(reader, tally, tally.units + 20)
            read_until_mode(reader, tally, "gate", deadline_s(10))
        # A reader without a CPU for long cannot tell a pause from a death, and says so.
        lost = reader.stats.slots_lost + reader.stats.torn
    within("lost", lost, 0)
    assert (tally.corrupt, tally.disordered) == (0, 0)
    assert tally.units + lost == tally.counts[-1] - tally.counts[0] + 1


def read_until_mode(reader: RingReader, tally: Tally, mode: str, timeout_s: float) -> None:
    """Read until slots are told whole from torn in another way."""

    def reached() -> bool:
        tally.take(slot.data for slot in reader.read(0.02))
        return reader.mode == mode

    wait_until(reached, f"mode {mode}", timeout_s)


def test_a13_readers_and_a_waiter(c_programs: Path, segment_name: str) -> None:
    """Readers beside a program that waits on the semaphore each get every access unit."""

    def read(reader: RingReader) -> Tally:
        tally = Tally()
        read_until(reader, tally, UNITS)
        return tally

    with (
        contextlib.ExitStack() as readers,
        CWriter(c_programs, segment_name, interval_us=INTERVAL_US),
        ThreadPoolExecutor(READERS) as pool,
    ):
        wait_until(Path("/dev/shm", segment_name[1:]).exists, "the segment")
        with waited_on(c_programs, segment_name):
            made = [readers.enter_context(RingReader(segment_name)) for _ in range(READERS)]
            tallies = list(pool.map(read, made))
    for tally in tallies:
        assert (tally.corrupt, tally.disordered) == (0, 0)
        assert tally.units / (tally.counts[-1] - tally.counts[0] + 1) >= 0.999


def test_a13_readers_leave_no_trace(c_programs: Path, segment_name: str) -> None:
    """Nothing is posted, waited for or written, and nothing could be: all is open read-only."""
    path = Path("/dev/shm", segment_name[1:])
    with (
        contextlib.ExitStack() as readers,
        CWriter(c_programs, segment_name, frames=60, interval_us=10_000) as writer,
    ):
        made = [readers.enter_context(RingReader(segment_name)) for _ in range(READERS)]
        while writer.process.poll() is None:
            for reader in made:
                reader.read(0.005)
        assert all(reader.attached for reader in made)
        assert [access_mode(fd) for fd in descriptors_of(path)] == [os.O_RDONLY] * READERS
        assert path.name not in Path("/proc/self/maps").read_text()
        with path.open("rb") as ring:
            index, interval_ms, value, waiters = struct.unpack("<4I", ring.read(16))
    assert (index, interval_ms, value, waiters) == (60, 0, 60, 0)


def descriptors_of(path: Path) -> list[str]:
    """The descriptors of this process that lead to a file."""
    entries = Path("/proc/self/fd").iterdir()
    return [entry.name for entry in entries if entry.exists() and entry.readlink() == path]


def access_mode(fd: str) -> int:
    """O_RDONLY, O_WRONLY or O_RDWR, as the kernel has it."""
    lines = Path("/proc/self/fdinfo", fd).read_text().splitlines()
    (flags,) = [line.split()[1] for line in lines if line.startswith("flags:")]
    return int(flags, 8) & os.O_ACCMODE

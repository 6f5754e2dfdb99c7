"""Daemon and reader in C against the simulator and petstream's reader: byte for byte, both ways.

Strategy: both programs are compiled with the generated header, once as they would be shipped and
once under AddressSanitizer and UndefinedBehaviorSanitizer, which end a program at the first fault.
"""

import os
import struct
import subprocess
import threading
from pathlib import Path

import pytest

from petstream.h264.nal import split_annexb
from petstream.h264.sei import find_stamp, stamp_crc
from petstream.shm.header import c_header
from petstream.shm.layout import DATA_SIZE_MAX, FORMAT_H264, FRAME_HEADER_SIZE
from petstream.shm.ring import RingReader
from petstream.slot import Slot
from simulator import Fixture, RingWriter
from simulator.stamping import Stampable

from .ring_view import RingView, segment_path

SOURCES = Path(__file__).parent / "c"
FLAGS = {
    "plain": ["-O2"],
    "sanitized": ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}
HEADER = struct.Struct("<QqqiiiiQ")


@pytest.fixture(scope="session", params=FLAGS)
def programs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ``daemon`` and ``reader``, built without a warning."""
    directory = tmp_path_factory.mktemp("programs")
    (directory / "pet_shm.h").write_text(c_header(), encoding="ascii")
    for source in SOURCES.glob("*.c"):
        command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{directory}"]
        command += [*FLAGS[request.param], str(source), "-o", str(directory / source.stem)]
        subprocess.run([*command, "-pthread"], check=True)
    return directory


def records(units: list[bytes]) -> bytes:
    """Access units as the daemon takes them."""
    return b"".join(struct.pack("<I", len(unit)) + unit for unit in units)


@pytest.mark.parametrize("order", ["claim-first", "copy-first"])
def test_the_reader_gets_what_a_daemon_in_c_wrote(
    programs: Path, segment: str, clip: Fixture, order: str
) -> None:
    """Every access unit, in order, byte for byte, with the numbers beside it.

    A daemon that the machine keeps waiting may look dead to a reader that is a slot behind; what
    it then counts as torn is all that may be missing.
    """
    # One more at the end, for a reader that is a slot behind.
    units = [*clip.access_units[:60], os.urandom(DATA_SIZE_MAX), b"\x01", b"end"]
    slots: list[Slot] = []
    with RingReader(segment) as reader:
        daemon = threading.Thread(
            target=subprocess.run,
            args=([programs / "daemon", segment, order, "8000"],),
            kwargs={"input": records(units), "check": True, "timeout": 60},
        )
        daemon.start()
        while daemon.is_alive():
            slots += reader.read(0.2)
        slots += reader.read(0.2)
        segment_path(segment).unlink()
        stats = reader.stats
    numbers = [slot.frame_number for slot in slots]
    assert numbers == sorted(set(numbers))
    assert [slot.data for slot in slots] == [units[number] for number in numbers]
    assert {(slot.camera_id, slot.width, slot.height) for slot in slots} == {(5, 854, 480)}
    assert not stats.rejected
    assert len(slots) + stats.torn + stats.slots_lost >= len(units) - 1
    assert len(slots) > len(units) // 2


def test_a_reader_in_c_gets_what_the_simulator_wrote(
    programs: Path, segment: str, clip: Fixture
) -> None:
    """Every header field and every byte, in order, over two rounds of the ring."""
    units = [*clip.access_units[:61], os.urandom(DATA_SIZE_MAX), b"", b"\x01"]
    got: list[bytes] = []
    with RingWriter(segment) as writer:
        command = [str(programs / "reader"), segment, str(len(units))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stderr.readline() == b"ready\n"
            for number, unit in enumerate(units):
                fields = {"camera_id": 3, "width": 640, "height": 360}
                writer.write(unit, frame_number=number, capture_ns=number * 10**9 + 7, **fields)
                got.append(process.stdout.read(FRAME_HEADER_SIZE + len(unit)))
            assert process.stdout.read() == b""
            assert process.stderr.read() == b""
        assert process.returncode == 0
        assert writer.semaphore_value == 0
    for number, (unit, record) in enumerate(zip(units, got, strict=True)):
        expected = (number, number, 7, 3, 640, 360, FORMAT_H264, len(unit))
        assert HEADER.unpack_from(record) == expected
        assert record[FRAME_HEADER_SIZE:] == unit


def test_a_daemon_refuses_a_segment_of_another_size(programs: Path, segment: str) -> None:
    """It says both sizes, and writes nothing."""
    segment_path(segment).write_bytes(b"stale")
    done = subprocess.run(
        [programs / "daemon", segment, "copy-first", "0"], input=b"", capture_output=True
    )
    assert done.returncode == 1
    assert b"5 bytes, not 93313480" in done.stderr
    assert segment_path(segment).read_bytes() == b"stale"


@pytest.mark.parametrize(
    ("order", "is_safe"),
    [
        # That one is torn is likely, and no more than that.
        pytest.param("claim-first", False, marks=pytest.mark.nightly),
        ("copy-first", True),
    ],
)
def test_the_safe_order_is_safe_for_any_reader(
    programs: Path, segment: str, clip: Fixture, order: str, is_safe: bool
) -> None:
    """A reader that takes the newest slot as it stands gets no torn one if the copy comes first.

    With the daemons' usual order the same reader gets torn slots, or this test would show nothing.
    """
    # Large, so that a copy takes a while, and different, so that a mixture is noticed.
    head = clip.access_units[0]
    stampable = [Stampable.of(head + bytes([fill]) * 2_000_000) for fill in (0x55, 0xAA, 0x33)]
    units = [stampable[n % 7 % 3].stamped(n, n) for n in range(200)]
    with RingWriter(segment):  # the segment is there before either looks
        command = [programs / "daemon", segment, order, "6000"]
        daemon = threading.Thread(
            target=subprocess.run,
            args=(command,),
            kwargs={"input": records(units), "check": True, "timeout": 60},
        )
        daemon.start()
        seen, torn = take_newest(segment, daemon)
        daemon.join()
    assert seen > 30
    assert (torn == 0) == is_safe, f"{torn} of {seen} access units were torn"


def take_newest(segment: str, daemon: threading.Thread) -> tuple[int, int]:
    """Read the newest slot whenever the index moves; how many, and how many were torn."""
    seen = torn = last = 0
    with RingView.of(segment) as view:
        while daemon.is_alive():
            index = view.write_index
            if index == last:
                continue
            last, seen = index, seen + 1
            nal_units = split_annexb(view.frame((index - 1) % 30).data)
            stamp = find_stamp(nal_units)
            torn += stamp is None or (stamp.frame_number, stamp.crc) != (
                index - 1,
                stamp_crc(nal_units),
            )
    return seen, torn

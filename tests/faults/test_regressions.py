"""What the first server of this kind shipped: each bug has the test that would have stopped it.

The names are those of the last paragraph of RELIABILITY. Bugs of the recording and of the running
server are in ``test_regressions_server``.
"""

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from petstream.distributor import Distributor
from petstream.h264.processor import Processor
from petstream.rtp.timeline import Timeline, ticks_from_ns
from petstream.shm import layout
from petstream.shm.header import c_header
from petstream.shm.layout import FRAME_SIZE, RING_SIZE, SEM_VALUE_MAX
from petstream.shm.ring import RingReader
from petstream.shm.segment import Segment
from simulator import RingWriter
from tests.h264.builders import make_access_unit
from tests.recording.helpers import access_units, encode

ROOT = Path(__file__).resolve().parents[2]
SHM = Path("/dev/shm")


def write(writer: RingWriter, number: int) -> bytes:
    """Write an access unit that says its number; its bytes."""
    data = b"au:%d;" % number * 50
    writer.write(data, frame_number=number, capture_ns=number, width=64, height=48)
    return data


def read_all(reader: RingReader) -> list[bytes]:
    """What comes until nothing comes any more."""
    got = [slot.data for slot in reader.read(5)]
    while slots := reader.read(0.3):
        got += [slot.data for slot in slots]
    return got


def warm_up(writer: RingWriter, reader: RingReader) -> int:
    """Let the reader see copies under way until it uses the semaphore; the next number."""
    reader.read(0.05)
    for number in range(60):
        data = b"warm:%d" % number
        writer.fill(data, frame_number=number, capture_ns=number, width=64, height=48)
        slot = writer.claim()
        reader.read(0)
        writer.copy(slot)
        writer.post()
        reader.read(0.02)
        if reader.mode == "gate":
            return number + 1
    raise AssertionError(f"the reader stays in mode {reader.mode}")


def test_index_raised_before_the_copy(segment_name: str) -> None:
    """A slot that the index names, but whose copy is not finished, is not handed out."""
    with RingWriter(segment_name) as writer, RingReader(segment_name) as reader:
        number = warm_up(writer, reader)
        data = b"new" * 1000
        writer.fill(data, frame_number=number, capture_ns=1, width=64, height=48)
        slot = writer.claim()
        writer.copy(slot, 0, 1000)
        assert reader.read(0.2) == []
        writer.copy(slot)
        writer.post()
        assert read_all(reader) == [data]


def test_one_layout_typed_out_in_three_languages() -> None:
    """Offsets and sizes stand in one file; C gets them from there, and no other file has them."""
    sizes = {RING_SIZE, FRAME_SIZE, layout.RING_HEADER_SIZE + FRAME_SIZE}
    written = "|".join(f"{size}|{size:_}" for size in sizes)
    sources = [*ROOT.glob("petstream/**/*"), *ROOT.glob("simulator/*.py")]
    typed = [
        path.name
        for path in sources
        if path.suffix in {".py", ".js", ".h"} and re.search(rf"\b({written})\b", path.read_text())
    ]
    assert typed == []
    tool = subprocess.run(
        [sys.executable, ROOT / "tools" / "gen_shm_header"], capture_output=True, text=True
    )
    assert tool.stdout == c_header()
    assert f"#define PET_RING_SIZE {RING_SIZE}" in c_header()


def test_semaphore_initialised_twice(segment_name: str) -> None:
    """The simulator leaves a semaphore that is there; a daemon that does not costs no slot."""
    with RingWriter(segment_name) as writer:
        for number in range(3):
            write(writer, number)
        writer.close(leave=True)
        again = RingWriter(segment_name, take_over=True)
        with again, RingReader(segment_name) as reader:
            assert again.semaphore_value == 3
            number = warm_up(again, reader)
            again.init_semaphore()
            expected, got = [], []
            for n in range(20):
                expected.append(write(again, number + n))
                got += [slot.data for slot in reader.read(0.02)]
            got += read_all(reader)
            # Lag one: the last is handed out when another follows it.
            assert got[: len(expected) - 1] == expected[:-1]
            assert reader.stats.torn == reader.stats.slots_lost == 0


def test_counts_piling_up_on_the_shared_semaphore(segment_name: str) -> None:
    """A semaphore at its highest value, which nobody ever waited on, stops neither side."""
    with RingWriter(segment_name) as writer, RingReader(segment_name) as reader:
        writer.init_semaphore(SEM_VALUE_MAX)
        expected = [write(writer, number) for number in range(25)]
        assert read_all(reader) == expected[:-1]
        assert writer.semaphore_value == SEM_VALUE_MAX
        assert reader.mode == "lag one"


def test_stale_segment_of_an_old_size_reused(segment_name: str) -> None:
    """It is refused with both sizes, by reader and writer, and the right one is attached to."""
    path = SHM / segment_name[1:]
    path.write_bytes(b"")
    os.truncate(path, 93_314_112)
    with RingReader(segment_name) as reader:
        assert reader.read(0.05) == []
        assert reader.fault is not None
        assert "93314112" in str(reader.fault)
        assert str(RING_SIZE) in str(reader.fault)
        with pytest.raises(Exception, match="93314112"):
            RingWriter(segment_name)
        path.unlink()
        with RingWriter(segment_name) as writer:
            expected = [write(writer, number) for number in range(3)]
            assert read_all(reader)[:2] == expected[:2]


def test_newest_frame_only(segment_name: str) -> None:
    """What was written since the last look is handed out whole and in order, not the latest."""
    with RingWriter(segment_name) as writer, RingReader(segment_name) as reader:
        number = warm_up(writer, reader)
        expected = [write(writer, number + n) for n in range(25)]
        assert read_all(reader) == expected


def test_newest_slot_overwritten_while_it_is_copied(
    segment_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that comes round during the copy is noticed, and the mixture is not handed out."""
    read = Segment.pread
    with RingWriter(segment_name) as writer, RingReader(segment_name) as reader:
        number = warm_up(writer, reader)
        write(writer, number)

        def slow_read(segment: Segment, length: int, offset: int) -> bytes:
            data = read(segment, length, offset)
            if length == len(b"au:%d;" % number * 50):
                monkeypatch.setattr(Segment, "pread", read)
                for later in range(number + 1, number + 31):
                    write(writer, later)
                # The first half from before, the second half from after the writer came by.
                data = data[: length // 2] + read(segment, length, offset)[length // 2 :]
            return data

        monkeypatch.setattr(Segment, "pread", slow_read)
        got = read_all(reader)
        assert reader.stats.slots_lost > 0
    assert got
    assert all(len(set(data.split(b";")[:-1])) == 1 for data in got), got


def test_rtp_clock_by_frame_count() -> None:
    """RTP time follows the capture clock through a change of rate and a skipped frame."""
    timeline = Timeline()
    intervals_ns = [33_000_000] * 5 + [66_000_000] * 5 + [400_000_000] + [16_000_000] * 5
    now_ns = 10**12
    ticks = [timeline.ticks(now_ns, now_ns + 1_000_000)]
    for interval_ns in intervals_ns:
        now_ns += interval_ns
        ticks.append(timeline.ticks(now_ns, now_ns + 1_000_000))
    assert [b - a for a, b in pairwise(ticks)] == [ticks_from_ns(ns) for ns in intervals_ns]


def test_viewers_blocking_the_recorder() -> None:
    """A subscription that nobody reads fills up and drops; the one beside it gets everything."""
    distributor = Distributor()
    with (
        distributor.subscribe("viewer that stands still", max_items=3) as viewer,
        distributor.subscribe("recorder", max_items=1000) as recorder,
    ):
        units = [make_access_unit(number, idr=number % 30 == 0) for number in range(300)]
        for unit in units:
            distributor.publish(unit)
        got = [recorder.get(0) for _ in units]
        late = [viewer.get(0) for _ in range(4)]
        # It has room again, but a P picture after the gap would be of no use to it.
        distributor.publish(make_access_unit(300))
        assert viewer.get(0) is None
        distributor.publish(idr := make_access_unit(301, idr=True))
        assert viewer.get(0) is idr
    assert got == units
    assert late == [*units[:3], None]
    assert recorder.dropped == 0


def test_data_size_unchecked(segment_name: str) -> None:
    """A size beyond the slot is counted, and no byte of it is asked for."""
    with RingWriter(segment_name) as writer, RingReader(segment_name) as reader:
        number = warm_up(writer, reader)
        sizes = (0, layout.DATA_SIZE_MAX + 1, 2**31, 2**63, 2**64 - 1)
        for size in sizes:
            writer.fill(b"x", frame_number=number, capture_ns=0, width=64, height=48)
            writer.frame.data_size = size
            writer.copy(writer.claim())
            writer.post()
        good = write(writer, number)
        assert read_all(reader) == [good]
        assert reader.stats.rejected == {"data_size": len(sizes)}


def test_segment_never_re_opened(segment_name: str) -> None:
    """After an unlink and a new segment, with a lower index, what is new is read."""
    with RingReader(segment_name) as reader:
        for _ in range(3):
            with RingWriter(segment_name) as writer:
                expected = [write(writer, number) for number in range(4)]
                assert read_all(reader)[:3] == expected[:3]
        assert reader.stats.attaches == 3


@pytest.mark.parametrize("size", [0, 4096, RING_SIZE // 2])
def test_sigbus_on_truncation(segment_name: str, size: int) -> None:
    """A segment cut under its reader is an error with a reason, and the process lives."""
    with RingReader(segment_name) as reader:
        writer = RingWriter(segment_name)
        try:
            write(writer, 0)
            reader.read(0.1)
            assert reader.attached
            os.truncate(SHM / segment_name[1:], size)
            reader.read(0.5)
        finally:
            writer.close()
        assert not reader.attached
        assert reader.fault is not None
        assert reader.fault.reason in {"truncated", "empty", "wrong_size", "missing"}


def test_p_frames_that_lost_their_reference_are_not_passed_off_as_whole() -> None:
    """A loss reaches the access unit behind it, so that every gate shuts until an IDR."""
    units = access_units(encode(30), lost=[13], processor=Processor())
    assert [unit.sequence for unit in units if unit.discontinuity] == [14]

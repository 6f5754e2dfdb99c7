"""The sidecar's bytes."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from petstream.recording.sidecar import (
    HEADER_SIZE,
    RECORD_SIZE,
    Flags,
    Record,
    new_header,
    read_header,
    read_records,
)

BEGIN = datetime(2025, 12, 26, 22, 30, 31, 123_456, tzinfo=UTC)
u32 = st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**64 - 1)
flags = st.integers(0, 63)
any_records = st.lists(st.builds(Record, u64, u64, u32, u32, flags, u32), max_size=20)


def test_sizes_are_what_the_description_says() -> None:
    """A header of 48 bytes, records of 40."""
    header = new_header(BEGIN)
    assert len(header.packed) == HEADER_SIZE == 48
    assert len(Record(1, 2, 3, 4, Flags.IDR).pack(header, 0)) == RECORD_SIZE == 40


def test_a_header_comes_back() -> None:
    """With the begin to the microsecond; of two files no two are equal."""
    header = new_header(BEGIN)
    assert read_header(header.packed + b"more") == header
    assert new_header(BEGIN).packed != header.packed


@given(any_records)
def test_records_come_back(records: list[Record]) -> None:
    """Whatever they say, from any of them on."""
    header = new_header(BEGIN)
    data = b"".join(record.pack(header, number) for number, record in enumerate(records))
    assert read_records(data, header) == records
    half = len(records) // 2
    assert read_records(data[half * RECORD_SIZE :], header, half) == records[half:]


@given(any_records, st.data())
def test_a_torn_or_stale_record_ends_the_list(records: list[Record], data: st.DataObject) -> None:
    """One byte changed, or a cut, and the records before it are all there is."""
    header = new_header(BEGIN)
    packed = bytearray(b"".join(record.pack(header, n) for n, record in enumerate(records)))
    place = data.draw(st.integers(0, max(0, len(packed) - 1)))
    assert read_records(bytes(packed[:place]), header) == records[: place // RECORD_SIZE]
    if packed:
        packed[place] ^= data.draw(st.integers(1, 255))
        assert read_records(bytes(packed), header) == records[: place // RECORD_SIZE]


@given(st.lists(st.builds(Record, u64, u64, u32, u32, flags, u32), min_size=2, max_size=5))
def test_records_of_another_file_or_place_are_none(records: list[Record]) -> None:
    """What a disk held before does not pass for what was to be written."""
    header = new_header(BEGIN)
    data = b"".join(record.pack(header, number) for number, record in enumerate(records))
    assert read_records(data, new_header(BEGIN)) == []
    assert read_records(data[RECORD_SIZE:], header) == []


@given(st.binary(max_size=200))
def test_anything_else_is_no_header(data: bytes) -> None:
    """Garbage, nothing, and a header with one bit changed."""
    assert read_header(data) is None
    packed = bytearray(new_header(BEGIN).packed)
    packed[len(data) % HEADER_SIZE] ^= 1
    assert read_header(bytes(packed)) is None

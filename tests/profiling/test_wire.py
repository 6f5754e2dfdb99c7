"""Profiles as bytes, read back by Go's own tool."""

import gzip
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petstream.profiling.stacks import Frame
from petstream.profiling.wire import Profile, Sample, encode, varint
from tests.profiling.pprof import flat_shares, pprof

LEAF = Frame("mod.leaf", "/src/mod.py", 12, 10)
ROOT = Frame("mod.root", "/src/mod.py", 33, 30)

PROFILE = Profile(
    sample_types=(("samples", "count"), ("cpu", "nanoseconds")),
    samples=(
        Sample((LEAF, ROOT), (3, 30_000_000), {"thread": "reader"}),
        Sample((ROOT,), (1, 10_000_000), {"thread": "w\u00f6rker"}),
    ),
    period_type=("cpu", "nanoseconds"),
    period=10_000_000,
    time_ns=1_700_000_000_000_000_000,
    duration_ns=2_000_000_000,
    comments=("a remark",),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The profile above as a file."""
    path = tmp_path / "profile.pb.gz"
    path.write_bytes(encode(PROFILE))
    return path


def test_go_reads_shares(file: Path, tmp_path: Path) -> None:
    """-top shows each function with its share of the last sample type."""
    top = pprof(file, "-top", home=tmp_path)
    assert flat_shares(top) == {"mod.leaf": 75.0, "mod.root": 25.0}
    assert "Type: cpu" in top
    assert "Duration: 2s, Total samples = 40ms" in top


def test_go_reads_everything_else(file: Path, tmp_path: Path) -> None:
    """-raw shows files, lines, labels and remarks."""
    raw = pprof(file, "-raw", home=tmp_path)
    assert re.search(r"mod\.leaf /src/mod\.py:12(:0)? s=10", raw)
    assert "thread:[reader]" in raw
    assert "thread:[w\u00f6rker]" in raw
    assert "a remark" in pprof(file, "-comments", home=tmp_path)
    assert "10000000" in raw.partition("Samples:")[0]


@given(st.integers(-(2**63), 2**64 - 1))
def test_varint_round_trip(value: int) -> None:
    """Base 128, low bits first, at most ten bytes."""
    encoded = varint(value)
    decoded = sum((byte & 0x7F) << 7 * i for i, byte in enumerate(encoded))
    assert decoded == value % 2**64
    assert len(encoded) <= 10
    assert all(byte & 0x80 for byte in encoded[:-1])
    assert encoded[-1] < 0x80


@given(st.lists(st.tuples(st.text(), st.integers(0, 2**62)), max_size=5))
def test_any_names_and_figures_can_be_written(samples: list[tuple[str, int]]) -> None:
    """Also names that are no UTF-8, such as lone surrogates."""
    profile = Profile(
        sample_types=(("n", "count"),),
        samples=tuple(Sample((Frame(name, name, 1),), (n,)) for name, n in samples),
        period_type=("n", "count"),
        period=1,
        time_ns=0,
    )
    assert gzip.decompress(encode(profile))

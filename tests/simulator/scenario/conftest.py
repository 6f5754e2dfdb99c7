"""A stage on a segment of its own."""

from collections.abc import Iterator

import pytest

from simulator import Fixture

from ..ring_view import segment_path
from .bench import Bench


@pytest.fixture
def bench(segment: str, clip: Fixture) -> Iterator[Bench]:
    """A stage on a new segment, with three access units written."""
    bench = Bench(segment, clip)
    for _ in range(3):
        bench.write()
    yield bench
    bench.stage.writer.close()
    assert not segment_path(segment).exists()

"""The head of the ring: two reads that agree, or one that agrees with the time before."""

import pytest

from petstream.shm.head import read_head, sample_of


class CountedSegment:
    """Gives one head after the other, the last one for ever."""

    def __init__(self, *heads: bytes) -> None:
        self.reads = 0
        self._heads = list(heads)

    def pread(self, length: int, offset: int) -> bytes:
        """What stands there now."""
        assert (length, offset) == (16, 0)
        self.reads += 1
        return self._heads.pop(0) if len(self._heads) > 1 else self._heads[0]


def _head(index: int, value: int) -> bytes:
    return b"".join(word.to_bytes(4, "little") for word in (index, 0, value, 0))


@pytest.mark.parametrize(
    ("heads", "previous", "reads"),
    [
        ([_head(7, 5)], _head(7, 5), 1),
        ([_head(7, 5)], b"", 2),
        ([_head(8, 5)], _head(7, 5), 2),
        ([_head(8, 5), _head(8, 6)], _head(7, 5), 3),
    ],
)
def test_a_head_is_taken_once_it_stood_still(
    heads: list[bytes], previous: bytes, reads: int
) -> None:
    """A head that has not changed since is known to have stood still, and costs one read."""
    segment = CountedSegment(*heads)
    assert read_head(segment, previous) == heads[-1]  # type: ignore[arg-type]
    assert segment.reads == reads


def test_a_head_that_never_stands_still_is_taken_in_the_end() -> None:
    """A writer without pauses must not hold up the reader."""
    segment = CountedSegment(*(_head(n, n) for n in range(100)))
    assert sample_of(read_head(segment)).index == 7  # type: ignore[arg-type]
    assert segment.reads == 8

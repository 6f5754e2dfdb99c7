"""The gate's short way for a sample in which nothing is in question."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from petstream.shm.gate import Gate, Release
from petstream.shm.sample import Sample
from tests.shm.gate_camera import MS, Camera

INTERVAL_NS = 33 * MS
# Claims, posts, milliseconds and waiters; mostly a slot claimed and written between two looks.
STEPS = st.lists(
    st.one_of(
        st.just((1, 1, 33, 0)),
        st.tuples(
            st.sampled_from((0, 0, 1, 1, 2, 4)),
            st.sampled_from((0, 0, 1, 1, 2, 4, -1, -60)),
            st.sampled_from((1, 16, 33, 70, 120, 1500)),
            st.integers(0, 1),
        ),
    ),
    max_size=60,
)


class LongWay(Gate):
    """Takes every sample for a difficult one."""

    def _is_calm(self, last: Sample, sample: Sample) -> bool:
        del last, sample
        return False


@example(steps=[(0, 1, 33, 0), (0, 0, 33, 1)], index=100, value=0)  # somebody begins to wait
@given(steps=STEPS, index=st.sampled_from((0, 100)), value=st.sampled_from((0, 1, 50)))
def test_both_ways_lead_to_the_same_state(
    steps: list[tuple[int, int, int, int]], index: int, value: int
) -> None:
    """Whatever the daemon does."""
    sample = Sample(index, 0, value, 0, 1000 * MS)
    short, long = Gate(sample), LongWay(sample)
    for claims, posts, ms, waiters in steps:
        sample = Sample(
            sample.index + claims,
            0,
            max(0, sample.value + posts),
            waiters,
            sample.now_ns + ms * MS,
        )
        assert short.observe(sample, INTERVAL_NS) == long.observe(sample, INTERVAL_NS)
        assert vars(short) == vars(long)


def test_a_steady_camera_takes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the base is proven."""
    camera = Camera()
    camera.look(posts=1)

    def judge(*_: object) -> Release:
        raise AssertionError("it took the long way")

    monkeypatch.setattr(Gate, "_judge", judge)
    for _ in range(5):
        camera.look(claims=1, posts=1)
    assert camera.whole == [99, 100, 101, 102, 103, 104]

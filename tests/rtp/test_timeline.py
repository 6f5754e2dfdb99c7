"""RTP time follows capture time, and never goes back."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petstream.rtp.timeline import CLOCK_RATE, STEP_MAX_NS, Timeline, ticks_from_ns

MS = 1_000_000
DAY_NS = 24 * 3600 * 1000 * MS
START_NS = 5_000 * MS


def intervals_of_a_day() -> list[int]:
    """Capture intervals with 30, 2 and 30 fps, in turns of an hour; 24 h of them."""
    intervals = []
    total = hour = 0
    while total < DAY_NS:
        interval = 500 * MS if hour % 3 == 1 else 33_333_333
        count = 3_600_000 * MS // interval
        intervals += [interval] * count
        total += interval * count
        hour += 1
    return intervals


@pytest.mark.parametrize("ppm", [-200, 200])
def test_a_day_with_a_clock_that_drifts(ppm: int) -> None:
    """24 h at 200 ppm, 30 to 2 to 30 fps: within 1 ms of capture time all day, always rising."""
    timeline = Timeline()
    capture_ns = read_ns = START_NS
    last = -1
    for interval in intervals_of_a_day():
        ticks = timeline.ticks(capture_ns, read_ns)
        assert ticks > last
        assert abs(ticks - (capture_ns - START_NS) * 9 / 100_000) <= CLOCK_RATE / 1000
        last = ticks
        capture_ns += interval
        read_ns += interval + interval * ppm // 1_000_000
    assert timeline.steps == 0


@pytest.mark.parametrize(
    "capture_ns",
    [0, START_NS, START_NS - 3600 * 1000 * MS, START_NS + 3600 * 1000 * MS, 1_795_000_000 * 10**9],
    ids=["zero", "equal", "an hour back", "an hour on", "another clock"],
)
def test_a_step_of_the_clock(capture_ns: int) -> None:
    """RTP time goes on by what passed, and then follows the new clock."""
    timeline = Timeline()
    before = timeline.ticks(START_NS, START_NS)
    at_step = timeline.ticks(capture_ns, START_NS + 40 * MS)
    assert at_step - before == ticks_from_ns(40 * MS)
    assert timeline.steps == 1
    after = timeline.ticks(capture_ns + 33 * MS, START_NS + 80 * MS)
    assert after - at_step == ticks_from_ns(33 * MS)
    assert timeline.steps == 1


def test_a_pause_is_kept() -> None:
    """A camera that stalled for a minute is a minute later."""
    timeline = Timeline()
    timeline.ticks(START_NS, START_NS + MS)
    later = START_NS + 60_000 * MS
    assert timeline.ticks(later, later + MS) == 60 * CLOCK_RATE
    assert timeline.steps == 0


@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(-(2**63), 2**63), st.integers(-(10**9), 10**9)),
            st.integers(0, 10**10),
        ),
        max_size=60,
    )
)
def test_it_rises_whatever_the_clock_does(steps: list[tuple[int, int]]) -> None:
    """Strictly, for any capture times and any waits between reads."""
    timeline = Timeline()
    read_ns = START_NS
    ticks = []
    for capture_ns, wait_ns in steps:
        read_ns += wait_ns
        ticks.append(timeline.ticks(capture_ns, read_ns))
    assert all(later > earlier for earlier, later in pairwise(ticks))


@given(st.lists(st.integers(1 * MS, STEP_MAX_NS), min_size=1, max_size=60), st.data())
def test_late_reading_does_not_move_it(intervals: list[int], data: st.DataObject) -> None:
    """However unevenly slots are read, as long as a queue explains it, RTP time is capture time."""
    timeline = Timeline()
    capture_ns = START_NS
    for interval in [0, *intervals]:
        capture_ns += interval
        late_ns = data.draw(st.integers(0, STEP_MAX_NS // 2))
        ticks = timeline.ticks(capture_ns, capture_ns + late_ns)
        assert ticks == ticks_from_ns(capture_ns - START_NS)

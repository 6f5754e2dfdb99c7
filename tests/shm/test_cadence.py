"""When the reader looks: a camera of given times, a reader that follows, and no clock at all."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from petstream.shm.cadence import DEFAULT_INTERVAL_NS, Cadence

MS = 1_000_000
SETTLED = 60  # slots, after which the camera is known
OVERSLEEP_NS = (40_000, 90_000)  # what a kernel adds to a sleep


@dataclass(frozen=True)
class Followed:
    """What following a camera cost, once it was known: looks for each slot, and delays.

    And the interval that was learned in the end.
    """

    looks: float
    delays_ns: list[int]
    interval_ns: int


def _times(intervals_ns: Sequence[float], jitter_ns: float) -> list[int]:
    """When each slot becomes ready."""
    jitter = random.Random(1)
    now, times = 5.0 * MS, []
    for interval_ns in intervals_ns:
        now += interval_ns
        times.append(int(now + jitter.gauss(0, jitter_ns)))
    return sorted(times)


def _follow(
    ready_ns: Sequence[int],
    *,
    hint_ms: int = 0,
    eager: bool = False,
    passed_over: int = 0,
    until: int = 1_000_000,
) -> Followed:
    """Look whenever the cadence says so, until everything was seen.

    After each find ``passed_over`` slots are left to lie, for the first ``until`` slots.
    """
    oversleep = random.Random(2)
    cadence = Cadence(0)
    now_ns = looked_ns = looks = looks_before = 0
    delays: list[int] = []
    while len(delays) < len(ready_ns):
        looks += 1
        unwatched_ns, looked_ns = now_ns - looked_ns, now_ns
        found = [t for t in ready_ns[len(delays) : len(delays) + 30] if t <= now_ns]
        if found:
            if len(delays) < SETTLED <= len(delays) + len(found):
                looks_before = looks
            delays += [now_ns - t for t in found]
            cadence.arrived(now_ns, len(found), unwatched_ns)
            cadence.pass_over(passed_over if len(delays) < until else 0)
        cadence.hint(hint_ms)
        now_ns += cadence.wait_ns(now_ns, in_flight=False, eager=eager)
        now_ns += oversleep.randint(*OVERSLEEP_NS)
    looks_a_slot = (looks - looks_before) / (len(ready_ns) - SETTLED)
    return Followed(looks_a_slot, delays[SETTLED:], cadence.interval_ns)


@pytest.mark.parametrize("fps", [10, 15, 25, 29.97, 30, 30.3, 60])
def test_a_steady_camera_costs_hardly_more_than_a_look_and_a_tenth_of_a_millisecond(
    fps: float,
) -> None:
    """Also if its rate is not quite the one it is said to have."""
    followed = _follow(_times([1e9 / fps] * 900, 50_000))
    assert followed.looks <= 1.5
    assert median(followed.delays_ns) <= 0.2 * MS
    assert max(followed.delays_ns) <= 1 * MS


@pytest.mark.parametrize(
    ("jitter_ms", "looks", "delay_ms"), [(0.3, 1.6, 0.4), (1, 5, 0.6), (3, 12, 2)]
)
def test_jitter_costs_looks_before_it_costs_time(
    jitter_ms: float, looks: float, delay_ms: float
) -> None:
    """Great jitter; a little of it is not worth a look for each slot."""
    followed = _follow(_times([DEFAULT_INTERVAL_NS] * 1800, jitter_ms * MS))
    assert followed.looks <= looks
    assert mean(followed.delays_ns) <= delay_ms * MS


@pytest.mark.parametrize(("before", "after"), [(30, 15), (30, 5), (15, 30), (30, 25), (25, 30)])
def test_another_rate_is_learned(before: int, after: int) -> None:
    """Within a second or two the delays are short again, without any hint."""
    intervals = [1e9 / before] * 300 + [1e9 / after] * 300
    followed = _follow(_times(intervals, 50_000))
    assert max(followed.delays_ns[-200:]) <= 1 * MS


def test_the_interval_of_a_steady_camera_is_learned_on() -> None:
    """Its rate changes so slowly that the aim never has to jump."""
    rise = [DEFAULT_INTERVAL_NS * (1 + slot / 10_000) for slot in range(900)]
    followed = _follow(_times([*rise, *[rise[-1]] * 60], 50_000))
    assert followed.interval_ns == pytest.approx(rise[-1], rel=0.002)
    assert max(followed.delays_ns) <= 1 * MS


def test_a_pause_does_not_unlearn_the_camera() -> None:
    """After five seconds of silence the tenth slot is met as before."""
    intervals = [DEFAULT_INTERVAL_NS] * 200 + [5_000 * MS] + [DEFAULT_INTERVAL_NS] * 200
    delays = _follow(_times(intervals, 50_000)).delays_ns
    assert max(delays[200 - SETTLED + 10 :]) <= 1 * MS
    assert max(delays) <= 60 * MS


def test_short_lives_do_not_teach_their_pauses() -> None:
    """A camera that pauses after every tenth slot still has the interval between two of them."""
    intervals = ([20.0 * MS] * 9 + [300.0 * MS]) * 30
    delays = _follow(_times(intervals, 50_000)).delays_ns
    assert max(delays) <= 25 * MS
    assert median(delays) <= 0.5 * MS


def test_a_silent_camera_is_looked_for_ever_more_rarely() -> None:
    """Every 50 ms at last, which is what finding it again may take."""
    cadence = Cadence(0)
    cadence.hint(0)
    now_ns, waits = 0, []
    while now_ns < 20_000 * MS:
        waits.append(cadence.wait_ns(now_ns, in_flight=False, eager=False))
        now_ns += waits[-1]
    assert waits[-1] == 50 * MS
    assert len(waits) <= 700


def test_the_hint_counts_until_the_camera_is_known() -> None:
    """And a hint that cannot be meant is none."""
    cadence = Cadence(0)
    assert cadence.interval_ns == DEFAULT_INTERVAL_NS
    cadence.hint(100)
    assert cadence.interval_ns == 100 * MS
    cadence.hint(4_000_000_000)
    assert cadence.interval_ns == DEFAULT_INTERVAL_NS


def test_a_copy_under_way_is_waited_for_with_short_looks() -> None:
    """Whatever the aim says; and more rarely when the writer seems to have died in it."""
    cadence = Cadence(0)
    cadence.claimed(1 * MS)
    assert cadence.wait_ns(1 * MS, in_flight=True, eager=False) <= 0.2 * MS
    assert cadence.wait_ns(11 * MS, in_flight=True, eager=False) >= 2 * MS


def test_a_claim_after_a_silence_is_aimed_from() -> None:
    """With a reader that stays one behind, the next claim is what makes a slot ready."""
    cadence = Cadence(0)
    cadence.claimed(3_000 * MS)
    assert cadence.wait_ns(3_000 * MS, in_flight=False, eager=False) == DEFAULT_INTERVAL_NS


@pytest.mark.parametrize("periods", [1, 2, 5])
def test_slots_that_are_passed_over_cost_no_look(periods: int) -> None:
    """They lie in the ring for so many intervals and one more, and no longer."""
    followed = _follow(_times([DEFAULT_INTERVAL_NS] * 900, 50_000), passed_over=periods)
    assert followed.looks * (periods + 1) <= 2.5
    assert max(followed.delays_ns) <= (periods + 1) * DEFAULT_INTERVAL_NS


def test_slots_are_met_again_once_none_is_passed_over() -> None:
    """Twenty slots later, whatever the phase of the looks had become."""
    times = _times([DEFAULT_INTERVAL_NS] * 900, 50_000)
    for end in range(300, 330):
        delays = _follow(times, passed_over=2, until=end).delays_ns
        assert max(delays[end - SETTLED + 20 :]) <= 1 * MS


def test_an_eager_reader_is_awake_before_the_slot_is_ready() -> None:
    """It has to see the copy itself, to prove what the semaphore means."""
    times = _times([DEFAULT_INTERVAL_NS] * 300, 50_000)
    assert _follow(times, eager=True).looks >= 4


def test_a_backlog_read_in_no_time_teaches_no_interval_of_nothing() -> None:
    """Thirty slots within five nanoseconds, again and again."""
    cadence = Cadence(0)
    for now_ns in (5, 10, 15, 20):
        cadence.arrived(now_ns, 30, 5)
        assert cadence.wait_ns(now_ns + 40 * MS, in_flight=False, eager=False) > 0
    assert cadence.interval_ns == DEFAULT_INTERVAL_NS


@example([("slots", 59, 30, 0, False)] * 4)  # less than 2 ns a slot, all rounded down
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["slots", "claim", "nothing"]),
            st.one_of(st.integers(0, 100), st.integers(0, 100 * MS), st.integers(0, 10_000 * MS)),
            st.integers(1, 30),
            st.sampled_from([0, 1, 40, 2**32 - 1]),
            st.booleans(),
        ),
        max_size=60,
    )
)
def test_no_camera_makes_it_sleep_too_long(
    events: list[tuple[str, int, int, int, bool]],
) -> None:
    """Whatever comes and whenever, the next look is after no time below zero, and within reason."""
    cadence = Cadence(0)
    now_ns = 0
    for kind, passed_ns, count, hint_ms, in_flight in events:
        now_ns += passed_ns
        if kind == "slots":
            cadence.arrived(now_ns, count, passed_ns)
        elif kind == "claim":
            cadence.claimed(now_ns)
        cadence.hint(hint_ms)
        wait_ns = cadence.wait_ns(now_ns, in_flight=in_flight, eager=bool(count % 2))
        assert 0 < wait_ns <= max(50 * MS, 2 * cadence.interval_ns)

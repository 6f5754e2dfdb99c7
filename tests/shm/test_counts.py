"""Counts that wrap at 2^32 over slots that wrap at 30, against brute force."""

from hypothesis import given
from hypothesis import strategies as st

from petstream.shm.counts import is_safe, reuse_distance, slot_of, unwrap

WRAP = 2**32
counts = st.one_of(
    st.integers(-100, 3 * WRAP), st.integers(-100, 100), st.integers(WRAP - 100, WRAP + 100)
)


@given(counts)
def test_reuse_distance_is_that_of_the_next_claim_of_the_slot(count: int) -> None:
    """Counting on one by one finds the slot claimed again just where the formula says."""
    distance = 1
    while slot_of(count + distance) != slot_of(count):
        distance += 1
    assert reuse_distance(count) == distance


@given(counts, st.integers(1, 60))
def test_safe_slot_is_not_claimed_again_by_now_or_by_the_next_claim(
    count: int, claims: int
) -> None:
    """A slot is called safe exactly while neither past claims nor the next one have it."""
    later = {slot_of(count + n) for n in range(1, claims + 1)}
    assert is_safe(count, count + claims) == (slot_of(count) not in later)


@given(counts, st.integers(1, 2**31))
def test_no_slot_is_safe_once_the_index_went_back(count: int, by: int) -> None:
    """A new daemon counts again, and may write anywhere."""
    assert not is_safe(count, count - by)


@given(counts, st.integers(-(2**31), 2**31 - 1))
def test_index_is_unwrapped_to_the_nearest_count(near: int, by: int) -> None:
    """Forward or back by less than half the number circle, over any number of wraps."""
    assert unwrap((near + by) % WRAP, near) == near + by


def test_slots_jump_from_15_to_0_at_the_wrap() -> None:
    """2^32 mod 30 is 16, so that the slots 16 to 29 are skipped once in 2^32 counts."""
    assert [slot_of(WRAP - 2 + n) for n in range(4)] == [14, 15, 0, 1]

"""Counts that wrap at 2^32 over slots that wrap at 30, against brute force."""

from hypothesis import given
from hypothesis import strategies as st

from petstream.shm.counts import forward, is_behind, is_safe, reuse_distance, slot_of, step

WRAP = 2**32
counts = st.one_of(st.integers(0, WRAP - 1), st.integers(0, 100), st.integers(WRAP - 100, WRAP - 1))


@given(counts)
def test_reuse_distance_is_that_of_the_next_claim_of_the_slot(count: int) -> None:
    """Counting on one by one finds the slot claimed again just where the formula says."""
    distance = 1
    while slot_of(step(count, distance)) != slot_of(count):
        distance += 1
    assert reuse_distance(count) == distance


@given(counts, st.integers(1, 60))
def test_safe_slot_is_not_claimed_again_by_now_or_by_the_next_claim(
    count: int, claims: int
) -> None:
    """A slot is called safe exactly while neither past claims nor the next one have it."""
    later = {slot_of(step(count, n)) for n in range(1, claims + 1)}
    assert is_safe(count, step(count, claims)) == (slot_of(count) not in later)


@given(counts, st.integers(0, 2**31 - 1))
def test_index_that_went_on_is_not_behind(index: int, by: int) -> None:
    """Going forward by less than half the circle is told from going back, wrap or not."""
    assert forward(index, step(index, by)) == by
    assert not is_behind(step(index, by), index)
    assert is_behind(step(index, -by - 1), index)


def test_slots_jump_from_15_to_0_at_the_wrap() -> None:
    """2^32 mod 30 is 16, so that the slots 16 to 29 are skipped once in 2^32 counts."""
    assert [slot_of(step(WRAP - 2, n)) for n in range(4)] == [14, 15, 0, 1]

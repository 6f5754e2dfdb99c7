"""The semaphore gate, sample by sample."""

from petstream.shm.sample import Sample
from tests.shm.gate_camera import MS, Camera


def test_starts_with_lag_one() -> None:
    """At first only counts with a later one behind them are whole."""
    camera = Camera()
    assert camera.gate.mode == "learning"
    assert camera.gate.released == 99


def test_empty_ring_has_nothing_to_release() -> None:
    """Index 0 means that no count was claimed, not that 2^32 - 1 is waiting."""
    assert Camera(index=0, value=0).gate.released == 0


def test_post_at_a_standing_index_proves_the_base() -> None:
    """A value that rises while the index stands is the end of a copy."""
    camera = Camera()
    camera.look(posts=1)
    assert camera.gate.mode == "gate"
    assert camera.whole == [99]


def test_claim_at_a_standing_value_proves_the_base() -> None:
    """An index that rises while the value stands is the start of a copy."""
    camera = Camera()
    camera.look(claims=1)
    assert camera.gate.mode == "gate"
    assert camera.whole == [99]
    camera.look(posts=1)
    assert camera.whole == [99, 100]


def test_claim_at_value_0_proves_nothing() -> None:
    """Where somebody eats the posts the value is always 0; the next post will prove the base."""
    camera = Camera(value=0)
    camera.look(claims=1)
    assert camera.gate.mode == "learning"
    camera.look(posts=1)
    assert camera.gate.mode == "gate"


def test_constant_difference_proves_nothing() -> None:
    """A writer without pauses is in mid-copy in every sample; its difference is not the base."""
    camera = Camera()
    for _ in range(100):
        camera.look(claims=1, posts=1)
    assert camera.gate.mode == "learning"
    assert camera.whole[-1] == camera.index - 2


def test_count_is_held_until_its_copy_ends(camera: Camera) -> None:
    """In gate mode a count is released by its post, not by time."""
    camera.look(claims=1)
    for _ in range(50):
        camera.look()
    assert camera.whole == []
    camera.look(posts=1)
    assert camera.whole == [101]


def test_several_counts_between_two_samples_are_released_together(camera: Camera) -> None:
    """A reader that looks late gets every count that was written meanwhile."""
    camera.look(claims=5, posts=5)
    assert camera.whole == [101, 102, 103, 104, 105]


def test_waiter_means_lag_one_without_loss(camera: Camera) -> None:
    """Somebody who waits eats the posts; every count still comes, one claim later."""
    camera.waiters = 1
    for _ in range(40):
        camera.look(claims=1, after_ms=33)
    assert camera.gate.mode == "lag one"
    assert camera.whole == list(range(101, 140))
    assert camera.torn == []


def test_post_eaten_in_good_time_means_lag_one_without_loss(camera: Camera) -> None:
    """A missing post and the next claim when it is due: no daemon is started again so soon."""
    for _ in range(2):
        camera.look(after_ms=32)
        camera.look(claims=1)
    assert camera.gate.mode == "lag one"
    assert (camera.whole, camera.torn) == ([101], [])


def test_waiter_that_was_killed_is_not_waited_for(camera: Camera) -> None:
    """The semaphore counts it for ever, but leaves the posts lying: they are trusted again."""
    camera.waiters = 1
    camera.look(claims=1, posts=-camera.value)
    assert camera.gate.mode == "lag one"
    for _ in range(34):
        camera.frame()
    assert camera.gate.mode == "gate"
    assert camera.torn == []


def test_drained_semaphore_means_lag_one_without_loss(camera: Camera) -> None:
    """A value that falls says that it no longer counts the finished copies."""
    camera.look(posts=-50)
    assert camera.gate.mode == "lag one"
    camera.frame()
    camera.frame()
    assert (camera.whole, camera.torn) == ([101], [])


def test_waiter_that_comes_during_a_copy_costs_nothing(camera: Camera) -> None:
    """The value fell in mid-copy, but somebody who waits explains it."""
    camera.look(claims=1)
    camera.look(posts=-51)
    camera.waiters = 1
    camera.look()
    camera.look(claims=1, after_ms=33)
    assert (camera.whole, camera.torn) == ([101], [])


def test_saturated_semaphore_means_lag_one() -> None:
    """At SEM_VALUE_MAX posts no longer count."""
    camera = Camera(value=2**31 - 1)
    camera.look(claims=1)
    camera.look(claims=1)
    assert camera.gate.mode == "lag one"
    assert camera.whole == [99, 100]


def test_semaphore_that_saturates_loses_nothing() -> None:
    """The last post that counts ends the gate, and lag one takes over where it stood."""
    camera = Camera(value=2**31 - 4)
    for _ in range(2):
        camera.frame()
    assert camera.gate.mode == "gate"
    camera.frame()
    assert camera.gate.mode == "lag one"
    camera.look(claims=1)
    camera.look(claims=1)
    assert (camera.whole, camera.torn) == ([99, 100, 101, 102, 103], [])


def test_posts_that_are_eaten_unseen_end_the_gate(camera: Camera) -> None:
    """Claim after claim without a post is no series of deaths: somebody else takes them."""
    for _ in range(6):
        camera.look(claims=1, after_ms=33)
    assert camera.gate.mode == "lag one"
    assert camera.torn == []
    assert camera.whole == [101, 102, 103, 104, 105]


def test_foreign_post_ends_the_gate(camera: Camera) -> None:
    """More posts than claims is nothing one writer can do."""
    camera.look(posts=1)
    assert camera.gate.mode == "lag one"


def test_gate_is_learned_again_after_a_quiet_second(camera: Camera) -> None:
    """Once nobody has disturbed the semaphore for a second, it is trusted again."""
    camera.look(posts=-50)
    for _ in range(29):
        camera.frame()
        assert camera.gate.mode == "lag one"
    for _ in range(4):
        camera.frame()
    assert camera.gate.mode == "gate"
    assert camera.whole == list(range(101, 134))


def test_writer_that_stops_pausing_is_followed_with_lag_one(camera: Camera) -> None:
    """When no sample meets a pause any more, the gate gives up rather than hold the stream."""
    gate, index, value = camera.gate, camera.index, camera.value
    index += 1
    released = 0
    for n in range(60):
        index, value = index + 1, value + 1
        release = gate.observe(Sample(index, 0, value, 0, (100 + n) * MS), MS)
        assert release.torn_until == released or not released
        released = release.ready_until
    assert gate.mode == "lag one"
    assert released == index - 1

"""The semaphore gate when the writer dies in mid-copy, or seems to."""

from tests.shm.gate_camera import Camera


def watch_silence(camera: Camera) -> None:
    """Look now and then at a ring in which nothing moves."""
    for _ in range(10):
        camera.look(after_ms=20)


def test_death_in_mid_copy_costs_the_torn_count_and_no_other(camera: Camera) -> None:
    """The count whose post never comes is torn once the next writer's post is seen."""
    camera.look(claims=1)
    camera.look(claims=1, after_ms=500)
    assert (camera.whole, camera.torn) == ([], [])
    camera.look(posts=1)
    assert (camera.whole, camera.torn) == ([102], [101])
    camera.frame()
    assert (camera.whole, camera.torn) == ([102, 103], [101])
    assert camera.gate.mode == "gate"


def test_death_is_noticed_also_if_the_new_writers_first_copy_is_missed(camera: Camera) -> None:
    """With one post for two claims, nothing is released until the next copy tells which is torn."""
    camera.look(claims=1)
    camera.look(claims=1, posts=1, after_ms=500)
    assert (camera.whole, camera.torn) == ([], [])
    camera.look(claims=1, after_ms=33)
    camera.look(posts=1)
    assert camera.torn == [101, 102]
    assert camera.whole == [103]


def test_death_that_was_watched_costs_no_other_count_even_if_the_first_copy_is_missed(
    camera: Camera,
) -> None:
    """A silence in mid-copy, a post and a claim: the next claim in good time tells who died."""
    camera.look(claims=1)
    watch_silence(camera)
    camera.look(claims=1, posts=1)
    assert (camera.whole, camera.torn) == ([], [])
    camera.look(claims=1, after_ms=33)
    assert (camera.whole, camera.torn) == ([102], [101])
    camera.look(posts=1)
    assert (camera.whole, camera.torn) == ([102, 103], [101])
    assert camera.gate.mode == "gate"


def test_death_that_was_watched_by_a_reader_that_meets_no_copy(camera: Camera) -> None:
    """Also if no look meets a copy the new writer's counts come, all but the newest."""
    camera.look(claims=1)
    watch_silence(camera)
    camera.look(claims=1, posts=1)
    camera.look(claims=1, posts=1, after_ms=33)
    assert (camera.whole, camera.torn) == ([102], [101])
    camera.frame()
    camera.frame()
    assert (camera.whole, camera.torn) == ([102, 103, 104, 105], [101])
    assert camera.gate.mode == "gate"


def test_death_that_was_watched_by_a_reader_that_comes_late(camera: Camera) -> None:
    """Of the new writer's counts none is lost if the second one's copy is the first that is met."""
    camera.look(claims=1)
    watch_silence(camera)
    camera.look(claims=2, posts=1)
    camera.look(posts=1)
    assert (camera.whole, camera.torn) == ([102, 103], [101])
    assert camera.gate.mode == "gate"


def test_stall_that_was_watched_costs_nothing(camera: Camera) -> None:
    """A writer that goes on in mid-copy, and is in its next copy when it is seen, loses nothing."""
    camera.look(claims=1)
    watch_silence(camera)
    camera.look(claims=1, posts=1)
    camera.look(posts=1)
    camera.frame()
    assert (camera.whole, camera.torn) == ([101, 102, 103], [])


def test_second_silence_keeps_both_counts_in_doubt(camera: Camera) -> None:
    """With two silences in a row nobody knows in which of them the writer died."""
    camera.look(claims=1)
    watch_silence(camera)
    camera.look(claims=1, posts=1)
    watch_silence(camera)
    camera.look(claims=1, posts=1)
    camera.look(claims=1, after_ms=33)
    assert (camera.whole, camera.torn) == ([103], [101, 102])


def test_deaths_within_the_quiet_time_are_told_too(camera: Camera) -> None:
    """A daemon that dies soon after it initialised the semaphore, twice over, costs two counts."""
    for _ in range(2):
        camera.look(claims=1)
        camera.look(posts=-camera.value, after_ms=300)
        for _ in range(3):
            camera.frame()
    camera.look(claims=1)
    assert camera.gate.mode == "lag one"
    assert (camera.whole, camera.torn) == ([102, 103, 104, 106, 107, 108], [101, 105])


def test_two_deaths_in_a_row_cost_both_counts(camera: Camera) -> None:
    """A writer killed in its first copy leaves a second torn count."""
    camera.look(claims=1)
    camera.look(claims=1, after_ms=200)
    camera.look(claims=1, after_ms=200)
    camera.look(posts=1)
    assert (camera.whole, camera.torn) == ([103], [101, 102])


def test_restart_that_initialises_the_semaphore_costs_the_torn_count(camera: Camera) -> None:
    """The value falls while a copy is in flight and the next claim comes without its post."""
    camera.look(claims=1)
    camera.look(posts=-camera.value, after_ms=50)
    camera.look(claims=1)
    camera.look(posts=1)
    camera.look(claims=1)
    assert (camera.whole, camera.torn) == ([102], [101])


def test_post_after_the_semaphore_fell_clears_the_copy(camera: Camera) -> None:
    """Drained in mid-copy by somebody who does not wait: the writer's own post saves the count."""
    camera.look(claims=1)
    camera.look(posts=-51)
    camera.look(posts=1)
    camera.look(claims=1)
    assert (camera.whole, camera.torn) == ([101], [])


def test_semaphore_initialised_in_mid_copy_costs_nothing_if_the_post_is_there(
    camera: Camera,
) -> None:
    """A value that fell, but not to 0, has the copy's own post in it: no claim, no new daemon."""
    camera.look(claims=1)
    camera.look(posts=1 - camera.value)
    camera.look(claims=1)
    assert (camera.whole, camera.torn) == ([101], [])


def test_long_copy_without_a_clean_post_is_torn(camera: Camera) -> None:
    """In mid-copy for half a second, then a waiter appears and a claim: the writer had died."""
    camera.look(claims=1)
    camera.waiters = 1
    camera.look(posts=-camera.value, after_ms=500)
    camera.look(claims=1)
    camera.look(claims=1, after_ms=33)
    assert (camera.whole, camera.torn) == ([102], [101])


def test_long_copy_with_a_clean_post_is_whole(camera: Camera) -> None:
    """A writer that was stopped in mid-copy for half a second and went on loses nothing."""
    camera.look(claims=1)
    camera.look(posts=1, after_ms=500)
    assert (camera.whole, camera.torn) == ([101], [])


def test_lag_one_does_not_trust_a_count_after_a_long_silence(camera: Camera) -> None:
    """With a waiter on the semaphore, two seconds of silence may hide a death in mid-copy."""
    camera.waiters = 1
    camera.look(claims=1, posts=-camera.value, after_ms=33)
    camera.look(claims=1, after_ms=33)
    camera.look(claims=1, after_ms=2000)
    camera.look(claims=1, after_ms=33)
    assert (camera.whole, camera.torn) == ([101, 103], [102])


def test_count_found_at_the_start_needs_a_timely_successor() -> None:
    """The newest count of a ring whose daemon was dead when the reader came is not trusted."""
    camera = Camera()
    camera.look(claims=1, after_ms=300)
    camera.look(posts=1)
    assert (camera.whole, camera.torn) == ([100], [99])


def test_death_is_told_by_a_reader_whose_last_look_was_early(camera: Camera) -> None:
    """Silent for 110 ms, looked at only 90 ms into it: the next claim in time tells who died."""
    camera.look(claims=1)
    camera.look(after_ms=90)
    camera.look(claims=1, posts=1, after_ms=20)
    camera.look(claims=1, posts=1, after_ms=33)
    assert (camera.whole, camera.torn) == ([102], [101])


def test_death_is_told_by_a_reader_that_missed_several_claims(camera: Camera) -> None:
    """A look that comes 60 ms late keeps the counts that followed each other in good time."""
    camera.look(claims=1)
    watch_silence(camera)
    camera.look(claims=2, posts=2, after_ms=60)
    camera.look(claims=2, posts=2, after_ms=60)
    assert (camera.whole, camera.torn) == ([102, 103, 104], [101])


def test_count_before_the_one_that_died_is_whole(camera: Camera) -> None:
    """Two claims and one post in good time: only the newer copy can have been the last one."""
    camera.look(claims=2, posts=1, after_ms=60)
    assert (camera.whole, camera.torn) == ([101], [])
    watch_silence(camera)
    camera.look(claims=1)
    camera.look(posts=1)
    assert (camera.whole, camera.torn) == ([101, 103], [102])


def silent_while_learning(posts: int) -> Camera:
    """A camera none of whose copies was met, silent after two claims and so many posts."""
    camera = Camera()
    camera.look(claims=2, posts=2, after_ms=66)
    camera.look(claims=2, posts=posts, after_ms=40)
    watch_silence(camera)
    return camera


def test_first_death_is_noticed_by_a_reader_that_has_met_no_copy() -> None:
    """A silence with a post missing that was not missing before: the count is not trusted."""
    camera = silent_while_learning(posts=1)
    camera.look(claims=1, posts=1)
    camera.look(claims=1, posts=1, after_ms=33)
    assert camera.gate.mode == "learning"
    assert (camera.whole, camera.torn) == ([99, 100, 101, 102, 104], [103])


def test_silence_without_a_missing_post_costs_nothing_while_learning() -> None:
    """The same silence between two copies is a pause of the camera's."""
    camera = silent_while_learning(posts=2)
    camera.look(claims=1, posts=1)
    assert (camera.whole, camera.torn) == ([99, 100, 101, 102, 103], [])


def test_stall_in_mid_copy_while_learning_costs_nothing() -> None:
    """The post that was missing comes: the writer was only not given a CPU."""
    camera = silent_while_learning(posts=1)
    camera.look(claims=1, posts=1)
    camera.look(posts=1)
    camera.look(claims=1, posts=1, after_ms=33)
    assert (camera.whole, camera.torn) == ([99, 100, 101, 102, 103, 104, 105], [])


def test_reader_that_comes_late_takes_no_copy_under_way_for_a_death(camera: Camera) -> None:
    """A claim somewhere within the last 96 ms and another 5 ms later are the same writer's."""
    camera.look(claims=1, after_ms=96)
    camera.look(after_ms=3)
    camera.look(claims=1, posts=1, after_ms=2)
    camera.look(claims=1, posts=1, after_ms=33)
    camera.look(posts=1)
    assert (camera.whole, camera.torn) == ([101, 102, 103], [])


def test_semaphore_initialised_in_mid_copy_by_somebody_else_costs_nothing(camera: Camera) -> None:
    """A camera of 50 fps whose looks are an interval apart goes on in good time."""
    camera.look(claims=1, posts=1, after_ms=20)
    camera.look(claims=1, after_ms=20)
    camera.look(posts=-camera.value)
    camera.look(claims=1, posts=1, after_ms=20)
    camera.look(claims=1, posts=1, after_ms=20)
    assert (camera.whole, camera.torn) == ([101, 102, 103], [])


def test_many_counts_at_once_are_not_given_up_for_one_copy_under_way(camera: Camera) -> None:
    """A reader that comes 300 ms late, in mid-copy, waits for the post like any other."""
    camera.look(claims=10, posts=9, after_ms=330)
    assert (camera.whole, camera.torn) == ([], [])
    camera.look(posts=1)
    assert (camera.whole, camera.torn) == (list(range(101, 111)), [])

"""What has to go when room is scarce."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from petstream.recording.entry import Entry, State
from petstream.recording.names import RecordingFormat
from petstream.recording.retention import Retention, size_text

BEGIN = datetime(2025, 12, 26, tzinfo=UTC)
MIB = 2**20


def entry(number: int, size: int, *, closed: bool = True, protected: bool = False) -> Entry:
    """The ``number``-th recording of a day."""
    return Entry(
        name=f"recording_20251226_{number:06}.h264",
        start_time=BEGIN + timedelta(seconds=number),
        duration_ms=1000,
        size_bytes=size,
        frame_count=30,
        format=RecordingFormat.H264,
        state=State.FINISHED if closed else State.RECORDING,
        protected=protected,
        disk_bytes=size,
        is_closed=closed,
    )


def newest_first(*entries: Entry) -> list[Entry]:
    """As the catalogue gives them."""
    return sorted(entries, key=lambda each: each.start_time, reverse=True)


def test_without_limits_nothing_goes() -> None:
    """A full disk is no reason to remove anything that nobody asked to have removed."""
    plan = Retention().plan([entry(1, 2**40)], 0)
    assert (plan.remove, plan.tight, plan.exceeded) == ((), None, None)
    assert not Retention().is_limited


def test_the_oldest_goes_first_and_no_more_than_needed() -> None:
    """Room is made a little before the quota is reached."""
    entries = newest_first(*(entry(n, 10 * MIB) for n in range(10)))
    plan = Retention(quota_bytes=100 * MIB).plan(entries, 2**40)
    assert [each.name for each in plan.remove] == ["recording_20251226_000000.h264"]
    assert plan.tight is plan.exceeded is None
    assert Retention(quota_bytes=120 * MIB).plan(entries, 2**40).remove == ()


def test_protected_and_open_files_stay() -> None:
    """When nothing else is left, a recording that runs has to end, and says which setting why."""
    entries = newest_first(
        entry(1, 60 * MIB, protected=True), entry(2, 10 * MIB), entry(3, 60 * MIB, closed=False)
    )
    plan = Retention(quota_bytes=100 * MIB).plan(entries, 2**40)
    assert [each.name for each in plan.remove] == ["recording_20251226_000002.h264"]
    assert plan.exceeded is not None
    assert plan.exceeded.startswith("recordings take 120.0 MiB of 100.0 MiB (-record-quota), and")
    plan = Retention(min_free_bytes=500 * MIB).plan(entries, 300 * MIB)
    assert str(plan.exceeded).startswith("310.0 MiB are free, 500.0 MiB have to stay so (-record-m")


def test_a_new_recording_needs_more_room_than_one_that_runs() -> None:
    """Close to the limit nothing is begun that would have to end at once."""
    entries = [entry(1, 97 * MIB, protected=True)]
    plan = Retention(quota_bytes=100 * MIB).plan(entries, 2**40)
    assert plan.exceeded is None
    assert "-record-quota" in str(plan.tight)


sizes = st.integers(0, 50 * MIB)
any_entries = st.lists(st.tuples(sizes, st.booleans(), st.booleans()), max_size=30)


@given(any_entries, st.integers(MIB, 500 * MIB), st.integers(MIB, 500 * MIB), st.integers(0, 2**30))
def test_limits_are_kept_or_the_plan_says_why_not(
    given_entries: list[tuple[int, bool, bool]], quota: int, min_free: int, free: int
) -> None:
    """Only closed, unprotected recordings go, from the oldest on; then both limits hold or not."""
    entries = newest_first(
        *(entry(n, s, closed=c, protected=p) for n, (s, c, p) in enumerate(given_entries))
    )
    plan = Retention(quota, min_free).plan(entries, free)
    removable = [each for each in reversed(entries) if each.is_closed and not each.protected]
    assert list(plan.remove) == removable[: len(plan.remove)]
    gained = sum(each.disk_bytes for each in plan.remove)
    used = sum(each.disk_bytes for each in entries) - gained
    fits = used <= quota and free + gained >= min_free
    assert (plan.exceeded is None) == fits
    if plan.tight is None:
        assert fits
    else:
        assert len(plan.remove) == len(removable)


def test_sizes_are_for_people() -> None:
    """Powers of 1024, with the unit that says so."""
    assert [size_text(n) for n in (0, 1023, 1536, 3 * 2**30, 2**50)] == [
        "0 bytes",
        "1023 bytes",
        "1.5 KiB",
        "3.0 GiB",
        "1024.0 TiB",
    ]

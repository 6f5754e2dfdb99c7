"""What faults of the segment and of the act of writing do, one step at a time."""

import os
from fractions import Fraction
from pathlib import Path

import pytest

from petstream.shm.layout import DATA_SIZE_MAX, FRAME_SIZE, RING_SIZE, SEM_VALUE_MAX
from simulator import Fixture
from simulator.scenario import (
    Burst,
    Die,
    Fault,
    Fps,
    Recreate,
    Restart,
    Semaphore,
    SlowCopy,
    Stall,
    Truncate,
    TwoWriters,
    WrongSize,
)

from ..ring_view import RingView, segment_path
from .bench import Bench


def test_without_faults_it_writes_the_clip(bench: Bench) -> None:
    """Three slots hold the clip's first three access units."""
    assert [bench.frame(n).data for n in range(3)] == list(bench.clip.access_units[:3])
    assert (bench.stage.writer.write_index, bench.stage.writer.semaphore_value) == (3, 3)


def test_a_death_leaves_a_claim_without_a_post(bench: Bench) -> None:
    """The dead writer's slot has its first bytes, and the next daemon goes on behind it."""
    inode = bench.inode
    first = bench.write(Die(after_bytes=1000, pause_ms=0))
    assert (bench.stage.writer.write_index, bench.stage.writer.semaphore_value) == (5, 4)
    torn = bench.frame(3).data
    whole = bench.clip.access_units[3]
    assert torn[: 1000 - 48] == whole[: 1000 - 48]
    assert torn != whole
    assert (first.frame_number, first.data) == (0, bench.clip.access_units[0])
    assert bench.inode == inode


@pytest.mark.parametrize(("init", "value"), [(False, 4), (True, 1)])
def test_a_restart_goes_on_in_the_same_segment(bench: Bench, init: bool, value: int) -> None:
    """Index and semaphore go on, or the semaphore begins anew as it must not."""
    inode = bench.inode
    frame = bench.write(Restart(pause_ms=0, init_semaphore=init))
    assert (bench.stage.writer.write_index, bench.stage.writer.semaphore_value) == (4, value)
    assert frame.data == bench.clip.access_units[0]
    assert bench.inode == inode


@pytest.mark.parametrize("index", [0, 1_000, 2**32 - 1])
def test_a_new_segment_begins_at_its_index(bench: Bench, index: int) -> None:
    """Another inode, the index that was asked for, and no finished copy but the new one."""
    old = os.open(segment_path(bench.stage.writer.name), os.O_RDONLY)
    try:
        frame = bench.write(Recreate(index=index, pause_ms=0))
        assert os.fstat(old).st_nlink == 0
    finally:
        os.close(old)
    assert bench.stage.writer.write_index == (index + 1) % 2**32
    assert bench.stage.writer.semaphore_value == 1
    assert frame.data == bench.clip.access_units[0]


@pytest.mark.parametrize("fault", [Truncate(size=4096, pause_ms=0), WrongSize(size=7, pause_ms=0)])
def test_a_segment_of_another_size_is_followed_by_a_good_one(bench: Bench, fault: Fault) -> None:
    """When it is over the ring has its size again, and works."""
    frame = bench.write(fault)
    assert segment_path(bench.stage.writer.name).stat().st_size == RING_SIZE
    assert frame.data == bench.clip.access_units[0]


@pytest.mark.parametrize(
    ("fault", "size"), [(Truncate(size=4096), 4096), (WrongSize(size=93_314_112), 93_314_112)]
)
def test_while_it_lasts_the_segment_has_the_wrong_size(
    bench: Bench, fault: Fault, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """During the pause whoever looks finds the other size."""
    path = Path(segment_path(bench.stage.writer.name))
    seen: list[int] = []
    monkeypatch.setattr(bench.stage, "wait_ms", lambda _: seen.append(path.stat().st_size))
    fault.act(bench.stage, bench.number)
    assert seen == [size]


@pytest.mark.parametrize(
    ("action", "values"),
    [("drain", [0, 0, 1]), ("saturate", [SEM_VALUE_MAX] * 3), ("init", [1, 2, 3])],
)
def test_the_semaphore_is_used_by_others(bench: Bench, action: str, values: list[int]) -> None:
    """Drained for two access units, full for good, or counting from 0 again."""
    Semaphore(action=action, count=2).act(bench.stage, bench.number)
    seen = []
    for _ in range(3):
        bench.write()
        seen.append(bench.stage.writer.semaphore_value)
    assert seen == values


@pytest.mark.parametrize(("order", "index"), [("claim-first", 4), ("copy-first", 3)])
def test_a_slow_copy_comes_in_parts_in_either_order(
    bench: Bench, order: str, index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In mid-copy the index names the slot, or does not yet; afterwards the slot is whole."""
    seen: list[tuple[int, int]] = []
    writer = bench.stage.writer
    monkeypatch.setattr(
        bench.stage, "wait_ms", lambda _: seen.append((writer.write_index, writer.semaphore_value))
    )
    frame = bench.write(SlowCopy(count=1, ms=5, order=order))
    assert len(seen) > 1
    assert set(seen) == {(index, 3)}
    assert frame.data == bench.clip.access_units[3]
    assert (writer.write_index, writer.semaphore_value) == (4, 4)
    bench.write()
    assert len(seen) == 16


def test_a_burst_is_not_waited_for_and_may_copy_less(bench: Bench) -> None:
    """So many access units are hurried; what is used of a slot arrives all the same."""
    bench.stage.writer.frame.data[DATA_SIZE_MAX - 1] = 7
    frame = bench.write(Burst(count=2, whole=False))
    assert bench.stage.hurried == 1
    assert frame.data == bench.clip.access_units[3]
    bench.write()
    assert bench.stage.hurried == 0
    with RingView.of(bench.stage.writer.name) as view:
        assert os.pread(view.fd, 1, 40 + 4 * FRAME_SIZE - 1) == b"\0"


def test_a_stall_waits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written for as long as was said."""
    waited: list[float] = []
    monkeypatch.setattr(bench.stage, "wait_ms", waited.append)
    Stall(ms=250).act(bench.stage, bench.number)
    assert waited == [250]


def test_a_rate_is_a_new_interval(bench: Bench) -> None:
    """Fractions too."""
    bench.write(Fps(fps="30000/1001"))
    assert bench.stage.interval_ns == Fraction(1001 * 10**9, 30000)


def test_two_writers_interleave(bench: Bench) -> None:
    """The second camera claims, copies and posts in the middle of the first one's copy."""
    other = Fixture.load("bbb-480p30").access_units
    frame = bench.write(TwoWriters(count=1, camera_id=4))
    assert (frame.camera_id, frame.data) == (0, bench.clip.access_units[3])
    second = bench.frame(4)
    assert (second.camera_id, second.data) == (4, other[0])
    assert (bench.stage.writer.write_index, bench.stage.writer.semaphore_value) == (5, 5)
    assert bench.write().camera_id == 0

"""The reader, processor and distributor threads: order, bounds, faults and their end."""

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from petstream.h264.access_unit import AccessUnit
from petstream.h264.nal import is_random_access
from petstream.pipeline import QUEUE_ITEMS, Pipeline
from petstream.shm.ring import RingReader
from petstream.slot import Slot
from simulator import Camera, Fixture
from tests.shm.ring_steps import StepRing
from tests.waiting import wait_until

UNITS = Fixture.load("barcode-480p30").access_units


def make(segment: str) -> Pipeline:
    """A pipeline that reads a ring."""
    source = RingReader(segment, is_random_access=is_random_access)
    return Pipeline(source, on_fatal=lambda *_: None)


@contextmanager
def running(segment: str) -> Iterator[Pipeline]:
    """A pipeline that runs."""
    pipeline = make(segment)
    pipeline.start()
    try:
        yield pipeline
    finally:
        assert pipeline.stop() == []


def play(ring: StepRing, pipeline: Pipeline, start: int, end: int) -> None:
    """Write access units of the clip, none more than two ahead of what is published."""
    wait_until(lambda: pipeline.camera().attached, "the segment")
    owed = pipeline.counters.published + pipeline.dropped - 2

    def keeps_up() -> bool:
        return pipeline.counters.published + pipeline.dropped >= owed

    for number in range(start, end):
        ring.publish(UNITS[number], frame_number=number, capture_ns=time.monotonic_ns())
        owed += 1
        wait_until(keeps_up, "the pipeline")
        time.sleep(0.005)


def test_access_units_come_in_order(segment_name: str) -> None:
    """From the ring to a subscription nothing is lost, changed in order, or marked."""
    with (
        StepRing(segment_name) as ring,
        running(segment_name) as pipeline,
        pipeline.distributor.subscribe("test") as subscription,
    ):
        play(ring, pipeline, 0, 60)
        units = take(subscription.get, 59)
        state = pipeline.camera()
    assert [unit.frame_number for unit in units] == list(range(59))
    assert [unit.is_idr for unit in units].count(True) == 2
    assert not any(unit.discontinuity for unit in units[1:])
    assert (state.attached, state.has_headers, state.fault) == (True, True, None)
    assert (state.width, state.height) == (854, 480)
    assert state.fps > 0


@pytest.mark.nightly
@pytest.mark.realtime
def test_access_units_wait_in_the_ring_while_nobody_waits_for_them(segment_name: str) -> None:
    """They are read up to five at a time then; else singly."""
    urgent = False
    with (
        Camera("barcode-480p30", shm=segment_name, loop=True),
        running(segment_name) as pipeline,
        pipeline.distributor.subscribe("test", is_urgent=lambda: urgent) as subscription,
    ):
        wait_until(lambda: pipeline.source.mode == "gate", "the gate")
        spared = batches(take(subscription.get, 75)[15:])
        urgent = True
        prompt = batches(take(subscription.get, 75)[15:])
    assert 12 <= spared <= 24
    assert prompt > 40


def batches(units: Sequence[AccessUnit]) -> int:
    """At how many moments these were read."""
    read_ns = [unit.read_ns for unit in units]
    return 1 + sum(b - a > 3_000_000 for a, b in itertools.pairwise(read_ns))


def take(get: object, count: int) -> list[AccessUnit]:
    """So many access units."""
    units = [get(5) for _ in range(count)]  # type: ignore[operator]
    assert None not in units
    return units


def slot(sequence: int) -> Slot:
    """A slot with an access unit of the clip in it."""
    data = UNITS[sequence % len(UNITS)]
    return Slot(sequence, sequence, 0, 0, 0, 854, 480, data, discontinuity=False)


def test_full_queue_reaches_every_gate_as_a_discontinuity(
    segment_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a held processor could not take is counted, and the next access unit tells it."""
    pipeline = make(segment_name)
    held = threading.Event()
    process = pipeline.processor.process

    def hold(slot: Slot) -> AccessUnit:
        held.wait()
        return process(slot)

    monkeypatch.setattr(pipeline.processor, "process", hold)
    slots = [[slot(n) for n in range(QUEUE_ITEMS + 10)], [slot(QUEUE_ITEMS + 10)]]
    monkeypatch.setattr(pipeline.source, "read", lambda _: slots.pop(0) if slots_due() else idle())

    def slots_due() -> bool:
        return len(slots) == 2 or (bool(slots) and pipeline.counters.published >= QUEUE_ITEMS)

    def idle() -> list[Slot]:
        time.sleep(0.01)
        return []

    with pipeline.distributor.subscribe("test", max_items=1_000) as subscription:
        pipeline.start()
        wait_until(lambda: pipeline.counters.read == QUEUE_ITEMS + 10, "the reader")
        held.set()
        wait_until(lambda: pipeline.counters.read == QUEUE_ITEMS + 11, "the reader")
        wait_until(lambda: not slots, "the last slot")
        wait_until(
            lambda: pipeline.counters.published + pipeline.counters.dropped == QUEUE_ITEMS + 11,
            "everything",
        )
        assert pipeline.stop() == []
        units = list(iter(lambda: subscription.get(0), None))
    assert pipeline.counters.dropped in {9, 10}  # the processor may hold one besides the queue
    numbers = [unit.sequence for unit in units]
    assert numbers == list(range(len(numbers)))
    assert subscription.dropped == 1, "the access unit behind the loss was let through"


@pytest.mark.parametrize("name", ["reader", "processor", "distributor"])
def test_thread_that_raises_is_entered_again(
    segment_name: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in any of the three threads costs no more than a GOP."""
    target = {"reader": "source.read", "processor": "processor.process"}
    with StepRing(segment_name) as ring, running(segment_name) as pipeline:
        owner, method = target.get(name, "distributor.publish").split(".")
        fault = ValueError("odd")
        real = getattr(getattr(pipeline, owner), method)
        left = [1]

        def raise_once(argument: object) -> object:
            if left[0]:
                left[0] -= 1
                raise fault
            return real(argument)

        play(ring, pipeline, 0, 5)
        monkeypatch.setattr(getattr(pipeline, owner), method, raise_once)
        play(ring, pipeline, 5, 20)
        (thread,) = [thread for thread in pipeline.threads if thread.name == name]
        wait_until(lambda: thread.restarts == 1, "the restart")
        assert thread.fault is fault
        with pipeline.distributor.subscribe("test") as subscription:
            play(ring, pipeline, 20, 60)
            assert take(subscription.get, 1)[0].is_idr


@pytest.mark.parametrize("count", [1, 45], ids=["one by one", "many at once"])
@pytest.mark.parametrize("step", ["processor.process", "distributor.publish"])
def test_what_refers_to_a_unit_lost_by_a_fault_is_let_through_to_nobody(
    segment_name: str, step: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing before the next IDR, whichever thread met the fault."""
    pipeline = make(segment_name)
    owner, method = step.split(".")
    real = getattr(getattr(pipeline, owner), method)
    calls = itertools.count()

    def raise_once(argument: object) -> object:
        if next(calls) == 5:
            raise ValueError("odd")
        return real(argument)

    monkeypatch.setattr(getattr(pipeline, owner), method, raise_once)
    slots = [slot(n) for n in range(45)]
    batches = [slots[n : n + count] for n in range(0, 45, count)]

    def read(_timeout_s: float) -> list[Slot]:
        time.sleep(0.01)
        return batches.pop(0) if batches else []

    monkeypatch.setattr(pipeline.source, "read", read)
    with pipeline.distributor.subscribe("test", max_items=100) as subscription:
        pipeline.start()
        numbers = [unit.sequence for unit in take(subscription.get, 20)]
        assert pipeline.stop() == []
    assert numbers == [0, 1, 2, 3, 4, *range(30, 45)]


def test_stop_names_what_still_runs(segment_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that hangs is named after the time-out, and the others have ended."""
    pipeline = make(segment_name)
    entered, hang = threading.Event(), threading.Event()

    def read(_timeout_s: float) -> list[Slot]:
        entered.set()
        hang.wait()
        return []

    monkeypatch.setattr(pipeline.source, "read", read)
    pipeline.start()
    assert entered.wait(10)
    begun = time.monotonic()
    assert pipeline.stop(0.5) == ["reader"]
    assert time.monotonic() - begun < 5
    hang.set()
    assert pipeline.stop() == []


def test_bad_slots_are_counted_by_reason(segment_name: str) -> None:
    """What is no H.264 is dropped and counted, and the stream goes on behind it."""
    with StepRing(segment_name) as ring, running(segment_name) as pipeline:
        play(ring, pipeline, 0, 5)
        ring.publish(b"no start code anywhere")
        play(ring, pipeline, 5, 10)
        wait_until(lambda: pipeline.counters.process_errors.total() == 1, "the error")
        assert pipeline.dropped >= 1

"""Fan-out: what one subscription loses is nobody else's loss."""

from petstream.distributor import Distributor
from petstream.h264.access_unit import AccessUnit


def unit(sequence: int, *, idr: bool = False, lost: bool = False, size: int = 10) -> AccessUnit:
    """An access unit of ``size`` bytes."""
    return AccessUnit(
        nal_units=(memoryview(bytes(size)),),
        size=size,
        is_idr=idr,
        discontinuity=lost,
        sequence=sequence,
        frame_number=sequence,
        capture_ns=sequence,
        read_ns=sequence,
        camera_id=0,
        parameter_sets=None,
    )


def gop(start: int, length: int) -> list[AccessUnit]:
    """An IDR and what follows it."""
    return [unit(start + n, idr=n == 0) for n in range(length)]


def drain(subscription: object) -> list[int]:
    """The sequence numbers of all that waits."""
    get = subscription.get  # type: ignore[attr-defined]
    return [access_unit.sequence for access_unit in iter(lambda: get(0), None)]


def test_subscription_begins_with_an_idr() -> None:
    """What came before it was not owed, and is not counted as dropped."""
    distributor = Distributor()
    with distributor.subscribe("test") as subscription:
        for access_unit in [unit(0), unit(1), *gop(2, 3)]:
            distributor.publish(access_unit)
        assert drain(subscription) == [2, 3, 4]
        assert (subscription.sent, subscription.dropped) == (3, 0)


def test_full_queue_closes_the_gate_until_an_idr() -> None:
    """No picture comes without its reference, and every one that is missing is counted."""
    distributor = Distributor()
    with distributor.subscribe("slow", max_items=2) as slow, distributor.subscribe("fast") as fast:
        for access_unit in gop(0, 4):
            distributor.publish(access_unit)
        assert slow.usage_percent == 100
        assert drain(slow) == [0, 1]
        for access_unit in [unit(4), *gop(5, 2)]:
            distributor.publish(access_unit)
        assert drain(slow) == [5, 6]
        assert (slow.sent, slow.dropped) == (4, 3)
        assert drain(fast) == list(range(7))
        assert fast.dropped == 0


def test_idr_that_does_not_fit_keeps_the_gate_shut() -> None:
    """The pictures behind an IDR that was refused are refused too."""
    distributor = Distributor()
    with distributor.subscribe("test", max_items=1) as subscription:
        for access_unit in [*gop(0, 1), *gop(1, 1), unit(2)]:
            distributor.publish(access_unit)
        assert drain(subscription) == [0]
        distributor.publish(unit(3))
        assert drain(subscription) == []
        assert subscription.dropped == 3


def test_discontinuity_shuts_every_gate() -> None:
    """A loss before the distributor reaches all subscriptions, and the next IDR heals it."""
    distributor = Distributor()
    with distributor.subscribe("a") as a, distributor.subscribe("b") as b:
        for access_unit in [*gop(0, 2), unit(3, lost=True), unit(4), *gop(5, 2)]:
            distributor.publish(access_unit)
        for subscription in (a, b):
            assert drain(subscription) == [0, 1, 5, 6]
            assert subscription.dropped == 2


def test_ready_is_said_for_what_was_queued_only() -> None:
    """The callback runs once for each access unit that waits."""
    distributor = Distributor()
    ready: list[int] = []
    with distributor.subscribe(
        "test", max_items=2, on_ready=lambda: ready.append(1)
    ) as subscription:
        for access_unit in [unit(0), *gop(1, 5)]:
            distributor.publish(access_unit)
        assert len(ready) == subscription.queued == 2


def test_closed_subscription_receives_nothing() -> None:
    """Closing ends a wait, and closing twice is once."""
    distributor = Distributor()
    subscription = distributor.subscribe("test")
    subscription.close()
    subscription.close()
    for access_unit in gop(0, 2):
        distributor.publish(access_unit)
    assert subscription.get() is None
    assert subscription.sent == 0


def test_one_subscription_that_waits_makes_it_urgent() -> None:
    """Without any, or with those alone that have time, it is not."""
    distributor = Distributor()
    assert not distributor.is_urgent
    waits = False
    with distributor.subscribe("patient", is_urgent=lambda: waits):
        assert not distributor.is_urgent
        with distributor.subscribe("other"):
            assert distributor.is_urgent
        assert not distributor.is_urgent
        waits = True
        assert distributor.is_urgent

"""Who sends an access unit: whoever brings it, or the loop if that is sending already."""

import threading
from collections.abc import Iterator

import pytest

from petstream.distributor import Distributor
from petstream.webrtc.endpoint import WebRtcEndpoint
from petstream.webrtc.negotiation import IceSettings
from petstream.webrtc.rtp_sender import RtpSender
from tests.h264.builders import make_access_unit
from tests.waiting import wait_until


class Sending:
    """An endpoint that somebody is connecting to, and what brings it access units."""

    def __init__(self) -> None:
        self.distributor = Distributor()
        self.endpoint = WebRtcEndpoint(
            self.distributor,
            max_viewers=1,
            ice=IceSettings(addresses=("127.0.0.1",)),
            profile_level_id=lambda: None,
            on_fatal=lambda *_: None,
        )
        self.endpoint.start()
        self.sender = self.next_sender(None)
        self.endpoint.admission.take()
        self._number = 0

    def next_sender(self, before: RtpSender | None) -> RtpSender:
        """The sender of the loop that runs, once it is another."""
        wait_until(lambda: self.endpoint._sender not in (None, before), "the loop")
        sender = self.endpoint._sender
        assert sender is not None
        return sender

    def publish(self) -> None:
        """The next access unit."""
        self.distributor.publish(make_access_unit(self._number, idr=True))
        self._number += 1


@pytest.fixture
def sending() -> Iterator[Sending]:
    """With its loop running."""
    made = Sending()
    yield made
    assert made.endpoint.stop()


def test_whoever_brings_a_unit_sends_it(sending: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    """When publish returns it is sent, and the loop had no part in it."""
    threads = []
    monkeypatch.setattr(
        sending.sender, "send", lambda _: threads.append(threading.current_thread())
    )
    sending.publish()
    assert threads == [threading.current_thread()]


def test_a_loop_that_is_sending_sends_what_comes_meanwhile(sending: Sending) -> None:
    """Publishing does not wait for it, and nothing is left behind."""
    with sending.sender.lock:
        for _ in range(3):
            sending.publish()
        assert sending.endpoint.packetized == 0
    wait_until(lambda: sending.endpoint.packetized == 3, "the loop")


def test_a_fault_of_the_sender_is_the_loops(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever publishes does not notice; the loop is entered again, with a sender of its own."""
    fault = ValueError("odd")

    def fail(_: object) -> None:
        raise fault

    monkeypatch.setattr(sending.sender, "send", fail)
    sending.publish()
    sending.next_sender(sending.sender)
    assert sending.endpoint.loop.thread.fault is fault
    sending.publish()
    assert sending.endpoint.packetized == 1

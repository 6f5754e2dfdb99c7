"""A viewer that is no browser: an aiortc peer that keeps the access units it receives.

    with Viewer(petstream.offer) as viewer:
        print(viewer.wait_for(30)[0].nal_units)

Strategy: aiortc negotiates, decrypts and parses RTP as it would for anyone; what it would hand to a
decoder is taken one step earlier, ordered by sequence number, and put together by aiortc's own
depacketizer, which petstream does not use. It offers candidates on the loopback interface only.
Of aiortc's insides it touches the receiver's packet handler and feedback, and the ICE connection
behind a transceiver.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.codecs.h264 import H264PayloadDescriptor
from aiortc.rtp import RtpPacket

__all__ = ["Received", "Viewer", "loopback_only"]

T = TypeVar("T")
SEQUENCE_MOD = 1 << 16
START_CODE = b"\x00\x00\x00\x01"


@dataclass(frozen=True)
class Received:
    """An access unit as it came in.

    Attributes:
        timestamp: RTP timestamp, 32 bits.
        nal_units: NAL units without start codes.
        lost: packets missing before its last one.
        arrived_ns: when it was complete, CLOCK_MONOTONIC.
    """

    timestamp: int
    nal_units: list[bytes]
    lost: int
    arrived_ns: int

    @property
    def annexb(self) -> bytes:
        """The access unit as a byte stream, for a file or a decoder."""
        return b"".join(START_CODE + nal_unit for nal_unit in self.nal_units)


class Viewer:
    """Connects to an ``answer(offer) -> answer`` function and receives until it is closed.

    Attributes:
        units: the access units that came, in order.
        states: connectionState, each time it changed.
        retransmitted: packets that came again, on the retransmission stream.
        connection: aiortc's own object.
    """

    def __init__(self, answer: Callable[[str], str]) -> None:
        self.units: list[Received] = []
        self.states: list[str] = []
        self.retransmitted = 0
        self._answer = answer
        self._packets: list[bytes] = []
        self._ssrc: int | None = None
        self._last_sequence: int | None = None
        self._lost = 0
        self._arrived = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="viewer")

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._run(self._connect())
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def state(self) -> str:
        """connectionState of the peer connection."""
        return str(self.connection.connectionState)

    def wait_for(self, count: int, timeout_s: float = 30) -> list[Received]:
        """The first ``count`` access units; AssertionError if they do not come in time."""
        with self._arrived:
            came = self._arrived.wait_for(lambda: len(self.units) >= count, timeout_s)
        assert came, f"{len(self.units)} access units came within {timeout_s} s, not {count}"
        return self.units[:count]

    def wait_until(self, reached: Callable[[], bool], what: str, timeout_s: float = 30) -> None:
        """Wait for something that comes true with an access unit."""
        with self._arrived:
            assert self._arrived.wait_for(reached, timeout_s), f"waited in vain for {what}"

    def wait_for_more(self, count: int, timeout_s: float = 30) -> list[Received]:
        """``count`` access units from now on."""
        start = len(self.units)
        return self.wait_for(start + count, timeout_s)[start:]

    def wait_for_state(self, state: str, timeout_s: float = 15) -> None:
        """Wait until the connection is in a state."""
        deadline = time.monotonic() + timeout_s
        while self.state != state and time.monotonic() < deadline:
            time.sleep(0.02)
        assert self.state == state

    def report_picture_loss(self) -> None:
        """Ask for a new picture, as a decoder does that lost its reference (PLI)."""
        self._run(self._receiver._send_rtcp_pli(self._ssrc))

    def report_packet_loss(self) -> None:
        """Say that the newest packet did not come (NACK)."""
        self._run(self._receiver._send_rtcp_nack(self._ssrc, [self._last_sequence]))

    @property
    def _receiver(self) -> Any:
        (transceiver,) = self.connection.getTransceivers()
        return transceiver.receiver

    def close(self) -> None:
        """Say goodbye and end the thread."""
        if self._thread.is_alive():
            self._run(self.connection.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    def vanish(self) -> None:
        """End without a word, as a browser that was killed."""
        self._run(_silence(self.connection))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    async def _connect(self) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        transceiver = self.connection.addTransceiver("video", direction="recvonly")
        loopback_only(transceiver)
        transceiver.receiver._handle_rtp_packet = self._on_packet  # type: ignore[method-assign]
        self.connection.on(
            "connectionstatechange", lambda: self.states.append(self.connection.connectionState)
        )
        await self.connection.setLocalDescription(await self.connection.createOffer())
        offer = self.connection.localDescription.sdp
        answer = await asyncio.get_running_loop().run_in_executor(None, self._answer, offer)
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def _on_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        del arrival_time_ms
        if self._ssrc is None:
            self._ssrc = packet.ssrc
        if packet.ssrc != self._ssrc:
            self.retransmitted += 1
            return
        if self._last_sequence is not None:
            step = (packet.sequence_number - self._last_sequence) % SEQUENCE_MOD
            if step == 0 or step > SEQUENCE_MOD // 2:
                raise AssertionError(f"packet {packet.sequence_number} came twice or late")
            self._lost += step - 1
        self._last_sequence = packet.sequence_number
        self._packets.append(packet.payload)
        if packet.marker:
            self._finish(packet.timestamp)

    def _finish(self, timestamp: int) -> None:
        stream = b"".join(H264PayloadDescriptor.parse(payload)[1] for payload in self._packets)
        self._packets.clear()
        nal_units = stream.split(START_CODE)[1:]
        unit = Received(timestamp, nal_units, self._lost, time.monotonic_ns())
        self._lost = 0
        with self._arrived:
            self.units.append(unit)
            self._arrived.notify_all()


def loopback_only(transceiver: Any) -> None:
    """Offer no candidate but one on the loopback interface."""
    ice = transceiver.sender.transport.transport._connection
    gather = ice.get_component_candidates

    async def on_loopback(*, component: int, addresses: list[str]) -> Any:
        del addresses
        return await gather(component, ["127.0.0.1"])

    ice.get_component_candidates = on_loopback


async def _silence(connection: RTCPeerConnection) -> None:
    """Close the sockets under a connection."""
    (transceiver,) = connection.getTransceivers()
    ice: Any = transceiver.receiver.transport.transport._connection
    for protocol in ice._protocols:
        protocol.transport.abort()
    for task in asyncio.all_tasks():
        if task is not asyncio.current_task():
            task.cancel()
    await asyncio.sleep(0)

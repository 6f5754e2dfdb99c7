"""Viewers that only count: each negotiates as a browser does, and then reads RTP headers.

Strategy: aiortc does ICE and DTLS. From the moment its sockets are made they are read by the
packet counter, which hands on to aiortc what is not RTP (STUN, DTLS, RTCP). Sockets have the
kernel's default buffers, because that is what has to be enough, and no segments are coalesced
(UDP_GRO), because browsers do not ask for that, and it would spare the server work it has to do.
"""

import asyncio
import json
import multiprocessing
import socket
import time
import urllib.request
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Final

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from tools.benchmark.counter import PacketCounter, ReceivedUnit
from tools.benchmark.errors import NotMeasuredError
from tools.benchmark.processes import cpu_s

__all__ = ["Received", "Receivers"]

VIEWERS_A_PROCESS: Final = 10
CONNECT_S: Final = 60


@dataclass(frozen=True, slots=True)
class Received:
    """Everything one viewer got.

    Attributes:
        offered_ns: when it posted its offer.
        units: in the order of their coming.
    """

    offered_ns: int
    units: list[ReceivedUnit]


class _Viewer:
    """One connection, in the receiver process."""

    def __init__(self, url: str, library: Path, buffer_bytes: int) -> None:
        self._url = url
        self._buffer_bytes = buffer_bytes
        self._offered_ns = 0
        self._counter = PacketCounter(library)
        self._sockets: list[socket.socket] = []
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))

    async def connect(self) -> None:
        """Negotiate, and wait until DTLS is up."""
        connection = self._connection
        transceiver = connection.addTransceiver("video", direction="recvonly")
        ice: Any = transceiver.receiver.transport.transport._connection
        gather = ice.get_component_candidates

        async def on_loopback(*, component: int, addresses: list[str]) -> Any:
            del addresses
            return await gather(component, ["127.0.0.1"])

        ice.get_component_candidates = on_loopback
        await connection.setLocalDescription(await connection.createOffer())
        for protocol in ice._protocols:
            self._take_over(protocol)
        loop = asyncio.get_running_loop()
        self._offered_ns = time.monotonic_ns()
        answer = await loop.run_in_executor(None, self._post, connection.localDescription.sdp)
        await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        async with asyncio.timeout(CONNECT_S):
            while connection.connectionState != "connected":
                await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Say goodbye."""
        await self._connection.close()
        for own in self._sockets:
            asyncio.get_running_loop().remove_reader(own)
            own.close()

    def received(self) -> Received:
        """What came so far."""
        return Received(self._offered_ns, self._counter.units())

    def _post(self, sdp: str) -> str:
        body = json.dumps({"type": "offer", "sdp": sdp}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._url}/offer", body, headers)
        with urllib.request.urlopen(request, timeout=CONNECT_S) as response:
            return str(json.load(response)["sdp"])

    def _take_over(self, protocol: Any) -> None:
        """Read a socket of aioice's in its place."""
        transport_socket = protocol.transport.get_extra_info("socket")
        transport_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._buffer_bytes)
        loop: Any = asyncio.get_running_loop()
        own = transport_socket.dup()
        loop._remove_reader(transport_socket.fileno())
        loop.add_reader(own, self._read, own.fileno(), protocol)
        self._sockets.append(own)

    def _read(self, descriptor: int, protocol: Any) -> None:
        for datagram, address in self._counter.drain(descriptor):
            protocol.datagram_received(datagram, address)


class Receivers:
    """Viewers in processes of their own, up to ten in each."""

    def __init__(self, url: str, library: Path, viewers: int) -> None:
        """Connect them all; returns when media can flow to each.

        Raises:
            NotMeasuredError: to one of them it could not.
        """
        context = multiprocessing.get_context("spawn")
        self._ends: list[Connection] = []
        self._processes: list[SpawnProcess] = []
        for first in range(0, viewers, VIEWERS_A_PROCESS):
            end, child_end = context.Pipe()
            count = min(VIEWERS_A_PROCESS, viewers - first)
            process = context.Process(
                target=_receive, args=(url, library, count, child_end), daemon=True
            )
            process.start()
            child_end.close()  # so that a process that fails is noticed
            self._ends.append(end)
            self._processes.append(process)
        try:
            for end in self._ends:
                end.recv()
        except EOFError as exc:
            for process in self._processes:
                process.terminate()
                process.join()
            raise NotMeasuredError(f"the server did not take {viewers} viewers") from exc

    def cpu_s(self) -> float:
        """CPU time of all receivers so far."""
        return sum(cpu_s(process.pid or 0) for process in self._processes)

    def finish(self) -> list[Received]:
        """What each viewer got; ends the processes."""
        for end in self._ends:
            end.send("finish")
        received = [viewer for end in self._ends for viewer in end.recv()]
        for process in self._processes:
            process.join()
        return received


def _receive(url: str, library: Path, count: int, end: Connection) -> None:
    asyncio.run(_receive_all(url, library, count, end))


async def _receive_all(url: str, library: Path, count: int, end: Connection) -> None:
    # The kernel doubles what it is asked for.
    buffer_bytes = int(Path("/proc/sys/net/core/rmem_default").read_text()) // 2
    viewers = [_Viewer(url, library, buffer_bytes) for _ in range(count)]
    for viewer in viewers:
        await viewer.connect()
    end.send("connected")
    await asyncio.get_running_loop().run_in_executor(None, end.recv)
    end.send([viewer.received() for viewer in viewers])
    for viewer in viewers:
        await viewer.close()

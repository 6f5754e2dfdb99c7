"""The comparison: aiortc's own sender.

Strategy: aiortc's way of not re-encoding, a track whose ``recv()`` gives ``av.Packet``, one track
for each viewer. What is before it (reader, processor, distributor) is petstream's, so that the
sender alone makes the difference; with ``--polling`` the reader is not, but one that does not know
when to look.
"""

import asyncio
import http.server
import json
import sys
import threading
from fractions import Fraction
from typing import Any, Final, TypeAlias

import aioice.ice
import av
from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
    VideoStreamTrack,
)

from petstream.h264.access_unit import AccessUnit
from petstream.h264.nal import is_random_access
from petstream.pipeline import Pipeline
from petstream.rtp.timeline import CLOCK_RATE, ticks_from_ns
from petstream.shm.ring import RingReader
from petstream.source import Source
from tools.benchmark.polling import PollingReader

__all__ = ["main"]

START_CODE: Final = b"\x00\x00\x00\x01"
Packet: TypeAlias = "av.Packet[Any]"
TIME_BASE: Final = Fraction(1, CLOCK_RATE)


class PacketTrack(VideoStreamTrack):
    """One viewer's track: encoded packets, which aiortc packetizes."""

    def __init__(self) -> None:
        super().__init__()
        self._packets: asyncio.Queue[Packet] = asyncio.Queue(90)
        self._started = False

    def offer(self, packet: Packet) -> None:
        """Queue an access unit, from the first IDR on."""
        self._started = self._started or packet.is_keyframe
        if not self._started or self._packets.full():
            return
        self._packets.put_nowait(packet)

    async def recv(self) -> Any:
        """The next packet."""
        return await self._packets.get()


class StockServer:
    """aiortc on one event-loop thread, fed by petstream's pipeline from a source."""

    def __init__(self, source: Source) -> None:
        self.loop = asyncio.new_event_loop()
        self._pipeline = Pipeline(
            source, on_fatal=lambda name, error: sys.exit(f"{name}: {error!r}")
        )
        self._subscription = self._pipeline.distributor.subscribe("stock", on_ready=self._ring)
        self._tracks: list[PacketTrack] = []
        self._connections: list[RTCPeerConnection] = []

    def start(self) -> None:
        """Start all threads."""
        threading.Thread(target=self.loop.run_forever, name="webrtc", daemon=True).start()
        self._pipeline.start()

    async def answer(self, sdp: str) -> str:
        """Negotiate as aiortc's own examples do."""
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        track = PacketTrack()
        transceiver = connection.addTransceiver(track, direction="sendonly")
        h264 = [c for c in RTCRtpSender.getCapabilities("video").codecs if "H264" in c.mimeType]
        transceiver.setCodecPreferences(h264)
        await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        self._tracks.append(track)
        self._connections.append(connection)
        return str(connection.localDescription.sdp)

    def _ring(self) -> None:
        self.loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        while (access_unit := self._subscription.get(0)) is not None:
            packet = _packet(access_unit)
            for track in self._tracks:
                track.offer(packet)


def _packet(access_unit: AccessUnit) -> Packet:
    packet = av.Packet(b"".join(START_CODE + bytes(nal) for nal in access_unit.nal_units))
    packet.pts = packet.dts = ticks_from_ns(access_unit.capture_ns)
    packet.time_base = TIME_BASE
    packet.is_keyframe = access_unit.is_idr
    return packet


def main(shm: str, *options: str) -> None:
    """Serve until a signal ends the process."""
    vars(aioice.ice)["get_host_addresses"] = lambda **_: ["127.0.0.1"]
    is_polling = "--polling" in options
    server = StockServer(
        PollingReader(shm) if is_polling else RingReader(shm, is_random_access=is_random_access)
    )

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            offer = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            future = asyncio.run_coroutine_threadsafe(server.answer(offer["sdp"]), server.loop)
            body = json.dumps({"type": "answer", "sdp": future.result(30)}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as port:
        server.start()
        print(f"http listens on http://127.0.0.1:{port.server_port}", file=sys.stderr, flush=True)
        port.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])

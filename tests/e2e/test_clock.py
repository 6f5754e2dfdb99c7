"""The clock: from the RTP timestamp of a displayed picture to the time of its capture."""

import time

from petstream.h264.sei import find_stamp
from petstream.server import Server
from tests.camera_process import CameraProcess
from tests.peer import Peer


def test_an_rtp_timestamp_leads_to_its_capture_time(server: Server, segment_name: str) -> None:
    """Offset of the viewer, ticks and capture time of the server: right to a tick, for each.

    The offset is the same for all, so that they can share packets.
    """
    service = server.service
    assert service.clock()["rtp_ticks"] is None
    with CameraProcess("barcode-480p30", segment_name, "--stamp"):
        offsets: list[int] = []

        def answer(sdp: str) -> str:
            session = service.admit(sdp)
            offsets.append(session.rtp_offset)
            return session.answer

        for _ in range(2):
            with Peer(answer) as peer:
                peer.wait_for(45)  # past the cached GOP, whose times are compressed
                live = peer.wait_for_more(5)
            clock = service.clock()
            ticks, capture_ns = clock["rtp_ticks"], clock["capture_ns"]
            assert ticks is not None
            assert capture_ns is not None
            for unit in live:
                stamp = find_stamp(unit.nal_units)
                assert stamp is not None
                behind = (offsets[0] + ticks - unit.timestamp) % 2**32
                assert abs(capture_ns - behind * 1e9 / 90_000 - stamp.capture_ns) < 1e9 / 90_000
    assert len(offsets) == 2
    assert len(set(offsets)) == 1


def test_the_clock_is_that_of_captures(server: Server) -> None:
    """CLOCK_MONOTONIC, in nanoseconds."""
    before = time.monotonic_ns()
    now_ns = server.service.clock()["now_ns"]
    assert now_ns is not None
    assert before <= now_ns <= time.monotonic_ns()

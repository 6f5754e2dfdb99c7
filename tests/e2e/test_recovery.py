"""The camera dies, is replaced, or comes late: viewers stay, and the picture comes back."""

import contextlib
import itertools
from pathlib import Path

from petstream.h264.nal import NalUnitType, nal_unit_type
from petstream.h264.sei import find_stamp
from petstream.server import Server
from tests.camera_process import CameraProcess
from tests.peer import Peer, Received
from tests.scale import scaled

CLIP = "barcode-480p30"
TIMES = scaled(1, 3)
SEEN = scaled(15, 45)  # access units in a row: the picture goes on


def test_server_started_before_the_camera(server: Server, segment_name: str) -> None:
    """A viewer that connects before there is a camera gets the picture when one comes."""
    with Peer(server.service.offer) as peer:
        peer.wait_for_state("connected")
        assert server.service.health()["status"] == "degraded"
        with CameraProcess(CLIP, segment_name, "--stamp"):
            assert_picture_goes_on(peer)
            assert server.service.health()["status"] == "ok"


def test_camera_killed_and_restarted(server: Server, segment_name: str) -> None:
    """After kill -9 a new daemon on the same segment is followed; the viewer stays connected."""
    camera = CameraProcess(CLIP, segment_name, "--stamp")
    try:
        with Peer(server.service.offer) as peer:
            peer.wait_for(30)
            for _ in range(TIMES):
                camera.kill()
                camera = CameraProcess(CLIP, segment_name, "--stamp")
                wait_for_new_camera(peer)
                assert_picture_goes_on(peer)
    finally:
        camera.kill()


def test_segment_unlinked_and_created_anew(server: Server, segment_name: str) -> None:
    """A segment that is unlinked and made again, with its index at 0, is followed."""
    with contextlib.ExitStack() as cameras, Peer(server.service.offer) as peer:
        cameras.enter_context(CameraProcess(CLIP, segment_name, "--stamp"))
        peer.wait_for(30)
        for _ in range(TIMES):
            # The daemon before goes on writing, into a segment that has no name any more.
            (Path("/dev/shm") / segment_name[1:]).unlink()
            cameras.enter_context(CameraProcess(CLIP, segment_name, "--stamp"))
            wait_for_new_camera(peer)
            assert_picture_goes_on(peer)


def number(unit: Received) -> int:
    """The frame number in the stamp."""
    stamp = find_stamp(unit.nal_units)
    assert stamp is not None
    return stamp.frame_number


def wait_for_new_camera(peer: Peer) -> None:
    """Wait until numbers begin anew, and see that they do so with an IDR."""
    start = len(peer.units) - 1
    peer.wait_until(
        lambda: number(peer.units[-1]) < number(peer.units[start]), "the numbers to begin anew"
    )
    units = peer.units[start:]
    (first,) = [b for a, b in itertools.pairwise(units) if number(b) < number(a)]
    assert NalUnitType.IDR_SLICE in [nal_unit_type(nal) for nal in first.nal_units]


def assert_picture_goes_on(peer: Peer) -> None:
    """Access units come without a gap, over the one connection that there was.

    They may not do so from the first on: a camera that pauses while it starts may have died, as
    far as a reader can tell.
    """

    def goes_on() -> bool:
        numbers = [number(unit) for unit in peer.units[-SEEN:]]
        return numbers == list(range(numbers[0], numbers[0] + SEEN))

    peer.wait_for_more(SEEN)
    peer.wait_until(goes_on, "access units without a gap")
    assert peer.states.count("connected") == 1
    assert peer.state == "connected"

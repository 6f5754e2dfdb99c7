"""RELIABILITY A14 and A15: another camera takes over the ring, or the camera stalls."""

import random
import time
from pathlib import Path

from petstream.h264.access_unit import AccessUnit
from petstream.h264.nal import NalUnitType, nal_unit_type
from petstream.h264.sei import find_stamp
from simulator import Fixture
from simulator.stamping import Stampable
from tests.camera_process import CameraProcess
from tests.library import loopback_petstream
from tests.peer import Peer
from tests.scale import deadline_s, scaled
from tests.server_process import ServerProcess
from tests.shm.ring_steps import StepRing
from tests.waiting import wait_until

SWITCHES = scaled(20, 500)
VIEWED_SWITCHES = scaled(10, 40)
STALL_S = scaled(0, 60)  # beyond the two seconds until it is noticed
GOP = 30

# Clips of two sizes, each with its own SPS.
CLIPS = ("barcode-480p30", "barcode-1080p30")


class TwoCameras:
    """Two cameras that write into one ring by turns, wherever each is in its GOP.

    A frame number says camera and GOP: ten thousands, and the rest.
    """

    def __init__(self, ring: StepRing) -> None:
        self._ring = ring
        self._clips = [[Stampable.of(u) for u in Fixture.load(clip).access_units] for clip in CLIPS]
        self._at = [0, 0]

    @property
    def written(self) -> int:
        """Access units of both."""
        return sum(self._at)

    def write(self, camera: int) -> None:
        """Write the camera's next access unit."""
        at = self._at[camera]
        self._at[camera] += 1
        clip = self._clips[camera]
        number = 10_000 * camera + at // GOP
        now_ns = time.monotonic_ns()
        data = clip[at % len(clip)].stamped(number, now_ns)
        width, height = ((854, 480), (1920, 1080))[camera]
        header = {"camera_id": camera, "width": width, "height": height, "capture_ns": now_ns}
        self._ring.publish(data, **header)


def gop_of(nal_units: "list[bytes] | tuple[memoryview, ...]") -> int:
    """The number in the stamp."""
    stamp = find_stamp(nal_units)
    assert stamp is not None
    return stamp.frame_number


def test_a14_camera_switch(segment_name: str, tmp_path: Path) -> None:
    """Over many switches no picture follows an IDR of another camera or another GOP."""
    rng = random.Random(14)
    with StepRing(segment_name) as ring, loopback_petstream(segment_name, tmp_path) as petstream:
        cameras, counters = TwoCameras(ring), petstream.pipeline.counters
        wait_until(lambda: petstream.pipeline.camera().attached, "the reader")
        with petstream.pipeline.distributor.subscribe("test", max_items=100_000) as subscription:
            for switch in range(SWITCHES + 1):
                for _ in range(rng.randint(1, 20)):
                    cameras.write(switch % 2)
                # Less than the ring holds, so that nothing is lost but by the switch.
                wait_until(lambda: counters.published >= cameras.written - 2, "the pipeline")
            units = list(iter(lambda: subscription.get(0.5), None))
    assert_gops_are_whole(units)


def assert_gops_are_whole(units: list[AccessUnit]) -> None:
    """Every access unit is of the camera, the SPS and the GOP of the IDR before it."""
    assert units[0].is_idr
    idr, switches = units[0], 0
    for unit in units:
        if unit.is_idr:
            switches += unit.camera_id != idr.camera_id
            idr = unit
        assert unit.camera_id == idr.camera_id
        assert unit.parameter_sets == idr.parameter_sets
        assert gop_of(unit.nal_units) == gop_of(idr.nal_units)
    assert switches > SWITCHES / 4


def test_a14_viewer_stays(segment_name: str, tmp_path: Path) -> None:
    """A viewer stays connected over switches, and gets the GOPs of either camera whole."""
    with (
        StepRing(segment_name) as ring,
        loopback_petstream(segment_name, tmp_path) as petstream,
        Peer(petstream.offer) as peer,
    ):
        cameras = TwoCameras(ring)
        for switch in range(VIEWED_SWITCHES):
            for _ in range(17):
                cameras.write(switch % 2)
                time.sleep(0.01)
        peer.wait_until(lambda: len(peer.units) > 4 * VIEWED_SWITCHES, "whole GOPs")
        assert peer.states.count("connected") == 1
    gop = -1
    for unit in peer.units:
        if NalUnitType.IDR_SLICE in map(nal_unit_type, unit.nal_units):
            gop = gop_of(unit.nal_units)
        assert gop_of(unit.nal_units) == gop


def test_a15_camera_stalls(segment_name: str, tmp_path: Path) -> None:
    """Stalled: degraded within 2 s, the viewer stays, and is live again within a GOP."""
    with (
        CameraProcess("barcode-480p30", segment_name, "--stamp") as camera,
        ServerProcess(segment_name, tmp_path) as server,
        Peer(server.offer) as peer,
    ):
        peer.wait_for(GOP)
        camera.pause()
        health = server.wait_for_health("degraded", deadline_s(2))
        assert "stale" in str(health["reasons"])
        time.sleep(STALL_S)
        assert server.get("/health")["webrtc_clients"] == 1
        before = gop_of(peer.units[-1].nal_units)
        seen = len(peer.units)
        camera.resume()
        peer.wait_for(seen + GOP)
        # The slot that was under way when it stalled may be given up, and a GOP with it.
        assert gop_of(peer.units[seen].nal_units) - before <= 1 + GOP
        server.wait_for_health("ok", deadline_s(2))
        assert peer.states.count("connected") == 1
        assert peer.state == "connected"

"""What a viewer gets is what the camera wrote."""

from itertools import pairwise

from petstream.h264.nal import NalUnitType, nal_unit_type, split_annexb
from petstream.h264.sei import Stamp, find_stamp, stamp_crc
from petstream.server import Server
from simulator import Fixture
from tests.camera_process import CameraProcess
from tests.peer import Peer, Received
from tests.scale import scaled, within

UNITS = scaled(150, 3000)
SPEED = scaled("1", "3")
MAY_GO = {
    NalUnitType.SPS,
    NalUnitType.PPS,
    NalUnitType.ACCESS_UNIT_DELIMITER,
    NalUnitType.FILLER_DATA,
}


def test_access_units_arrive_byte_for_byte(server: Server, segment_name: str) -> None:
    """They reach an independent receiver unchanged, none twice, and none skipped uncounted."""
    clip = [picture(split_annexb(unit)) for unit in Fixture.load("barcode-480p30").access_units]
    with (
        CameraProcess("barcode-480p30", segment_name, "--stamp", "--speed", SPEED),
        Peer(server.service.offer) as peer,
    ):
        received = peer.wait_for(UNITS, timeout_s=60)
    numbers = []
    for unit in received:
        stamp = stamp_of(unit)
        assert unit.lost == 0
        assert stamp.crc == stamp_crc(unit.nal_units)
        assert picture(unit.nal_units) == clip[stamp.frame_number % len(clip)]
        numbers.append(stamp.frame_number)
    stats = server.service.pipeline.source.stats
    gaps = [later - number - 1 for number, later in pairwise(numbers) if later != number + 1]
    assert all(gap > 0 for gap in gaps), numbers
    # A camera that lacks a CPU for so long in mid-copy looks dead, and its access unit torn.
    assert len(gaps) <= stats.torn + stats.slots_lost, numbers
    within("gaps", len(gaps), 0)


def test_rtp_time_is_capture_time(server: Server, segment_name: str) -> None:
    """Live RTP timestamps rise by exactly what the capture clock did, at 90 kHz."""
    with (
        CameraProcess("barcode-480p30", segment_name, "--stamp"),
        Peer(server.service.offer) as peer,
    ):
        peer.wait_for(45)  # past the cached GOP, whose times are compressed
        live = peer.wait_for_more(30)
    first = stamp_of(live[0])
    for unit in live[1:]:
        passed = (unit.timestamp - live[0].timestamp) % 2**32
        captured = (stamp_of(unit).capture_ns - first.capture_ns) * 90_000 / 1e9
        assert abs(passed - captured) <= 1


def test_a_viewer_starts_with_the_cached_gop(server: Server, segment_name: str) -> None:
    """The first access unit a viewer gets is an IDR with its parameter sets, whenever it joins."""
    with CameraProcess("barcode-480p30-gop4s", segment_name):
        for _ in range(5):
            with Peer(server.service.offer) as peer:
                first = peer.wait_for(1, timeout_s=20)[0]
            types = [nal_unit_type(nal) for nal in first.nal_units]
            assert types[:2] == [NalUnitType.SPS, NalUnitType.PPS]
            assert NalUnitType.IDR_SLICE in types


def picture(nal_units: list[bytes] | list[memoryview]) -> list[bytes]:
    """The NAL units that must not change on the way, without the simulator's stamp."""
    kept = [bytes(nal) for nal in nal_units if nal_unit_type(nal) not in MAY_GO]
    return [nal for nal in kept if find_stamp([nal]) is None]


def stamp_of(unit: Received) -> Stamp:
    """The stamp of an access unit, which every one of a stamping camera has."""
    stamp = find_stamp(unit.nal_units)
    assert stamp is not None
    return stamp

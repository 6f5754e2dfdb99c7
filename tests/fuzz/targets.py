"""What is fuzzed: each target takes bytes from outside, and lets through only the typed errors.

Strategy: a target is a function of bytes. What it calls is the product's own entry for such bytes,
and what it asserts is what the next part relies on, so that a wrong result is found as well as an
exception nobody expects.
"""

from collections.abc import Callable
from typing import Final

from flask.testing import FlaskClient

from petstream.errors import PetstreamError, StreamError
from petstream.h264.nal import escape_rbsp, split_annexb, unescape_rbsp
from petstream.h264.processor import Processor
from petstream.h264.sei import find_stamp, stamp_crc
from petstream.h264.sps import parse_sps
from petstream.rtp.packets import Packets
from petstream.shm.frame_header import parse_header
from petstream.shm.layout import FRAME_HEADER_SIZE
from petstream.slot import Slot
from petstream.web.app import create_app
from petstream.web.security import Security
from petstream.webrtc.negotiation import plan_answer
from tests.depacketize import depacketize
from tests.web.fake_service import FakeService

__all__ = ["TARGETS", "json_bodies", "nal_units", "ring_slots", "sdp", "sps"]


def ring_slots(data: bytes) -> None:
    """A slot's header and what is in it: a sound access unit, or a StreamError."""
    head, payload = data[:FRAME_HEADER_SIZE], data[FRAME_HEADER_SIZE:]
    try:
        header = parse_header(head.ljust(FRAME_HEADER_SIZE, b"\0"))
    except StreamError:
        return
    processor = Processor()
    # Two access units in a row, the second after parameter sets and a camera that differ or not.
    half = len(payload) // 2
    for sequence, part in enumerate((payload[:half], payload[half:], payload)):
        slot = Slot(
            sequence=sequence,
            frame_number=header.frame_number,
            capture_ns=header.capture_ns,
            read_ns=sequence,
            camera_id=header.camera_id,
            width=header.width,
            height=header.height,
            data=part,
            discontinuity=sequence == 1,
        )
        try:
            unit = processor.process(slot)
        except StreamError:
            continue
        assert unit.size == sum(map(len, unit.nal_units))
        check_packets(list(unit.nal_units))
        find_stamp(unit.nal_units)


def nal_units(data: bytes) -> None:
    """Annex B in: no empty NAL unit out, every byte accounted for, and back from RTP as it was."""
    try:
        units = split_annexb(data)
    except StreamError:
        return
    for unit in units:
        assert len(unit)
        assert b"\0\0\1" not in bytes(unit)
        assert unit[-1]
    joined = b"".join(b"\0\0\0\1" + bytes(unit) for unit in units)
    assert split_annexb(joined) == units
    stamp_crc(units)
    rbsp = data + b"\x80"
    assert unescape_rbsp(escape_rbsp(rbsp)) == rbsp
    check_packets([unit for unit in units if not unit[0] & 0x80 and 0 < unit[0] & 0x1F < 24])


def check_packets(units: list[memoryview]) -> None:
    """Packetize small, and put it together again."""
    if not units:
        return
    image = Packets(units, payload_max=40).image(0, 0)
    payloads = [bytes(image.payload(n)) for n in range(len(image))]
    assert all(0 < len(payload) <= 40 for payload in payloads)
    assert depacketize(payloads) == [bytes(unit) for unit in units]


def sps(data: bytes) -> None:
    """An SPS: a size that makes sense, or a StreamError."""
    try:
        parsed = parse_sps(b"\x67" + data)
    except StreamError:
        return
    assert 0 < parsed.width <= 16_880
    assert 0 < parsed.height <= 2 * 16_880
    assert 0 <= parsed.sps_id < 32
    assert len(parsed.profile_level_id) == 6


def sdp(data: bytes) -> None:
    """An offer: a plan of an answer, or a typed error that a call answers with 4xx."""
    status = 200
    try:
        plan_answer(data.decode("utf-8", "replace"), "42c01f")
    except PetstreamError as error:
        status = error.status
    assert status < 500


def json_bodies(data: bytes) -> None:
    """A body of /start and /offer: an answer below 500, and it is JSON."""
    for path in ("/start", "/offer"):
        answer = _client().post(path, data=data, content_type="application/json")
        assert answer.status_code < 500, answer.data
        assert isinstance(answer.json, dict)


def _client() -> FlaskClient:
    if not _clients:
        app = create_app(FakeService(), Security(frozenset({"localhost"})))
        _clients.append(app.test_client())
    return _clients[0]


_clients: list[FlaskClient] = []

TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "ring-slots": ring_slots,
    "nal-units": nal_units,
    "sps": sps,
    "sdp": sdp,
    "json-bodies": json_bodies,
}

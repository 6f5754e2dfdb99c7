"""The viewer: what it touches of aiortc's insides, and what it does on its own."""

import inspect

import pytest
from aioice import Connection
from aiortc import RTCPeerConnection
from aiortc.rtcicetransport import RTCIceTransport
from aiortc.rtcrtpreceiver import RTCRtpReceiver

from simulator.viewer import Received, Viewer


@pytest.mark.parametrize(
    ("owner", "name", "arguments"),
    [
        (RTCRtpReceiver, "_handle_rtp_packet", ["self", "packet", "arrival_time_ms"]),
        (RTCRtpReceiver, "_send_rtcp_pli", ["self", "media_ssrc"]),
        (RTCRtpReceiver, "_send_rtcp_nack", ["self", "media_ssrc", "lost"]),
        (Connection, "get_component_candidates", ["self", "component", "addresses", "timeout"]),
    ],
)
def test_what_is_reached_for_is_there(owner: type, name: str, arguments: list[str]) -> None:
    """Another aiortc or aioice that changed one of these is named here first."""
    assert list(inspect.signature(getattr(owner, name)).parameters) == arguments


def test_the_ice_connection_is_where_it_was() -> None:
    """A transceiver leads to the ICE connection by way of its transports."""
    assert "_connection" in inspect.getsource(RTCIceTransport.__init__)
    assert "transport" in inspect.signature(RTCRtpReceiver.__init__).parameters
    assert hasattr(RTCPeerConnection, "getTransceivers")


def test_an_offer_that_is_refused_leaves_nothing_open() -> None:
    """What the answering function raises comes out, and the thread is gone."""

    def refuse(offer: str) -> str:
        assert "H264" in offer
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"), Viewer(refuse):
        pass


def test_a_received_access_unit_is_a_byte_stream() -> None:
    """NAL units behind four-byte start codes."""
    unit = Received(1, [b"\x67a", b"\x65b"], lost=0, arrived_ns=0)
    assert unit.annexb == b"\0\0\0\1\x67a\0\0\0\1\x65b"

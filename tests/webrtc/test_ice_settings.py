"""What WHEP players are told of ICE servers."""

from aiortc import RTCIceServer

from petstream.webrtc.negotiation import IceSettings


def test_links() -> None:
    """RFC 9725 section 4.6; what has to be quoted is."""
    turn = RTCIceServer("turn:t.example:3478", username="me", credential='a"b\\c')
    assert IceSettings(stun=("stun:s.example",), turn=(turn,)).links() == [
        '<stun:s.example>; rel="ice-server"',
        '<turn:t.example:3478>; rel="ice-server"; username="me"; credential="a\\"b\\\\c"; '
        'credential-type="password"',
    ]


def test_a_lan_needs_none() -> None:
    """And no public server is asked by default."""
    assert IceSettings().links() == []
    assert IceSettings().servers() == []

"""The one place that reaches into aiortc, aioice and pylibsrtp.

Strategy: aiortc does what it does well: SDP, ICE, DTLS, SRTP keys, RTCP parsing. What it does not
do, sending packets that are already made, is done beside it, and that takes a few of its insides:

- ``sender``: ``RTCRtpTransceiver`` is given a sender of ours, with SSRCs of ours, so that aiortc
  starts no sender tasks and all viewers are told the same;
- ``media``: the SRTP session of the DTLS transport protects packets in place, in a buffer of ours,
  and the nominated pair of the ICE connection says which socket and address they go to;
- ``ice``: the ICE connection is told which addresses to use, how long to ask STUN, and reports each
  datagram that came in, which is how a viewer that vanished is noticed.

``tests/webrtc/test_adapter.py`` names each of these, and fails by that name when one changes.
"""

from petstream.webrtc.adapter.ice import IceWatch
from petstream.webrtc.adapter.media import (
    BATCH_PACKETS_MAX,
    REPLAY_WINDOW,
    MediaTransport,
    SrtpBuffer,
)
from petstream.webrtc.adapter.sender import (
    Feedback,
    PassthroughSender,
    ReceptionReport,
    sender_report,
)

__all__ = [
    "BATCH_PACKETS_MAX",
    "Feedback",
    "IceWatch",
    "MediaTransport",
    "REPLAY_WINDOW",
    "PassthroughSender",
    "ReceptionReport",
    "SrtpBuffer",
    "sender_report",
]

"""Stored offers, the answers petstream gives to them, and a look into both.

Strategy: an answer is made by the product from end to end, with a peer connection that is closed at
once. It is read back by a reader that shares no code with the product.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from petstream.rtp.extended_reports import ReferenceTime
from petstream.rtp.headers import RtpSource
from petstream.webrtc.adapter import ReceptionReport
from petstream.webrtc.negotiation import IceSettings, Negotiated, answer_plan, plan_answer

__all__ = [
    "ANSWERABLE",
    "OFFERS",
    "Media",
    "Silent",
    "answer_to",
    "media_of",
    "negotiate",
    "stored_offer",
]

FOLDER = Path(__file__).parent / "offers"
OFFERS = sorted(path.stem for path in FOLDER.glob("*.sdp"))
ANSWERABLE = [name for name in OFFERS if "without-h264" not in name]
LOOPBACK = IceSettings(addresses=("127.0.0.1",))


class Silent:
    """Feedback that nobody listens to."""

    def on_start(self) -> None:
        """DTLS is up."""

    def on_report(self, report: ReceptionReport) -> None:
        """A receiver report came."""

    def on_nack(self, sequence_numbers: Sequence[int]) -> None:
        """Packets are missing."""

    def on_reference_time(self, reference: ReferenceTime) -> None:
        """The viewer's clock."""

    def on_picture_loss(self) -> None:
        """The picture is lost."""


@dataclass(frozen=True)
class Media:
    """One media section of an SDP.

    Attributes:
        port, protocol, formats: of its m= line.
        lines: all its lines after that.
    """

    kind: str
    port: int
    protocol: str
    formats: list[str]
    lines: list[str]

    def values(self, name: str) -> list[str]:
        """What follows ``a=name:`` wherever that is."""
        prefix = f"a={name}:"
        return [line.removeprefix(prefix) for line in self.lines if line.startswith(prefix)]

    def codec(self, payload_type: str) -> str:
        """The encoding name and clock rate of a payload type."""
        (found,) = [v for v in self.values("rtpmap") if v.split(" ")[0] == payload_type]
        return found.split(" ")[1]

    def format_parameters(self, payload_type: str) -> dict[str, str]:
        """The a=fmtp parameters of a payload type."""
        found = [v for v in self.values("fmtp") if v.split(" ")[0] == payload_type]
        pairs = (item.split("=", 1) for item in found[0].split(" ", 1)[1].split(";"))
        return {name.strip(): value for name, value in pairs}


def stored_offer(name: str) -> str:
    """An offer from the folder, with the line ends it has on the wire."""
    return (FOLDER / f"{name}.sdp").read_text().replace("\n", "\r\n")


def media_of(sdp: str) -> list[Media]:
    """The media sections of an SDP."""
    sections: list[Media] = []
    for line in sdp.split("\r\n"):
        if found := re.fullmatch(r"m=(\w+) (\d+) (\S+) (.+)", line):
            kind, port, protocol, formats = found.groups()
            sections.append(Media(kind, int(port), protocol, formats.split(" "), []))
        elif sections and line:
            sections[-1].lines.append(line)
    return sections


async def negotiate(offer: str, stream: str | None) -> Negotiated:
    """What the product makes of an offer; its connection is open."""
    return await answer_plan(plan_answer(offer, stream), LOOPBACK, Silent(), RtpSource.random())


def answer_to(offer: str, stream: str | None) -> str:
    """The product's answer to an offer.

    Args:
        offer: SDP.
        stream: profile-level-id of the stream.
    """

    async def answered() -> str:
        negotiated = await negotiate(offer, stream)
        await negotiated.connection.close()
        return negotiated.answer

    return asyncio.run(answered())

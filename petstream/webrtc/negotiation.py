"""From an offer to a peer connection that will send, and its answer.

Strategy: everything that can be refused is refused before aiortc is asked: sections, directions,
profiles (``sdp``, ``profiles``). aiortc then sees a reduced offer that holds one H.264 format, and
whatever it still raises about hostile SDP is the offer's fault. mDNS candidates are resolved after
the answer is out, because that may take seconds and a browser that reaches us needs none of it.
"""

import asyncio
import ipaddress
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.sdp import candidate_from_sdp

from petstream.errors import BadOfferError, NotAcceptableError
from petstream.rtp.extensions import ABS_CAPTURE_TIME, PLAYOUT_DELAY
from petstream.rtp.headers import RtpSource
from petstream.webrtc.adapter import Feedback, IceWatch, PassthroughSender
from petstream.webrtc.answer import complete_answer
from petstream.webrtc.profiles import answer_profile, choose
from petstream.webrtc.sdp import H264Format, Offer, Section, parse_offer

__all__ = ["IceSettings", "Negotiated", "Plan", "add_candidates", "answer_plan", "plan_answer"]

logger = logging.getLogger(__name__)

# What aiortc's parser raises on SDP that it does not expect.
MALFORMED = (
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
    OperationError,
    InvalidStateError,
    InvalidAccessError,
)


EXTENSIONS = (ABS_CAPTURE_TIME, PLAYOUT_DELAY)


@dataclass(frozen=True, slots=True)
class IceSettings:
    """How viewers find us.

    Attributes:
        addresses: local addresses to offer as candidates; empty for all that the machine has.
        udp_ports: the ports to use, such as ``range(50000, 50101)``; None for any.
        stun, turn: server URLs; empty for none, which is what a LAN needs.
    """

    addresses: tuple[str, ...] = ()
    udp_ports: range | None = None
    stun: tuple[str, ...] = ()
    turn: tuple[RTCIceServer, ...] = ()

    def allowed(self, found: list[str]) -> list[str]:
        """The addresses to use: those configured, else those found, else the loopback."""
        return list(self.addresses) or found or ["127.0.0.1"]

    def servers(self) -> list[RTCIceServer]:
        """For RTCConfiguration, whose own default is a public STUN server."""
        return [RTCIceServer(url) for url in self.stun] + list(self.turn)

    def links(self) -> list[str]:
        """The same for a WHEP player, as values of Link headers (RFC 9725 section 4.6)."""
        links = [f'<{url}>; rel="ice-server"' for url in self.stun]
        for server in self.turn:
            user, password = _quoted(server.username), _quoted(server.credential)
            credentials = f"username={user}; credential={password}"
            links.append(
                f'<{server.urls}>; rel="ice-server"; {credentials}; credential-type="password"'
            )
        return links


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be answered, found without any I/O.

    Attributes:
        section: of the offer, where the video goes.
        chosen: of its formats.
        profile_level_id: to answer with.
        extensions: header extensions to be sent, id by URI.
        candidates, mdns_candidates: of the viewer, with addresses and with names to be resolved.
    """

    offer: Offer
    section: Section
    chosen: H264Format
    profile_level_id: str
    extensions: Mapping[str, int]
    candidates: tuple[str, ...]
    mdns_candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Negotiated:
    """A peer connection whose answer is ready to be sent."""

    plan: Plan
    connection: RTCPeerConnection
    ice: IceWatch
    answer: str


def plan_answer(offer_sdp: str, profile_level_id: str | None) -> Plan:
    """Decide what to answer (any thread; no I/O).

    Args:
        offer_sdp: the browser's offer.
        profile_level_id: of the stream; None while that is not known.

    Raises:
        BadOfferError: it cannot be read, or asks for nothing that we could send.
        NotAcceptableError: it has no H.264 that fits the stream.
    """
    offer = parse_offer(offer_sdp)
    section = offer.video()
    if section is None:
        kinds = ", ".join(f"{s.kind} {s.direction}" for s in offer.sections)
        raise NotAcceptableError(f"the offer has no section to receive video: {kinds}")
    for name in ("ice-ufrag", "ice-pwd", "fingerprint"):
        if section.value(name) is None:
            raise BadOfferError(f"the video section has no a={name}")
    if not section.mid or "a=rtcp-mux" not in section.lines:
        raise BadOfferError("the video section needs a=mid and a=rtcp-mux")
    chosen = choose(section.h264_formats(), profile_level_id)
    candidates = offer.candidates(section)
    mdns = tuple(c for c in candidates if _is_mdns(c))
    offered = section.extensions()
    return Plan(
        offer=offer,
        section=section,
        chosen=chosen,
        profile_level_id=answer_profile(chosen, profile_level_id),
        extensions={uri: offered[uri] for uri in EXTENSIONS if uri in offered},
        candidates=tuple(c for c in candidates if c not in mdns),
        mdns_candidates=mdns,
    )


async def answer_plan(
    plan: Plan, settings: IceSettings, feedback: Feedback, source: RtpSource
) -> Negotiated:
    """Make the peer connection and its answer, candidates gathered.

    Raises:
        BadOfferError: aiortc cannot use the offer; nothing is left open.
    """
    connection = RTCPeerConnection(RTCConfiguration(iceServers=settings.servers()))
    try:
        transceiver = connection.addTransceiver("video", direction="sendonly")
        PassthroughSender(transceiver, feedback, ssrc=source.ssrc, rtx_ssrc=source.rtx_ssrc)
        ice = IceWatch(connection, settings.allowed)
        reduced = plan.offer.reduced(plan.section, plan.chosen, list(plan.candidates))
        await connection.setRemoteDescription(RTCSessionDescription(reduced, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        answer = complete_answer(
            plan.offer,
            plan.section,
            connection.localDescription.sdp,
            chosen=plan.chosen,
            profile_level_id=plan.profile_level_id,
            extensions=plan.extensions,
        )
    except MALFORMED as exc:
        await connection.close()
        raise BadOfferError(f"the offer cannot be used: {exc}") from exc
    except BaseException:
        await connection.close()
        raise
    return Negotiated(plan, connection, ice, answer)


async def add_candidates(
    connection: RTCPeerConnection, mid: str, candidates: Sequence[str], *, last: bool
) -> None:
    """Give the connection more of the browser's candidates, resolving mDNS names.

    Args:
        candidates: without ``a=candidate:`` or ``candidate:`` in front.
        last: no more will come.

    Raises:
        BadOfferError: a candidate is malformed.
    """
    try:
        parsed = [candidate_from_sdp(candidate) for candidate in candidates]
    except MALFORMED as exc:
        raise BadOfferError(f"malformed candidate: {exc}") from exc
    for candidate in parsed:
        candidate.sdpMid = mid
    await asyncio.gather(*(connection.addIceCandidate(candidate) for candidate in parsed))
    if last:
        await connection.addIceCandidate(None)


def _quoted(text: str | None) -> str:
    """A quoted-string (RFC 9110 section 5.6.4)."""
    return '"' + re.sub(r'(["\\])', r"\\\1", text or "") + '"'


def _is_mdns(candidate: str) -> bool:
    try:
        host = candidate_from_sdp(candidate).ip
    except MALFORMED as exc:
        raise BadOfferError(f"malformed candidate {candidate[:60]!r}: {exc}") from exc
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False

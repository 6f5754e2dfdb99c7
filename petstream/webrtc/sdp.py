"""What is read from a browser's SDP offer, and what is written into the answer. No I/O.

Strategy: of all that an offer may hold (audio, data channels, a dozen codecs) one video section
with one H.264 payload type is wanted. ``Offer`` finds the sections, ``reduced`` writes an offer
that holds nothing else, which is all that aiortc ever sees, so that it can neither negotiate VP8
nor receive anything; and ``complete_answer`` puts aiortc's answer for that section among refusals
of the others.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from petstream.errors import BadOfferError

__all__ = [
    "CANDIDATES_MAX",
    "KNOWN_TO_AIORTC",
    "SHOWN_TO_AIORTC",
    "H264Format",
    "Offer",
    "Section",
    "parse_offer",
]

SECTIONS_MAX: Final = 32  # browsers offer a handful; a hundred is nobody's page
CANDIDATES_MAX: Final = 64
LINE_MAX: Final = 4096
RECEIVING: Final = {"recvonly", "sendrecv"}
DIRECTIONS: Final = {"sendonly", "inactive"} | RECEIVING
# aiortc knows constrained baseline only. It is shown this, whatever the profile, and the true one
# is put into the answer afterwards.
KNOWN_TO_AIORTC: Final = "42e01f"
# It keeps only dynamic payload types, from 96 on, and browsers offer some profiles below that. So
# it is shown these, for H.264 and its retransmissions, and the true ones are put into the answer.
SHOWN_TO_AIORTC: Final = ("96", "97")
PAYLOAD_TYPE_MAX: Final = 127  # RFC 3550 section 5.1: seven bits
TRANSPORT: Final = ("ice-ufrag", "ice-pwd", "fingerprint", "setup")
# What is answered to; bandwidth estimates, for instance, are not, because nothing is re-encoded.
# rrtr (RFC 3611 section 5.1) lets a viewer place capture times on its own clock.
FEEDBACK: Final = ("nack", "nack pli", "ccm fir", "rrtr")
DEFAULT_PROFILE: Final = "42000a"  # RFC 6184 section 8.1: baseline, level 1


@dataclass(frozen=True, slots=True)
class H264Format:
    """One offered H.264 payload type.

    Attributes:
        payload_type: 0 to 127.
        profile_level_id: six hexadecimal digits, lower case.
        packetization_mode: 0, 1 or 2 (RFC 6184 section 6.2).
        rtx_payload_type: for its retransmissions (RFC 4588), None if not offered.
        feedback: those of its ``a=rtcp-fb`` values that are answered to.
    """

    payload_type: int
    profile_level_id: str
    packetization_mode: int
    rtx_payload_type: int | None
    feedback: tuple[str, ...]


@dataclass(slots=True)
class Section:
    """One media section: its ``m=`` line taken apart, and its other lines as they are."""

    kind: str
    port: int
    protocol: str
    formats: list[str]
    lines: list[str] = field(default_factory=list)

    def value(self, name: str) -> str | None:
        """The value of the first attribute ``a=name:value``, None if there is none."""
        return next(iter(self.values(name)), None)

    def values(self, name: str) -> list[str]:
        """The values of all attributes ``a=name:value``."""
        prefix = f"a={name}:"
        return [line[len(prefix) :] for line in self.lines if line.startswith(prefix)]

    @property
    def mid(self) -> str:
        """Its identification tag (RFC 5888), empty if it has none."""
        return self.value("mid") or ""

    @property
    def is_rtp(self) -> bool:
        """Whether its formats are payload types, and these are numbers."""
        return "RTP/" in self.protocol

    @property
    def direction(self) -> str:
        """One of sendrecv (the default), sendonly, recvonly, inactive."""
        return next((line[2:] for line in self.lines if line[2:] in DIRECTIONS), "sendrecv")

    def extensions(self) -> dict[str, int]:
        """The header extensions a sender may use (RFC 8285 section 6): id by URI."""
        found = {}
        for value in self.values("extmap"):
            match = re.fullmatch(r"(\d{1,3})(?:/(\w+))? (\S+)(?: .*)?", value)
            if match and (match[2] or "sendrecv") in RECEIVING:
                found[match[3]] = int(match[1])
        return found

    def h264_formats(self) -> list[H264Format]:
        """The H.264 payload types, in the order of preference in which they are offered."""
        maps = self._by_payload_type("rtpmap")
        parameters = {
            pt: _format_parameters(v[0]) for pt, v in self._by_payload_type("fmtp").items()
        }
        feedback = self._by_payload_type("rtcp-fb")
        rtx = {
            parameters[pt]["apt"]: int(pt)
            for pt in self.formats
            if _codec(maps.get(pt)) == "rtx" and "apt" in parameters.get(pt, {})
        }
        return [
            H264Format(
                int(pt),
                parameters.get(pt, {}).get("profile-level-id", DEFAULT_PROFILE).lower(),
                _small_int(parameters.get(pt, {}).get("packetization-mode", "0")),
                rtx.get(pt),
                tuple(
                    value
                    for value in FEEDBACK
                    if value in feedback.get(pt, []) + feedback.get("*", [])
                ),
            )
            for pt in self.formats
            if _codec(maps.get(pt)) == "h264"
        ]

    def _by_payload_type(self, name: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for value in self.values(name):
            payload_type, _, rest = value.partition(" ")
            found.setdefault(payload_type, []).append(rest)
        return found


@dataclass(frozen=True, slots=True)
class Offer:
    """A parsed offer: session lines and media sections."""

    session: tuple[str, ...]
    sections: tuple[Section, ...]

    def video(self) -> Section | None:
        """The first section in which the browser wants to receive video; None if there is none."""
        for section in self.sections:
            wanted = section.kind == "video" and section.direction in RECEIVING
            if wanted and section.is_rtp and self._live(section):
                return section
        return None

    def _live(self, section: Section) -> bool:
        # Port 0 refuses a section, unless it only rides on another's transport (RFC 9143).
        return section.port != 0 or "a=bundle-only" in section.lines

    def candidates(self, section: Section) -> list[str]:
        """The candidates for ``section``, or for any section that it is bundled with."""
        found: list[str] = []
        for source in self.bundle(section) or [section]:
            found += [c for c in source.values("candidate") if c not in found]
        if len(found) > CANDIDATES_MAX:
            raise BadOfferError(f"{len(found)} candidates, at most {CANDIDATES_MAX} are taken")
        return found

    def reduced(self, section: Section, chosen: H264Format, candidates: list[str]) -> str:
        """An offer of ``section`` alone, with the one format ``chosen``."""
        pt, rtx = SHOWN_TO_AIORTC
        payload_types = pt if chosen.rtx_payload_type is None else f"{pt} {rtx}"
        lines = [line for line in self.session if not line.startswith(("a=group:", "a=extmap"))]
        lines += [
            f"a=group:BUNDLE {section.mid}",
            f"m=video 9 UDP/TLS/RTP/SAVPF {payload_types}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{section.mid}",
            "a=recvonly",
            "a=rtcp-mux",
            f"a=rtpmap:{pt} H264/90000",
            f"a=fmtp:{pt} packetization-mode=1;profile-level-id={KNOWN_TO_AIORTC}",
        ]
        if chosen.rtx_payload_type is not None:
            lines += [f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={pt}"]
        for name in TRANSPORT:
            values = section.values(name)
            lines += [f"a={name}:{value}" for value in values]
        lines += [f"a=candidate:{candidate}" for candidate in candidates]
        return "\r\n".join(lines) + "\r\n"

    def bundle(self, section: Section) -> list[Section]:
        """The sections that share a transport with this one (RFC 9143), the tagged one first."""
        prefix = "a=group:BUNDLE "
        groups = [line[len(prefix) :].split() for line in self.session if line.startswith(prefix)]
        mids = next((group for group in groups if section.mid in group), [])
        by_mid = {s.mid: s for s in self.sections}
        return [by_mid[mid] for mid in mids if mid in by_mid]


def parse_offer(text: str) -> Offer:
    """Take an SDP offer apart (RFC 8866).

    Raises:
        BadOfferError: it is no SDP, has too many sections, or a section that cannot be read.
    """
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    if not lines or lines[0].strip() != "v=0":
        raise BadOfferError("not an sdp: the first line must be v=0")
    session: list[str] = []
    sections: list[Section] = []
    for number, line in enumerate(lines, 1):
        if not re.match(r"[a-z]=", line) or len(line) > LINE_MAX or not line.isprintable():
            raise BadOfferError(f"sdp line {number} is malformed: {line[:60]!r}")
        if line.startswith("m="):
            sections.append(_media_line(number, line))
        elif sections:
            sections[-1].lines.append(line)
        else:
            session.append(line)
    if not 0 < len(sections) <= SECTIONS_MAX:
        raise BadOfferError(
            f"{len(sections)} media sections, 1 to {SECTIONS_MAX} are taken; "
            "offer one to receive video"
        )
    mids = [section.mid for section in sections if section.mid]
    if len(set(mids)) < len(mids):
        raise BadOfferError(f"two media sections have the same a=mid: {' '.join(mids)[:60]!r}")
    _inherit(session, sections)
    offer = Offer(tuple(session), tuple(sections))
    for section in sections:
        if "a=bundle-only" in section.lines:
            for tagged in offer.bundle(section)[:1]:
                _inherit_transport(section, tagged.lines)
    return offer


def _media_line(number: int, line: str) -> Section:
    match = re.fullmatch(r"m=(\w+) (\d{1,5})(?:/\d+)? (\S+)((?: \S+)+)", line)
    if match is None:
        raise BadOfferError(f"sdp line {number} is no media line: {line[:60]!r}")
    kind, port, protocol, formats = match.groups()
    section = Section(kind, int(port), protocol, formats.split())
    if section.is_rtp and not all(
        re.fullmatch(r"[0-9]{1,3}", pt) and int(pt) <= PAYLOAD_TYPE_MAX for pt in section.formats
    ):
        raise BadOfferError(
            f"sdp line {number} has a payload type not in 0..{PAYLOAD_TYPE_MAX}: {line[:60]!r}"
        )
    return section


def _inherit(session: list[str], sections: list[Section]) -> None:
    """Give each section the session's attributes that it does not have itself (RFC 8866, 5.13)."""
    for section in sections:
        _inherit_transport(section, session)
    for line in session:
        if line[2:] in DIRECTIONS:
            for section in sections:
                section.lines.append(line)


def _inherit_transport(section: Section, source: list[str]) -> None:
    for name in TRANSPORT:
        if section.value(name) is None:
            section.lines += [line for line in source if line.startswith(f"a={name}:")]


def _codec(rtpmap: list[str] | None) -> str:
    return rtpmap[0].partition("/")[0].strip().lower() if rtpmap else ""


def _format_parameters(text: str) -> dict[str, str]:
    pairs = (item.partition("=") for item in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _small_int(text: str) -> int:
    return int(text) if re.fullmatch(r"\d{1,3}", text) else -1

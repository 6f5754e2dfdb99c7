"""What is written into the SDP answer. No I/O, no aiortc.

Strategy: aiortc answered a reduced offer (``sdp``). Its section gets back what it was not shown,
and is put among refusals of all other sections. Where the offer's sections share the transport of
another one, that one is accepted too, idle.
"""

import re
from collections.abc import Mapping

from petstream.webrtc.sdp import KNOWN_TO_AIORTC, SHOWN_TO_AIORTC, H264Format, Offer, Section

__all__ = ["complete_answer"]


def complete_answer(
    offer: Offer,
    section: Section,
    answer: str,
    *,
    chosen: H264Format,
    profile_level_id: str,
    extensions: Mapping[str, int],
) -> str:
    """The whole answer: aiortc's for ``section``, and a refusal for every other section.

    But for the one whose transport all sections share, which must not be refused while any is
    accepted (RFC 9143 section 7.3.3): in it, nothing will flow.

    Args:
        offer: what is answered.
        section: the one section that aiortc saw.
        answer: aiortc's answer to the reduced offer.
        chosen: the format to answer with.
        profile_level_id: to answer with.
        extensions: header extensions that will be sent, id by URI.
    """
    head, _, body = answer.replace("\r\n", "\n").partition("\nm=")
    media = [
        _restore(line, chosen, profile_level_id) for line in f"m={body}".rstrip("\n").split("\n")
    ]
    media += [f"a=rtcp-fb:{chosen.payload_type} {value}" for value in chosen.feedback]
    media += [_extension(section, number, uri) for uri, number in extensions.items()]
    bundle = offer.bundle(section)
    accepted = {section.mid: media}
    if bundle and bundle[0] is not section and (idle := _idle(bundle[0], media)):
        accepted[bundle[0].mid] = idle
    lines = [line for line in head.split("\n") if not line.startswith("a=group:")]
    if bundle:
        lines.append(" ".join(["a=group:BUNDLE", *(s.mid for s in bundle if s.mid in accepted)]))
    for other in offer.sections:
        lines += accepted[other.mid] if other.mid in accepted else _refusal(other)
    return "\r\n".join(lines) + "\r\n"


def _extension(section: Section, number: int, uri: str) -> str:
    """The answer to an extension, its direction turned round if it has one (RFC 8285, 6)."""
    turned = f"{number}/recvonly {uri}" in section.values("extmap")
    return f"a=extmap:{number}{'/sendonly' if turned else ''} {uri}"


def _restore(line: str, chosen: H264Format, profile_level_id: str) -> str:
    """A line of aiortc's answer with the payload types and the profile that it was not shown."""
    shown_pt, shown_rtx = SHOWN_TO_AIORTC
    true = {shown_pt: str(chosen.payload_type), shown_rtx: str(chosen.rtx_payload_type)}
    if line.startswith("m="):
        fields = line.split(" ")
        return " ".join(fields[:3] + [true[shown] for shown in fields[3:]])
    line = re.sub(r"^(a=(?:rtpmap|fmtp):)(\d+)", lambda m: m[1] + true[m[2]], line)
    line = line.replace(f" apt={shown_pt}", f" apt={chosen.payload_type}")
    return line.replace(
        f"profile-level-id={KNOWN_TO_AIORTC}", f"profile-level-id={profile_level_id}"
    )


def _idle(section: Section, media: list[str]) -> list[str]:
    """A section accepted for the transport it shares with ``media``; empty if it cannot be."""
    formats = [str(f.payload_type) for f in section.h264_formats()]
    if section.kind != "video":
        formats = section.formats
    if not formats or section.port == 0:
        return []
    chosen, port = formats[0], media[0].split(" ")[1]
    described = (f"a=rtpmap:{chosen} ", f"a=fmtp:{chosen} ", "a=sctp-port:", "a=max-message-size:")
    shared = ("a=rtcp-mux", "a=ice-", "a=candidate:", "a=end-of-", "a=fingerprint:", "a=setup:")
    return [
        f"m={section.kind} {port} {section.protocol} {chosen}",
        next(line for line in media if line.startswith("c=")),
        "a=inactive",
        f"a=mid:{section.mid}",
        *(line for line in section.lines if line.startswith(described)),
        *(line for line in media if line.startswith(shared)),
    ]


def _refusal(section: Section) -> list[str]:
    return [
        f"m={section.kind} 0 {section.protocol} {' '.join(section.formats)}",
        "c=IN IP4 0.0.0.0",
        "a=inactive",
        *([f"a=mid:{section.mid}"] if section.mid else []),
    ]

"""One access unit as RTP payloads (RFC 6184, packetization-mode 1), made once for all viewers.

Strategy: all fragments of a NAL unit but its last are full, so that a whole run of packets can be
handed to the kernel in one call (UDP generic segmentation offload wants equal segments, only the
last may be shorter), and runs of different units are laid out alike. Each payload is kept with
room for the SRTP tag behind it, so that the packets of a run are their RTP header joined with these
pieces, in one call.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

__all__ = ["FRAGMENT_MAX", "PAYLOAD_MAX", "PacketImage", "Packets", "Run", "Span", "fragment"]

# 12 bytes of header, 28 of extensions, 2 of a retransmission and 16 of tag around it stay within
# the 1,232 bytes of UDP that the smallest IPv6 link carries (RFC 8200 section 5).
PAYLOAD_MAX: Final = 1172
FU_HEADERS_SIZE: Final = 2  # indicator and header
FRAGMENT_MAX: Final = PAYLOAD_MAX - FU_HEADERS_SIZE  # bytes of a NAL unit in a FU-A

NAL_HEADER_SIZE: Final = 1
NRI_MASK: Final = 0x60
TYPE_MASK: Final = 0x1F
STAP_A: Final = 24  # RFC 6184 section 5.7.1
FU_A: Final = 28  # RFC 6184 section 5.8
FU_START: Final = 0x80
FU_END: Final = 0x40


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive packets of one size, of which only the last may be shorter.

    Attributes:
        first, end: packet numbers, end excluded.
        segment: bytes of every packet but the last, header and tag included.
    """

    first: int
    end: int
    segment: int


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive packets of one run, as a viewer is sent them in one call.

    Attributes:
        first, end: packet numbers, end excluded.
        parts: nothing, and then the piece of each packet: what a viewer's header is joined with.
        offsets: where each packet begins in a copy of just these, and where the last ends.
        segment: as in its run.
        ends_unit: the last is the last of its access unit.
    """

    first: int
    end: int
    parts: tuple[bytes, ...]
    offsets: tuple[int, ...]
    segment: int
    ends_unit: bool


@dataclass(frozen=True, slots=True)
class PacketImage:
    """All packets of an access unit, for one header and tag size.

    Attributes:
        pieces: of each packet what stands behind its header: the payload, and zeros for the tag.
        offsets: where each packet would begin if all lay back to back, and where the last ends.
        runs: the packets in order, grouped for segmentation offload.
        run_of: for each packet, its place in ``runs``.
    """

    header_size: int
    tag_size: int
    pieces: tuple[bytes, ...]
    offsets: tuple[int, ...]
    runs: tuple[Run, ...]
    run_of: tuple[int, ...]
    _spans: dict[tuple[int, int], Span] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.pieces)

    def span(self, first: int, most: int) -> Span:
        """Packets from ``first`` on, at most so many, up to the end of their run.

        Worked out once; viewers in step ask for the same.
        """
        span = self._spans.get((first, most))
        if span is None:
            run = self.runs[self.run_of[first]]
            end = min(run.end, first + most)
            offsets, base = self.offsets[first : end + 1], self.offsets[first]
            span = self._spans[first, most] = Span(
                first,
                end,
                (b"", *self.pieces[first:end]),
                tuple([offset - base for offset in offsets]) if base else offsets,
                run.segment,
                end == len(self.pieces),
            )
        return span

    def payload(self, packet: int) -> memoryview:
        """The payload of one packet."""
        piece = self.pieces[packet]
        return memoryview(piece)[: len(piece) - self.tag_size]


def fragment(nal_unit: memoryview, payload_max: int, tag: bytes = b"") -> list[bytes]:
    """The FU-A payloads of a NAL unit that is larger than a packet, each with ``tag`` behind it.

    All are full but the last, so that packets of different units have one size too.
    """
    header = nal_unit[0]
    indicator = (header & ~TYPE_MASK & 0xFF) | FU_A
    nal_type = header & TYPE_MASK
    step = payload_max - FU_HEADERS_SIZE
    middle = bytes((indicator, nal_type))
    starts = range(NAL_HEADER_SIZE, len(nal_unit), step)
    pieces = [b"".join((middle, nal_unit[start : start + step], tag)) for start in starts]
    first, last = bytes((indicator, FU_START | nal_type)), bytes((indicator, FU_END | nal_type))
    pieces[0] = first + pieces[0][FU_HEADERS_SIZE:]
    pieces[-1] = last + pieces[-1][FU_HEADERS_SIZE:]
    return pieces


def _aggregate(nal_units: Sequence[memoryview], tag: bytes) -> bytes:
    """One NAL unit as it is, or several in a STAP-A."""
    if len(nal_units) == 1:
        return b"".join((nal_units[0], tag))
    nri = max(nal_unit[0] & NRI_MASK for nal_unit in nal_units)
    parts = [bytes((nri | STAP_A,))]
    for nal_unit in nal_units:
        parts += len(nal_unit).to_bytes(2, "big"), bytes(nal_unit)
    return b"".join((*parts, tag))


def _pieces(nal_units: Sequence[memoryview], payload_max: int, tag: bytes) -> list[bytes]:
    """The payloads of an access unit, each with ``tag`` behind it."""
    pieces: list[bytes] = []
    small: list[memoryview] = []
    filled = 1
    for nal_unit in nal_units:
        if small and filled + 2 + len(nal_unit) > payload_max:
            pieces.append(_aggregate(small, tag))
            small, filled = [], 1
        if len(nal_unit) > payload_max:
            pieces += fragment(nal_unit, payload_max, tag)
        else:
            small.append(nal_unit)
            filled += 2 + len(nal_unit)
    if small:
        pieces.append(_aggregate(small, tag))
    return pieces


class Packets:
    """The packets of one access unit."""

    def __init__(self, nal_units: Sequence[memoryview], payload_max: int = PAYLOAD_MAX) -> None:
        """Take the NAL units; they are packetized when the first viewer wants them.

        Args:
            nal_units: without start codes, none empty (ValueError).
            payload_max: bytes of the largest RTP payload.
        """
        if not all(nal_units):
            raise ValueError("an empty NAL unit cannot be packetized")
        self._nal_units = nal_units
        self._payload_max = payload_max
        self._images: dict[tuple[int, int], PacketImage] = {}

    def image(self, header_size: int, tag_size: int) -> PacketImage:
        """The packets with ``header_size`` bytes in front and ``tag_size`` behind each.

        Made once for each pair of sizes, which viewers share.
        """
        key = header_size, tag_size
        image = self._images.get(key)
        if image is None:
            image = self._images[key] = self._lay_out(header_size, tag_size)
        return image

    def _lay_out(self, header_size: int, tag_size: int) -> PacketImage:
        pieces = tuple(_pieces(self._nal_units, self._payload_max, bytes(tag_size)))
        sizes = [header_size + len(piece) for piece in pieces]
        offsets = tuple(itertools.accumulate(sizes, initial=0))
        runs = tuple(_runs(sizes))
        run_of: list[int] = []
        for number, run in enumerate(runs):
            run_of += [number] * (run.end - run.first)
        return PacketImage(header_size, tag_size, pieces, offsets, runs, tuple(run_of))


def _runs(sizes: Sequence[int]) -> Iterator[Run]:
    """Group packets of one size, each group with a shorter one that may follow it."""
    first = end = segment = 0
    for size, group in itertools.groupby(sizes):
        count = len(list(group))
        if end > first and size < segment:  # one of these ends the run before
            yield Run(first, end + 1, segment)
            first = end = end + 1
            count -= 1
        elif end > first:
            yield Run(first, end, segment)
            first = end
        end += count
        segment = size
    if end > first:
        yield Run(first, end, segment)

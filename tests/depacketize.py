"""A receiver's half of RFC 6184, written from the RFC alone: payloads to NAL units.

Strategy: strict. Whatever the RFC forbids a sender is an assertion, so that a packetizer is tested
by being listened to.
"""

from collections.abc import Iterable

__all__ = ["depacketize"]

STAP_A, FU_A = 24, 28
START, END, RESERVED = 0x80, 0x40, 0x20


def depacketize(payloads: Iterable[bytes]) -> list[bytes]:
    """The NAL units in the RTP payloads of an access unit, all of them there and in order."""
    units: list[bytes] = []
    fragments: bytearray | None = None
    for payload in payloads:
        kind = payload[0] & 0x1F
        assert not payload[0] & 0x80, "forbidden_zero_bit is set (5.3)"
        if kind == FU_A:
            fragments = _fragment(payload, fragments, units)
            continue
        assert fragments is None, "a fragmented NAL unit is not finished (5.8)"
        if kind == STAP_A:
            units += _aggregated(payload)
        else:
            assert 1 <= kind <= 23, f"packet type {kind} is not of packetization-mode 1 (table 3)"
            units.append(payload)
    assert fragments is None, "the last NAL unit is not finished"
    return units


def _aggregated(payload: bytes) -> list[bytes]:
    units, at = [], 1
    while at < len(payload):
        size = int.from_bytes(payload[at : at + 2], "big")
        unit = payload[at + 2 : at + 2 + size]
        assert len(unit) == size > 0, "a NAL unit in a STAP-A is cut off or empty (5.7.1)"
        assert 1 <= unit[0] & 0x1F <= 23, "packets may not be nested (5.7.1)"
        units.append(unit)
        at += 2 + size
    assert units
    assert payload[0] & 0x60 == max(unit[0] & 0x60 for unit in units), "NRI is the highest (5.7)"
    return units


def _fragment(payload: bytes, begun: bytearray | None, units: list[bytes]) -> bytearray | None:
    indicator, header = payload[0], payload[1]
    assert len(payload) > 2, "a fragment has no bytes (5.8)"
    assert not header & RESERVED, "the reserved bit is set (5.8)"
    assert header & (START | END) != START | END, "start and end in one fragment (5.8)"
    if header & START:
        assert begun is None, "a fragmented NAL unit is not finished (5.8)"
        begun = bytearray([indicator & 0xE0 | header & 0x1F])
    assert begun is not None, "a fragment without its start (5.8)"
    assert begun[0] == indicator & 0xE0 | header & 0x1F, "NRI or type changed within a NAL unit"
    begun += payload[2:]
    if header & END:
        units.append(bytes(begun))
        return None
    return begun

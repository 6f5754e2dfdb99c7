"""Parameter sets: remembering what the camera sent, so that every IDR can have what it needs.

Strategy: keep the latest SPS and PPS by id, raw, and look the references up only when a picture
asks for them. So a PPS may come before its SPS, and a PPS outlives a new SPS of the same id: clause
7.4.1.2.1 lets a parameter set stay until another of its own kind and id replaces it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from petstream.errors import StreamError
from petstream.h264.bits import BitReader
from petstream.h264.nal import NalUnit, NalUnitType, nal_unit_type, unescape_rbsp
from petstream.h264.sps import Sps, parse_sps

__all__ = ["MAX_PPS_SIZE", "ParameterSetCache", "ParameterSets"]

# The ids of both, at most 17 bits each, are all that is read; 16 bytes hold them with escapes.
_PPS_HEAD = 16
# Encoders write 4 to 10 bytes, full scaling lists make 1,100. With 256 ids this bounds what a
# stream can make us keep, 2 MiB.
MAX_PPS_SIZE = 8192


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """The parameter sets of a coded video sequence: a value, equal when the bytes are.

    Attributes:
        sps: the active SPS as a NAL unit; a tuple of one.
        pps: every PPS that refers to it, by rising id: later pictures of the GOP may use others
            than its IDR does.
        parsed: what the SPS says.
    """

    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    parsed: Sps = field(compare=False)

    @property
    def nal_units(self) -> tuple[bytes, ...]:
        """All of them in the order a decoder wants: SPS, then PPS."""
        return self.sps + self.pps


class ParameterSetCache:
    """Parameter sets by id, as H.264 clause 7.4.1.2.1 keeps them. Not thread-safe."""

    def __init__(self) -> None:
        # seq_parameter_set_id to NAL unit and content: at most 32.
        self._sps: dict[int, tuple[bytes, Sps]] = {}
        # pic_parameter_set_id to NAL unit and the SPS id it names: at most 256.
        self._pps: dict[int, tuple[bytes, int]] = {}
        # Answers already given, by SPS id: the same object as long as nothing changes.
        self._resolved: dict[int, ParameterSets] = {}

    def add_sps(self, nal_unit: NalUnit) -> None:
        """Remember an SPS in place of an earlier one with its id.

        Raises:
            SpsError: it does not parse; what was remembered stays.
        """
        if any(nal_unit == known for known, _ in self._sps.values()):
            return
        parsed = parse_sps(nal_unit)
        self._sps[parsed.sps_id] = (bytes(nal_unit), parsed)
        self._resolved.pop(parsed.sps_id, None)

    def add_pps(self, nal_unit: NalUnit) -> None:
        """Remember a PPS in place of an earlier one with its id.

        Raises:
            StreamError: ``bad_pps``; what was remembered stays.
        """
        pps_id, sps_id = _parse_pps_ids(nal_unit)
        known = self._pps.get(pps_id)
        if known is not None:
            if nal_unit == known[0]:
                return
            self._resolved.pop(known[1], None)
        self._pps[pps_id] = (bytes(nal_unit), sps_id)
        self._resolved.pop(sps_id, None)

    def resolve(self, pps_ids: Iterable[int]) -> ParameterSets | None:
        """What a picture needs whose slices name these PPS.

        Returns:
            The active SPS with all its PPS; None when one is not known, or when the slices name
            PPS of different SPS, which no picture may do (7.4.1.2.1).
        """
        sps_id = None
        for pps_id in pps_ids:
            pps = self._pps.get(pps_id)
            if pps is None or sps_id not in (None, pps[1]):
                return None
            sps_id = pps[1]
        if sps_id is None:
            return None
        return self._resolved.get(sps_id) or self._resolve_sps(sps_id)

    def _resolve_sps(self, sps_id: int) -> ParameterSets | None:
        sps = self._sps.get(sps_id)
        if sps is None:
            return None
        pps = tuple(nal for _, (nal, refers_to) in sorted(self._pps.items()) if refers_to == sps_id)
        resolved = ParameterSets(sps=(sps[0],), pps=pps, parsed=sps[1])
        self._resolved[sps_id] = resolved
        return resolved


def _parse_pps_ids(nal_unit: NalUnit) -> tuple[int, int]:
    """pic_parameter_set_id and seq_parameter_set_id (7.3.2.2)."""
    size = len(nal_unit)
    if size > MAX_PPS_SIZE:
        raise StreamError("bad_pps", f"pps has {size} bytes, maximum is {MAX_PPS_SIZE}")
    if size < 2 or nal_unit_type(nal_unit) != NalUnitType.PPS:
        raise StreamError("bad_pps", f"{size} bytes are no pps: 2 and nal_unit_type 8 are needed")
    bits = BitReader(unescape_rbsp(nal_unit[1:_PPS_HEAD]))
    try:
        pps_id = bits.ue_at_most(255, "pic_parameter_set_id")
        return pps_id, bits.ue_at_most(31, "seq_parameter_set_id")
    except StreamError as error:
        raise StreamError("bad_pps", f"pps does not parse: {error}") from error

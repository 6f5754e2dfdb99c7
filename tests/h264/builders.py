"""NAL units, slots and access units made by hand."""

from collections.abc import Iterable

from petstream.h264.access_unit import AccessUnit
from petstream.h264.nal import NalUnit, escape_rbsp
from petstream.slot import Slot
from tests.h264.bit_writer import BitWriter

__all__ = [
    "AUD",
    "B_SLICE",
    "FILLER",
    "I_SLICE",
    "P_SLICE",
    "SEI",
    "annexb",
    "as_bytes",
    "make_access_unit",
    "make_pps",
    "make_slice",
    "make_slot",
    "make_sps",
    "nal_unit",
]

P_SLICE, B_SLICE, I_SLICE = 0, 1, 2


def nal_unit(header: int, rbsp: bytes) -> bytes:
    return bytes([header]) + escape_rbsp(rbsp)


AUD = nal_unit(0x09, b"\xf0")
FILLER = nal_unit(0x0C, b"\xff" * 8 + b"\x80")
# A recovery point message: one byte long, no user data.
SEI = nal_unit(0x06, b"\x06\x01\xc4\x80")


def make_sps(sps_id: int = 0, *, width_mbs: int = 4, height_mbs: int = 3, level: int = 31) -> bytes:
    """A constrained baseline SPS without cropping or VUI."""
    bits = BitWriter()
    for byte in (66, 0xE0, level):
        bits.u(byte, 8)
    bits.ue(sps_id)
    bits.ue(0)  # log2_max_frame_num_minus4
    bits.ue(2)  # pic_order_cnt_type
    bits.ue(1)  # max_num_ref_frames
    bits.u(0, 1)
    bits.ue(width_mbs - 1)
    bits.ue(height_mbs - 1)
    for flag in (1, 1, 0, 0):  # frame_mbs_only, direct_8x8_inference, cropping, vui
        bits.u(flag, 1)
    return nal_unit(0x67, bits.rbsp())


def make_pps(pps_id: int = 0, sps_id: int = 0, *, init_qp: int = 0) -> bytes:
    bits = BitWriter()
    bits.ue(pps_id)
    bits.ue(sps_id)
    bits.u(0, 2)
    bits.ue(0)
    bits.ue(0)
    bits.ue(0)
    bits.u(0, 3)
    bits.se(init_qp)
    bits.se(0)
    bits.se(0)
    bits.u(0, 3)
    return nal_unit(0x68, bits.rbsp())


def make_slice(
    *,
    idr: bool = False,
    pps_id: int = 0,
    kind: int | None = None,
    first_mb: int = 0,
    body: bytes = b"\x9d\x00\x00\x02\xff",
) -> bytes:
    """A slice: a true header as far as the PPS id, then anything."""
    bits = BitWriter()
    bits.ue(first_mb)
    bits.ue(kind if kind is not None else (I_SLICE if idr else P_SLICE))
    bits.ue(pps_id)
    return nal_unit(0x65 if idr else 0x41, bits.rbsp() + body + b"\x80")


def annexb(*nal_units: NalUnit, start_code: bytes = b"\x00\x00\x00\x01") -> bytes:
    return b"".join(start_code + bytes(nal) for nal in nal_units)


def make_slot(
    *nal_units: NalUnit,
    data: bytes | None = None,
    sequence: int = 0,
    camera_id: int = 0,
    discontinuity: bool = False,
) -> Slot:
    return Slot(
        sequence=sequence,
        frame_number=1000 + sequence,
        capture_ns=33_000_000 * sequence,
        read_ns=33_000_000 * sequence + 700_000,
        camera_id=camera_id,
        width=64,
        height=48,
        data=annexb(*nal_units) if data is None else data,
        discontinuity=discontinuity,
    )


def make_access_unit(
    sequence: int, *, idr: bool = False, discontinuity: bool = False, size: int = 100
) -> AccessUnit:
    return AccessUnit(
        nal_units=(memoryview(bytes([0x65 if idr else 0x41]) * size),),
        size=size,
        is_idr=idr,
        discontinuity=discontinuity,
        sequence=sequence,
        frame_number=sequence,
        capture_ns=33_000_000 * sequence,
        read_ns=33_000_000 * sequence,
        camera_id=0,
        parameter_sets=None,
    )


def as_bytes(nal_units: Iterable[NalUnit]) -> list[bytes]:
    return [bytes(nal) for nal in nal_units]

"""RELIABILITY, table B: bytes that are no H.264, in quantity, and streams that are hard to join.

Nothing but typed errors comes out of them, and no access unit that a packetizer cannot take.
"""

import contextlib
import random
import sys
import time
from types import FrameType
from typing import Any, Self

import pytest

from petstream.errors import SpsError, StreamError
from petstream.h264.access_unit import AccessUnit
from petstream.h264.gop import IdrGate
from petstream.h264.nal import NalUnitType, nal_unit_type, split_annexb
from petstream.h264.processor import Processor
from petstream.h264.sei import find_stamp, stamp_crc
from petstream.h264.sps import parse_sps
from petstream.rtp.packets import Packets
from tests.depacketize import depacketize
from tests.h264.builders import annexb, make_pps, make_slice, make_slot, make_sps
from tests.h264.encoding import encode
from tests.scale import scaled, within

SHARDS = 8
ROUNDS = scaled(2_000, 1_000_000) // SHARDS
FULL_SLOT = 3_110_400
UNFIT = {0, *range(24, 32)}
LINEAR_S = 0.05

# Random bytes through this table are mostly start codes, escapes and NAL unit headers.
DENSE = bytes(96) + b"\x01" * 40 + b"\x65\x41\x67\x68\x06\x80\x03\x88" * 15


def check(unit: AccessUnit) -> None:
    """Whatever it was made of, an access unit is one that can be packetized and shown."""
    assert unit.nal_units
    for nal in unit.nal_units:
        assert len(nal) > 0
        assert not nal[0] & 0x80
        assert 0 < nal[0] & 0x1F < 24
    if unit.is_idr:
        assert unit.nal_units[0][0] & 0x1F == 7
        assert unit.parameter_sets is not None


def check_packets(unit: AccessUnit) -> None:
    """Every NAL unit reaches a strict receiver."""
    image = Packets(unit.nal_units).image(12, 10)
    payloads = [bytes(image.payload(n)) for n in range(len(image))]
    assert depacketize(payloads) == [bytes(nal) for nal in unit.nal_units]


def good_slots() -> list[bytes]:
    drawn = annexb(make_sps(), make_pps(), make_slice(idr=True), make_slice(idr=True, first_mb=6))
    real = encode(32, 32, frames=2, options={"preset": "ultrafast", "slices": "2"})
    return [drawn, annexb(make_slice(), make_slice(first_mb=6)), *(data[:200] for data in real)]


@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.timeout(900)
def test_b01_bad_slots_give_only_typed_errors(shard: int) -> None:
    """Random, start-code-dense and mutated slots make sound access units or a StreamError."""
    rng = random.Random(shard)
    templates = good_slots()
    processor = Processor()
    made = refused = 0
    for number in range(ROUNDS):
        kind = number % 4
        if kind == 0:
            data = b"\x00\x00\x01" + rng.randbytes(24)
        elif kind == 1:
            data = rng.randbytes(48).translate(DENSE)
        else:
            mutated = bytearray(templates[rng.randrange(len(templates))])
            for _ in range(kind):
                mutated[rng.randrange(len(mutated))] = rng.randrange(256)
            data = bytes(mutated)
        try:
            unit = processor.process(make_slot(data=data, camera_id=number % 2))
        except StreamError:
            refused += 1
            continue
        check(unit)
        if made % 8 == 0:  # packets are made by a viewer, who is a hundred times slower
            check_packets(unit)
        made += 1
    assert min(made, refused) > number // 20


@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.timeout(900)
def test_b06_a_million_bad_sps_give_only_the_typed_error(shard: int) -> None:
    """Random and mutated SPS parse to something sane or raise SpsError, nothing else."""
    rng = random.Random(1000 + shard)
    real = encode(32, 32, frames=1, options={"profile": "high"})
    templates = [make_sps(), next(bytes(n) for n in split_annexb(real[0]) if n[0] & 0x1F == 7)]
    parsed = refused = 0
    for number in range(ROUNDS):
        if number % 2:
            nal = bytearray(templates[number // 2 % 2])
            nal[rng.randrange(1, len(nal))] = rng.randrange(256)
        else:
            nal = bytearray(b"\x67\x64\x00\x1f" + rng.randbytes(28))
        try:
            sps = parse_sps(bytes(nal))
        except SpsError:
            refused += 1
            continue
        assert 0 < sps.width <= 16_880
        assert 0 < sps.height <= 33_760
        parsed += 1
    assert min(parsed, refused) > number // 20


FILLINGS = {
    "zeros": b"\x00",
    "start codes": b"\x00\x00\x01",
    "idr headers": b"\x00\x00\x01\x65",
    "escapes": b"\x00\x00\x00\x03",
    "escaped zeros": b"\x00\x00\x03",
    "ones": b"\xff",
    "one bits in zeros": b"\x00\x01",
}
FRONTS = {
    "nothing": b"",
    "unspecified": b"\x00\x00\x01\x60",
    "sei": b"\x00\x00\x01\x06\x05",
    "sps": b"\x00\x00\x01\x67\x42\x00\x1f\x95",
    "pps": b"\x00\x00\x01\x68\xce",
    "picture": annexb(make_sps(), make_pps(), make_slice(idr=True)),
}


def outcome_of(filling: str, front: str) -> str:
    """What becomes of a slot of this filling behind this front."""
    if filling in ("start codes", "idr headers"):
        return "too_many_nal_units"
    if filling == "zeros":
        # They end the NAL unit in front: of an SPS there are only five bytes, a PPS is whole.
        whole = {"sps": "bad_sps", "pps": "parameter_sets_only"}
    else:
        whole = {"sps": "bad_sps", "pps": "bad_pps"}
    others = {"nothing": "no_nal_unit", "picture": "made"}
    return {**whole, **others}.get(front, "no_slice")


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("filling", FILLINGS)
@pytest.mark.timeout(20)
def test_b02_full_slot_of_one_pattern_is_one_pass(filling: str, front: str) -> None:
    """3.1 MB of the worst fillings behind any NAL unit are taken or refused in linear time."""
    pattern = FILLINGS[filling]
    data = FRONTS[front] + pattern * ((FULL_SLOT - 60) // len(pattern))
    slot = make_slot(data=data)
    outcomes = set()
    took_s = []
    for _ in range(3):
        begin = time.thread_time()  # what other programs take does not count
        try:
            check(Processor().process(slot))
            outcomes.add("made")
        except StreamError as error:
            outcomes.add(error.reason)
        took_s.append(time.thread_time() - begin)
    assert outcomes == {outcome_of(filling, front)}
    within("s for a slot", min(took_s), LINEAR_S)


@pytest.mark.timeout(20)
def test_b02_full_slot_of_slices_is_one_pass() -> None:
    """As many slices as are allowed, in a full slot, make one access unit."""
    body = b"\x9d" * (FULL_SLOT // 4096 - 20)
    slices = [make_slice(idr=True, first_mb=n, body=body) for n in range(4094)]
    unit = Processor().process(make_slot(make_sps(), make_pps(), *slices))
    assert len(unit.nal_units) == 4096
    assert stamp_crc(unit.nal_units) != 0
    assert find_stamp(unit.nal_units) is None


@pytest.mark.timeout(60)
def test_parameter_sets_of_every_id_and_size_are_bounded() -> None:
    """A stream of ever new parameter sets at their largest is held within what the ids allow."""
    processor = Processor()
    padding = bytes(range(1, 256)) * 31
    for generation in range(3):
        for pps_id in range(256):
            pps = make_pps(pps_id, init_qp=generation) + padding
            with pytest.raises(StreamError, match="no picture"):
                processor.process(make_slot(make_sps(level=generation + 10), pps))
    unit = processor.process(make_slot(make_slice(idr=True)))
    assert len(unit.nal_units) == 1 + 256 + 1
    assert unit.size < 256 * 8192


HEADS = {"as it is": (0, 1, 2), "pps first": (1, 0, 2), "none at all": (2,)}


def gop(sps: bytes, pps: bytes, head: str, pps_id: int) -> list[list[bytes]]:
    """Five access units, the first with an IDR and with its parameter sets as ``head`` says."""
    first = (sps, pps, make_slice(idr=True, pps_id=pps_id))
    return [[first[n] for n in HEADS[head]], *([[make_slice(pps_id=pps_id)]] * 4)]


class Steps:
    """Lines of petstream that were executed: work that no other program has a part in.

    Only petstream's: what the standard library does besides depends on what it remembers (an
    abstract class asks for its subclasses anew after any other was registered).
    """

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, _event: str, _argument: object) -> Any:
        if not frame.f_globals["__name__"].startswith("petstream."):
            return None
        self.count += 1
        return self._trace


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("filling", FILLINGS)
def test_b02_work_grows_with_the_slot(filling: str, front: str) -> None:
    """From half a slot to a whole one it grows by two and a half times at most."""
    pattern, steps = FILLINGS[filling], []
    for size in (FULL_SLOT // 2, FULL_SLOT):
        slot = make_slot(data=FRONTS[front] + pattern * ((size - 60) // len(pattern)))
        with Steps() as counted, contextlib.suppress(StreamError):
            Processor().process(slot)
        steps.append(counted.count)
    assert 0 < steps[0] <= steps[1] <= 2.5 * steps[0]


def test_b04_whoever_joins_can_decode_the_first_unit() -> None:
    """Parameter sets missing, swapped, changed or of two ids: a newcomer gets all it needs."""
    for seed in range(scaled(1000, 10_000)):
        join_somewhere(random.Random(seed))


def join_somewhere(rng: random.Random) -> None:
    """A stream with parameter sets of all sorts, joined at any access unit."""
    processor, gate = Processor(), IdrGate()
    # The camera has sent each pair once; after that anything goes.
    sets = [(make_sps(n, width_mbs=rng.randint(2, 9)), make_pps(n, n)) for n in range(2)]
    stream = [unit for n, (sps, pps) in enumerate(sets) for unit in gop(sps, pps, "as it is", n)]
    for _ in range(4):
        n = rng.randrange(2)
        head = rng.choice(list(HEADS))
        if rng.random() < 0.3 and head != "none at all":
            sets[n] = (make_sps(n, width_mbs=rng.randint(2, 9)), sets[n][1])
        stream += gop(*sets[n], head, n)
    joins = rng.randrange(len(stream) - 5)
    got = []
    for sequence, nal_units in enumerate(stream):
        unit = processor.process(make_slot(*nal_units, sequence=sequence))
        if sequence >= joins and gate.admit(unit):
            got.append(unit)
    first = got[0]
    kinds = [nal_unit_type(nal) for nal in first.nal_units]
    assert kinds[0] == NalUnitType.SPS
    assert kinds.index(NalUnitType.PPS) < kinds.index(NalUnitType.IDR_SLICE)
    assert first.parameter_sets is not None
    used = first.parameter_sets
    assert set(used.nal_units) <= set(map(bytes, first.nal_units))
    # What it is decoded with is what the camera sent last under these ids.
    assert len({unit.parameter_sets for unit in got if unit.sequence < first.sequence + 5}) == 1


def test_b05_nal_units_no_decoder_may_see_are_never_sent() -> None:
    """Types 0 and 24 to 31, and forbidden_zero_bit, before, between and behind good ones."""
    good = [make_sps(), make_pps(), make_slice(idr=True)]
    for header in (n for n in range(256) if n & 0x80 or n & 31 in UNFIT):
        bad = bytes([header]) + b"\x9d\x80"
        mixed = [bad, *(nal for unit in good for nal in (unit, bad))]
        unit = Processor().process(make_slot(*mixed))
        assert [bytes(nal) for nal in unit.nal_units] == good, header


@pytest.mark.parametrize("size", [1_000_000, 2_000_000, 3_100_000])
def test_b03_a_huge_idr_is_valid_fu_a(size: int) -> None:
    """An IDR of up to 3.1 MB is fragmented as the RFC has it, and comes back as it was."""
    body = random.Random(size).randbytes(size).replace(b"\0", b"\x55")
    unit = Processor().process(make_slot(make_sps(), make_pps(), make_slice(idr=True, body=body)))
    check_packets(unit)

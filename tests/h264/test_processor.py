"""From slots to canonical access units."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petstream.errors import StreamError
from petstream.h264.access_unit import AccessUnit
from petstream.h264.gop import IdrGate
from petstream.h264.processor import MAX_CAMERAS, Processor
from petstream.slot import Slot
from tests.h264.builders import (
    AUD,
    B_SLICE,
    FILLER,
    SEI,
    as_bytes,
    make_pps,
    make_slice,
    make_slot,
    make_sps,
)

SPS, PPS, IDR, P = make_sps(), make_pps(), make_slice(idr=True), make_slice()
END_OF_SEQUENCE = b"\x0a"


def started() -> Processor:
    """A processor in the middle of a GOP."""
    processor = Processor()
    processor.process(make_slot(SPS, PPS, IDR))
    return processor


def refused(processor: Processor, slot: Slot) -> str:
    with pytest.raises(StreamError) as caught:
        processor.process(slot)
    return caught.value.reason


def test_access_unit_carries_the_slots_numbers() -> None:
    """Times, numbers and camera of the slot are those of the access unit."""
    slot = make_slot(SPS, PPS, IDR, sequence=7, camera_id=1)
    unit = Processor().process(slot)
    assert (unit.sequence, unit.frame_number, unit.camera_id) == (7, 1007, 1)
    assert (unit.capture_ns, unit.read_ns) == (slot.capture_ns, slot.read_ns)
    assert unit.size == len(SPS + PPS + IDR)


def test_idr_with_its_parameter_sets_is_left_as_it_is() -> None:
    """What a camera writes in full is neither changed nor doubled."""
    unit = Processor().process(make_slot(SPS, PPS, SEI, IDR))
    assert as_bytes(unit.nal_units) == [SPS, PPS, SEI, IDR]
    assert unit.is_idr
    assert not unit.discontinuity
    assert unit.parameter_sets is not None
    assert unit.parameter_sets.nal_units == (SPS, PPS)


@pytest.mark.parametrize("carried", [(), (SPS,), (PPS,), (SPS, PPS), (PPS, SPS), (SPS, PPS, SPS)])
def test_idr_gets_what_it_lacks_in_front(carried: tuple[bytes, ...]) -> None:
    """Whatever an IDR brings along, it goes out as SPS, PPS, then the rest, none doubled."""
    unit = started().process(make_slot(AUD, SEI, *carried, IDR, FILLER))
    assert as_bytes(unit.nal_units) == [SPS] * max(1, carried.count(SPS)) + [PPS, SEI, IDR]
    assert unit.size == sum(map(len, unit.nal_units))


def test_slices_are_not_copied() -> None:
    """The slices of an access unit are views of the slot's bytes."""
    slot = make_slot(SPS, PPS, IDR)
    assert all(nal.obj is slot.data for nal in Processor().process(slot).nal_units)


def test_other_pictures_get_no_parameter_sets() -> None:
    """Only an IDR has them put in front; a P slice goes out alone."""
    unit = started().process(make_slot(AUD, P))
    assert as_bytes(unit.nal_units) == [P]
    assert not unit.is_idr
    assert not unit.discontinuity
    assert unit.parameter_sets is not None


def test_end_of_sequence_is_kept() -> None:
    """An end of sequence goes on, because the decoder needs it."""
    unit = started().process(make_slot(P, END_OF_SEQUENCE))
    assert as_bytes(unit.nal_units) == [P, END_OF_SEQUENCE]


def test_dropped_nal_units_are_counted_by_reason() -> None:
    """NAL units that no decoder may see are counted; delimiters and filler are not."""
    processor = started()
    processor.process(make_slot(AUD, b"\x00\x99", b"\x7c\x99", P, b"\xe1\x99", FILLER))
    assert processor.dropped_nal_units == Counter(unspecified_type=2, forbidden_bit=1)


def test_idr_without_known_parameter_sets_is_no_place_to_start() -> None:
    """Nobody can decode it: it is no IDR to the rest of the server, and shuts every gate."""
    processor = Processor()
    unit = processor.process(make_slot(IDR))
    assert (unit.is_idr, unit.discontinuity, unit.parameter_sets) == (False, True, None)
    assert not processor.has_headers
    unit = processor.process(make_slot(SPS, PPS, IDR))
    assert (unit.is_idr, unit.discontinuity) == (True, False)
    assert processor.has_headers


def test_parameter_sets_in_a_slot_of_their_own_are_remembered() -> None:
    """A daemon that writes its headers first has lost nothing when the IDR comes."""
    processor = Processor()
    assert refused(processor, make_slot(SPS)) == "parameter_sets_only"
    assert refused(processor, make_slot(PPS)) == "parameter_sets_only"
    unit = processor.process(make_slot(IDR))
    assert as_bytes(unit.nal_units) == [SPS, PPS, IDR]
    assert not unit.discontinuity


def test_headers_between_pictures_break_nothing() -> None:
    """A slot of parameter sets in mid-GOP is no gap."""
    processor = started()
    refused(processor, make_slot(SPS, PPS))
    assert not processor.process(make_slot(P)).discontinuity


def test_loss_before_a_headers_slot_is_not_forgotten() -> None:
    """A discontinuity that fell on a slot without a picture marks the next picture."""
    processor = started()
    refused(processor, make_slot(SPS, PPS, discontinuity=True))
    assert processor.process(make_slot(P)).discontinuity
    assert not processor.process(make_slot(P)).discontinuity


@pytest.mark.parametrize(
    ("slot", "reason"),
    [
        (make_slot(data=b""), "no_nal_unit"),
        (make_slot(data=b"\x00\x00\x01" * 5000), "too_many_nal_units"),
        (make_slot(SEI), "no_slice"),
        (make_slot(AUD, FILLER), "no_slice"),
        (make_slot(b"\x60\x99"), "no_slice"),
        (make_slot(SPS, b"\xe5\x99"), "no_slice"),
        (make_slot(b"\x41"), "bad_slice_header"),
        (make_slot(b"\x67\x42\x00\x1f", IDR), "bad_sps"),
        (make_slot(b"\x68", IDR), "bad_pps"),
        (make_slot(IDR, P), "mixed_pictures"),
    ],
)
def test_unusable_slot_makes_the_next_a_discontinuity(slot: Slot, reason: str) -> None:
    """A slot that cannot be used is refused with its reason and breaks the chain once."""
    processor = started()
    assert refused(processor, slot) == reason
    assert processor.process(make_slot(P)).discontinuity
    assert not processor.process(make_slot(P)).discontinuity


def test_slots_own_discontinuity_is_passed_on() -> None:
    """A gap that the reader noticed is the access unit's, of an IDR as well."""
    processor = started()
    assert processor.process(make_slot(P, discontinuity=True)).discontinuity
    unit = processor.process(make_slot(IDR, discontinuity=True))
    assert (unit.is_idr, unit.discontinuity) == (True, True)


def test_stream_joined_in_mid_gop_is_a_discontinuity() -> None:
    """The first picture of all refers to pictures that nobody has, unless it is an IDR."""
    assert Processor().process(make_slot(SPS, PPS, P)).discontinuity


@pytest.mark.parametrize("back", [False, True])
def test_other_camera_is_a_discontinuity(back: bool) -> None:
    """A P slice after one of another camera has not its own reference before it."""
    processor = started()
    processor.process(make_slot(SPS, PPS, IDR, camera_id=1))
    unit = processor.process(make_slot(P, camera_id=0 if back else 1))
    assert unit.discontinuity is back


def test_other_cameras_parameter_sets_are_not_used() -> None:
    """An IDR of a camera that has not sent its own is not given another's."""
    assert not started().process(make_slot(IDR, camera_id=1)).is_idr


def test_each_cameras_parameter_sets_are_remembered() -> None:
    """Switching to and fro, each IDR gets those of its own camera."""
    processor = Processor()
    wide = make_sps(width_mbs=40)
    processor.process(make_slot(SPS, PPS, IDR, camera_id=0))
    processor.process(make_slot(wide, PPS, IDR, camera_id=1))
    for camera_id, sps in ((0, SPS), (1, wide), (0, SPS)):
        unit = processor.process(make_slot(IDR, camera_id=camera_id))
        assert as_bytes(unit.nal_units) == [sps, PPS, IDR]
        assert not unit.discontinuity


def test_cameras_remembered_are_bounded_and_the_latest_used_stay() -> None:
    """Nonsense as camera_id pushes out what is not in use, and nothing grows."""
    processor = started()
    for camera_id in range(1, 10 * MAX_CAMERAS):
        processor.process(make_slot(SPS, PPS, IDR, camera_id=camera_id))
        assert processor.process(make_slot(IDR, camera_id=0)).is_idr
    assert not processor.process(make_slot(IDR, camera_id=1)).is_idr


def test_changed_sps_without_an_idr_is_a_discontinuity() -> None:
    """A P slice under another SPS than the picture before it cannot refer to that."""
    processor = started()
    assert processor.process(make_slot(make_sps(width_mbs=8), P)).discontinuity
    assert not processor.process(make_slot(P)).discontinuity


def test_changed_sps_with_an_idr_starts_afresh() -> None:
    """An IDR under a new SPS is whole, and the new SPS is the one that goes in front."""
    processor = started()
    wide = make_sps(width_mbs=8)
    assert processor.process(make_slot(wide, PPS, IDR)).discontinuity is False
    unit = processor.process(make_slot(IDR))
    assert as_bytes(unit.nal_units) == [wide, PPS, IDR]
    assert processor.parameter_sets is unit.parameter_sets


def test_changed_pps_is_no_discontinuity() -> None:
    """Between pictures a PPS may change without a new sequence."""
    assert not started().process(make_slot(make_pps(init_qp=3), P)).discontinuity


def test_parameter_sets_behind_the_slices_count_from_the_next_picture() -> None:
    """A new SPS at the end of a slot is not put in front of the picture it follows."""
    processor, wide = started(), make_sps(width_mbs=8)
    unit = processor.process(make_slot(IDR, wide))
    assert as_bytes(unit.nal_units) == [SPS, PPS, IDR, wide]
    assert as_bytes(processor.process(make_slot(IDR)).nal_units) == [wide, PPS, IDR]


def test_idr_under_the_second_of_two_sps() -> None:
    """With two SPS in use, each IDR gets the one that its slices lead to."""
    processor, wide, other = Processor(), make_sps(1, width_mbs=8), make_pps(1, 1)
    processor.process(make_slot(SPS, wide, PPS, other, IDR))
    idr = make_slice(idr=True, pps_id=1)
    assert as_bytes(processor.process(make_slot(idr)).nal_units) == [wide, other, idr]
    assert as_bytes(processor.process(make_slot(IDR)).nal_units) == [SPS, PPS, IDR]


def test_b_frames_are_noticed_until_the_stream_changes() -> None:
    """A B slice is remembered, and forgotten when another SPS comes."""
    processor = started()
    assert not processor.may_have_b_frames
    processor.process(make_slot(make_slice(kind=B_SLICE)))
    processor.process(make_slot(P))
    assert processor.b_frames_seen
    assert processor.may_have_b_frames
    processor.process(make_slot(make_sps(width_mbs=8), IDR))
    assert not processor.b_frames_seen


def test_new_processor_knows_nothing() -> None:
    """Before the first slot there are no headers, B-frames or counts."""
    processor = Processor()
    assert (processor.has_headers, processor.parameter_sets) == (False, None)
    assert (processor.b_frames_seen, processor.may_have_b_frames) == (False, False)
    assert not any(processor.dropped_nal_units.values())


nal_units = st.sampled_from(
    [
        *(AUD, FILLER, SEI, END_OF_SEQUENCE, b"\x60\x99", b"\xe5\x99", IDR, P),
        *(make_sps(0), make_sps(0, width_mbs=8), make_sps(1), make_slice(first_mb=6)),
        *(make_pps(0, 0), make_pps(0, 0, init_qp=4), make_pps(1, 1), make_pps(2, 0)),
        *(make_slice(idr=True, pps_id=1), make_slice(pps_id=2), make_slice(idr=True, first_mb=6)),
    ]
)
slots = st.builds(
    lambda units, camera_id, gap: make_slot(*units, camera_id=camera_id, discontinuity=gap),
    st.lists(nal_units, min_size=1, max_size=7),
    st.integers(0, 1),
    st.sampled_from([False, False, False, True]),
)
GONE = (AUD, FILLER, b"\x60\x99", b"\xe5\x99")


def run(processor: Processor, stream: list[Slot]) -> list[tuple[Slot, AccessUnit]]:
    made = []
    for slot in stream:
        try:
            made.append((slot, processor.process(slot)))
        except StreamError:
            continue
    return made


def split_by_hand(slot: Slot) -> list[bytes]:
    return [nal for nal in slot.data.split(b"\x00\x00\x00\x01")[1:] if nal not in GONE]


@given(st.lists(slots, max_size=12))
def test_nothing_is_lost_reordered_or_changed(stream: list[Slot]) -> None:
    """Slices and messages go out in their order, and only parameter sets are ever added."""
    for slot, unit in run(Processor(), stream):
        written = split_by_hand(slot)
        got = as_bytes(unit.nal_units)
        assert [n for n in got if n[0] & 0x1F not in (7, 8)] == [
            n for n in written if n[0] & 0x1F not in (7, 8)
        ]
        added = Counter(got) - Counter(written)
        assert not Counter(written) - Counter(got)
        assert all(n[0] & 0x1F in (7, 8) and count == 1 for n, count in added.items())
        assert unit.is_idr or not added
        assert unit.size == sum(map(len, got))


@given(st.lists(slots, max_size=12))
def test_canonical_access_units_stay_as_they_are(stream: list[Slot]) -> None:
    """Processing what was processed changes no byte."""
    again = Processor()
    for slot, unit in run(Processor(), stream):
        data = unit.annexb()
        second = again.process(make_slot(data=data, camera_id=slot.camera_id))
        assert second.annexb() == data
        assert second.is_idr or not unit.is_idr


@given(st.lists(slots, max_size=16))
def test_every_idr_can_be_decoded_by_a_newcomer(stream: list[Slot]) -> None:
    """A processor that has seen nothing else finds all that an IDR needs in it."""
    for _, unit in run(Processor(), stream):
        if unit.is_idr:
            fresh = Processor().process(make_slot(data=unit.annexb()))
            assert fresh.is_idr
            assert fresh.parameter_sets == unit.parameter_sets


@given(st.lists(slots, max_size=20))
def test_gate_never_mixes_cameras_or_sequences(stream: list[Slot]) -> None:
    """Behind an IDR gate every unit has the camera and the SPS of the IDR before it."""
    gate = IdrGate()
    current: AccessUnit | None = None
    for _, unit in run(Processor(), stream):
        if not gate.admit(unit):
            continue
        if unit.is_idr:
            current = unit
        assert current is not None
        assert unit.camera_id == current.camera_id
        assert unit.parameter_sets is not None
        assert current.parameter_sets is not None
        assert unit.parameter_sets.sps == current.parameter_sets.sps


@given(st.lists(slots, max_size=20))
def test_every_loss_shuts_the_gate(stream: list[Slot]) -> None:
    """After a slot that was lost or refused, nothing but an IDR passes."""
    processor, gate, lost = Processor(), IdrGate(), False
    for slot in stream:
        lost |= slot.discontinuity
        try:
            unit = processor.process(slot)
        except StreamError as error:
            lost |= error.reason != "parameter_sets_only"
            continue
        if gate.admit(unit) and not unit.is_idr:
            assert not lost
        lost = False

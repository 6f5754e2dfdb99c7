"""Remembering parameter sets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petstream.errors import SpsError, StreamError
from petstream.h264.parameter_sets import MAX_PPS_SIZE, ParameterSetCache, ParameterSets
from petstream.h264.sps import parse_sps
from tests.h264.builders import make_pps, make_sps


def filled(*nal_units: bytes) -> ParameterSetCache:
    cache = ParameterSetCache()
    for nal in nal_units:
        if nal[0] & 0x1F == 7:
            cache.add_sps(memoryview(nal))
        else:
            cache.add_pps(memoryview(nal))
    return cache


def test_picture_gets_its_sps_and_pps() -> None:
    """A PPS id leads to the PPS and to the SPS that it names, as bytes."""
    sets = filled(make_sps(), make_pps()).resolve([0])
    assert sets == ParameterSets((make_sps(),), (make_pps(),), parse_sps(make_sps()))
    assert sets is not None
    assert sets.nal_units == (make_sps(), make_pps())
    assert all(type(nal) is bytes for nal in sets.nal_units)
    assert (sets.parsed.width, sets.parsed.height) == (64, 48)


def test_pps_may_come_before_its_sps() -> None:
    """The order in which the two arrive makes no difference."""
    assert filled(make_pps(), make_sps()).resolve([0]) == filled(make_sps(), make_pps()).resolve(
        [0]
    )


@pytest.mark.parametrize("known", [(), (make_sps(),), (make_pps(),), (make_sps(1), make_pps())])
def test_picture_without_all_its_sets_gets_none(known: tuple[bytes, ...]) -> None:
    """When the PPS, or the SPS it names, never came, there is no answer."""
    assert filled(*known).resolve([0]) is None


def test_no_slices_need_nothing() -> None:
    """An access unit that names no PPS has no parameter sets."""
    assert filled(make_sps(), make_pps()).resolve([]) is None


def test_one_unknown_pps_is_enough_for_none() -> None:
    """A picture whose second slice names an unknown PPS cannot be decoded."""
    assert filled(make_sps(), make_pps()).resolve([0, 1]) is None


def test_slices_of_two_sps_get_none() -> None:
    """One picture cannot have two active SPS."""
    cache = filled(make_sps(0), make_sps(1), make_pps(0, 0), make_pps(1, 1))
    assert cache.resolve([0]) is not None
    assert cache.resolve([1]) is not None
    assert cache.resolve([0, 1]) is None


def test_every_pps_of_the_sps_is_given() -> None:
    """Later pictures of the GOP may use a PPS that the IDR does not name."""
    cache = filled(make_sps(), make_pps(7), make_pps(2), make_pps(3, sps_id=1))
    sets = cache.resolve([7])
    assert sets is not None
    assert sets.pps == (make_pps(2), make_pps(7))


def test_answer_is_the_same_object_while_nothing_changes() -> None:
    """Repeated parameter sets do not make a new value for every IDR."""
    cache = filled(make_sps(), make_pps())
    before = cache.resolve([0])
    cache.add_sps(make_sps())
    cache.add_pps(make_pps())
    cache.add_sps(make_sps(5))
    assert cache.resolve([0]) is before


def test_new_sps_replaces_the_old_and_keeps_its_pps() -> None:
    """A changed SPS of the same id is used with the PPS that were there before."""
    cache = filled(make_sps(), make_pps())
    cache.resolve([0])
    cache.add_sps(make_sps(width_mbs=8))
    sets = cache.resolve([0])
    assert sets is not None
    assert (sets.parsed.width, sets.pps) == (128, (make_pps(),))


def test_new_pps_replaces_the_old() -> None:
    """A changed PPS of the same id is the one that is given."""
    cache = filled(make_sps(), make_pps(init_qp=1))
    cache.resolve([0])
    cache.add_pps(make_pps(init_qp=2))
    sets = cache.resolve([0])
    assert sets is not None
    assert sets.pps == (make_pps(init_qp=2),)


def test_pps_that_moves_to_another_sps_leaves_the_first() -> None:
    """A PPS id is one PPS: naming another SPS takes it away from the old one."""
    cache = filled(make_sps(0), make_sps(1), make_pps(0, 0), make_pps(1, 0))
    cache.resolve([1])
    cache.add_pps(make_pps(0, 1))
    first, second = cache.resolve([1]), cache.resolve([0])
    assert first is not None
    assert second is not None
    assert (first.pps, second.pps) == ((make_pps(1, 0),), (make_pps(0, 1),))


def test_bad_sps_leaves_the_good_one() -> None:
    """An SPS that does not parse is refused, and what was known stays in use."""
    cache = filled(make_sps(), make_pps())
    with pytest.raises(SpsError):
        cache.add_sps(b"\x67\x42\x00\x1f")
    sets = cache.resolve([0])
    assert sets is not None
    assert sets.sps == (make_sps(),)


@pytest.mark.parametrize(
    "nal",
    [
        b"\x68",
        b"\x68\x00",
        make_pps(256),
        make_pps(0, 32),
        make_sps(),
        b"\x68" + b"\xc0" * MAX_PPS_SIZE,
    ],
)
def test_bad_pps_is_refused(nal: bytes) -> None:
    """A PPS cut off, oversized, with an id out of range, or that is none, is a typed error."""
    with pytest.raises(StreamError) as caught:
        ParameterSetCache().add_pps(nal)
    assert caught.value.reason == "bad_pps"


def test_parameter_sets_are_a_value() -> None:
    """The same bytes from two caches are equal and hash alike; other bytes are not equal."""
    sets = [filled(make_sps(), make_pps()).resolve([0]) for _ in range(2)]
    other = filled(make_sps(level=30), make_pps()).resolve([0])
    assert len(set(sets)) == 1
    assert other not in sets


@given(
    st.lists(
        st.one_of(
            st.builds(make_sps, st.integers(0, 2), width_mbs=st.integers(2, 4)),
            st.builds(make_pps, st.integers(0, 3), st.integers(0, 2), init_qp=st.integers(0, 2)),
        ),
        max_size=20,
    ),
    st.data(),
)
def test_cache_agrees_with_looking_back_through_the_stream(
    stream: list[bytes], data: st.DataObject
) -> None:
    """At every point the answer is the newest SPS and PPS that came with each id."""
    cache = ParameterSetCache()
    sps: dict[int, bytes] = {}
    pps: dict[int, tuple[bytes, int]] = {}
    ids = {make_pps(p, s, init_qp=q): (p, s) for p in range(4) for s in range(3) for q in range(3)}
    for nal in stream:
        if nal in ids:
            cache.add_pps(nal)
            pps[ids[nal][0]] = (nal, ids[nal][1])
        else:
            cache.add_sps(nal)
            sps[parse_sps(nal).sps_id] = nal
        wanted = data.draw(st.integers(0, 3))
        active = pps[wanted][1] if wanted in pps else None
        sets = cache.resolve([wanted])
        if active not in sps:
            assert sets is None
            continue
        assert sets is not None
        assert sets.sps == (sps[active],)
        assert sets.pps == tuple(pps[i][0] for i in sorted(pps) if pps[i][1] == active)

"""Which offered profile fits which stream."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petstream.errors import NotAcceptableError
from petstream.webrtc.profiles import Profile, answer_profile, choose, profile_of
from petstream.webrtc.sdp import H264Format

# RFC 6184 table 5, with those of libwebrtc that it does not list: x is either bit.
KNOWN = {
    "42e01f": Profile.CONSTRAINED_BASELINE,
    "42c01f": Profile.CONSTRAINED_BASELINE,
    "42400a": Profile.CONSTRAINED_BASELINE,
    "4d801f": Profile.CONSTRAINED_BASELINE,
    "58c01f": Profile.CONSTRAINED_BASELINE,
    "42001f": Profile.BASELINE,
    "42801f": Profile.BASELINE,
    "4d001f": Profile.MAIN,
    "4d4028": Profile.MAIN,
    "58801f": Profile.EXTENDED,
    "64001f": Profile.HIGH,
    "640028": Profile.HIGH,
    "640828": Profile.HIGH,
    "640c1f": Profile.CONSTRAINED_HIGH,
    "f4001f": Profile.HIGH_444,
}


def offered(*profiles: str, mode: int = 1) -> list[H264Format]:
    """Formats with these profiles, from payload type 96 on."""
    return [H264Format(96 + i, profile, mode, None, ()) for i, profile in enumerate(profiles)]


@pytest.mark.parametrize(("profile_level_id", "profile"), KNOWN.items())
def test_profile_is_read_from_idc_and_flags(profile_level_id: str, profile: Profile) -> None:
    """The constraint flags make a profile of another profile_idc what it really is."""
    assert profile_of(profile_level_id) is profile
    assert profile_of(profile_level_id.upper()) is profile


@pytest.mark.parametrize("text", ["", "42e0", "42e01f0", "xxe01f", "42 e01", "7a001f", "٤٢٤٢٤٢"])
def test_what_is_no_profile(text: str) -> None:
    """Not six hexadecimal digits, or the profile of a studio: none."""
    assert profile_of(text) is None


@pytest.mark.parametrize(
    ("stream", "offer", "best"),
    [
        ("42c01f", ["42001f", "42e01f", "4d001f"], "42e01f"),
        ("42c01f", ["640c1f", "4d001f"], "4d001f"),
        ("4d0028", ["42e01f", "4d001f", "64001f"], "4d001f"),
        ("4d0028", ["42e01f", "640c1f"], "640c1f"),
        ("640028", ["640c1f", "64001f"], "64001f"),
        ("640028", ["42e01f", "640c1f"], "640c1f"),
        ("640028", ["42001f", "42e01f", "4d001f", "f4001f"], "f4001f"),
        ("640c28", ["64001f", "640c1f"], "640c1f"),
        ("f40028", ["64001f", "f4001f"], "f4001f"),
    ],
)
def test_best_match_is_chosen(stream: str, offer: list[str], best: str) -> None:
    """The same profile before one that contains it, whatever the order of the offer."""
    for order in (offer, offer[::-1]):
        assert choose(offered(*order), stream).profile_level_id == best


@pytest.mark.parametrize(
    ("stream", "offer"),
    [
        ("4d0028", ["42e01f", "42001f"]),
        ("640028", ["42e01f", "42001f", "4d001f"]),
        ("f40028", ["42e01f", "4d001f", "64001f"]),
        ("7a0028", ["42e01f", "4d001f", "64001f", "f4001f"]),
        ("42c01f", []),
    ],
)
def test_what_cannot_decode_the_stream_is_not_chosen(stream: str, offer: list[str]) -> None:
    """A decoder of less than the stream's profile is no match; the message names both."""
    with pytest.raises(NotAcceptableError) as caught:
        choose(offered(*offer), stream)
    assert all(name in str(caught.value) for name in [stream, *offer])


@pytest.mark.parametrize("mode", [0, 2, -1])
def test_other_packetization_modes_are_not_chosen(mode: int) -> None:
    """FU-A needs packetization-mode 1; mode 0 forbids it, mode 2 reorders."""
    with pytest.raises(NotAcceptableError):
        choose(offered("42e01f", mode=mode), "42c01f")


def test_before_the_first_parameter_sets() -> None:
    """While the stream is unknown constrained baseline is assumed, and answered as offered."""
    chosen = choose(offered("640c1f", "42e01f"), None)
    assert answer_profile(chosen, None) == "42e01f"


@pytest.mark.parametrize("level", ["0a", "1f", "28", "33", "3e"])
def test_answer_tells_the_level_of_the_stream(level: str) -> None:
    """With level-asymmetry-allowed each side names its own level (RFC 6184 section 8.2.2)."""
    (high,) = offered("640c1f")
    assert answer_profile(high, f"6400{level}") == f"640c{level}"


@given(st.binary(min_size=3, max_size=3), st.lists(st.binary(min_size=3, max_size=3), max_size=8))
def test_any_profile_is_answered_or_refused(stream: bytes, offer: list[bytes]) -> None:
    """Whatever six digits are offered and streamed: a format of the offer, or a refusal."""
    formats = offered(*(profile.hex() for profile in offer))
    try:
        chosen = choose(formats, stream.hex())
    except NotAcceptableError:
        return
    assert chosen in formats
    assert answer_profile(chosen, stream.hex())[:4] == chosen.profile_level_id[:4]

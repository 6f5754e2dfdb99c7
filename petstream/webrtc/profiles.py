"""Which offered H.264 profile can decode the stream (H.264 annex A.2, RFC 6184 section 8.1).

Strategy: the profile of a ``profile-level-id`` is its first byte read together with the constraint
flags of the second. A stream fits a decoder of its own profile and of those that contain it. The
level is not compared: browsers offer 3.1 by habit and decode far more, and with
level-asymmetry-allowed the answer may name the stream's own.
"""

import re
from collections.abc import Iterable
from enum import Enum
from typing import Final

from petstream.errors import NotAcceptableError
from petstream.webrtc.sdp import H264Format

__all__ = ["Profile", "answer_profile", "choose", "profile_of"]


class Profile(Enum):
    """The profiles that browsers and cameras use."""

    CONSTRAINED_BASELINE = "constrained baseline"
    BASELINE = "baseline"
    MAIN = "main"
    EXTENDED = "extended"
    CONSTRAINED_HIGH = "constrained high"
    HIGH = "high"
    HIGH_444 = "high 4:4:4 predictive"


# For a stream of each profile, the decoders that can play it, best match first. Baseline proper
# adds tools that no camera encoder uses; browsers decode it as constrained baseline. What
# constrained high lacks of main and high is interlace and B slices, which browsers do not play in
# any profile; Safari offers no other high, and Chromium without a decoder chip only 4:4:4.
DECODERS: Final = {
    Profile.CONSTRAINED_BASELINE: (
        Profile.CONSTRAINED_BASELINE,
        Profile.BASELINE,
        Profile.MAIN,
        Profile.CONSTRAINED_HIGH,
        Profile.HIGH,
        Profile.HIGH_444,
        Profile.EXTENDED,
    ),
    Profile.BASELINE: (Profile.BASELINE, Profile.EXTENDED, Profile.CONSTRAINED_BASELINE),
    Profile.MAIN: (Profile.MAIN, Profile.HIGH, Profile.HIGH_444, Profile.CONSTRAINED_HIGH),
    Profile.EXTENDED: (Profile.EXTENDED,),
    Profile.CONSTRAINED_HIGH: (Profile.CONSTRAINED_HIGH, Profile.HIGH, Profile.HIGH_444),
    Profile.HIGH: (Profile.HIGH, Profile.HIGH_444, Profile.CONSTRAINED_HIGH),
    Profile.HIGH_444: (Profile.HIGH_444,),
}
SET0, SET1, SET4, SET5 = 0x80, 0x40, 0x08, 0x04  # constraint flags, from the left


def profile_of(profile_level_id: str) -> Profile | None:
    """The profile that six hexadecimal digits name; None if it is no profile for video calls."""
    if not re.fullmatch(r"[0-9a-fA-F]{6}", profile_level_id):
        return None
    profile_idc, flags = int(profile_level_id[:2], 16), int(profile_level_id[2:4], 16)
    if profile_idc == 66:
        return Profile.CONSTRAINED_BASELINE if flags & SET1 else Profile.BASELINE
    if profile_idc == 77:
        return Profile.CONSTRAINED_BASELINE if flags & SET0 else Profile.MAIN
    if profile_idc == 88:
        both = flags & (SET0 | SET1)
        return Profile.CONSTRAINED_BASELINE if both == SET0 | SET1 else Profile.EXTENDED
    if profile_idc == 100:
        both = flags & (SET4 | SET5)
        return Profile.CONSTRAINED_HIGH if both == SET4 | SET5 else Profile.HIGH
    if profile_idc == 244:
        return Profile.HIGH_444
    return None


def choose(formats: Iterable[H264Format], stream: str | None) -> H264Format:
    """The offered format that fits the stream best.

    Args:
        formats: what is offered.
        stream: the stream's profile-level-id; None while no parameter sets have been seen, when
            constrained baseline is assumed.

    Raises:
        NotAcceptableError: none fits; the message names both sides.
    """
    offered = [f for f in formats if f.packetization_mode == 1]
    profile = Profile.CONSTRAINED_BASELINE if stream is None else profile_of(stream)
    for decoder in DECODERS.get(profile, ()) if profile else ():
        for candidate in offered:
            if profile_of(candidate.profile_level_id) is decoder:
                return candidate
    names = ", ".join(sorted({f.profile_level_id for f in offered})) or "none"
    raise NotAcceptableError(
        f"no offered h264 fits the stream, which is {stream or 'constrained baseline'}; "
        f"offered with packetization-mode 1: {names}"
    )


def answer_profile(chosen: H264Format, stream: str | None) -> str:
    """The profile-level-id to answer with: the profile as offered, the level of the stream."""
    if stream is None:
        return chosen.profile_level_id
    return chosen.profile_level_id[:4] + stream[4:]

"""File names: the UTC second a recording began, and a number when that second is taken.

Strategy: names are made here and nowhere else, from a clock and a format and never from what a
caller sent, and a name that a caller sends is one of these or none: so nobody can leave the
directory. The file system decides whether a name is free (O_EXCL); this module only says which to
try next.
"""

import enum
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

__all__ = ["ATTEMPTS_MAX", "NameSequence", "RecordingFormat", "parse_name", "recording_name"]

ATTEMPTS_MAX: Final = 100_000  # names tried for one file; more in one second is a fault elsewhere

NAME: Final = re.compile(r"recording_([0-9]{8}_[0-9]{6})(?:_[0-9]{1,6})?\.(h264|mp4)")


class RecordingFormat(enum.StrEnum):
    """What a recording is written as; the value is the file's extension as well."""

    H264 = "h264"  # raw Annex B byte stream
    MP4 = "mp4"  # fragmented MP4


def recording_name(begin: datetime, recording_format: RecordingFormat, number: int) -> str:
    """The ``number``-th name for a recording that began at ``begin`` (aware, UTC).

    ``recording_20251226_223031.h264`` comes first, ``recording_20251226_223031_2.h264`` next.
    """
    suffix = f"_{number}" if number > 1 else ""
    return f"recording_{begin:%Y%m%d_%H%M%S}{suffix}.{recording_format}"


def parse_name(name: str) -> tuple[datetime, RecordingFormat] | None:
    """What ``recording_name`` made a name of; None if it is none of ours."""
    match = NAME.fullmatch(name)
    if match is None:
        return None
    try:
        begin = datetime.strptime(match[1], "%Y%m%d_%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return begin, RecordingFormat(match[2])


class NameSequence:
    """Names to try, in order (recorder thread only).

    Remembers the last one given out, so that a busy second is not searched from its beginning each
    time.
    """

    def __init__(self) -> None:
        self._first = ""  # the unnumbered name of the second we are in
        self._number = 0  # the last number given out for it

    def candidates(self, begin: datetime, recording_format: RecordingFormat) -> Iterator[str]:
        """Names for a recording that began at ``begin``, the likeliest to be free first."""
        first = recording_name(begin, recording_format, 1)
        if first != self._first:
            self._first, self._number = first, 0
        for _ in range(ATTEMPTS_MAX):
            self._number += 1
            yield recording_name(begin, recording_format, self._number)

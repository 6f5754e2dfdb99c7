"""Profiles as bytes: gzip around the ``perftools.profiles.Profile`` message (pprof, profile.proto).

Strategy: the message has a dozen fields of three kinds, so the protocol buffer encoding is written
here and no library is needed for it. A profile refers to strings, functions and locations by
number; a table hands the numbers out, and what was entered is written once.
"""

import gzip
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from petstream.profiling.stacks import Frame, Stack

__all__ = ["Profile", "Sample", "ValueType", "encode", "varint"]

ValueType = tuple[str, str]  # what is counted and its unit, such as ("cpu", "nanoseconds")

_VARINT: Final = 0  # wire types
_LENGTH_DELIMITED: Final = 2
_MAPPING_ID: Final = 1
_U64: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured at one stack.

    Attributes:
        stack: innermost call first.
        values: one for each sample type of the profile.
        labels: shown by ``-tags`` and ``-raw``.
    """

    stack: Stack
    values: tuple[int, ...]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile as pprof knows it.

    Attributes:
        sample_types: what the values of each sample are; the last is the one shown by default.
        period_type: what is counted between two samples.
        period: how much of it.
        time_ns: when it was taken, nanoseconds since 1970.
        duration_ns: for how long.
        program: shown as the file that ran.
        comments: shown by ``-comments``.
    """

    sample_types: tuple[ValueType, ...]
    samples: tuple[Sample, ...]
    period_type: ValueType
    period: int
    time_ns: int
    duration_ns: int = 0
    program: str = "petstream"
    comments: tuple[str, ...] = ()


def encode(profile: Profile) -> bytes:
    """The profile as a file for ``go tool pprof``."""
    return gzip.compress(b"".join(_message(profile)), compresslevel=6, mtime=0)


def varint(value: int) -> bytes:
    """A 64-bit integer in base 128, low bits first; a negative one as its two's complement."""
    value &= _U64
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _integer(number: int, value: int) -> bytes:
    return varint(number << 3 | _VARINT) + varint(value)


def _nested(number: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return varint(number << 3 | _LENGTH_DELIMITED) + varint(len(body)) + body


def _packed(number: int, values: Iterable[int]) -> bytes:
    return _nested(number, *map(varint, values))


class _Tables:
    """Hands out the numbers; the comments name the fields."""

    def __init__(self) -> None:
        self.strings: dict[str, int] = {"": 0}  # number 0 has to be the empty string
        self._functions: dict[tuple[str, str, int], int] = {}
        self._locations: dict[Frame, int] = {}

    def string(self, text: str) -> int:
        return self.strings.setdefault(text, len(self.strings))

    def location(self, frame: Frame) -> int:
        self._function(frame)
        return self._locations.setdefault(frame, len(self._locations) + 1)

    def _function(self, frame: Frame) -> int:
        key = (frame.function, frame.file, frame.first_line)
        return self._functions.setdefault(key, len(self._functions) + 1)

    def value_type(self, kind: ValueType) -> bytes:
        return _integer(1, self.string(kind[0])) + _integer(2, self.string(kind[1]))  # type, unit

    def sample(self, sample: Sample) -> bytes:
        return b"".join(
            (
                _packed(1, map(self.location, sample.stack)),  # location_id
                _packed(2, sample.values),  # value
                *(
                    _nested(3, _integer(1, self.string(key)), _integer(2, self.string(text)))
                    for key, text in sample.labels.items()  # label: key, str
                ),
            )
        )

    def mapping(self, program: str) -> bytes:
        # has_functions, has_filenames, has_line_numbers: else pprof looks for symbols itself.
        known = b"".join(_integer(number, 1) for number in (7, 8, 9))
        return _integer(1, _MAPPING_ID) + _integer(5, self.string(program)) + known  # id, filename

    def locations(self) -> Iterator[bytes]:
        for frame, number in self._locations.items():
            line = _integer(1, self._function(frame)) + _integer(2, frame.line)  # function_id, line
            # id, mapping_id, line
            yield _integer(1, number) + _integer(2, _MAPPING_ID) + _nested(4, line)

    def functions(self) -> Iterator[bytes]:
        for (function, file, first_line), number in self._functions.items():
            name = self.string(function)
            yield b"".join(
                (
                    _integer(1, number),  # id
                    _integer(2, name) + _integer(3, name),  # name, system_name
                    _integer(4, self.string(file))
                    + _integer(5, first_line),  # filename, start_line
                )
            )


def _message(profile: Profile) -> Iterator[bytes]:
    tables = _Tables()
    for kind in profile.sample_types:
        yield _nested(1, tables.value_type(kind))
    for sample in profile.samples:
        yield _nested(2, tables.sample(sample))
    yield _nested(3, tables.mapping(profile.program))
    yield from (_nested(4, location) for location in tables.locations())
    yield from (_nested(5, function) for function in tables.functions())
    yield _integer(9, profile.time_ns)
    yield _integer(10, profile.duration_ns)
    yield _nested(11, tables.value_type(profile.period_type))
    yield _integer(12, profile.period)
    yield _packed(13, map(tables.string, profile.comments))
    yield _integer(14, tables.string(profile.sample_types[-1][0]))  # default_sample_type
    # The string table comes last: all above has entered its strings by now.
    yield from (_nested(6, text.encode("utf-8", "replace")) for text in tables.strings)

"""SDP as an attacker, a broken proxy or an unlucky day would send it."""

import random
from collections.abc import Callable

__all__ = ["mutated"]

VALUES = [
    "",
    "0",
    "-1",
    "1",
    "65536",
    "4294967296",
    "9" * 40,
    "1e9",
    "NaN",
    "٣",
    "\u202e",
    "é" * 50,
    "A" * 5000,
    "%s%n",
    "../../etc/passwd",
    "0.0.0.0",
    "::",
    "127.0.0.1",
    "recvonly",
    "H264/90000",
    "apt=96",
]
CHARACTERS = "\0\r\n\t :=/;,-+*09azAZ\u00e9\u2028\U0001f600"
Lines = list[str]


def _drop(lines: Lines, at: int, _: random.Random) -> None:
    del lines[at]


def _repeat(lines: Lines, at: int, source: random.Random) -> None:
    lines[at:at] = [lines[at]] * source.choice([1, 2, 70])


def _move(lines: Lines, at: int, source: random.Random) -> None:
    lines.insert(source.randrange(len(lines)), lines.pop(at))


def _cut(lines: Lines, at: int, source: random.Random) -> None:
    lines[at] = lines[at][: source.randrange(len(lines[at]) + 1)]


def _character(lines: Lines, at: int, source: random.Random) -> None:
    place = source.randrange(len(lines[at]) + 1)
    line = lines[at]
    lines[at] = line[:place] + source.choice(CHARACTERS) + line[place + source.randrange(2) :]


def _value(lines: Lines, at: int, source: random.Random) -> None:
    for separator in source.sample([":", " ", "=", ";"], 4):
        fields = lines[at].split(separator)
        if len(fields) > 1:
            fields[source.randrange(len(fields))] = source.choice(VALUES)
            lines[at] = separator.join(fields)
            return


def _mix(lines: Lines, at: int, source: random.Random) -> None:
    """The value of one line under the name of another."""
    name, _, _ = lines[at].partition(":")
    _, _, value = source.choice(lines).partition(":")
    lines[at] = f"{name}:{value}"


def _digits(lines: Lines, at: int, source: random.Random) -> None:
    lines[at] = "".join(
        str(source.randrange(10)) if c.isdigit() and source.random() < 0.3 else c for c in lines[at]
    )


def _end(lines: Lines, at: int, _: random.Random) -> None:
    del lines[at:]


CHANGES: list[Callable[[Lines, int, random.Random], None]] = [
    *(_drop, _repeat, _move, _cut, _character, _value, _value, _mix, _digits, _end),
]


def mutated(offer: str, source: random.Random) -> str:
    """An offer with one to four changes."""
    lines = offer.rstrip("\r\n").split("\r\n")
    for _ in range(source.choice([1, 1, 2, 4])):
        if lines:
            source.choice(CHANGES)(lines, source.randrange(len(lines)), source)
    return source.choice(["\r\n"] * 8 + ["\n", "\r"]).join(lines) + source.choice(["\r\n", ""])

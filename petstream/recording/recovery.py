"""Finishing what a crash has left open.

Strategy: the sidecar says which pieces were written and where each ends. What is not in the file
whole is cut off, as is what stands behind the last sync and is not what was written (a power cut
may leave zeros, or what the disk held before). Then the sidecar is closed with an END that says so.
Every step may be cut short by another crash, and is simply done again. A file in which nothing can
be played, and one that somebody still writes, are left as they are.
"""

import contextlib
import fcntl
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from petstream.errors import StreamError
from petstream.recording.entry import WRITE_BITS, State
from petstream.recording.media import read_exactly
from petstream.recording.names import RecordingFormat, parse_name
from petstream.recording.scan_mp4 import scan_mp4
from petstream.recording.scan_raw import scan_raw
from petstream.recording.sidecar import (
    HEADER_SIZE,
    RECORD_SIZE,
    SUFFIX,
    Flags,
    Header,
    Record,
    new_header,
)
from petstream.recording.sidecar_file import SidecarFile

__all__ = ["Recovery", "recover"]

OPEN_FILE = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
OPEN_SIDECAR = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was done to a file.

    Attributes:
        state: ``recovered`` or ``damaged``.
        frames: access units it now has.
        cut_bytes: what was cut off at its end.
    """

    state: State
    frames: int
    cut_bytes: int


def recover(path: Path) -> Recovery | None:
    """Finish a recording that nobody writes any more.

    Returns:
        What was done; None if somebody writes it after all, or its name is none of ours.

    Raises:
        OSError: the disk refuses; it can be tried again.
    """
    parsed = parse_name(path.name)
    if parsed is None:
        return None
    begin, recording_format = parsed
    with _opened(path) as fd:
        if not _lock(fd):
            return None
        sidecar = SidecarFile.beside(path)
        known = [] if sidecar is None else _pieces(sidecar)
        size = os.fstat(fd).st_size
        whole = _verified(fd, [piece for piece in known if piece.end <= size])
        kept = len(whole)
        if kept == len(known):  # the sidecar, if any, knows of nothing that is not there
            whole = _with_the_rest(fd, recording_format, whole, size)
        closing = _closing(whole, size)
        os.ftruncate(fd, closing.end)
        os.fdatasync(fd)
        header = new_header(begin) if sidecar is None else sidecar.header
        _write_sidecar(path, header, 0 if sidecar is None else kept, [*whole, closing])
    state = State.DAMAGED if closing.flags & Flags.DAMAGED else State.RECOVERED
    return Recovery(state, closing.frames, size - closing.end)


def _pieces(sidecar: SidecarFile) -> list[Record]:
    return [record for record in sidecar.records() if not record.flags & Flags.END]


def _verified(fd: int, pieces: list[Record]) -> list[Record]:
    """The pieces up to the first, behind the last sync, that is not what was written."""
    synced = max((n for n, piece in enumerate(pieces) if piece.flags & Flags.SYNCED), default=0)
    for number in range(synced, len(pieces)):
        begin = pieces[number - 1].end if number else 0
        piece = read_exactly(fd, begin, pieces[number].end - begin)
        if zlib.crc32(piece) != pieces[number].check:
            return pieces[:number]
    return pieces


def _with_the_rest(
    fd: int, recording_format: RecordingFormat, pieces: list[Record], size: int
) -> list[Record]:
    """The pieces, and what the file has behind them."""
    if size == (pieces[-1].end if pieces else 0):
        return pieces
    if recording_format is RecordingFormat.MP4:
        everything = scan_mp4(fd)
        return pieces if everything is None else [everything]
    try:
        return scan_raw(fd, pieces)
    except StreamError:  # it is no H.264
        return pieces


def _closing(pieces: list[Record], size: int) -> Record:
    last = pieces[-1] if pieces else Record(0, 0, 0, 0, Flags.NONE)
    if size and not last.frames:  # what it is instead somebody else may know, so it stays
        return Record(size, 0, 0, 0, Flags.END | Flags.RECOVERED | Flags.DAMAGED)
    return Record(last.end, 0, last.end_ticks, last.frames, Flags.END | Flags.RECOVERED)


def _write_sidecar(path: Path, header: Header, kept: int, records: list[Record]) -> None:
    """Write the header and the records, of which the first ``kept`` stand there already."""
    kept = min(kept, len(records) - 1)
    numbered = list(enumerate(records))[kept:]
    rest = b"".join(record.pack(header, number) for number, record in numbered)
    fd = os.open(path.with_name(path.name + SUFFIX), OPEN_SIDECAR, 0o640)
    with os.fdopen(fd, "wb", buffering=0) as file:
        if not kept:
            file.write(header.packed)
        file.truncate(HEADER_SIZE + kept * RECORD_SIZE)
        file.seek(HEADER_SIZE + kept * RECORD_SIZE)
        file.write(rest)
        os.fsync(fd)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    """The file, open for writing; one that is protected stays so."""
    mode = path.lstat().st_mode
    protected = not mode & WRITE_BITS
    if protected and os.geteuid() != 0:
        path.chmod(mode | 0o200)
    try:
        fd = os.open(path, OPEN_FILE)
    finally:
        if protected and os.geteuid() != 0:
            path.chmod(mode)
    try:
        yield fd
    finally:
        os.close(fd)


def _lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # somebody writes it, or nobody can tell
        return False
    return True

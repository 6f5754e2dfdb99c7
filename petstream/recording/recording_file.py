"""A recording's file and the sidecar beside it, written together.

Strategy: the sidecar's record goes out before the piece it describes, so that after a crash every
byte of the file is accounted for; should the piece then fail, its record says more than the file
has, and whoever reads it sees that. The file is locked (flock) for as long as it is written, so
that no other process takes it for a left-over, or removes it.
"""

import contextlib
import zlib
from datetime import datetime

from petstream.recording.output import OutputFile
from petstream.recording.sidecar import Flags, Header, Record, new_header

__all__ = ["RecordingFile"]


class RecordingFile:
    """A new file of a recording (recorder thread only)."""

    def __init__(self, data: OutputFile, sidecar: OutputFile, begin: datetime) -> None:
        """Write the sidecar's header; raises OSError."""
        self._data = data
        self._sidecar = sidecar
        self._header: Header = new_header(begin)
        self._number = 0  # of the next record
        self._origin: int | None = None  # ticks of the first piece
        self._last = Record(0, 0, 0, 0, Flags.NONE)
        self._synced: int = Flags.NONE  # SYNCED, for the first piece after a sync
        sidecar.append(self._header.packed)

    @property
    def name(self) -> str:
        """Its name within the recording directory."""
        return self._data.name

    @property
    def fd(self) -> int:
        """The descriptor of the file itself."""
        return self._data.fd

    @property
    def size(self) -> int:
        """Bytes of the file itself, all of them whole pieces."""
        return self._data.size

    def append(self, piece: bytes, *, ticks: int, end_ticks: int, frames: int, flags: int) -> None:
        """Append all of ``piece``, or raise OSError with the file as it was, and for good.

        Args:
            piece: bytes that mean something only together.
            ticks: when it is shown, and ``end_ticks`` until when; 90 kHz, any origin.
            end_ticks: see ``ticks``.
            frames: access units of the file up to and with this piece.
            flags: IDR and OTHER_SPS as they apply.
        """
        if self._origin is None:
            self._origin = ticks
        record = Record(
            end=self._data.size + len(piece),
            ticks=ticks - self._origin,
            duration=end_ticks - ticks,
            frames=frames,
            flags=flags | self._synced,
            check=zlib.crc32(piece),
        )
        self._append_record(record)
        self._data.append(piece)
        self._last, self._synced = record, Flags.NONE

    def sync(self) -> None:
        """Put everything appended on the disk, if it is not there yet."""
        # In this order, what is surely on the disk is surely described there.
        if self._sidecar.sync() | self._data.sync():
            self._synced = Flags.SYNCED

    def finish(self) -> None:
        """Put all on the disk, and say in the sidecar that this is all."""
        self.sync()
        self._append_end()

    def close(self) -> None:
        """Close both; raises OSError if the system has a late complaint, once."""
        with contextlib.suppress(OSError):  # a disk that fails has been told of by append
            self._append_end()
        try:
            self._data.close()
        finally:
            self._sidecar.close()

    def _append_end(self) -> None:
        if self._last.flags & Flags.END:
            return
        last = self._last
        end = Record(self.size, 0, last.end_ticks, last.frames, Flags.END)
        self._append_record(end)
        self._last = end
        self._sidecar.sync()

    def _append_record(self, record: Record) -> None:
        self._sidecar.append(record.pack(self._header, self._number))
        self._number += 1

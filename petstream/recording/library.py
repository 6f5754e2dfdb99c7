"""All there is to do with recordings beside making them: the object that REST talks to.

Strategy: two threads of its own. ``housekeeper`` does whatever changes files; ``pictures`` decodes.
Both are asked with a time-out, so that a hanging disk is an answer and not a hanging server. What
only reads is done by whoever asks.
"""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from petstream.errors import NoPictureError, RecordingError, UnavailableError
from petstream.h264.access_unit import AccessUnit
from petstream.recording.call_thread import CallThread
from petstream.recording.catalog import Catalog, Media
from petstream.recording.directory import reason_of
from petstream.recording.housekeeper import Housekeeper
from petstream.recording.names import parse_name
from petstream.recording.pictures import first_picture, jpeg_of_access_unit
from petstream.recording.retention import Retention
from petstream.threads import SupervisedThread

__all__ = ["Library"]

Answer = TypeVar("Answer")

ROOM_TIMEOUT_S: Final = 2.0
THUMBNAILS_KEPT: Final = 64
STALE_NS: Final = 60 * 10**9  # a picture older than this is not what the camera sees
NICENESS: Final = 10
LOOK_S: Final = 1.0  # a disk that runs low is to be told within two seconds


class Library:
    """The recordings of one directory; any thread may call any method.

    Attributes:
        housekeeper: what it found and did.
    """

    def __init__(
        self,
        directory: Path,
        *,
        retention: Retention,
        newest_idr: Callable[[], AccessUnit | None],
        on_fatal: Callable[[str, Exception], None],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Make it; nothing is read or started.

        Args:
            directory: where the recordings are.
            retention: what they may take.
            newest_idr: the camera's, for a snapshot.
            on_fatal: called with a thread's name and exception when it failed too often.
            clock: nanoseconds of CLOCK_MONOTONIC.
        """
        self._catalog = Catalog(directory)
        self._retention = retention
        self._newest_idr = newest_idr
        self._clock = clock
        self.housekeeper = Housekeeper(self._catalog, retention)
        self._keeping = CallThread(
            "housekeeper",
            "the housekeeper",
            on_fatal=on_fatal,
            between=self._look,
            between_s=LOOK_S,
        )
        self._pictures = CallThread("pictures", "the decoder", on_fatal=on_fatal)
        # Of the pictures thread: the last snapshot, and thumbnails by name and inode.
        self._snapshot: tuple[AccessUnit, bytes] | None = None
        self._thumbnails: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    @property
    def threads(self) -> tuple[SupervisedThread, ...]:
        """Both threads."""
        return (self._keeping.thread, self._pictures.thread)

    def start(self) -> None:
        """Find what a crash left, and start the threads; before the recorder starts."""
        self.housekeeper.begin()
        self._keeping.start()
        self._pictures.start()

    def stop(self, timeout_s: float) -> list[str]:
        """Stop the threads; the names of those that still run after the time-out."""
        deadline = time.monotonic() + timeout_s
        for each in (self._keeping, self._pictures):
            each.thread.request_stop()
        stopped = [
            (each.thread.name, each.stop(max(0.0, deadline - time.monotonic())))
            for each in (self._keeping, self._pictures)
        ]
        return [name for name, done in stopped if not done]

    def entries(self) -> list[dict[str, object]]:
        """All recordings, the newest first; see Entry.to_json."""
        return [entry.to_json() for entry in _reading(self._catalog.entries)]

    def open(self, name: str, *, as_mp4: bool, resumed: bool) -> Media:
        """A recording's bytes, to be closed; see Catalog.open."""
        return _reading(lambda: self._catalog.open(name, as_mp4=as_mp4, resumed=resumed))

    def delete(self, name: str) -> None:
        """Remove a recording; see Catalog.remove."""
        self._keeping.ask(lambda: _reading(lambda: self._catalog.remove(name)))

    def protect(self, name: str, protected: bool) -> dict[str, object]:
        """Keep a recording whatever happens, or no longer; see Catalog.protect."""
        return self._keeping.ask(
            lambda: _reading(lambda: self._catalog.protect(name, protected))
        ).to_json()

    def thumbnail(self, name: str) -> bytes:
        """A recording's first picture as JPEG; raises NoPictureError, UnknownRecordingError."""
        _reading(lambda: self._catalog.entry(name))
        return self._pictures.ask(lambda: _reading(lambda: self._make_thumbnail(name)))

    def snapshot(self) -> bytes:
        """The camera's newest IDR as JPEG; raises NoPictureError."""
        newest = self._newest_idr()
        if newest is None:
            raise NoPictureError("the camera has not delivered a picture yet")
        age_ns = self._clock() - newest.read_ns
        if age_ns > STALE_NS:
            raise NoPictureError(f"the newest picture is {age_ns / 1e9:.0f} s old")
        return self._pictures.ask(lambda: self._make_snapshot(newest))

    def make_room(self) -> None:
        """Remove old recordings if that is needed for a new one; raises NoSpaceError."""
        if not self._retention.is_limited:
            return
        try:
            self._keeping.ask(lambda: _reading(self.housekeeper.make_room), ROOM_TIMEOUT_S)
        except UnavailableError:
            return  # busy or hanging: what keeps the limits comes to it later

    def no_room(self) -> str | None:
        """Why a running recording has to end, by the last look; has another look taken."""
        self._keeping.wake()
        return self.housekeeper.no_room

    def reasons(self) -> list[str]:
        """What is wrong with disk and directory, as sentences; never waits."""
        return self.housekeeper.reasons()

    def _look(self) -> None:
        if self.housekeeper.look():
            self._keeping.wake()

    def _make_snapshot(self, newest: AccessUnit) -> bytes:
        _yield_to_others()
        if self._snapshot is None or self._snapshot[0] is not newest:
            self._snapshot = newest, jpeg_of_access_unit(newest.annexb())
        return self._snapshot[1]

    def _make_thumbnail(self, name: str) -> bytes:
        _yield_to_others()
        path = self._catalog.directory / name
        key = (name, path.lstat().st_ino)
        if key not in self._thumbnails:
            parsed = parse_name(name)
            assert parsed is not None
            self._thumbnails[key] = first_picture(path, parsed[1].value)
            if len(self._thumbnails) > THUMBNAILS_KEPT:
                self._thumbnails.popitem(last=False)
        return self._thumbnails[key]


def _reading(action: Callable[[], Answer]) -> Answer:
    """Turn what the disk refuses into a RecordingError."""
    try:
        return action()
    except OSError as error:
        raise RecordingError(f"the disk refuses: {reason_of(error)}") from error


def _yield_to_others() -> None:
    """Let every other thread of the machine go first: a picture can wait, a viewer cannot."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)

"""Keeping the directory of recordings in order: left-overs finished, room made, the state told.

Strategy: one thread does all that changes files which are not being written, a little at a time,
so that a call never waits for the recovery of many files. What others ask every second (is there
room, is the disk low) is answered from what the last look found, without touching the disk.
"""

import logging
import os
from collections import deque
from typing import Final

from petstream.errors import NoSpaceError, PetstreamError
from petstream.logs import RepeatGuard
from petstream.recording.catalog import Catalog
from petstream.recording.directory import reason_of
from petstream.recording.recovery import recover
from petstream.recording.retention import Plan, Retention, size_text

__all__ = ["LOW_BYTES", "Housekeeper"]

logger = logging.getLogger("petstream.recording")

LOW_BYTES: Final = 64 * 2**20  # with less free space than this the disk is low, whatever the limits
LOOKS_BEFORE_RECOVERY: Final = 2  # a file that was just made may not have its lock yet


class Housekeeper:
    """``look`` and ``make_room`` belong to one thread; the attributes may be read by any.

    Attributes:
        no_room: why a running recording has to end; None if it may go on.
        free_bytes: on the disk at the last look; None before it, without a directory, or
            if the file system does not say.
        removed: recordings removed to make room, since the start.
        recovered: recordings finished that a crash had left open, since the start.
    """

    def __init__(self, catalog: Catalog, retention: Retention) -> None:
        self.no_room: str | None = None
        self.free_bytes: int | None = None
        self.removed = 0
        self.recovered = 0
        self._catalog = catalog
        self._retention = retention
        self._left_over: deque[str] = deque()  # to be recovered
        self._suspects: dict[str, int] = {}  # open files that nobody writes, and how often seen
        self._tight: str | None = None  # why no recording can be begun
        self._fault: str | None = None  # why the last look failed
        self._guard = RepeatGuard(60.0)

    def begin(self) -> None:
        """Note what is there, before anything new is recorded: what of it is open, a crash left."""
        try:
            self._left_over.extend(sorted(self._catalog.left_over(self._catalog.names())))
            self._catalog.remove_stray_sidecars()
        except OSError as error:
            logger.error("cannot look for left-over recordings: %s", reason_of(error))

    def look(self) -> bool:
        """Recover one file, make room if it is scarce, note the state; True if more waits."""
        try:
            if self._left_over:
                self._recover(self._left_over.popleft())
            self._make_room()
            self._fault = None
        except (OSError, PetstreamError) as error:
            self._fault = f"the recordings cannot be looked after: {reason_of(error)}"
            if self._guard.check("look") is not None:
                logger.error("%s", self._fault)
        return bool(self._left_over)

    def make_room(self) -> None:
        """Make room for a new recording; raises NoSpaceError if there is not enough, OSError."""
        self._make_room()
        if self._tight is not None:
            raise NoSpaceError(self._tight)

    def reasons(self) -> list[str]:
        """What is wrong with disk and directory, as sentences."""
        reasons = []
        if self._fault is not None:
            reasons.append(self._fault)
        if self._tight is not None:
            reasons.append(f"the disk is low: {self._tight}")
        elif self.free_bytes is not None and self.free_bytes < LOW_BYTES:
            reasons.append(
                f"the disk is low: {size_text(self.free_bytes)} are free in"
                f" {self._catalog.directory}; remove recordings"
            )
        return reasons

    def _make_room(self) -> None:
        """Look at the disk, remove what has to go, and note what is to be said of it."""
        plan = Plan()
        self.free_bytes = self._free_bytes()
        entries = self._catalog.entries(fresh=False)
        self._suspect([entry.name for entry in entries if not entry.is_closed])
        if self._retention.is_limited:
            plan = self._retention.plan(entries, self.free_bytes)
            for entry in plan.remove:
                self._remove(entry.name)
        self._tight, self.no_room = plan.tight, plan.exceeded

    def _free_bytes(self) -> int | None:
        try:
            space = os.statvfs(self._catalog.directory)
        except FileNotFoundError:  # the recorder makes it
            return None
        # Some file systems do not count blocks; they have no limit that could be kept.
        return space.f_bavail * space.f_frsize if space.f_blocks else None

    def _remove(self, name: str) -> None:
        try:
            self._catalog.remove(name)
        except PetstreamError as error:  # protected or gone since it was last looked at
            logger.info("%s is not removed: %s", name, error)
            self._catalog.forget(name)
        else:
            self.removed += 1
            logger.info("removed %s to make room", name)

    def _recover(self, name: str) -> None:
        try:
            done = recover(self._catalog.directory / name)
        except FileNotFoundError:
            return
        except OSError as error:
            if self._guard.check(name) is not None:  # it is tried again
                reason = reason_of(error)
                logger.error("%s, left open by a crash, cannot be finished: %s", name, reason)
            return
        if done is not None:
            self.recovered += 1
            logger.warning(
                "%s, left open by a crash, is %s: %d access units, %d bytes cut off",
                name,
                done.state,
                done.frames,
                done.cut_bytes,
            )

    def _suspect(self, names: list[str]) -> None:
        """Recover also what was left open since the start: by an error, or another process."""
        left_over = set(self._catalog.left_over(names)) - set(self._left_over)
        self._suspects = {name: self._suspects.get(name, 0) + 1 for name in left_over}
        for name, looks in self._suspects.items():
            if looks > LOOKS_BEFORE_RECOVERY:
                self._left_over.append(name)

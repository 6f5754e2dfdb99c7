"""An hour of recording on a disk that holds minutes of it."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from petstream.recording import RecordingFormat
from petstream.recording.catalog import Catalog
from petstream.recording.entry import State
from petstream.recording.housekeeper import Housekeeper
from petstream.recording.limits import Limits
from petstream.recording.retention import Retention
from tests.recording.helpers import (
    FRAME_NS,
    access_units,
    decoded_frames,
    encode,
    new_engine,
    new_source,
    put_all,
    recordings,
    small_disk,
)

DISK = 64 * 2**20
HOUR_S = 3600
BEGIN = datetime(2025, 12, 26, 22, 30, 31, tzinfo=UTC)
FPS = 30


class Watch:
    """Looks after the disk each second as the server does, and sees that all is in order."""

    def __init__(self, disk: Path, retention: Retention) -> None:
        self.catalog = Catalog(disk)
        self.keeper = Housekeeper(self.catalog, retention)
        self.protected = ""  # the second file, from when it is finished on
        self.lowest = DISK  # free bytes, ever
        self._disk = disk
        self._seen: list[str] = []  # every other file, in the order they were begun

    def each_second(self) -> str | None:
        """Make room, and look."""
        self.keeper.look()
        space = os.statvfs(self._disk)
        self.lowest = min(self.lowest, space.f_bavail * space.f_frsize)
        names = sorted(self.catalog.names())
        if not self.protected and len(names) > 2:
            self.protected = names[1]
            self.catalog.protect(self.protected, True)
            self._seen.remove(self.protected)
        kept = [name for name in names if name != self.protected]
        self._seen += [name for name in kept if name not in self._seen]
        assert kept == self._seen[-len(kept) :], "the oldest goes first"
        return self.keeper.no_room


@pytest.mark.nightly
@pytest.mark.parametrize(
    "retention",
    [Retention(quota_bytes=40 * 2**20), Retention(min_free_bytes=16 * 2**20)],
    ids=["quota", "min-free"],
)
def test_an_hour_on_64_megabytes(tmp_path: Path, retention: Retention) -> None:
    """Never full, the oldest goes first, and what is protected or being written is intact."""
    gop = encode(FPS, gop=FPS, width=640, height=480)
    with small_disk(tmp_path / "disk", "64m") as disk:
        watch, source, second = Watch(disk, retention), new_source(), 0
        engine = new_engine(
            disk,
            clock_step_ns=FRAME_NS,
            limits=Limits(segment_s=60),
            no_room=watch.each_second,
            utc_now=lambda: BEGIN + timedelta(seconds=second),
        )
        engine.attach(source)
        engine.start(RecordingFormat.H264, None)
        for second in range(HOUR_S):
            put_all(source, access_units(gop, first=second * FPS, begin_ns=second * 10**9))
            while len(source):
                engine.step(0.0)
        status = engine.stop(0)
        assert (status.error, status.frame_count) == (None, HOUR_S * FPS)
        assert status.bytes_written > 2 * DISK
        assert watch.lowest > (retention.min_free_bytes or 2**20)
        assert watch.keeper.removed > 8
        assert watch.protected in watch.catalog.names()
        entries = watch.catalog.entries()
        assert {entry.state for entry in entries} == {State.FINISHED}
        assert all(decoded_frames(path) % FPS == 0 for path in recordings(disk))
        if retention.quota_bytes is not None:
            assert sum(entry.disk_bytes for entry in entries) <= retention.quota_bytes

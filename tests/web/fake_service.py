"""A service without camera and WebRTC that notes what it was asked to do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

STATUS: dict[str, object] = {
    "recording": True,
    "filename": "recording_20251226_223031.h264",
    "frame_count": 1500,
    "bytes_written": 2457600,
    "duration_ms": 50000,
    "start_time": "2025-12-26T22:30:31Z",
}


@dataclass(frozen=True)
class FakeSession:
    """A viewer that was admitted."""

    id: str = "Vx3-_9"
    answer: str = "v=0\r\nanswer\r\n"
    etag: str = "session-1"
    rtp_offset: int = 0xFFFF_0000


@dataclass(frozen=True)
class FakeViewer:
    """A viewer's figures."""

    id: int = 7
    state: str = "connected"


ENTRY: dict[str, object] = {
    "name": "recording_20251226_223031.h264",
    "start_time": "2025-12-26T22:30:31Z",
    "duration_ms": 50000,
    "size_bytes": 2457600,
    "frame_count": 1500,
    "format": "h264",
    "state": "finished",
    "protected": False,
}


class FakeMedia:
    """A thousand bytes that tell where they are.

    Attributes:
        closed: how often it was.
    """

    size = 1000
    etag = "a-b"
    modified_s = 1_766_788_231
    content_type = "video/mp4"
    data = bytes(n % 251 for n in range(size))

    def __init__(self) -> None:
        self.closed = 0

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """Some at a time."""
        for begin in range(start, stop, 300):
            yield self.data[begin : min(stop, begin + 300)]

    def close(self) -> None:
        """Note it."""
        self.closed += 1


class FakeRecordings:
    """One recording; notes what is asked of it, or fails as its service does."""

    def __init__(self, service: "FakeService") -> None:
        self._note = service._note
        self.media = FakeMedia()

    def entries(self) -> list[dict[str, object]]:
        """See Recordings."""
        self._note("entries")
        return [ENTRY]

    def open(self, name: str, *, as_mp4: bool, resumed: bool) -> FakeMedia:
        """See Recordings."""
        self._note("open", name, as_mp4, resumed)
        return self.media

    def thumbnail(self, name: str) -> bytes:
        """See Recordings."""
        self._note("thumbnail", name)
        return b"small"

    def snapshot(self) -> bytes:
        """See Recordings."""
        self._note("snapshot")
        return b"large"

    def delete(self, name: str) -> None:
        """See Recordings."""
        self._note("delete", name)

    def protect(self, name: str, protected: bool) -> dict[str, object]:
        """See Recordings."""
        self._note("protect", name, protected)
        return {**ENTRY, "protected": protected}


class FakeService:
    """Answers at once.

    Attributes:
        calls: name and arguments of every call that could change something.
        failure: raised by every call, if set.
        before: run at the beginning of every call, if set.
        report: what health() gives.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.failure: Exception | None = None
        self.before: Callable[[], object] | None = None
        self.recordings = FakeRecordings(self)
        self.report: dict[str, object] = {
            "status": "ok",
            "webrtc_clients": 2,
            "recording": False,
            "has_headers": True,
            "reasons": [],
        }

    def _note(self, *call: object) -> None:
        if self.before is not None:
            self.before()
        if self.failure is not None:
            raise self.failure
        self.calls.append(call)

    def admit(self, sdp: str) -> FakeSession:
        """See Service."""
        self._note("admit", sdp)
        return FakeSession()

    def ice_links(self) -> list[str]:
        """See Service."""
        return ['<stun:stun.example.org>; rel="ice-server"']

    def viewers(self) -> list[FakeViewer]:
        """See Service."""
        self._note("viewers")
        return [FakeViewer()]

    def whep_trickle(self, viewer_id: str, fragment: str, etag: str | None) -> None:
        """See Service."""
        self._note("whep_trickle", viewer_id, fragment, etag)

    def whep_delete(self, viewer_id: str) -> None:
        """See Service."""
        self._note("whep_delete", viewer_id)

    def start_recording(self, format: str | None, pre_roll_s: float | None) -> dict[str, object]:
        """See Service."""
        self._note("start", format, pre_roll_s)
        return STATUS

    def stop_recording(self) -> dict[str, object]:
        """See Service."""
        self._note("stop")
        return {**STATUS, "recording": False}

    def recording_status(self) -> dict[str, object]:
        """See Service."""
        if self.failure is not None:
            raise self.failure
        return STATUS

    def clock(self) -> dict[str, int | None]:
        """See Service."""
        return {"now_ns": 5_000_000_000, "rtp_ticks": 90_000, "capture_ns": 4_000_000_000}

    def health(self) -> dict[str, object]:
        """See Service."""
        if self.before is not None:
            self.before()
        return self.report

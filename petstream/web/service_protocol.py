"""What the REST routes need of the server, and nothing of how it is done.

Strategy: the routes talk to this protocol alone, so that they can be served and tested without a
camera or a WebRTC stack. Every method may be called from any of the HTTP worker threads at once,
returns or raises within a few seconds, and raises errors of ``petstream.errors``, whose classes
say the HTTP status.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

__all__ = ["Media", "Recordings", "Service", "Session"]


class Session(Protocol):
    """A viewer that was admitted."""

    @property
    def id(self) -> str:
        """Names the viewer in ``/whep/<id>``; letters, digits, ``-`` and ``_``, not guessable."""

    @property
    def answer(self) -> str:
        """The SDP answer."""

    @property
    def etag(self) -> str:
        """Names the ICE session, without quotes (RFC 9725 section 4.3.1)."""

    @property
    def rtp_offset(self) -> int:
        """RTP timestamp at tick 0 of the timeline; see clock()."""


class Media(Protocol):
    """A recording's bytes; used by one thread, and closed by it."""

    @property
    def size(self) -> int:
        """In bytes."""

    @property
    def etag(self) -> str:
        """Names these very bytes, without quotes."""

    @property
    def modified_s(self) -> int:
        """When they were last changed, in Unix seconds."""

    @property
    def content_type(self) -> str:
        """Their media type."""

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from ``start`` to ``stop``."""

    def close(self) -> None:
        """Let go of them."""


class Recordings(Protocol):
    """The finished recordings, and those being written, as REST sees them."""

    def entries(self) -> list[dict[str, object]]:
        """All of them, the newest first; raises RecordingError."""

    def open(self, name: str, *, as_mp4: bool, resumed: bool) -> Media:
        """The bytes of one, as they are or as MP4.

        Args:
            name: from entries().
            as_mp4: remux a raw one.
            resumed: the client has had the beginning, and needs the same bytes.

        Raises:
            UnknownRecordingError, RecordingError
        """

    def thumbnail(self, name: str) -> bytes:
        """A small JPEG of one; raises UnknownRecordingError, NoPictureError, UnavailableError."""

    def snapshot(self) -> bytes:
        """A JPEG of what the camera sees; raises NoPictureError, UnavailableError."""

    def delete(self, name: str) -> None:
        """Remove one.

        Raises:
            UnknownRecordingError, RecordingInUseError, RecordingProtectedError, UnavailableError
        """

    def protect(self, name: str, protected: bool) -> dict[str, object]:
        """Keep one from being removed, or no longer, and give its entry.

        Raises:
            UnknownRecordingError, UnavailableError
        """


class Service(Protocol):
    """The running server as REST sees it."""

    @property
    def recordings(self) -> Recordings:
        """What has been recorded."""

    def admit(self, sdp: str) -> Session:
        """Admit a viewer; the SDP answer has all candidates.

        Raises:
            BadOfferError, NotAcceptableError, TooManyViewersError, UnavailableError
        """

    def whep_trickle(self, viewer_id: str, fragment: str, etag: str | None) -> None:
        """Add the candidates of an SDP fragment (RFC 8840) to a viewer.

        Args:
            viewer_id: from admit().
            fragment: the ``application/trickle-ice-sdpfrag`` body.
            etag: the ICE session it is meant for, without quotes; None if the client did not say.

        Raises:
            UnknownViewerError, BadOfferError, StaleSessionError, UnavailableError
        """

    def whep_delete(self, viewer_id: str) -> None:
        """End a viewer; raises UnknownViewerError."""

    def ice_links(self) -> Sequence[str]:
        """The ICE servers to be told to WHEP players, as values of Link headers."""

    def viewers(self) -> Sequence[Any]:
        """Every viewer's figures, each a dataclass of JSON values."""

    def start_recording(self, format: str | None, pre_roll_s: float | None) -> dict[str, object]:
        """Start a recording and give its status; None stands for the configured default.

        Raises:
            AlreadyRecordingError, BadRecordingRequestError, NoSpaceError, RecordingError
        """

    def stop_recording(self) -> dict[str, object]:
        """Finish the recording and give its final status; raises NotRecordingError."""

    def recording_status(self) -> dict[str, object]:
        """The running recording, or the last one."""

    def clock(self) -> dict[str, int | None]:
        """``now_ns``; ``rtp_ticks`` and ``capture_ns`` of the newest access unit, None before."""

    def health(self) -> dict[str, object]:
        """At least ``status`` (``ok`` or ``degraded``) and ``reasons``, a list of sentences."""

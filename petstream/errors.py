"""Every error petstream raises on purpose.

    PetstreamError
    ├── ConfigError               a setting is unknown or has a bad value
    ├── SourceError               a source has nothing to read
    │   └── SegmentError          the shared-memory ring cannot be read
    ├── StreamError               bytes that are not the H.264 they should be
    │   └── SpsError              a sequence parameter set that does not parse
    ├── RecordingError            a recording cannot be started, stopped or written
    │   ├── AlreadyRecordingError
    │   ├── NotRecordingError
    │   ├── NoSpaceError
    │   ├── BadRecordingRequestError
    │   ├── UnknownRecordingError
    │   ├── RecordingInUseError
    │   ├── RecordingProtectedError
    │   └── NoPictureError
    ├── ViewerError               a viewer cannot be admitted
    │   ├── BadOfferError
    │   ├── NotAcceptableError
    │   ├── TooManyViewersError
    │   ├── StaleSessionError
    │   └── UnknownViewerError
    └── UnavailableError          a part that is needed does not answer

Each class says which HTTP status and which error code a REST call answers with, so that no
module below ``petstream.web`` has to know a web framework.
"""

from typing import ClassVar

__all__ = [
    "AlreadyRecordingError",
    "BadOfferError",
    "BadRecordingRequestError",
    "ConfigError",
    "NoPictureError",
    "NoSpaceError",
    "NotAcceptableError",
    "NotRecordingError",
    "PetstreamError",
    "RecordingError",
    "RecordingInUseError",
    "RecordingProtectedError",
    "SegmentError",
    "SourceError",
    "SpsError",
    "StaleSessionError",
    "StreamError",
    "TooManyViewersError",
    "UnavailableError",
    "UnknownRecordingError",
    "UnknownViewerError",
    "ViewerError",
]


class PetstreamError(Exception):
    """Base of the tree above."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"


class ConfigError(PetstreamError):
    """A setting is unknown, malformed or out of range; the message names key, value and source."""

    code = "bad_config"


class SourceError(PetstreamError):
    """A source has nothing to read.

    Attributes:
        reason: a short stable word for logs, health and metrics, such as ``missing``.
    """

    status = 503
    code = "source_unavailable"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class SegmentError(SourceError):
    """The shared-memory segment is missing, has the wrong size or may not be opened."""

    code = "segment_unavailable"


class StreamError(PetstreamError):
    """A ring slot does not hold an H.264 access unit.

    Attributes:
        reason: a short stable word for logs and metrics, such as ``no_nal_unit``.
    """

    code = "bad_stream"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class SpsError(StreamError):
    """A sequence parameter set does not follow H.264 clause 7.3.2.1.1."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_sps", message)


class RecordingError(PetstreamError):
    """A recording could not be created or written."""

    code = "recording_failed"


class AlreadyRecordingError(RecordingError):
    """/start while a recording runs."""

    status = 409
    code = "already_recording"


class NotRecordingError(RecordingError):
    """/stop while no recording runs."""

    status = 409
    code = "not_recording"


class NoSpaceError(RecordingError):
    """The disk has no room for a recording."""

    status = 507
    code = "no_space"


class BadRecordingRequestError(RecordingError):
    """/start with a format or pre-roll that does not exist."""

    status = 400
    code = "bad_request"


class UnknownRecordingError(RecordingError):
    """No recording has this name."""

    status = 404
    code = "unknown_recording"


class RecordingInUseError(RecordingError):
    """A recording that is being written cannot be removed."""

    status = 409
    code = "recording_in_use"


class RecordingProtectedError(RecordingError):
    """A protected recording is not removed."""

    status = 409
    code = "recording_protected"


class NoPictureError(RecordingError):
    """There is nothing yet that a still picture could be made of."""

    status = 503
    code = "no_picture"


class ViewerError(PetstreamError):
    """A viewer cannot be admitted."""


class BadOfferError(ViewerError):
    """The SDP is malformed, or is no offer to receive video."""

    status = 400
    code = "bad_offer"


class NotAcceptableError(ViewerError):
    """The offer has no H.264 video that fits the stream."""

    status = 406
    code = "not_acceptable"


class TooManyViewersError(ViewerError):
    """Every viewer slot is taken."""

    status = 503
    code = "too_many_clients"
    retry_after_s: ClassVar[int] = 5


class UnknownViewerError(ViewerError):
    """No viewer has this id, or it has left."""

    status = 404
    code = "unknown_viewer"


class StaleSessionError(ViewerError):
    """A change is meant for an earlier ICE session of the viewer: the entity tag does not match."""

    status = 412
    code = "stale_session"


class UnavailableError(PetstreamError):
    """A part of the server did not answer in time."""

    status = 503
    code = "unavailable"

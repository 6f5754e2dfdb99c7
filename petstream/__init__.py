"""Low-latency H.264 streaming and recording for a camera that writes into POSIX shared memory.

    from petstream import RingReader, Processor, Recorder, Server, Config

Importing the package loads neither Flask nor aiortc; ``Server`` and ``Petstream`` do when they are
first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from petstream.config import Config
    from petstream.distributor import Distributor, Subscription
    from petstream.errors import PetstreamError, SourceError
    from petstream.file_source import FileSource
    from petstream.h264.access_unit import AccessUnit
    from petstream.h264.processor import Processor
    from petstream.pipeline import Pipeline
    from petstream.recording.recorder import Recorder
    from petstream.recording.status import RecordingStatus
    from petstream.server import Server
    from petstream.service import Petstream, ServiceSettings
    from petstream.shm.ring import RingReader
    from petstream.slot import Slot
    from petstream.source import Source
    from petstream.version import __version__

__all__ = [
    "AccessUnit",
    "Config",
    "Distributor",
    "FileSource",
    "Petstream",
    "PetstreamError",
    "Pipeline",
    "Processor",
    "Recorder",
    "RecordingStatus",
    "RingReader",
    "Server",
    "ServiceSettings",
    "Slot",
    "Source",
    "SourceError",
    "Subscription",
    "__version__",
]

_HOMES = {
    "AccessUnit": "petstream.h264.access_unit",
    "Config": "petstream.config",
    "Distributor": "petstream.distributor",
    "FileSource": "petstream.file_source",
    "Petstream": "petstream.service",
    "PetstreamError": "petstream.errors",
    "Pipeline": "petstream.pipeline",
    "Processor": "petstream.h264.processor",
    "Recorder": "petstream.recording.recorder",
    "RecordingStatus": "petstream.recording.status",
    "RingReader": "petstream.shm.ring",
    "Server": "petstream.server",
    "ServiceSettings": "petstream.service",
    "Slot": "petstream.slot",
    "Source": "petstream.source",
    "SourceError": "petstream.errors",
    "Subscription": "petstream.distributor",
    "__version__": "petstream.version",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'petstream' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value

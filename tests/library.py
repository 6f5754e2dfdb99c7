"""petstream as a library on the loopback interface."""

from pathlib import Path

from petstream.service import Petstream, ServiceSettings
from petstream.webrtc.negotiation import IceSettings

__all__ = ["loopback_petstream"]


def loopback_petstream(segment: str, record_path: Path) -> Petstream:
    """A system that nobody has started, for viewers of this machine."""
    ice = IceSettings(addresses=("127.0.0.1",))
    return Petstream(ServiceSettings(shm=segment, record_path=record_path, ice=ice))

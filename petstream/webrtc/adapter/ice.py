"""The ICE connection: which addresses it uses, and what comes in."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from aiortc import RTCPeerConnection

from petstream.errors import UnavailableError
from petstream.webrtc.adapter.media import MediaTransport

__all__ = ["IceWatch"]

STUN_TIMEOUT_S: Final = 1.0


class IceWatch:
    """Steers the ICE connection of a peer connection, and notices what comes in.

    Attributes:
        heard_at: time.monotonic() of the last datagram from the viewer.
    """

    def __init__(
        self, connection: RTCPeerConnection, allowed: Callable[[list[str]], list[str]]
    ) -> None:
        """Take hold before candidates are gathered.

        Args:
            connection: has one transceiver.
            allowed: which local addresses to use, given those aioice found.
        """
        (transceiver,) = connection.getTransceivers()
        self.heard_at = time.monotonic()
        self._dtls = transceiver.sender.transport
        ice: Any = self._dtls.transport._connection
        gather, data, request = (
            ice.get_component_candidates,
            ice.data_received,
            ice.request_received,
        )

        async def get_component_candidates(*, component: int, addresses: list[str]) -> Any:
            candidates = await gather(component, allowed(addresses), timeout=STUN_TIMEOUT_S)
            if not candidates:
                raise UnavailableError(
                    f"no udp port could be opened on {', '.join(allowed(addresses))}; "
                    "see -udp-ports and -ice-addresses"
                )
            return candidates

        def data_received(*args: Any) -> None:
            self.heard_at = time.monotonic()
            data(*args)

        def request_received(*args: Any) -> None:
            self.heard_at = time.monotonic()
            request(*args)

        # On the instance, so that other users of aioice in this process see nothing of it.
        vars(ice).update(
            get_component_candidates=get_component_candidates,
            data_received=data_received,
            request_received=request_received,
        )

    def media_transport(self) -> MediaTransport:
        """The media path, once DTLS is up (event loop)."""
        return MediaTransport(self._dtls, asyncio.get_running_loop())

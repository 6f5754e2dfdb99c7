"""UDP sockets on ports of a given range, for firewalls that open no others.

Strategy: aioice asks the event loop for an endpoint on port 0 and cannot be told another. So the
loop itself puts a port of the range in its place, the next one first, so that a port that was
just given back rests for as long as possible.
"""

import asyncio
import errno
from typing import Any

__all__ = ["PortRangeLoop"]


class PortRangeLoop(asyncio.SelectorEventLoop):
    """An event loop whose datagram endpoints take their ports from a range."""

    def __init__(self, ports: range) -> None:
        """Make the loop.

        Args:
            ports: 1 to 65535; each serves one viewer on each local address.
        """
        super().__init__()
        self._ports = ports
        self._next = 0

    async def create_datagram_endpoint(  # type: ignore[override]  # options are passed through
        self, protocol_factory: Any, local_addr: Any = None, **options: Any
    ) -> Any:
        """As the loop's own; port 0 stands for one of the range.

        Raises:
            OSError: EADDRINUSE if every port of the range is taken.
        """
        create = super().create_datagram_endpoint
        if local_addr is None or local_addr[1] != 0:
            return await create(protocol_factory, local_addr, **options)
        for _ in self._ports:
            port = self._ports[self._next % len(self._ports)]
            self._next += 1
            try:
                return await create(protocol_factory, (local_addr[0], port), **options)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
        raise OSError(
            errno.EADDRINUSE,
            f"all udp ports from {self._ports.start} to {self._ports.stop - 1} are in use",
        )

"""What the monitor's routes work with: the server, the event streams, the transfers."""

import time
from collections.abc import Callable

from petstream.config import MonitorConfig
from petstream.web.monitor.detections import DETECTIONS_EVERY_S, DetectionsSource
from petstream.web.monitor.events import EventStream
from petstream.web.monitor.status import STATUS_EVERY_S, StatusSource
from petstream.web.monitor.transfers import Transfers
from petstream.web.monitor.upstream import Upstream

__all__ = ["Backend"]


class Backend:
    """Started and closed by one thread, used by all.

    Attributes:
        upstream: petstream serve.
        detections, status: what the page listens to.
        transfers: recordings on their way.
    """

    def __init__(
        self,
        config: MonitorConfig,
        token: str | None,
        *,
        on_fatal: Callable[[str, Exception], None],
    ) -> None:
        """Make it; no thread runs yet.

        Args:
            config: where the server and the detections are.
            token: what the server asks for.
            on_fatal: see SupervisedThread.
        """
        self.upstream = Upstream(config.server, token)
        self.transfers = Transfers()
        self._source = DetectionsSource(config.detections)
        self.detections = EventStream(
            "monitor-detections", self._source, DETECTIONS_EVERY_S, on_fatal
        )
        self.status = EventStream(
            "monitor-status", StatusSource(self.upstream), STATUS_EVERY_S, on_fatal
        )

    def start(self) -> None:
        """Start the event streams."""
        self.detections.start()
        self.status.start()

    def close(self, timeout_s: float) -> bool:
        """End streams and transfers; False if something still runs after the time-out."""
        deadline = time.monotonic() + timeout_s
        ended = True
        for close in (self.detections.close, self.status.close, self.transfers.close):
            ended = close(max(0.1, deadline - time.monotonic())) and ended
        if ended:
            self._source.close()
        return ended

"""Recordings on their way from the server to a browser.

Strategy: a thread for each, apart from those that answer requests, and a bound on their number. It
takes a piece from the server when the browser has room for one, so that neither a whole file nor
much of one is ever in memory, and a browser that pauses holds up nobody.
"""

import logging
import threading
from typing import Final

from petstream.errors import UnavailableError
from petstream.web.detached import ClientGoneError, DetachedResponse
from petstream.web.monitor.upstream import OpenAnswer

__all__ = ["TRANSFERS_MAX", "Transfers"]

logger = logging.getLogger(__name__)

TRANSFERS_MAX: Final = 64
_PIECE_BYTES: Final = 64 * 1024
_PENDING_BYTES: Final = 256 * 1024


class Transfers:
    """All transfers of one monitor; any thread may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[threading.Thread, tuple[OpenAnswer, DetachedResponse]] = {}
        self._closed = False

    @property
    def count(self) -> int:
        """How many run."""
        return len(self._running)

    def check_room(self) -> None:
        """Raise UnavailableError if there are too many."""
        if self._closed or self.count >= TRANSFERS_MAX:
            raise UnavailableError(f"{self.count} transfers are running, as many as there may be")

    def begin(self, answer: OpenAnswer, response: DetachedResponse) -> None:
        """Copy the body of ``answer`` into ``response``, and close both."""
        thread = threading.Thread(
            target=self._run, args=(answer, response), name="monitor-transfer", daemon=True
        )
        with self._lock:
            if self._closed:
                answer.close()
                response.abort()
                return
            self._running[thread] = answer, response
            thread.start()

    def close(self, timeout_s: float) -> bool:
        """End all of them; False if one still runs after the time-out."""
        with self._lock:
            self._closed = True
            running = dict(self._running)
        for answer, response in running.values():
            answer.cancel()
            response.abort()
        for thread in running:
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in running)

    def _run(self, answer: OpenAnswer, response: DetachedResponse) -> None:
        try:
            while piece := answer.read(_PIECE_BYTES):
                response.wait_for_room(_PENDING_BYTES)
                response.write(piece)
            response.end()
        except ClientGoneError:
            logger.debug("a transfer ended early: the browser has gone")
        except UnavailableError as error:
            logger.warning("a transfer ended early: %s", error)
            response.abort()
        finally:
            answer.close()
            with self._lock:
                del self._running[threading.current_thread()]

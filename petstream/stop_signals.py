"""SIGTERM and SIGINT as one orderly stop.

Strategy: the signals are blocked in every thread and fetched by one of its own, so that nothing
is ever interrupted half done and no lock is taken in a signal handler. The first one begins the
stop; a second one, or a stop that takes too long, ends the process at once.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import Final

__all__ = ["StopSignals"]

logger = logging.getLogger(__name__)

_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT})


class StopSignals:
    """Waits for a signal and then calls what stops the program, on a thread of its own."""

    def __init__(self, limit_s: float = 5.0) -> None:
        """Made on the main thread before any other is started.

        Args:
            limit_s: how long the stop may take before the process is ended.
        """
        self._limit_s = limit_s
        self._stop: Callable[[], object] = lambda: None
        self._armed = threading.Event()
        self._came = threading.Event()
        self._done = threading.Event()
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        threading.Thread(target=self._run, name="signals", daemon=True).start()

    def arm(self, stop: Callable[[], object]) -> None:
        """Say what stops the program; a signal that came before takes effect now."""
        self._stop = stop
        self._armed.set()

    def finish(self) -> bool:
        """Wait until the stop that a signal began is complete; False if no signal came."""
        if not self._came.is_set():
            return False
        self._done.wait()
        return True

    def _run(self) -> None:
        number = signal.sigwait(_SIGNALS)
        self._came.set()
        logger.info("%s: stopping", signal.Signals(number).name)
        threading.Thread(target=self._call_stop, name="stop", daemon=True).start()
        again = signal.sigtimedwait(_SIGNALS, self._limit_s)
        if again is None:
            logger.critical("not stopped within %g s: ending the process", self._limit_s)
            os._exit(1)
        os._exit(128 + again.si_signo)

    def _call_stop(self) -> None:
        self._armed.wait()
        self._stop()
        self._done.set()

"""Threads that cannot die in silence.

Strategy: a supervised thread runs one loop function. When that raises, the fault is logged,
kept and counted, and the loop is entered again within a second; one that keeps failing ends the
process' usefulness, and says so once through ``on_fatal``. The kernel is told the thread's name
too, so that ``top -H`` and ``perf`` show it.
"""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

__all__ = ["RESTARTS_MAX", "RESTARTS_WINDOW_S", "SupervisedThread", "sleep_exactly"]

logger = logging.getLogger(__name__)

RESTARTS_MAX: Final = 5  # in any window; one more is fatal
RESTARTS_WINDOW_S: Final = 60.0
RESTART_DELAY_S: Final = 0.2
THREAD_COMM: Final = Path("/proc/thread-self/comm")  # proc(5)
COMM_MAX: Final = 15
TIMER_SLACK_NS: Final = b"1000"


def sleep_exactly() -> None:
    """Let this thread's sleeps end when they are due, and not up to 50 us later (prctl(2))."""
    with contextlib.suppress(OSError):  # a container may forbid it: then it is a little later
        Path(f"/proc/{threading.get_native_id()}/timerslack_ns").write_bytes(TIMER_SLACK_NS)


class _StopEvent(threading.Event):
    """A stop event that notes when it was asked: a loop that asks shows that it comes round."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_at = time.monotonic()

    def is_set(self) -> bool:
        """See Event."""
        self.asked_at = time.monotonic()
        return super().is_set()


class SupervisedThread:
    """One named thread around ``loop(stop)``, entered again after an exception.

    Attributes:
        restarts: how often the loop was entered again.
        fault: the last exception, kept for /health; None if there was none.
        fault_at: time.monotonic() of that exception.
        failed: the loop failed too often and is not entered any more.
    """

    def __init__(
        self,
        name: str,
        loop: Callable[[threading.Event], None],
        *,
        on_fatal: Callable[[str, Exception], None],
        period_s: float = 0.25,
    ) -> None:
        """Make it; nothing is started.

        Args:
            name: of the thread.
            loop: asks its argument at least once in a period whether to return.
            on_fatal: called with name and exception when the loop failed too often.
            period_s: how long a round of the loop may take.
        """
        self.name = name
        self.restarts = 0
        self.fault: Exception | None = None
        self.fault_at = 0.0
        self.failed = False
        self._loop = loop
        self._on_fatal = on_fatal
        self._period_s = period_s
        self._stop = _StopEvent()
        self._recent: deque[float] = deque()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Enter the loop."""
        self._thread.start()

    def request_stop(self) -> None:
        """Ask the loop to return, without waiting for it."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; False if it still runs."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """The thread is running its loop, or is about to enter it again."""
        return self._thread.is_alive()

    @property
    def silent_s(self) -> float:
        """For how long a round of the loop has been overdue (any thread); 0 if it is not."""
        return max(0.0, time.monotonic() - self._stop.asked_at - self._period_s)

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # a kernel or container may forbid it: just a name
            THREAD_COMM.write_bytes(self.name.encode()[:COMM_MAX])
        while not self._stop.is_set():
            try:
                self._loop(self._stop)
                if not self._stop.is_set():
                    raise RuntimeError(f"the loop of thread {self.name} returned unasked")
            except BaseException as exc:  # noqa: BLE001 - the boundary where faults are kept and told
                # A SystemExit or CancelledError would end the thread without a word.
                fault = exc if isinstance(exc, Exception) else RuntimeError(f"it raised {exc!r}")
                if not self._may_restart(fault):
                    return
                self._stop.wait(RESTART_DELAY_S)

    def _may_restart(self, exc: Exception) -> bool:
        now = time.monotonic()
        self.fault, self.fault_at = exc, now
        self._recent.append(now)
        while now - self._recent[0] > RESTARTS_WINDOW_S:
            self._recent.popleft()
        if len(self._recent) > RESTARTS_MAX:
            self.failed = True
            logger.critical(
                "thread %s failed %d times within %.0f s and is given up",
                self.name,
                len(self._recent),
                RESTARTS_WINDOW_S,
                exc_info=exc,
            )
            self._on_fatal(self.name, exc)
            return False
        self.restarts += 1
        logger.error("thread %s failed and is entered again", self.name, exc_info=exc)
        return True

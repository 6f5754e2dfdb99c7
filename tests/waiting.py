"""Waiting for what another thread or process does."""

import time
from collections.abc import Callable

__all__ = ["wait_until"]


def wait_until(reached: Callable[[], object], what: str, timeout_s: float = 20) -> None:
    """Wait until something comes true; AssertionError with ``what`` if it does not."""
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline, f"waited {timeout_s} s in vain for {what}"
        time.sleep(0.005)

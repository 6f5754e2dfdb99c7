"""Waiting for what another thread or process does."""

import time
from collections.abc import Callable

__all__ = ["wait_until"]


def wait_until(reached: Callable[[], object], what: str, timeout_s: float = 20) -> float:
    """Wait until something comes true; AssertionError with ``what`` if it does not.

    Returns:
        How many seconds it took.
    """
    begin = time.monotonic()
    while not reached():
        waited_s = time.monotonic() - begin
        assert waited_s < timeout_s, f"waited {timeout_s} s in vain for {what}"
        time.sleep(0.005)
    return time.monotonic() - begin

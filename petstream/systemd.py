"""What a service tells systemd: that it is ready, that it is stopping, and that it is alive.

Strategy: sd_notify(3) is a line of text in a datagram to the socket that NOTIFY_SOCKET names, so
that no library is needed. Without that variable nothing is sent. Sending never waits and never
fails: a manager that does not listen must not hold up the stream.
"""

import os
import socket
import time
from collections.abc import MutableMapping

__all__ = ["Notifier"]


class Notifier:
    """The way to the service manager; used by one thread at a time."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        """Take the variables out of the environment, so that child processes do not have them.

        Args:
            environment: such as os.environ.
        """
        self._address = environment.pop("NOTIFY_SOCKET", "")
        limit_us = environment.pop("WATCHDOG_USEC", "")
        process = environment.pop("WATCHDOG_PID", str(os.getpid()))
        is_watched = limit_us.isdecimal() and process == str(os.getpid())
        # Half the limit is what sd_watchdog_enabled(3) advises; a quarter forgives a late thread.
        self._feed_every_s = int(limit_us) / 4e6 if is_watched else float("inf")
        self._fed_at = time.monotonic()

    def ready(self) -> None:
        """The service answers on its ports."""
        self._send("READY=1")

    def stopping(self) -> None:
        """The service has begun to end."""
        self._send("STOPPING=1")

    def feed(self) -> None:
        """All is alive: feeds the watchdog, if it is time to."""
        now = time.monotonic()
        if now - self._fed_at >= self._feed_every_s:
            self._fed_at = now
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        address = self._address
        if address.startswith("@"):  # a name in the abstract namespace (unix(7))
            address = "\0" + address[1:]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            try:
                sock.sendto(text.encode(), address)
            except OSError:  # it does not listen, or not fast enough
                return

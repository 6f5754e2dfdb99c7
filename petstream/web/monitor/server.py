"""The monitor as something to start and stop, in a process of its own or in that of the server.

Strategy: the port is bound when it is made, so that a port in use is an error of the start.
"""

import time
from collections.abc import Callable
from typing import Final

from petstream.config import MonitorConfig
from petstream.web.http_server import HttpServer
from petstream.web.monitor.app import create_monitor_app, monitor_security
from petstream.web.monitor.backend import Backend

__all__ = ["MonitorServer"]

_THREADS: Final = 16  # a call may wait for the server for some seconds


class MonitorServer:
    """The web monitor; start() and close() are called by one thread."""

    def __init__(self, config: MonitorConfig, *, on_fault: Callable[[BaseException], None]) -> None:
        """Bind the port.

        Args:
            config: all settings.
            on_fault: called, on a thread of the monitor, when a part of it has failed for good.

        Raises:
            ConfigError: the port is in use, or the token file cannot be read; one line.
        """
        security = monitor_security(config)
        self._backend = Backend(config, security.token, on_fatal=lambda _, error: on_fault(error))
        self._http = HttpServer(
            create_monitor_app(config, security, self._backend),
            config.http.host,
            config.http.port,
            "monitor",
            threads=_THREADS,
            on_fault=on_fault,
        )

    @property
    def url(self) -> str:
        """An address that a browser on this machine can open."""
        return self._http.url

    def start(self) -> None:
        """Begin to answer."""
        self._backend.start()
        self._http.start()

    def close(self, timeout_s: float = 2.0) -> bool:
        """End everything; False if something still runs after the time-out."""
        deadline = time.monotonic() + timeout_s
        ended = self._backend.close(timeout_s / 2)
        return self._http.close(max(0.1, deadline - time.monotonic())) and ended

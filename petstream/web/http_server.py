"""A WSGI application on a port: waitress, with bounds on what a client can hold or wait for.

Strategy: the sockets are bound in the constructor, so that a port in use is an error of the
start. One named thread then runs waitress' poll loop and a few workers run the application.
What waitress lacks is in ``channel.py``.
"""

import logging
import resource
import threading
import time
from collections.abc import Callable
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments

from petstream.web.app import MAX_BODY_BYTES
from petstream.web.channel import Listener, Workers
from petstream.web.sockets import listen

__all__ = ["HttpServer"]

logger = logging.getLogger(__name__)

_POLL_S = 1.0
_WORKER_EXIT_S = 0.1
_MAX_CONNECTIONS = 2000
_IDLE_TIMEOUT_S = 30
_MAX_HEADER_BYTES = 16 * 1024
# A long body waits in its worker, and not in waitress' memory and temporary files.
_UNSENT_BYTES = 256 * 1024


class HttpServer:
    """Serves one application on one address; start() and close() are called by one thread."""

    def __init__(
        self,
        app: Any,
        host: str,
        port: int,
        name: str,
        *,
        threads: int = 8,
        on_fault: Callable[[BaseException], None] | None = None,
    ) -> None:
        """Bind and listen; clients wait in the backlog until start().

        Args:
            app: the WSGI application.
            host: a name or an IP address; empty for all interfaces, IPv6 and IPv4.
            port: 0 for a free one.
            name: names the threads, and the port in messages.
            threads: how many requests are worked on at once.
            on_fault: called on the server's thread when it ends by an exception.

        Raises:
            ConfigError: the address cannot be bound; one line.
        """
        self._app = app
        self._name = name
        self._worker_count = threads
        self._on_fault = on_fault
        self._host = host
        self._sockets = listen(host, port, name)
        self.port: int = self._sockets[0].getsockname()[1]
        # waitress' map from file descriptor to whatever polls it; the server thread's own.
        self._map: dict[int, Any] = {}
        self._listeners: list[Listener] = []
        self._workers: Workers | None = None
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._close_by = 0.0

    @property
    def url(self) -> str:
        """An address that a browser on this machine can open."""
        host = self._host if self._host not in {"", "0.0.0.0", "::"} else "localhost"
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def is_alive(self) -> bool:
        """Whether the server's thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin to answer."""
        adjustments = _adjustments(self._worker_count)
        self._workers = Workers(self._name, self._worker_count)
        for sock in self._sockets:
            info = (sock.family, sock.type, sock.proto, sock.getsockname())
            listener = Listener(
                self._app,
                self._map,
                _sock=sock,
                dispatcher=self._workers,
                adj=adjustments,
                sockinfo=info,
                bind_socket=False,
            )
            self._listeners.append(listener)
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()
        logger.info("%s listens on %s", self._name, self.url)

    def close(self, timeout_s: float = 2.0) -> bool:
        """Stop listening, let requests in hand finish, and end the threads.

        Returns:
            Whether everything has ended in time; what still runs is logged.
        """
        if self._thread is None:
            for sock in self._sockets:
                sock.close()
            return True
        self._close_by = time.monotonic() + timeout_s
        if not self._closing.is_set():
            self._closing.set()
            self._listeners[0].pull_trigger()
        self._thread.join(timeout_s + 1.0)
        assert self._workers is not None
        self._workers.join(self._close_by)
        running = self._workers.busy()
        if self.is_alive:
            running.append(self._name)
        if running:
            logger.warning("still running after %.1f s: %s", timeout_s, ", ".join(running))
            return False
        # Not before: a worker that still runs writes into the trigger's pipe, whoever owns it.
        for listener in self._listeners:
            listener.trigger.close()
        return True

    def _run(self) -> None:
        fault: BaseException | None = None
        try:
            while not self._closing.is_set():
                wasyncore.poll2(_POLL_S, self._map)
            self._drain()
        except BaseException as error:
            logger.critical("%s failed", self._name, exc_info=error)
            fault = error
        finally:
            self._release()
        if fault is not None and self._on_fault is not None:
            self._on_fault(fault)

    def _drain(self) -> None:
        """Stop listening and finish what has begun, as long as there is time."""
        assert self._workers is not None
        for listener in self._listeners:
            wasyncore.dispatcher.close(listener)
        self._workers.set_thread_count(0)
        while self._workers.busy() and time.monotonic() < self._close_by:
            wasyncore.poll2(0.02, self._map)
        while self._has_output() and time.monotonic() < self._close_by:
            wasyncore.poll2(0.02, self._map)

    def _release(self) -> None:
        """Let go of sockets and workers, whatever state they are in."""
        assert self._workers is not None
        self._workers.set_thread_count(0)
        self._workers.join(time.monotonic() + _WORKER_EXIT_S)
        self._workers.shutdown(timeout=0)  # forgets requests that no worker has begun
        for channel in self._channels():
            channel.linger_on_close = False
            channel.handle_close()
        for listener in self._listeners:
            wasyncore.dispatcher.close(listener)

    def _channels(self) -> list[Any]:
        return [c for listener in self._listeners for c in listener.active_channels.values()]

    def _has_output(self) -> bool:
        return any(channel.total_outbufs_len for channel in self._channels())


def _adjustments(threads: int) -> Adjustments:
    """Waitress' settings: poll instead of select, and limits on everything a client can hold."""
    soft_limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Adjustments(
        threads=threads,
        asyncore_use_poll=True,
        asyncore_loop_timeout=1,
        # Three quarters leave the rest of the process its files and sockets.
        connection_limit=min(_MAX_CONNECTIONS, max(64, soft_limit * 3 // 4)),
        cleanup_interval=1,
        channel_timeout=_IDLE_TIMEOUT_S,
        outbuf_high_watermark=_UNSENT_BYTES,
        max_request_header_size=_MAX_HEADER_BYTES,
        max_request_body_size=MAX_BODY_BYTES + 1,  # waitress refuses the limit itself
        log_socket_errors=False,
        ident="petstream",
    )

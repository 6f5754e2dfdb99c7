"""The composition root of ``petstream serve``: the service and its HTTP ports.

Strategy: everything that can be refused (a port in use, a record path that cannot be written, a
token file that cannot be read) is refused in the constructor, before any thread runs.
"""

import dataclasses
import logging
import os
import threading
import time
from typing import Final

from aiortc import RTCIceServer

from petstream.config import Address, Config, MonitorConfig, WebConfig
from petstream.profiling import Profiler
from petstream.recording.directory import check_directory
from petstream.recording.limits import Limits
from petstream.recording.retention import Retention
from petstream.service import Petstream, ServiceSettings
from petstream.source import Source
from petstream.systemd import Notifier
from petstream.version import __version__
from petstream.web.app import create_app
from petstream.web.http_server import HttpServer
from petstream.web.metrics_app import create_metrics_app
from petstream.web.monitor import MonitorServer
from petstream.web.partial import TRANSFERS_MAX
from petstream.web.profiling_app import create_profiling_app
from petstream.web.security import Security
from petstream.webrtc.negotiation import IceSettings

__all__ = ["Server"]

logger = logging.getLogger(__name__)

WAIT_S: Final = 1.0  # how soon a part that failed for good is noticed
HTTP_CLOSE_S: Final = 1.0
HTTP_WORKERS: Final = TRANSFERS_MAX + 8  # downloads leave the other calls their threads


class Server:
    """A petstream server.

    Attributes:
        service: the system without its ports.
        addresses: what listens where, such as ``{"http": "http://localhost:8081"}``.
    """

    def __init__(self, config: Config, *, source: Source | None = None) -> None:
        """Bind the ports and check the record path; no thread runs yet.

        Args:
            config: the settings.
            source: where access units come from; the ring that ``config.shm`` names if None.

        Raises:
            ConfigError: a port is in use, the record path cannot be written, or the token cannot be
                read; one line.
        """
        check_directory(config.record_path)
        self.service = Petstream(
            ServiceSettings(
                shm=config.shm,
                record_path=config.record_path,
                max_viewers=config.max_clients,
                pre_roll_s=config.pre_roll,
                limits=Limits(config.record_max_duration or None, config.record_segment or None),
                retention=Retention(config.record_quota or None, config.record_min_free or None),
                ice=IceSettings(
                    addresses=config.ice_addresses,
                    udp_ports=config.udp_ports.ports if config.udp_ports else None,
                    stun=config.stun,
                    turn=tuple(
                        RTCIceServer(t.url, username=t.username, credential=t.credential)
                        for t in config.turn
                    ),
                ),
            ),
            source=source,
        )
        self._systemd = Notifier(os.environ)
        self._profiler = Profiler(self.service.webrtc.loop.tasks)
        self._failed = threading.Event()  # an HTTP server's thread ended by itself
        self._stopped = threading.Event()
        self._ports: list[HttpServer | MonitorServer] = []
        self.addresses: dict[str, str] = {}
        try:
            self._bind(config)
        except BaseException:
            self._close_ports()
            raise

    def start(self) -> None:
        """Start the service and answer on all ports."""
        self.service.start()
        for port in self._ports:
            port.start()
        self._systemd.ready()
        logger.info("petstream %s runs: %s", __version__, self.addresses)

    def stop(self, timeout_s: float = 5.0) -> None:
        """Finish the recording, close the viewers and the ports; twice is once."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._systemd.stopping()
        deadline = time.monotonic() + timeout_s
        late = self.service.stop(timeout_s - HTTP_CLOSE_S)
        self._close_ports(max(0.1, deadline - time.monotonic()))
        if late:
            logger.error("still running after %.1f s: %s", timeout_s, ", ".join(late))
        logger.info("petstream has stopped")

    def wait(self) -> int:
        """Wait until ``stop`` was called or a part failed for good; the exit code for that."""
        while not self._stopped.wait(WAIT_S):
            if self.service.fatal is not None:
                logger.critical("%s; the process ends", self.service.fatal)
                return 1
            if self._failed.is_set():
                return 1
            if self.service.moving:
                self._systemd.feed()
        return 0

    def _bind(self, config: Config) -> None:
        security = Security.from_config(config)
        apps = [
            ("http", config.http, create_app(self.service, security)),
            (
                "metrics",
                config.metrics,
                create_metrics_app(self.service.metrics.registry, security),
            ),
        ]
        if config.pprof is not None:
            apps.append(("pprof", config.pprof, create_profiling_app(self._profiler, security)))
        for name, address, app in apps:
            port = HttpServer(
                app,
                address.host,
                address.port,
                name,
                threads=HTTP_WORKERS,
                on_fault=lambda _: self._failed.set(),
            )
            self._ports.append(port)
            self.addresses[name] = port.url
        if config.monitor is not None:
            monitor = MonitorServer(
                _monitor_config(config, config.monitor, self.addresses["http"]),
                on_fault=lambda _: self._failed.set(),
            )
            self._ports.append(monitor)
            self.addresses["monitor"] = monitor.url

    def _close_ports(self, timeout_s: float = HTTP_CLOSE_S) -> None:
        self._profiler.close()
        # The page first: what it still asks for is answered.
        for port in reversed(self._ports):
            port.close(timeout_s)


def _monitor_config(config: Config, address: Address, server: str) -> MonitorConfig:
    """The settings of a monitor in the server's own process."""
    shared = {field.name: getattr(config, field.name) for field in dataclasses.fields(WebConfig)}
    return MonitorConfig(http=address, server=server, detections=config.detections, **shared)

"""Every metric, by its fixed name, in a registry of its own.

Strategy: the hot path counts in plain integers that it owns; they are read when Prometheus asks,
so that counting costs nothing and no figure is kept twice.
"""

import platform
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from petstream.metrics.camera import camera_metrics
from petstream.metrics.contract import contract_metrics
from petstream.metrics.histogram import TimeHistogram
from petstream.metrics.parts import part_metrics
from petstream.metrics.viewers import ViewerMetrics
from petstream.version import __version__

if TYPE_CHECKING:
    from petstream.service import Petstream

__all__ = ["Metrics"]


class Metrics(Collector):
    """The registry, the histograms in it, and all figures of the service it is bound to.

    Attributes:
        sent: how long after it was read each viewer was sent an access unit, in seconds.
        all_sent: how long after it was read the last of them was.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._service: Petstream | None = None
        self._viewers = ViewerMetrics()
        self._read = TimeHistogram(
            "streaming_capture_to_read_seconds",
            "From the capture of an access unit until it was copied out of shared memory.",
        )
        self.all_sent = TimeHistogram(
            "streaming_read_to_sent_seconds",
            "From reading an access unit until its last packet left for the last viewer.",
        )
        self.sent = TimeHistogram(
            "streaming_viewer_sent_seconds",
            "From reading an access unit until its last packet left, for each viewer.",
        )
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def observe_read(self, seconds: float) -> None:
        """A slot was read so long after its capture; a clock other than ours is left out."""
        if 0.0 <= seconds < 60.0:
            self._read.observe(seconds)

    def bind(self, service: "Petstream") -> None:
        """Take the figures of this service."""
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """All metrics, as they are now."""
        yield InfoMetricFamily(
            "petstream_build",
            "What runs.",
            {"version": __version__, "python": platform.python_version()},
        )
        for histogram in (self._read, self.all_sent, self.sent):
            yield histogram.family()
        if self._service is not None:
            yield from contract_metrics(self._service)
            yield from camera_metrics(self._service.pipeline)
            yield from part_metrics(self._service)
            yield from self._viewers.collect(self._service.viewers())

"""The state of the process' parts: threads, event loop, disk, and health in one figure."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

if TYPE_CHECKING:
    from petstream.service import Petstream

__all__ = ["part_metrics"]


def part_metrics(service: "Petstream") -> Iterator[Metric]:
    """All of them, as they are now."""
    yield GaugeMetricFamily(
        "streaming_degraded_reasons",
        "How many reasons /health gives for not being well; 0 is well.",
        len(service.health_reasons()),
    )
    yield GaugeMetricFamily(
        "streaming_event_loop_blocked_seconds",
        "For how long the event loop has not come round.",
        service.webrtc.loop.blocked_s,
    )
    if service.disk.free_bytes is not None:
        yield GaugeMetricFamily(
            "streaming_recording_disk_free_bytes",
            "What recordings may still take.",
            service.disk.free_bytes,
        )
    restarts = CounterMetricFamily(
        "streaming_thread_restarts", "Threads that failed and were restarted.", labels=["thread"]
    )
    for thread in service.threads:
        restarts.add_metric([thread.name], thread.restarts)
    yield restarts

"""Figures of each viewer, in a bounded number of series.

Strategy: a viewer's own number would make new series for every visit, for ever. So each gets the
lowest place that is free, and its figures are labelled with that: there are never more series than
viewers at once. A counter that begins anew with the next viewer is what Prometheus expects of a
restart.
"""

import threading
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from petstream.webrtc.viewer import ViewerInfo

__all__ = ["PLACES_MAX", "ViewerMetrics"]

PLACES_MAX: Final = 64  # viewers beyond are in the sums only

_COUNTERS: Final = {
    "frames_sent": ("sent", "Access units sent to the viewer."),
    "frames_dropped": ("dropped", "Access units the viewer was not sent."),
    "packets_sent": ("packets", "RTP packets sent, without those sent again."),
    "packets_retransmitted": ("retransmitted", "RTP packets sent again."),
    "nacks": ("nacks", "Requests for lost packets."),
    "picture_losses": ("picture_losses", "Requests for a new picture."),
}
_GAUGES: Final = {
    "queued_bytes": ("queued_bytes", 1.0, "Bytes that wait to be sent."),
    "round_trip_seconds": ("rtt_ms", 1e-3, "Round-trip time, smoothed."),
    "loss_ratio": ("fraction_lost", 1.0, "Share of packets lost, of the last report."),
}


class ViewerMetrics:
    """Gives places to viewers; any thread may collect."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[int, int] = {}  # by the viewer's id

    def collect(self, viewers: Iterable[ViewerInfo]) -> Iterator[Metric]:
        """The figures of these viewers."""
        placed = self._place([viewer for viewer in viewers if viewer.state == "connected"])
        for name, (attribute, text) in _COUNTERS.items():
            counter = CounterMetricFamily(f"streaming_viewer_{name}", text, labels=["viewer"])
            for place, viewer in placed:
                counter.add_metric([str(place)], getattr(viewer, attribute))
            yield counter
        for name, (attribute, scale, text) in _GAUGES.items():
            gauge = GaugeMetricFamily(f"streaming_viewer_{name}", text, labels=["viewer"])
            for place, viewer in placed:
                value = getattr(viewer, attribute)
                if value is not None:
                    gauge.add_metric([str(place)], scale * value)
            yield gauge

    def _place(self, viewers: list[ViewerInfo]) -> list[tuple[int, ViewerInfo]]:
        with self._lock:
            here = {viewer.id for viewer in viewers}
            self._places = {i: place for i, place in self._places.items() if i in here}
            free = (p for p in range(PLACES_MAX) if p not in set(self._places.values()))
            placed = []
            for viewer in viewers:
                place = self._places.get(viewer.id)
                if place is None:
                    place = next(free, None)
                if place is not None:
                    self._places[viewer.id] = place
                    placed.append((place, viewer))
            return placed

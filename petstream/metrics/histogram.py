"""A histogram of times for the hot path.

Strategy: a bisection and two additions, without a lock, because one thread alone observes; the
library's own costs ten times as much, for each viewer and access unit. What Prometheus is given is
made when it asks.
"""

from bisect import bisect_left
from itertools import accumulate
from typing import Final

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.utils import floatToGoString

__all__ = ["BOUNDS_S", "TimeHistogram"]

# From one poll of the reader to a viewer that is seconds behind.
BOUNDS_S: Final = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


class TimeHistogram:
    """One thread calls ``observe``, any other ``family``."""

    def __init__(self, name: str, text: str) -> None:
        """Make an empty one.

        Args:
            name: ends in ``_seconds``.
            text: what Prometheus shows as its help.
        """
        self._name = name
        self._text = text
        self._counts = [0] * (len(BOUNDS_S) + 1)  # by bucket, the last one without a bound
        self._sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one time; what equals a bound is within it."""
        self._counts[bisect_left(BOUNDS_S, seconds)] += 1
        self._sum_s += seconds

    def family(self) -> HistogramMetricFamily:
        """All that was observed so far."""
        labels = [*map(floatToGoString, BOUNDS_S), "+Inf"]
        buckets = list(zip(labels, map(float, accumulate(self._counts)), strict=True))
        return HistogramMetricFamily(self._name, self._text, buckets=buckets, sum_value=self._sum_s)

"""The histogram of the hot path against the library's own."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from petstream.metrics.histogram import BOUNDS_S, TimeHistogram

TIMES = st.one_of(st.floats(0, 10), st.sampled_from(BOUNDS_S))


@given(st.lists(TIMES, max_size=50))
def test_prometheus_is_told_the_same(times: list[float]) -> None:
    """Buckets, count and sum, line for line."""
    theirs = CollectorRegistry()
    library = Histogram("t_seconds", "Times.", buckets=BOUNDS_S, registry=theirs)
    own = TimeHistogram("t_seconds", "Times.")
    for seconds in times:
        library.observe(seconds)
        own.observe(seconds)

    class Own(Collector):
        def collect(self) -> list[Metric]:
            return [own.family()]

    ours = CollectorRegistry()
    ours.register(Own())
    expected = [line for line in generate_latest(theirs).splitlines() if b"_created" not in line]
    assert generate_latest(ours).splitlines() == expected

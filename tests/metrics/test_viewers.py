"""Places of viewers in the metrics."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from petstream.metrics.viewers import PLACES_MAX, ViewerMetrics
from petstream.webrtc.viewer import ViewerInfo

NOBODY = {field.name: 0 for field in dataclasses.fields(ViewerInfo)}


def viewer(number: int, **figures: object) -> ViewerInfo:
    """A connected viewer."""
    return ViewerInfo(**{**NOBODY, "id": number, "state": "connected", "codec": "", **figures})  # type: ignore[arg-type]


def sent(metrics: ViewerMetrics, viewers: list[ViewerInfo]) -> dict[str, float]:
    """Access units sent, by place."""
    families = {family.name: family for family in metrics.collect(viewers)}
    return {s.labels["viewer"]: s.value for s in families["streaming_viewer_frames_sent"].samples}


def test_a_place_is_kept_and_given_again() -> None:
    """Who stays keeps its place; who comes takes the lowest that is free."""
    metrics = ViewerMetrics()
    assert sent(metrics, [viewer(7, sent=1), viewer(8, sent=2)]) == {"0": 1, "1": 2}
    assert sent(metrics, [viewer(8, sent=3)]) == {"1": 3}
    assert sent(metrics, [viewer(8, sent=4), viewer(9, sent=5)]) == {"0": 5, "1": 4}


def test_who_connects_has_no_series() -> None:
    """Nor has a round-trip time that is not known."""
    metrics = ViewerMetrics()
    assert sent(metrics, [viewer(1, state="connecting")]) == {}
    families = {f.name: f for f in metrics.collect([viewer(2, rtt_ms=None)])}
    assert families["streaming_viewer_round_trip_seconds"].samples == []


@given(st.lists(st.sets(st.integers(0, 500), max_size=80), max_size=20))
def test_series_are_bounded(visits: list[set[int]]) -> None:
    """Whoever comes and goes, there are never more series, and no two viewers share one."""
    metrics = ViewerMetrics()
    for present in visits:
        places = sent(metrics, [viewer(number, sent=number) for number in present])
        assert len(places) == min(len(present), PLACES_MAX)
        assert {int(place) for place in places} <= set(range(PLACES_MAX))

"""Errors the simulator raises on purpose, beside ``SegmentError`` for the ring itself."""

from petstream.errors import PetstreamError

__all__ = ["FixtureError", "ScenarioError"]


class FixtureError(PetstreamError):
    """A clip is missing, unreadable, or not the H.264 that its index says."""

    code = "bad_fixture"


class ScenarioError(PetstreamError):
    """A scenario is unknown, or its file says something that no scenario can."""

    code = "bad_scenario"

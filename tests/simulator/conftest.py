"""Clips and segments for the simulator's tests."""

import pytest

from simulator import Fixture


@pytest.fixture(scope="session")
def clip() -> Fixture:
    """A clip with barcodes, small enough to play in every test."""
    return Fixture.load("barcode-480p30")


@pytest.fixture
def segment(segment_name: str) -> str:
    """The name of a segment that is not there."""
    return segment_name

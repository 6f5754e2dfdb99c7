"""The stored inputs of the fuzzer, tried in this process: no luck is needed, nor the fuzzer."""

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"


def stored(target: str) -> list[Path]:
    """The inputs that are kept for a target."""
    return sorted((CORPUS / target).iterdir())


@pytest.mark.parametrize("target", TARGETS)
def test_the_stored_corpus_passes(target: str) -> None:
    """Each stored input gives what it should, or a typed error."""
    inputs = stored(target)
    assert len(inputs) >= 5
    for path in inputs:
        TARGETS[target](path.read_bytes())

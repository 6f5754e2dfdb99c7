"""Any fault and any timeline: hypothesis takes each field from its own range."""

import dataclasses
from typing import Any

from hypothesis import strategies as st

from simulator.scenario import FAULT_KINDS, Fault, Timeline

__all__ = ["faults", "timelines"]

WORDS = {"fps": st.sampled_from(["15", "29.97", "30000/1001"])}


def values(entry: "dataclasses.Field[Any]") -> st.SearchStrategy[Any]:
    """What a field may hold."""
    if "range" in entry.metadata:
        return st.integers(*entry.metadata["range"])
    if "choices" in entry.metadata:
        return st.sampled_from(entry.metadata["choices"])
    if isinstance(entry.default, bool):
        return st.booleans()
    return WORDS.get(entry.name, st.text(st.characters(codec="utf-8"), max_size=20))


def fault(kind: str) -> st.SearchStrategy[Fault]:
    """Any fault of a kind."""
    cls = FAULT_KINDS[kind]
    return st.builds(cls, **{entry.name: values(entry) for entry in dataclasses.fields(cls)})


faults = st.sampled_from(sorted(FAULT_KINDS)).flatmap(fault)
timelines = st.builds(
    Timeline,
    st.lists(faults.filter(lambda fault: fault.at < 10_000_000), max_size=8).map(tuple),
    clip=st.text(st.characters(codec="utf-8"), max_size=20),
    length=st.just(10_000_000),
    stamp=st.booleans(),
)

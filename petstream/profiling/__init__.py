"""Profiles for ``go tool pprof``: CPU time, memory, and what runs at once.

Strategy: nothing here runs until it is asked for. Stacks (``stacks``) are measured by ``cpu``,
``heap`` and ``routines`` and written in pprof's format (``wire``); ``profiler`` lets one in at a
time.
"""

from petstream.profiling.profiler import SECONDS_MAX, Profiler

__all__ = ["SECONDS_MAX", "Profiler"]

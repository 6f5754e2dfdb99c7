"""One measurement: camera, server and viewers, from their start to a row of figures."""

import statistics
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from tools.benchmark.camera import BenchCamera
from tools.benchmark.figures import percentile, viewer_figures
from tools.benchmark.processes import cpu_s, memory, thread_cpu_s
from tools.benchmark.receiver import Receivers
from tools.benchmark.servers import ServerUnderTest, Subject
from tools.benchmark.streams import DEFAULT_GOP, DEFAULT_MBPS, FPS, Stream

__all__ = ["PERCENTS", "Row", "measure", "median_row"]

PERCENTS: Final = (50, 95, 99)
ATTACH_S: Final = 1.5  # so that the first viewer finds a whole GOP
SETTLE_S: Final = 1.0
IN_FLIGHT_S: Final = 0.5  # what is captured later than this before the end does not count
SUMMED: Final = {"lost", "skipped", "undecodable"}


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one measurement.

    Attributes:
        subject: what was measured.
        mbps, gop, viewers, seconds: the load.
        cpu_percent: of one core, all threads of the server.
        thread_percent: the same by thread name.
        receivers_percent, camera_percent: likewise, of the other processes.
        write_ms: what the camera takes to write an access unit, whose slot it copies as a whole as
            the daemon does; the median. The latencies include it.
        p_ms, idr_ms: 50th, 95th and 99th percentile over all viewers; from just before the write
            to the last packet of an access unit.
        join_ms: median over the viewers, from the offer to the first complete IDR.
        lost, skipped, undecodable: summed over all viewers.
    """

    subject: str
    mbps: float
    gop: int
    viewers: int
    seconds: float
    cpu_percent: float
    thread_percent: dict[str, float]
    receivers_percent: float
    camera_percent: float
    write_ms: float
    rss_mb: float
    uss_mb: float
    p_ms: tuple[float, ...]
    idr_ms: tuple[float, ...]
    join_ms: float
    lost: int
    skipped: int
    undecodable: int

    @property
    def load_is_default(self) -> bool:
        """Whether the stream is the one that all senders are compared with."""
        return (self.mbps, self.gop) == (DEFAULT_MBPS, DEFAULT_GOP)


class _Cost:
    """CPU time from its making to ``percent``, of the server and of what is around it."""

    def __init__(self, server: int, camera: int, receivers: Receivers) -> None:
        self._server, self._camera, self._receivers = server, camera, receivers
        self._begin = self._now()

    def percents(self) -> dict[str, Any]:
        """Per cent of one core, under the names they have in a Row."""
        seconds, server, threads, receivers, camera = self._now()
        since, server_before, threads_before, receivers_before, camera_before = self._begin
        share = 100 / (seconds - since)
        return {
            "cpu_percent": share * (server - server_before),
            "thread_percent": {
                name: share * (value - threads_before.get(name, 0))
                for name, value in threads.items()
            },
            "receivers_percent": share * (receivers - receivers_before),
            "camera_percent": share * (camera - camera_before),
        }

    def _now(self) -> tuple[float, float, dict[str, float], float, float]:
        return (
            time.monotonic(),
            cpu_s(self._server),
            thread_cpu_s(self._server),
            self._receivers.cpu_s(),
            cpu_s(self._camera),
        )


def measure(
    subject: Subject,
    stream: Stream,
    viewers: int,
    seconds: float,
    library: Path,
    watch: Callable[[int], None] | None = None,
) -> Row:
    """Run everything for ``seconds`` and tell what it cost.

    Args:
        library: the compiled counter.
        watch: called with the server's process id while it is measured; takes ``seconds`` itself.
    """
    shm = f"/petstream-bench-{uuid.uuid4().hex[:8]}"
    with (
        BenchCamera(shm, stream) as camera,
        ServerUnderTest(subject, shm, max(1, viewers)) as server,
    ):
        time.sleep(ATTACH_S)
        receivers = Receivers(server.url, library, viewers)
        time.sleep(SETTLE_S)
        cost = _Cost(server.pid, camera.pid, receivers)
        first = camera.written
        if watch is None:
            time.sleep(seconds)
        else:
            watch(server.pid)
        percents, held = cost.percents(), memory(server.pid)
        last = camera.written - int(IN_FLIGHT_S * FPS)
        received = receivers.finish()
        captured = camera.captured_ns[: camera.written]
        written = camera.written_ns[: camera.written]
    numbers, gop = range(first, last), len(stream.gop)
    found = [viewer_figures(r, captured, numbers, gop, stream.idr_packets) for r in received]
    return Row(
        subject=subject.name,
        mbps=stream.mbps,
        gop=gop,
        viewers=viewers,
        seconds=seconds,
        **percents,
        write_ms=statistics.median((written[n] - captured[n]) / 1e6 for n in numbers),
        rss_mb=held.rss_mb,
        uss_mb=held.uss_mb,
        p_ms=_percentiles([ms for viewer in found for ms in viewer.p_ms]),
        idr_ms=_percentiles([ms for viewer in found for ms in viewer.idr_ms]),
        join_ms=statistics.median(v.join_ms for v in found) if found else float("nan"),
        lost=sum(viewer.lost for viewer in found),
        skipped=sum(viewer.skipped for viewer in found),
        undecodable=sum(viewer.undecodable for viewer in found),
    )


def median_row(rows: Sequence[Row]) -> Row:
    """The medians of several runs of the same; what went wrong is summed."""
    values: dict[str, Any] = {}
    for one in fields(Row):
        column = [getattr(row, one.name) for row in rows]
        if one.name in SUMMED:
            values[one.name] = sum(column)
        elif isinstance(column[0], dict):
            names = {name for entry in column for name in entry}
            values[one.name] = {
                name: statistics.median(entry.get(name, 0.0) for entry in column) for name in names
            }
        elif isinstance(column[0], tuple):
            values[one.name] = tuple(statistics.median(each) for each in zip(*column, strict=True))
        elif isinstance(column[0], float):
            values[one.name] = statistics.median(column)
        else:
            values[one.name] = column[0]
    return Row(**values)


def _percentiles(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(percentile(values, percent) for percent in PERCENTS)

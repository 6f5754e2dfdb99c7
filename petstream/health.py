"""Whether all is well, and if not, why, in words.

Strategy: the parts keep what they know anyway; a report puts it together at the moment somebody
asks, so that it is never older than the fault. Each function turns the state of one part into
sentences; where there is none, there is no fault. Any thread may ask.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Final

from petstream.disk import DiskWatch
from petstream.pipeline import CameraState, Pipeline
from petstream.recording.library import Library
from petstream.recording.recorder import Recorder
from petstream.threads import SupervisedThread
from petstream.webrtc.endpoint import WebRtcEndpoint

__all__ = ["Health"]

STALE_S: Final = 1.5  # a camera at 2 fps is slow, one that is silent for longer has stalled
STALE_INTERVALS: Final = 3  # or for so many of the intervals that somebody asked it for
REFUSED_S: Final = 2.0  # a slot that was refused counts for so long
RESTART_REPORTED_S: Final = 60.0
LOOP_BLOCKED_S: Final = 0.5
SILENT_S: Final = 1.25  # for so long a round of a thread may be overdue


class Health:
    """Answers for the whole system."""

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        recorder: Recorder,
        recordings: Library,
        webrtc: WebRtcEndpoint,
        disk: DiskWatch,
        threads: Sequence[SupervisedThread],
    ) -> None:
        """Make it.

        Args:
            pipeline, recorder, recordings, webrtc, disk: the parts that have a state.
            threads: every thread that has to run.
        """
        self._pipeline = pipeline
        self._recorder = recorder
        self._recordings = recordings
        self._webrtc = webrtc
        self._disk = disk
        self._threads = threads
        self._made_at = time.monotonic()

    def report(self) -> dict[str, object]:
        """The state of every part, and whether something is wrong with any: GET /health."""
        camera = self._pipeline.camera()
        reasons = self.reasons(camera)
        return {
            "status": "degraded" if reasons else "ok",
            "webrtc_clients": self._webrtc.connected,
            "recording": self._recorder.status().recording,
            "has_headers": camera.has_headers,
            "reasons": reasons,
            "uptime_s": round(time.monotonic() - self._made_at, 1),
            "camera": _camera_report(camera),
            "disk": {"free_bytes": self._disk.free_bytes},
            "event_loop": {"blocked_ms": round(1e3 * self._webrtc.loop.blocked_s)},
            "threads": {t.name: {"alive": t.alive, "restarts": t.restarts} for t in self._threads},
        }

    def reasons(self, camera: CameraState | None = None) -> list[str]:
        """What is wrong, a sentence each; empty if nothing is."""
        camera = self._pipeline.camera() if camera is None else camera
        return [
            *_camera_reasons(camera),
            *self._refused_reasons(),
            *self._recording_reasons(),
            *self._loop_reasons(),
            *_thread_reasons(self._threads),
        ]

    def _refused_reasons(self) -> Iterator[str]:
        counters = self._pipeline.counters
        if time.monotonic() - counters.refused_at < REFUSED_S:
            counts = self._pipeline.refused.most_common(3)
            shown = ", ".join(f"{reason} {count}" for reason, count in counts)
            yield f"the camera writes slots that are of no use; so far {shown}"

    def _recording_reasons(self) -> Iterator[str]:
        recording, disk = self._recorder.status(), self._disk
        if recording.error is not None:
            yield f"the last recording failed: {recording.error}"
        if disk.fault is not None:
            yield f"recordings cannot be made: {disk.fault}"
        elif disk.silent_s > SILENT_S:
            yield f"the disk of {disk.path} has not answered for {disk.silent_s:.1f} s"
        else:
            yield from self._recordings.reasons()

    def _loop_reasons(self) -> Iterator[str]:
        blocked_s = self._webrtc.loop.blocked_s
        if blocked_s > LOOP_BLOCKED_S:
            yield f"the event loop has been blocked for {blocked_s:.1f} s"


def _camera_report(camera: CameraState) -> dict[str, object]:
    return {
        "attached": camera.attached,
        "age_ms": None if camera.age_s is None else round(1e3 * camera.age_s),
        "fps": round(camera.fps, 1),
        "bit_rate_bps": round(camera.bit_rate_bps),
        "gop_length": camera.gop_length,
        "camera_id": camera.camera_id,
        "width": camera.width,
        "height": camera.height,
        "profile_level_id": camera.profile_level_id,
        "b_frames": camera.b_frames,
        "reader": camera.mode,
    }


def _camera_reasons(camera: CameraState) -> Iterator[str]:
    if camera.fault is not None:
        yield f"no camera: {camera.fault}"
    elif camera.age_s is None:
        yield "the camera has not delivered an access unit yet"
    else:
        if camera.age_s > max(STALE_S, STALE_INTERVALS * camera.frame_interval_ms / 1e3):
            yield f"the camera is stale: no access unit for {camera.age_s:.1f} s"
        if not camera.has_headers:
            yield "the stream has no parameter sets (SPS, PPS); nothing can decode it"
        if camera.b_frames:
            yield "the stream has B-frames, which browsers do not play without stutter"


def _thread_reasons(threads: Sequence[SupervisedThread]) -> Iterator[str]:
    now = time.monotonic()
    for thread in threads:
        if not thread.alive:
            yield f"thread {thread.name} does not run"
        elif thread.silent_s > SILENT_S:
            yield f"thread {thread.name} has hung for {thread.silent_s:.1f} s"
        elif thread.fault is not None and now - thread.fault_at < RESTART_REPORTED_S:
            ago_s = now - thread.fault_at
            yield f"thread {thread.name} was restarted {ago_s:.0f} s ago, after {thread.fault!r}"

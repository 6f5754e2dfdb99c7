"""petstream without its HTTP ports: pipeline, recorder and viewers, put together.

Strategy: each part knows only what is in front of it; this is where they meet, and where their
states become one answer to "is it well". Any thread may call any method.
"""

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from petstream.disk import DiskWatch
from petstream.errors import StaleSessionError
from petstream.h264.nal import is_random_access
from petstream.health import Health
from petstream.metrics import Metrics
from petstream.pipeline import Pipeline
from petstream.recording.library import Library
from petstream.recording.limits import NO_LIMITS, Limits
from petstream.recording.recorder import Recorder
from petstream.recording.retention import NO_RETENTION, Retention
from petstream.shm.ring import RingReader
from petstream.source import Source
from petstream.threads import SupervisedThread
from petstream.webrtc.endpoint import Session, WebRtcEndpoint
from petstream.webrtc.negotiation import IceSettings
from petstream.webrtc.viewer import ViewerInfo

__all__ = ["Petstream", "ServiceSettings"]

logger = logging.getLogger(__name__)

HUNG_S: Final = 10.0
PRE_ROLL_MAX_S: Final = 10.0  # kept in memory; with a larger -pre-roll as much as that


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What the service needs to know.

    Attributes:
        shm: name of the ring segment.
        record_path: directory of the recordings.
        max_viewers: connected or connecting at once.
        pre_roll_s: what a recording begins with when /start does not say.
        limits: how long a recording and its files may become.
        retention: how much room recordings may take.
        ice: how viewers find us.
    """

    shm: str = "/pet_camera_stream"
    record_path: str | Path = "recordings"
    max_viewers: int = 10
    pre_roll_s: float = 0.0
    limits: Limits = NO_LIMITS
    retention: Retention = NO_RETENTION
    ice: IceSettings = field(default_factory=IceSettings)


class Petstream:
    """The running system: reads the camera, serves viewers, records.

    ``with Petstream(settings) as petstream:`` starts and stops it.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        metrics: Metrics | None = None,
        *,
        source: Source | None = None,
    ) -> None:
        """Make it; nothing is opened or started.

        Args:
            settings: see ServiceSettings.
            metrics: where times are observed; one of its own if None.
            source: where access units come from; the ring that the settings name if None.
        """
        self.metrics = Metrics() if metrics is None else metrics
        self.fatal: str | None = None  # why the process should end
        record_path = Path(settings.record_path)
        self._ice = settings.ice
        if source is None:
            source = RingReader(settings.shm, is_random_access=is_random_access)
        self.pipeline = Pipeline(
            source,
            on_fatal=self._on_fatal,
            observe_read=self.metrics.observe_read,
        )
        self.recordings = Library(
            record_path,
            retention=settings.retention,
            newest_idr=lambda: self.pipeline.newest_idr,
            on_fatal=self._on_fatal,
        )
        self.recorder = Recorder(
            record_path,
            pre_roll_s=settings.pre_roll_s,
            pre_roll_max_s=max(PRE_ROLL_MAX_S, settings.pre_roll_s),
            limits=settings.limits,
            no_room=self.recordings.no_room,
        )
        distributor = self.pipeline.distributor
        self.recorder_source = distributor.subscribe(
            "recorder", is_urgent=lambda: self.recorder.status().recording
        )
        self._recorder_thread = SupervisedThread(
            "recorder",
            lambda stop: self.recorder.run(self.recorder_source, stop),
            on_fatal=self._on_fatal,
        )
        self.disk = DiskWatch(record_path)
        self._disk_thread = SupervisedThread("disk", self.disk.run, on_fatal=self._on_fatal)
        self.webrtc = WebRtcEndpoint(
            distributor,
            max_viewers=settings.max_viewers,
            ice=settings.ice,
            profile_level_id=lambda: self.pipeline.camera().profile_level_id,
            on_fatal=self._on_fatal,
            on_sent=self.metrics.sent.observe,
            on_all_sent=self.metrics.all_sent.observe,
        )
        self._health = Health(
            pipeline=self.pipeline,
            recorder=self.recorder,
            recordings=self.recordings,
            webrtc=self.webrtc,
            disk=self.disk,
            threads=self.threads,
        )
        self.metrics.bind(self)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def threads(self) -> tuple[SupervisedThread, ...]:
        """Every supervised thread."""
        return (
            *self.pipeline.threads,
            self._recorder_thread,
            *self.recordings.threads,
            self.webrtc.loop.thread,
            self._disk_thread,
        )

    @property
    def moving(self) -> bool:
        """Whether every thread that viewers depend on comes round; the watchdog's question.

        A disk that hangs is no reason to begin anew: viewers do not notice it.
        """
        watched = (*self.pipeline.threads, self.webrtc.loop.thread)
        return all(thread.silent_s < HUNG_S for thread in watched)

    def start(self) -> None:
        """Start all threads; whoever receives before whoever sends."""
        self._disk_thread.start()
        self.webrtc.start()
        self.recordings.start()
        self._recorder_thread.start()
        self.pipeline.start()

    def stop(self, timeout_s: float = 4.0) -> list[str]:
        """Finish the recording, close the viewers, stop all threads.

        Returns:
            The names of threads that still run after the time-out.
        """
        deadline = time.monotonic() + timeout_s
        self._disk_thread.request_stop()
        self._recorder_thread.request_stop()
        self.webrtc.loop.thread.request_stop()
        late = []
        if not self.recorder.close(timeout_s / 2):
            logger.error("the recording could not be finished within %.1f s", timeout_s / 2)
        if not self.webrtc.stop(max(0.1, deadline - time.monotonic())):
            late.append("webrtc")
        late += self.pipeline.stop(max(0.1, deadline - time.monotonic()))
        self.recorder_source.close()
        if not self._recorder_thread.join(max(0.1, deadline - time.monotonic())):
            late.append("recorder")
        late += self.recordings.stop(max(0.1, deadline - time.monotonic()))
        if not self._disk_thread.join(max(0.1, deadline - time.monotonic())):
            late.append("disk")
        return late

    def offer(self, sdp: str) -> str:
        """Answer an SDP offer; see WebRtcEndpoint.offer."""
        return self.admit(sdp).answer

    def admit(self, sdp: str) -> Session:
        """Answer an SDP offer for a viewer that can be named afterwards."""
        return self.webrtc.offer(sdp)

    def whep_trickle(self, viewer_id: str, fragment: str, etag: str | None) -> None:
        """Take further candidates of a viewer; see WebRtcEndpoint.trickle."""
        if etag is not None and etag != "*" and etag != self.webrtc.etag(viewer_id):
            raise StaleSessionError("if-match names another ice session; ice restarts are not done")
        self.webrtc.trickle(viewer_id, fragment)

    def whep_delete(self, viewer_id: str) -> None:
        """End a viewer's session."""
        self.webrtc.dismiss(viewer_id)

    def ice_links(self) -> list[str]:
        """The ICE servers, for WHEP players; see IceSettings.links."""
        return self._ice.links()

    def clock(self) -> dict[str, int | None]:
        """This machine's clock, and how RTP time relates to it; see web.clock."""
        ticks, capture_ns = self.webrtc.newest_time() or (None, None)
        return {"now_ns": time.monotonic_ns(), "rtp_ticks": ticks, "capture_ns": capture_ns}

    def viewers(self) -> list[ViewerInfo]:
        """Every viewer's figures."""
        return self.webrtc.viewers()

    def start_recording(
        self, format: str | None = None, pre_roll_s: float | None = None
    ) -> dict[str, object]:
        """Begin a recording; see Recorder.start."""
        self.recordings.make_room()
        return self.recorder.start(format or "h264", pre_roll_s).to_json()

    def stop_recording(self) -> dict[str, object]:
        """End the recording; see Recorder.stop."""
        return self.recorder.stop().to_json()

    def recording_status(self) -> dict[str, object]:
        """The present or last recording; see RecordingStatus."""
        return self.recorder.status().to_json()

    def health(self) -> dict[str, object]:
        """The state of every part, and whether something is wrong with any."""
        return self._health.report()

    def health_reasons(self) -> list[str]:
        """What is wrong, a sentence each."""
        return self._health.reasons()

    def _on_fatal(self, thread: str, error: Exception) -> None:
        self.fatal = f"thread {thread} keeps failing: {error!r}"

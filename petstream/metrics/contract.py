"""The figures whose names the contract fixes (SPEC 4), whatever a linter says of them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

if TYPE_CHECKING:
    from petstream.service import Petstream

__all__ = ["contract_metrics"]


def contract_metrics(service: "Petstream") -> Iterator[Metric]:
    """All of them, as they are now."""
    for name, text, count in _counters(service):
        yield CounterMetricFamily(name, text, count)
    for name, text, value in _gauges(service):
        yield GaugeMetricFamily(name, text, value)


def _counters(service: "Petstream") -> Iterator[tuple[str, str, int]]:
    pipeline, webrtc = service.pipeline, service.webrtc.counters()
    counted, recorder, source = (
        pipeline.counters,
        service.recorder.counters,
        service.recorder_source,
    )
    yield "streaming_frames_read", "Slots copied out of shared memory.", counted.read
    yield "streaming_frames_processed", "Access units made of slots.", counted.processed
    yield (
        "streaming_frames_dropped",
        "Access units lost before the subscriptions: overwritten, torn, unusable or refused.",
        pipeline.dropped,
    )
    yield "streaming_webrtc_frames_sent", "Access units sent, summed over viewers.", webrtc.sent
    yield (
        "streaming_webrtc_frames_dropped",
        "Access units not sent, summed over viewers, because a queue was full or a gate shut.",
        webrtc.dropped,
    )
    yield (
        "streaming_recorder_frames_sent",
        "Access units handed to the recorder, recording or not.",
        source.sent,
    )
    yield (
        "streaming_recorder_frames_dropped",
        "Access units that the recorder did not get or left out of a recording.",
        source.dropped + recorder.skipped,
    )
    yield (
        "streaming_read_errors",
        "Slots and segments that could not be read.",
        pipeline.read_errors,
    )
    yield (
        "streaming_process_errors",
        "Slots that held no usable access unit.",
        sum(counted.process_errors.values()),
    )
    yield "streaming_webrtc_errors", "Sends refused and viewers that failed.", webrtc.errors
    yield "streaming_recorder_errors", "Recordings that ended by an error.", recorder.errors
    yield (
        "streaming_recordings_removed",
        "Recordings removed to keep the quota or the free space.",
        service.recordings.housekeeper.removed,
    )


def _gauges(service: "Petstream") -> Iterator[tuple[str, str, float]]:
    counted, recording = service.pipeline.counters, service.recorder.status()
    yield (
        "streaming_frame_latency_ms",
        "Capture to read, of the last access unit, in milliseconds.",
        counted.read_latency_ms,
    )
    yield (
        "streaming_process_latency_ms",
        "Read to distributed, of the last access unit, in milliseconds.",
        counted.process_latency_ms,
    )
    yield (
        "streaming_webrtc_buffer_usage_percent",
        "How full the queue in front of the event loop is.",
        service.webrtc.subscription.usage_percent,
    )
    yield (
        "streaming_recorder_buffer_usage_percent",
        "How full the queue in front of the recorder is.",
        service.recorder_source.usage_percent,
    )
    yield "streaming_active_clients", "Viewers connected now.", service.webrtc.connected
    yield (
        "streaming_total_clients",
        "Viewers that ever connected.",
        service.webrtc.counters().viewers,
    )
    yield "streaming_recording_active", "1 while a recording runs.", recording.recording
    yield (
        "streaming_recording_bytes",
        "Bytes of this or the last recording.",
        recording.bytes_written,
    )
    yield (
        "streaming_recording_frames",
        "Access units in this or the last recording.",
        recording.frame_count,
    )
    free_bytes = service.recordings.housekeeper.free_bytes
    if free_bytes is not None:
        yield "streaming_record_path_free_bytes", "Free space for recordings.", free_bytes

"""What the camera is doing, as far as its stream tells."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from petstream.pipeline import CameraState, Pipeline

__all__ = ["camera_metrics"]


def camera_metrics(pipeline: Pipeline) -> Iterator[Metric]:
    """The camera's state; what is not known yet is left out, and not 0."""
    camera = pipeline.camera()
    for name, text, value in _gauges(camera):
        if value is not None:
            yield GaugeMetricFamily(f"streaming_camera_{name}", text, value)
    labels = {
        "reader": camera.mode,
        "profile_level_id": camera.profile_level_id or "",
        "b_frames": str(camera.b_frames).lower(),
    }
    yield InfoMetricFamily("streaming_camera_stream", "What kind of stream it is.", labels)
    refused = CounterMetricFamily(
        "streaming_refused_slots", "Slots that were of no use, by reason.", labels=["reason"]
    )
    for reason, count in sorted(pipeline.refused.items()):
        refused.add_metric([reason], count)
    yield refused
    yield CounterMetricFamily(
        "streaming_camera_attaches",
        "How often the segment was attached to: more than once, and the daemon was restarted.",
        pipeline.source.stats.attaches,
    )


def _gauges(camera: CameraState) -> Iterator[tuple[str, str, float | None]]:
    yield "attached", "1 while the segment is there and has the right size.", camera.attached
    yield "age_seconds", "Since the last access unit.", camera.age_s
    yield "frames_per_second", "Access units a second, over two seconds.", camera.fps
    yield "bytes_per_second", "Bytes a second, over two seconds.", camera.bit_rate_bps / 8
    yield "gop_length", "Access units from one IDR to the next.", camera.gop_length or None
    yield "width_pixels", "Width of the picture.", camera.width
    yield "height_pixels", "Height of the picture.", camera.height
    yield "id", "The daemon's number for the camera.", camera.camera_id

"""The settings of each command, one frozen dataclass each, and nothing else.

Strategy: a field here is the only place a setting is written down; see option.py for what is
made of it. Whoever needs a setting takes the dataclass or the value, never the source.
"""

# ruff: noqa: RUF009 - option() makes a dataclass field, and its default is immutable

from dataclasses import dataclass
from pathlib import Path

from petstream.config.ice import PortRange, TurnServer, port_range, stun_server, turn_server
from petstream.config.option import option
from petstream.config.values import (
    Address,
    address,
    byte_size,
    clip,
    comma_list,
    host_name,
    ip_address,
    number,
    one_of,
    optional,
    origin,
    path,
    server_url,
    shm_name,
    whole_number,
)

__all__ = ["CommonConfig", "Config", "DemoConfig", "MonitorConfig", "WebConfig"]

_log_level = one_of("debug", "info", "warn", "error", "silent", warning="warn")
_log_format = one_of("text", "json")
_log_color = one_of("auto", "always", "never", true="always", false="never")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonConfig:
    """Settings that every long-running command has."""

    log_level: str = option(_log_level, "info", "LEVEL", "debug, info, warn, error or silent")
    log_color: str = option(
        _log_color, "auto", "WHEN", "auto (on a terminal), always or never", bare="always"
    )
    log_format: str = option(_log_format, "text", "FORMAT", "text, or json: one object a line")
    config: Path | None = option(
        optional(path), "", "FILE", "a TOML file with settings, named as the flags are"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig(CommonConfig):
    """Settings of a command that browsers talk to."""

    stun: tuple[str, ...] = option(
        comma_list(stun_server),
        "",
        "LIST",
        "STUN servers, such as stun.example.org:3478",
        many=True,
    )
    turn: tuple[TurnServer, ...] = option(
        comma_list(turn_server),
        "",
        "LIST",
        "TURN servers, such as turn:user:password@host:3478",
        many=True,
        secret=True,
    )
    allowed_host: tuple[str, ...] = option(
        comma_list(host_name),
        "",
        "NAME",
        "a further host name to answer to; may be repeated",
        many=True,
    )
    allow_origin: tuple[str, ...] = option(
        comma_list(origin),
        "",
        "ORIGIN",
        "a web origin whose pages may call, such as https://dash.example; may be repeated",
        many=True,
    )
    auth_token_file: Path | None = option(
        optional(path), "", "FILE", "a file with the bearer token that every call must carry"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(WebConfig):
    """Settings of ``petstream serve``."""

    shm: str = option(shm_name, "/pet_camera_stream", "NAME", "the camera's shared-memory ring")
    detections: str = option(
        shm_name, "/pet_camera_detections", "NAME", "the shared-memory segment with detections"
    )
    http: Address = option(address, ":8081", "ADDRESS", "REST and signaling")
    metrics: Address = option(address, "127.0.0.1:9090", "ADDRESS", "Prometheus metrics")
    pprof: Address | None = option(
        optional(address), "127.0.0.1:6060", "ADDRESS", "profiling; empty turns it off"
    )
    monitor: Address | None = option(
        optional(address), "", "ADDRESS", "the web page from this process too, such as :8080"
    )
    record_path: Path = option(path, "./recordings", "DIRECTORY", "where recordings go")
    pre_roll: float = option(
        number(0, 60), "0", "SECONDS", "how much of the past a recording begins with"
    )
    record_max_duration: float = option(
        number(0, 10**9), "0", "SECONDS", "a recording ends by itself after so long; 0 for never"
    )
    record_segment: float = option(
        number(0, 10**9), "0", "SECONDS", "a recording goes on in a new file after so long"
    )
    record_quota: int = option(
        byte_size, "0", "BYTES", "what recordings may take, such as 10G; the oldest are removed"
    )
    record_min_free: int = option(
        byte_size, "0", "BYTES", "what stays free on their disk; the oldest are removed"
    )
    max_clients: int = option(whole_number(1, 1000), "10", "N", "viewers at a time")
    ice_addresses: tuple[str, ...] = option(
        comma_list(ip_address),
        "",
        "LIST",
        "local IP addresses to offer to browsers; empty for all of the machine's",
        many=True,
    )
    udp_ports: PortRange | None = option(
        optional(port_range),
        "",
        "FIRST-LAST",
        "UDP ports for viewers, one each; empty for any that is free",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorConfig(WebConfig):
    """Settings of ``petstream monitor``."""

    http: Address = option(address, ":8080", "ADDRESS", "the web page")
    server: str = option(
        server_url, "http://127.0.0.1:8081", "URL", "where petstream serve answers"
    )
    detections: str = option(
        shm_name, "/pet_camera_detections", "NAME", "the shared-memory segment with detections"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoConfig(CommonConfig):
    """Settings of ``petstream demo``."""

    fixture: str = option(
        clip, "bbb-1080p30", "CLIP", "a raw .h264 file or a clip's name; see petstream-sim --help"
    )
    shm: str = option(shm_name, "/petstream_demo", "NAME", "the shared-memory ring to make")
    detections: str = option(
        shm_name, "/petstream_demo_detections", "NAME", "the segment to make for detections"
    )
    http: Address = option(address, ":8081", "ADDRESS", "REST and signaling")
    monitor: Address = option(address, ":8080", "ADDRESS", "the web page")
    metrics: Address = option(address, "127.0.0.1:9090", "ADDRESS", "Prometheus metrics")
    pprof: Address | None = option(
        optional(address), "127.0.0.1:6060", "ADDRESS", "profiling; empty turns it off"
    )
    record_path: Path = option(path, "./recordings", "DIRECTORY", "where recordings go")

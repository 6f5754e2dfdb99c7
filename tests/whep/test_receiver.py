"""A player built on pion watches by WHEP, from the POST to the DELETE."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from petstream.h264.nal import NalUnitType
from tests.camera_process import CameraProcess
from tests.h264.encoding import encode
from tests.scale import scaled
from tests.server_process import ServerProcess

UNITS = scaled(45, 300)
START = [NalUnitType.SPS, NalUnitType.PPS, NalUnitType.IDR_SLICE]


def watch(programs: Path, server: ServerProcess, *flags: str) -> dict[str, Any]:
    """What the player reports of so many access units."""
    command = [str(programs / "receiver"), *flags, f"{server.urls['http']}/whep", str(UNITS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("flags", [[], ["-trickle"]])
def test_a_strange_player_watches(
    programs: Path, server_process: ServerProcess, segment_name: str, flags: list[str]
) -> None:
    """It gets every access unit from the IDR on, with candidates in the offer and after it."""
    with CameraProcess("barcode-480p30", segment_name):
        server_process.wait_for_health("ok")
        report = watch(programs, server_process, *flags)
    assert report["status"] == 201
    assert report["location"].startswith("/whep/")
    assert report["etag"].startswith('"')
    assert report["patch"] == (204 if flags else 0)
    assert report["delete"] == 200
    assert report["mime_type"] == "video/H264"
    assert (report["units"], report["lost"]) == (UNITS, 0)
    assert report["types"][0] == START
    assert all(types in (START, [NalUnitType.SLICE]) for types in report["types"])
    assert server_process.get("/viewers")["viewers"] == []


@pytest.mark.parametrize(
    ("profile", "level", "answered"), [("main", "4.0", "4d0028"), ("high", "5.1", "640c33")]
)
def test_a_strange_player_is_answered_by_the_stream(
    programs: Path,
    server_process: ServerProcess,
    segment_name: str,
    tmp_path: Path,
    profile: str,
    level: str,
    answered: str,
) -> None:
    """Main and High streams above level 3.1 are negotiated as what they are, and arrive whole."""
    clip = tmp_path / f"{profile}.h264"
    options = {"profile": profile, "level": level, "x264-params": "keyint=30:bframes=0:aud=0"}
    clip.write_bytes(b"".join(encode(640, 360, frames=60, options=options)))
    with CameraProcess(str(clip), segment_name):
        server_process.wait_for_health("ok")
        report = watch(programs, server_process)
    assert f"profile-level-id={answered}" in report["fmtp"]
    assert report["lost"] == 0
    assert NalUnitType.IDR_SLICE in report["types"][0]


def test_a_strange_player_is_told_the_ice_servers(
    programs: Path, segment_name: str, tmp_path: Path
) -> None:
    """STUN and TURN servers are in Link headers, credentials included."""
    flags = ["-stun=stun:127.0.0.1:9", "-turn=turn:user:pass@127.0.0.1:9"]
    with (
        CameraProcess("barcode-480p30", segment_name),
        ServerProcess(segment_name, tmp_path, *flags) as server,
    ):
        server.wait_for_health("ok")
        report = watch(programs, server)
    stun, turn = report["links"]
    assert stun == '<stun:127.0.0.1:9>; rel="ice-server"'
    assert turn.startswith("<turn:127.0.0.1:9")
    assert 'username="user"; credential="pass"; credential-type="password"' in turn


def test_a_strange_player_behind_a_relay(programs: Path, segment_name: str, tmp_path: Path) -> None:
    """Where nothing but a TURN server reaches the player, the picture goes through that."""
    with (
        relay(programs, "127.0.0.2") as port,
        CameraProcess("barcode-480p30", segment_name),
        ServerProcess(segment_name, tmp_path, f"-turn=turn:user:pass@127.0.0.1:{port}") as server,
    ):
        server.wait_for_health("ok")
        report = watch(programs, server, "-deaf-but-to=127.0.0.2")
    assert (report["units"], report["lost"]) == (UNITS, 0)
    assert report["types"][0] == START


@contextmanager
def relay(programs: Path, address: str) -> Iterator[int]:
    """A TURN server that relays from an address of the loopback interface; its port."""
    command = [str(programs / "relay"), address, "user", "pass"]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()

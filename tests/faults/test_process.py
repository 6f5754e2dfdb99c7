"""RELIABILITY, table E: threads that raise, a blocked event loop, SIGTERM, a port in use."""

import asyncio
import contextlib
import functools
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from petstream import Petstream, ServiceSettings
from petstream.errors import UnavailableError
from petstream.threads import RESTARTS_MAX, SupervisedThread
from petstream.webrtc.negotiation import IceSettings
from simulator import Camera
from tests.camera_process import CameraProcess
from tests.media import count_frames
from tests.peer import Peer, make_offer
from tests.scale import deadline_s, scaled, within
from tests.server_process import ServerProcess, loopback_flags
from tests.waiting import wait_until

CLIP = "barcode-480p30"
THREADS = ("reader", "processor", "distributor", "recorder", "webrtc")


@pytest.fixture
def petstream(segment_name: str, tmp_path: Path) -> Iterator[Petstream]:
    """The system without its ports, and no camera."""
    settings = ServiceSettings(
        shm=segment_name,
        record_path=tmp_path,
        ice=IceSettings(addresses=("127.0.0.1",)),
    )
    with Petstream(settings) as petstream:
        yield petstream


class Saboteur:
    """Makes a thread's loop raise when told to, whatever it is doing."""

    def __init__(self, petstream: Petstream, name: str, patch: pytest.MonkeyPatch) -> None:
        self._loop = petstream.webrtc.loop
        self._on_loop = name == "webrtc"
        self._armed = False
        places: dict[str, tuple[object, str]] = {
            "reader": (petstream.pipeline.source, "read"),
            "processor": (petstream.pipeline.processor, "process"),
            "distributor": (petstream.pipeline.distributor, "publish"),
            "recorder": (petstream.recorder_source, "get"),
        }
        if not self._on_loop:
            self._wrap(*places[name], patch)

    def strike(self) -> None:
        """Raise once, at the next occasion."""
        if self._on_loop:
            wait_until(self._loop_answers, "the loop", deadline_s(3))
            self._loop.call_soon(self._raise)
        self._armed = True

    def _wrap(self, owner: object, method: str, patch: pytest.MonkeyPatch) -> None:
        real = getattr(owner, method)

        def wrapped(*args: object, **kwargs: object) -> object:
            if self._armed:
                self._raise()
            return real(*args, **kwargs)

        patch.setattr(owner, method, wrapped)

    def _raise(self) -> None:
        self._armed = False
        raise RuntimeError("sabotage")

    def _loop_answers(self) -> bool:
        try:
            self._loop.call(asyncio.sleep(0), 1)
        except UnavailableError:
            return False
        return True


@pytest.mark.parametrize("run", range(scaled(1, 4)))
@pytest.mark.parametrize("name", THREADS)
def test_e01_a_thread_that_raises_goes_on_and_is_named(
    name: str,
    run: int,  # noqa: ARG001
    petstream: Petstream,
    segment_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of the threads, five times: back within a second, named in /health, picture goes on."""
    thread = next(t for t in petstream.threads if t.name == name)
    with Camera(CLIP, shm=segment_name, loop=True):
        wait_until(lambda: petstream.health()["status"] == "ok", "health")
        saboteur = Saboteur(petstream, name, monkeypatch)
        for times in range(1, RESTARTS_MAX + 1):
            saboteur.strike()
            restarted = functools.partial(has_restarted, thread, times)
            wait_until(restarted, "the restart", deadline_s(3))
            published = petstream.pipeline.counters.published
            go_on = functools.partial(has_published, petstream, published + 1)
            within("s until the picture goes on", wait_until(go_on, "it", deadline_s(3)), 1)
            assert any(f"thread {name} was restarted" in r for r in reasons(petstream))
        assert petstream.fatal is None


def has_restarted(thread: SupervisedThread, times: int) -> bool:
    """The loop has been entered again so often."""
    return thread.restarts == times


def has_published(petstream: Petstream, count: int) -> bool:
    """So many access units have gone to the subscriptions."""
    return petstream.pipeline.counters.published >= count


FAILING = """
import sys
from petstream.cli import main
from petstream.shm.ring import RingReader

def read(*_):
    raise RuntimeError("broken for good")

RingReader.read = read
sys.exit(main(["serve", *sys.argv[1:]]))
"""


def test_e01_more_than_five_failures_a_minute_end_the_process(
    segment_name: str, tmp_path: Path
) -> None:
    """A thread that keeps failing is named, and the exit code is 1 for the service manager."""
    flags = loopback_flags(segment_name, tmp_path / "recordings")
    done = subprocess.run(
        [sys.executable, "-c", FAILING, *flags], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1, done.stderr
    assert "thread reader keeps failing: RuntimeError('broken for good')" in done.stderr


def reasons(petstream: Petstream) -> list[str]:
    """Why /health is degraded."""
    found = petstream.health()["reasons"]
    assert isinstance(found, list)
    return found


def test_e02_a_blocked_event_loop_is_told(petstream: Petstream, segment_name: str) -> None:
    """A loop that is blocked makes /health degraded within a second, and ok again after."""
    released = threading.Event()

    def block() -> None:
        released.wait()

    with Camera(CLIP, shm=segment_name, loop=True):
        wait_until(lambda: petstream.health()["status"] == "ok", "health")
        petstream.webrtc.loop.call_soon(block)
        try:
            took_s = wait_until(
                lambda: any("event loop" in reason for reason in reasons(petstream)),
                "a reason",
                deadline_s(2),
            )
        finally:
            released.set()
        within("s until it is told", took_s, 1)
        wait_until(lambda: petstream.health()["status"] == "ok", "health")
    assert petstream.webrtc.loop.thread.restarts == 0


STATES = ("idle", "viewers", "in ice", "recording", "waiting for the segment")


@contextlib.contextmanager
def state(name: str, server: ServerProcess, segment: str) -> Iterator[None]:
    """Bring a server into a state."""
    with contextlib.ExitStack() as stack:
        if name != "waiting for the segment":
            stack.enter_context(CameraProcess(CLIP, segment))
            server.wait_for_health("ok")
        if name == "viewers":
            stack.enter_context(Peer(server.offer)).wait_for(10)
        elif name == "in ice":
            server.offer(make_offer())
        elif name == "recording":
            assert server.post("/start").status_code == 200
            server.wait_for_frames(11)
        yield


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("run", range(scaled(1, 20)))
def test_e03_sigterm_ends_it_in_any_state(
    name: str, run: int, segment_name: str, tmp_path: Path
) -> None:
    """Within five seconds, with exit code 0, and what was recorded plays."""
    with (
        ServerProcess(segment_name, tmp_path / f"recordings{run}") as server,
        state(name, server, segment_name),
    ):
        code, took_s = server.terminate()
    assert code == 0, server.log
    within("s until the end", took_s, 5)
    for recording in (tmp_path / f"recordings{run}").glob("*.h264"):
        assert count_frames(recording) > 10


@pytest.mark.parametrize("flag", ["-http", "-metrics"])
def test_e04_a_port_in_use_is_one_line(flag: str, segment_name: str, tmp_path: Path) -> None:
    """One line that names the address, exit code not 0, and at once: no thread was started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        command = [sys.executable, "-m", "petstream", "serve"]
        flags = [*loopback_flags(segment_name, tmp_path / "recordings"), f"{flag}={address}"]
        done = subprocess.run([*command, *flags], capture_output=True, text=True, timeout=20)
    assert done.returncode not in {0, 1}
    (line,) = done.stderr.splitlines()
    assert address in line or address.rpartition(":")[2] in line

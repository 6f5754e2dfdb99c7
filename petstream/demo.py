"""``petstream demo``: simulator, server and monitor as three child processes.

Strategy: one thread. Its loop passes on what the children print, a line at a time with the
child's name in front, looks whether one has ended, and asks the page and /health until both
answer. The children are in sessions of their own, so that Ctrl-C reaches this process only, which
then stops them in order; and the kernel ends them if this process is killed.
"""

import contextlib
import http.client
import selectors
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Final

from petstream.child import Child
from petstream.config import Address, DemoConfig
from petstream.errors import ConfigError

__all__ = ["Demo"]

_LOOK_EVERY_S: Final = 0.1
_PROBE_TIMEOUT_S: Final = 1.0
_STOP_S: Final = 5.0


class Demo:
    """Runs the three programs until a signal comes or one of them ends."""

    def __init__(self, config: DemoConfig) -> None:
        for name, address in (("http", config.http), ("monitor", config.monitor)):
            if address.port == 0:
                raise ConfigError(f"bad value ':0' for {name}: the demo needs a fixed port")
        self._config = config
        self._children: list[Child] = []
        self._selector = selectors.DefaultSelector()
        self._signal: signal.Signals | None = None
        # A segment that was there before is somebody's; one that was not is ours to remove.
        segments = [Path("/dev/shm") / n.removeprefix("/") for n in (config.shm, config.detections)]
        self._own_segments = [segment for segment in segments if not segment.exists()]

    def run(self) -> int:
        """Start, watch and stop them; returns the exit code."""
        signal.signal(signal.SIGINT, self._note_signal)
        signal.signal(signal.SIGTERM, self._note_signal)
        try:
            for name, command in _commands(self._config):
                child = Child(name, command)
                self._children.append(child)
                self._selector.register(child.output, selectors.EVENT_READ, child)
            return self._watch()
        finally:
            self._stop()

    def _watch(self) -> int:
        announced = False
        while self._signal is None:
            is_quiet = not self._pass_on_output(_LOOK_EVERY_S)
            for child in self._children:
                code = child.process.poll()
                if code is not None:
                    _say(f"{child.name} ended with exit code {code}: stopping the demo")
                    return 1
            # Once they have said what they had to say, so that the address is the last line.
            if not announced and is_quiet and all(_answers(*probe) for probe in self._probes()):
                announced = True
                host = _local_name(self._config.monitor)
                print(
                    f"petstream is running: http://{host}:{self._config.monitor.port}", flush=True
                )
        return 0

    def _probes(self) -> list[tuple[Address, str]]:
        return [(self._config.http, "/health"), (self._config.monitor, "/")]

    def _pass_on_output(self, timeout_s: float) -> bool:
        """Wait for output of the children and pass it on; whether there was any."""
        ready = self._selector.select(timeout_s)
        for key, _ in ready:
            child: Child = key.data
            if not child.pass_on_output():
                self._selector.unregister(key.fileobj)
        if not self._selector.get_map():
            time.sleep(timeout_s)
        return bool(ready)

    def _stop(self) -> None:
        """End the children, the last one first, and leave nothing behind."""
        for child in reversed(self._children):
            child.terminate()
        deadline = time.monotonic() + _STOP_S
        while any(child.process.poll() is None for child in self._children):
            if time.monotonic() > deadline:
                for child in self._children:
                    child.kill()
            self._pass_on_output(0.02)
        self._pass_on_output(0)  # the last words of whoever was still writing
        self._selector.close()
        for child in self._children:
            child.output.close()
        for segment in self._own_segments:
            with contextlib.suppress(OSError):
                segment.unlink()

    def _note_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signal = signal.Signals(number)


def _commands(config: DemoConfig) -> list[tuple[str, list[str]]]:
    """The three command lines, by name, in the order of starting."""
    color = "always" if config.log_color == "auto" and sys.stderr.isatty() else config.log_color
    common = [
        f"-log-level={config.log_level}",
        f"-log-color={color}",
        f"-log-format={config.log_format}",
    ]
    if config.config is not None:
        common.append(f"-config={config.config}")
    serve = [
        f"-shm={config.shm}",
        f"-http={config.http}",
        f"-metrics={config.metrics}",
        f"-pprof={config.pprof or ''}",
        f"-record-path={config.record_path}",
    ]
    server_url = f"http://{_local_name(config.http)}:{config.http.port}"
    monitor = [
        f"-http={config.monitor}",
        f"-server={server_url}",
        f"-detections={config.detections}",
    ]
    camera = ["--loop", "--shm", config.shm, "--detections", config.detections]
    python = sys.executable
    return [
        ("simulator", [python, "-m", "simulator", config.fixture, *camera]),
        ("serve", [python, "-m", "petstream", "serve", *common, *serve]),
        ("monitor", [python, "-m", "petstream", "monitor", *common, *monitor]),
    ]


def _local_name(address: Address) -> str:
    """The host by which this machine reaches a server that listens there."""
    if address.host in {"", "0.0.0.0", "::"}:
        return "localhost"
    return f"[{address.host}]" if ":" in address.host else address.host


def _answers(address: Address, path: str) -> bool:
    host = _local_name(address)
    connection = http.client.HTTPConnection(host, address.port, timeout=_PROBE_TIMEOUT_S)
    try:
        connection.request("GET", path)
        # 401 is an answer too: there may be a token.
        return connection.getresponse().status in {200, 401}
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _say(message: str) -> None:
    print(f"petstream demo: {message}", file=sys.stderr, flush=True)

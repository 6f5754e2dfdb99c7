"""The simulator as a process of its own, as the camera daemon is one."""

import signal
import subprocess
import sys
from types import TracebackType
from typing import Self

__all__ = ["CameraProcess"]


class CameraProcess:
    """Plays a clip in a loop until it is stopped or killed."""

    def __init__(self, clip: str, segment: str, *options: str) -> None:
        command = [sys.executable, "-m", "simulator", clip, "--shm", segment, "--loop", "--quiet"]
        self._process = subprocess.Popen([*command, *options])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> int:
        """End it as a user would; its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(10)

    def pause(self) -> None:
        """Stop it where it is, as a machine that hangs."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after ``pause``."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as kill -9 does; the segment stays."""
        self._process.kill()
        self._process.wait(10)

"""A child process whose output is passed on line by line, and which does not outlive its parent.

Strategy: prctl(2) asks the kernel to send SIGTERM to the child when the thread that started it
ends, however that happens; so a child is started from the main thread. Output is read without
blocking and written to stderr with the child's name in front.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import IO, Final

__all__ = ["Child"]

_PR_SET_PDEATHSIG: Final = 1
_READ_BYTES: Final = 65536
_LINE_MAX: Final = 4096

# Loaded before any fork: the child may do little more than system calls before exec().
_libc: Final = ctypes.CDLL(None, use_errno=True)


class Child:
    """One child process, in a session of its own (main thread only)."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        """Start it.

        Args:
            name: in front of each line of its output.
            command: program and arguments.
        """
        self.name = name
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with(os.getpid()),
        )
        assert self.process.stdout is not None
        self.output: IO[bytes] = self.process.stdout
        os.set_blocking(self.output.fileno(), False)
        self._unfinished = b""

    def pass_on_output(self) -> bool:
        """Write what has come to stderr; False once there will be no more."""
        try:
            data = os.read(self.output.fileno(), _READ_BYTES)
        except BlockingIOError:
            return True
        lines = (self._unfinished + data).split(b"\n")
        self._unfinished = lines.pop()
        if self._unfinished and (not data or len(self._unfinished) > _LINE_MAX):
            lines.append(self._unfinished)
            self._unfinished = b""
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip("\r")
            print(f"{self.name:<9} | {text}", file=sys.stderr, flush=True)
        return bool(data)

    def terminate(self) -> None:
        """Ask it to end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and whatever it has started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)


def _end_with(parent: int) -> Callable[[], None]:
    def in_child() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it ended before the kernel was asked
            os._exit(1)

    return in_child

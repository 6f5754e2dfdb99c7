"""``petstream monitor`` as a process of its own, on a free port."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.demo_process import free_ports

__all__ = ["monitor_process"]


@contextmanager
def monitor_process(server: str, *flags: str) -> Iterator[str]:
    """A monitor for a server; its address."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    command = [sys.executable, "-m", "petstream", "monitor", f"-http={address}"]
    with subprocess.Popen(
        [*command, f"-server={server}", *flags], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "listens on" in process.stderr.readline()
        try:
            yield f"http://{address}"
        finally:
            process.terminate()

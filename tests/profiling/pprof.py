"""``go tool pprof``, the real one, on a file or an address."""

import os
import re
import subprocess
from pathlib import Path

__all__ = ["flat_shares", "pprof"]


def pprof(source: str | Path, *options: str, home: Path) -> str:
    """What it prints.

    Args:
        source: a file or an address.
        options: such as ``-top``.
        home: where it may keep copies of what it fetched.
    """
    done = subprocess.run(
        ["go", "tool", "pprof", *options, str(source)],
        env={**os.environ, "PPROF_TMPDIR": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def flat_shares(top: str) -> dict[str, float]:
    """Per cent of the total by function, from what ``-top`` printed."""
    rows = re.findall(r"^\s*\S+\s+([\d.]+)%\s+\S+\s+\S+\s+\S+\s+(.+)$", top, re.MULTILINE)
    return {function.strip(): float(share) for share, function in rows}

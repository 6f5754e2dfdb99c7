"""A WHEP player and a TURN server that share no code with petstream, built by Go."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import server, server_process, start_server

__all__ = ["programs", "server", "server_process", "start_server"]


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs are; their modules come from the Go module proxy once, and are kept."""
    folder = tmp_path_factory.mktemp("whep")
    source = Path(__file__).parent
    subprocess.run(["go", "build", "-o", folder, "./..."], cwd=source, check=True)
    return folder

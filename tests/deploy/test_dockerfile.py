"""The Dockerfile, as far as it can be checked without an engine."""

import re
from pathlib import Path

from dockerfile_parse import DockerfileParser

from petstream.config import Config, load_config

ROOT = Path(__file__).parents[2]
FILE = ROOT / "tools" / "deploy" / "Dockerfile"


def test_instructions(tmp_path: Path) -> None:
    """Every instruction is one of Docker's; it ends as a user, with a health check and a volume."""
    parser = DockerfileParser(path=str(tmp_path / "Dockerfile"))
    parser.content = FILE.read_text()
    steps = [(step["instruction"], step["value"]) for step in parser.structure]
    names = [name for name, _ in steps]
    known = {"FROM", "COPY", "RUN", "USER", "ENV", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK"}
    assert set(names) <= known | {"CMD", "COMMENT"}
    assert parser.is_multistage
    assert dict(steps)["USER"] not in {"root", "0"}
    assert names.index("USER") < names.index("CMD")
    # A heredoc or a line that was cut would leave an odd quote or bracket behind.
    for _, value in steps:
        if value.startswith("["):
            assert value.endswith("]")
    assert load_config(Config, [], {"PETSTREAM_RECORD_PATH": parser.envs["PETSTREAM_RECORD_PATH"]})


def test_shared_memory_is_documented() -> None:
    """How the container sees the camera's segment, and how large that is."""
    text = FILE.read_text()
    assert "--ipc=host" in text
    (size_mb,) = re.findall(r"--shm-size=(\d+)m", text)
    assert int(size_mb) * 1024**2 > 93_313_480

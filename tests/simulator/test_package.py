"""What the package is made of."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import simulator

MODULES = [
    "simulator",
    *(module.name for module in pkgutil.walk_packages(simulator.__path__, "simulator.")),
]


def test_importing_it_loads_no_web_framework_and_no_webrtc() -> None:
    """Neither Flask nor aiortc, nor anything that decodes pictures."""
    code = (
        "import sys, simulator, simulator.cli\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}"
        " & {'flask', 'aiortc', 'aioice', 'waitress', 'av', 'numpy'}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"


def test_it_uses_only_two_packages_of_petstream() -> None:
    """petstream.shm, petstream.h264 and the errors they raise."""
    code = (
        "import sys, simulator, simulator.cli\n"
        "print(*sorted({'.'.join(name.split('.')[:2]) for name in sys.modules"
        " if name.startswith('petstream.')}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert set(result.stdout.split()) <= {"petstream.errors", "petstream.h264", "petstream.shm"}


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_is_public(name: str) -> None:
    """__all__ is there, sorted out, and every name in it exists."""
    module = importlib.import_module(name)
    assert all(hasattr(module, public) for public in module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)

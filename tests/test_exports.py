"""What modules export, and what they import: names are true, and imports go down only."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path
    for package in ("petstream", "simulator")
    for path in (ROOT / package).rglob("*.py")
    if path.name != "__main__.py" and path.read_text(encoding="utf-8").strip()
)


def module_of(path: Path) -> str:
    """The name to import a file by."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """The absolute names of all modules that a file imports, wherever in it."""
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, *([base] if base else [])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


def is_in(module: str, *packages: str) -> bool:
    """Whether a module is one of these or inside one."""
    return any(module == package or module.startswith(package + ".") for package in packages)


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_all_is_true(path: Path) -> None:
    """Each module says what it exports, once each, and all of it is there."""
    module = importlib.import_module(module_of(path))
    exported = module.__all__
    assert len(set(exported)) == len(exported)
    assert [name for name in exported if not hasattr(module, name)] == []


@pytest.mark.parametrize("package", ["petstream", "simulator"])
def test_importing_a_package_loads_no_framework(package: str) -> None:
    """Flask and aiortc are loaded by those who serve, not by those who read or record."""
    program = (
        f"import sys, {package}\n"
        "print({'flask', 'aiortc', 'waitress', 'aioice'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_go_down_only(path: Path) -> None:
    """The layers of the house: bytes below, threads above, frameworks at the edge."""
    module, imports = module_of(path), imports_of(path)
    forbidden = {
        "petstream.h264": ("threading", "asyncio", "time", "flask", "aiortc", "petstream.pipeline"),
        "petstream.shm": ("threading", "asyncio", "flask", "aiortc", "petstream.h264"),
        "petstream.rtp": ("threading", "asyncio", "flask", "aiortc", "petstream.webrtc"),
        "petstream.recording": ("asyncio", "flask", "aiortc", "petstream.web", "petstream.webrtc"),
        "petstream.webrtc": ("flask", "waitress", "petstream.web", "petstream.service"),
        "petstream.web": ("aiortc", "asyncio", "petstream.webrtc", "petstream.shm.ring"),
        "petstream": ("simulator",),
    }
    for package, names in forbidden.items():
        if is_in(module, package):
            assert [name for name in imports if is_in(name, *names)] == []
    # The pytest plugin brings the server to the simulator, for other people's tests.
    if is_in(module, "simulator") and module != "simulator.pytest_plugin":
        own = {name for name in imports if is_in(name, "petstream")}
        allowed = ("petstream.shm", "petstream.h264", "petstream.errors", "petstream.version")
        assert [name for name in own if not is_in(name, *allowed) and name != "petstream"] == []
    frameworks = {name for name in imports if is_in(name, "flask", "waitress")}
    assert not frameworks or is_in(module, "petstream.web")

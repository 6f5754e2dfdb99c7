"""The list of deliberate defects: that each still applies, and at night that each is noticed."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
DEFECTS: list[dict[str, Any]] = tomllib.loads((ROOT / "tests/mutations.toml").read_text())["defect"]


def test_there_are_ten() -> None:
    """Each is another one, with a test of its own to name."""
    assert len({defect["name"] for defect in DEFECTS}) == len(DEFECTS) >= 10


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect["name"])
def test_it_applies(defect: dict[str, Any]) -> None:
    """Its old text is in the file once, and the test that has to notice exists."""
    assert (ROOT / defect["file"]).read_text().count(defect["old"]) == 1
    assert defect["new"] != defect["old"]
    path, _, name = defect["test"].partition("::")
    assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text()


@pytest.mark.nightly
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect["name"])
@pytest.mark.timeout(300)
def test_it_is_noticed(defect: dict[str, Any]) -> None:
    """With the defect in, its test fails; without it, it passes."""
    tool = [sys.executable, str(ROOT / "tools" / "mutation"), defect["name"]]
    done = subprocess.run(tool, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("noticed: ")

"""Coverage-guided fuzzing of all that comes from outside, from a stored corpus.

Strategy: the fuzzer goes on from the corpus for a while, in a process of its own. What it finds is
printed: give it a file in the corpus, with the fix, and ``test_corpus`` tries it for ever after. A
long run widens the corpus:

    .venv/bin/python -m tests.fuzz sps -max_total_time=3600 tests/fuzz/corpus/sps
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS
from tests.scale import scaled

CORPUS = Path(__file__).parent / "corpus"
ROOT = Path(__file__).resolve().parents[2]
SECONDS = scaled(3, 600)


@pytest.mark.nightly
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.timeout(SECONDS + 120)
def test_the_fuzzer_finds_nothing(target: str, tmp_path: Path) -> None:
    """Seconds of mutations, or ten minutes of them at night, raise nothing unexpected."""
    command = [
        *(sys.executable, "-m", "tests.fuzz", target, f"-max_total_time={SECONDS}"),
        # Not by -rss_limit_mb: the kernel counts the peak of the process that forked to it too.
        *("-malloc_limit_mb=512", "-rss_limit_mb=0"),
        *("-max_len=4096", "-timeout=10", f"-artifact_prefix={tmp_path}/"),
        *(str(tmp_path), str(CORPUS / target)),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = [path for path in tmp_path.iterdir() if "-" in path.name]
    what = "".join(f"{path.name}: {path.read_bytes()!r}\n" for path in found)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:] + what
    assert "Done " in done.stderr, done.stderr[-2000:]

"""petstream-sim as a program: its messages, its signals, what it leaves behind."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from petstream.shm.layout import RING_SIZE
from simulator.cli import main

from .ring_view import RingView, segment_path

COMMAND = [sys.executable, "-m", "simulator"]
CLIP = "barcode-480p30"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def running(segment: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The program, from its first access units on; killed if it is still there at the end."""
    command = [*COMMAND, CLIP, "--loop", "--shm", segment, *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            end_s = time.monotonic() + 30
            while not has_written(segment):
                assert process.poll() is None
                assert time.monotonic() < end_s, "waited in vain"
                time.sleep(0.01)
            yield process
        finally:
            process.kill()


def has_written(segment: str) -> bool:
    """Whether something stands in the ring."""
    try:
        with RingView.of(segment) as view:
            return view.semaphore_value > 2
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_a_clean_end(segment: str, number: signal.Signals) -> None:
    """Exit code 0, one line that sums up, and no segment left behind."""
    with running(segment) as process:
        process.send_signal(number)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 0
    lines = stderr.splitlines()
    assert len(lines) == 2
    assert lines[0] == f"petstream-sim: {CLIP}: 854x480, 30 a second -> {segment} (made)"
    assert lines[1].endswith(f"{segment} unlinked")
    assert not segment_path(segment).exists()


def test_a_killed_simulator_is_followed_by_one_that_goes_on(segment: str) -> None:
    """After kill -9 the next one takes the segment over, counts on, and leaves it in place."""
    with running(segment) as process:
        process.kill()
        process.wait()
    with RingView.of(segment) as view:
        index, posted = view.write_index, view.semaphore_value
        result = run(CLIP, "--shm", segment, "--count", "3")
        assert (view.write_index, view.semaphore_value) == (index + 3, posted + 3)
    assert result.returncode == 0
    assert f"-> {segment} (taken over)" in result.stderr
    assert result.stderr.endswith(f"{segment} left in place\n")
    assert segment_path(segment).exists()


def test_a_second_simulator_is_refused(segment: str) -> None:
    """The one that runs is not disturbed."""
    with running(segment):
        result = run(CLIP, "--shm", segment)
        assert segment_path(segment).exists()
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        f"petstream-sim: segment {segment} has a writer already; stop it or use another name"
    ]


def test_a_clip_is_played_once_without_loop(segment: str) -> None:
    """The end of the clip is the end of the program."""
    result = run(CLIP, "--shm", segment, "--speed", "20")
    assert result.returncode == 0
    assert "120 access units, 563138 bytes in " in result.stderr
    assert not segment_path(segment).exists()


def test_quiet_says_nothing(segment: str) -> None:
    """Neither at the beginning nor at the end."""
    result = run(CLIP, "--shm", segment, "--speed", "20", "--quiet", "--stamp")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_terminal_shows_one_line_that_is_rewritten(segment: str) -> None:
    """Rate, bit rate, access units, loops and late ones, again and again in the same place."""
    outer, inner = pty.openpty()
    command = [*COMMAND, CLIP, "--shm", segment, "--loop", "--count", "60"]
    with subprocess.Popen(command, stderr=inner) as process:
        os.close(inner)
        text = read_all(outer)
        assert process.wait(timeout=30) == 0
    os.close(outer)
    rewritten = [part for part in text.split("\r\x1b[K") if "Mbit/s" in part]
    assert len(rewritten) >= 2
    assert all("\n" not in part for part in rewritten)
    assert all(word in rewritten[-1] for word in (" access units ", "/s ", " loop 1 ", " late"))


def read_all(fd: int) -> str:
    """Everything that is written to a terminal until its other end is closed."""
    parts = []
    try:
        while part := os.read(fd, 4096):
            parts.append(part)
    except OSError:  # Linux says EIO when the last writer is gone
        pass
    return b"".join(parts).decode()


def test_output_that_nobody_takes_stops_nothing(segment: str) -> None:
    """With stderr closed it plays all the same."""
    command = " ".join([*COMMAND, CLIP, "--shm", segment, "--speed", "20", "2>&-"])
    result = subprocess.run(["sh", "-c", command], capture_output=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (0, b"")


def test_a_limit_on_memory_is_one_line_and_no_signal(segment: str) -> None:
    """Where the segment cannot grow to its size, the message says what is missing."""
    code = (
        "import resource, sys\n"
        "from simulator.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, CLIP, "--shm", segment],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(
        f"petstream-sim: no memory for segment {segment}: {RING_SIZE} bytes needed, "
    )
    assert not segment_path(segment).exists()


NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]


def test_a_full_dev_shm_is_one_line_and_no_signal(segment: str) -> None:
    """A /dev/shm of one megabyte: exit code 1, both sizes, nothing left in it."""
    command = " ".join([*COMMAND, CLIP, "--shm", segment])
    script = f"mount -t tmpfs -o size=1m tmpfs /dev/shm && {command}; echo $?; ls -A /dev/shm"
    result = subprocess.run([*NAMESPACE, script], capture_output=True, text=True, check=False)
    assert result.stdout == "1\n"
    assert result.stderr == (
        f"petstream-sim: no memory for segment {segment}: {RING_SIZE} bytes needed,"
        " 1048576 free in /dev/shm (No space left on device)\n"
    )


def test_a_segment_of_another_size_is_named_with_both(segment: str) -> None:
    """The later daemon's segment is neither used nor removed."""
    segment_path(segment).touch()
    os.truncate(segment_path(segment), 93_314_112)
    result = run(CLIP, "--shm", segment)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "93314112" in line
    assert str(RING_SIZE) in line
    assert segment_path(segment).exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [CLIP, "--fps", "0"],
        [CLIP, "--fps", "fast"],
        [CLIP, "--fps", "1/0"],
        [CLIP, "--fps", "nan"],
        [CLIP, "--speed", "-1"],
        [CLIP, "--speed", "1e9"],
        [CLIP, "--count", "0"],
        [CLIP, "--count", "1.5"],
        [CLIP, "--width", "-3"],
        [CLIP, "--height", "1_0"],
        [CLIP, "--camera-id", "2147483648"],
        [CLIP, "--unknown"],
        [CLIP, "another"],
    ],
)
def test_a_bad_argument_is_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, what is wrong, and where to read on."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    (line,) = capsys.readouterr().err.splitlines()
    assert caught.value.code == 2
    assert line.startswith("petstream-sim: ")
    assert line.endswith("; see petstream-sim --help")


def test_a_bad_clip_is_one_line(
    segment: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing, unreadable or no H.264: exit code 1 and the reason."""
    garbage = tmp_path / "garbage.h264"
    garbage.write_bytes(b"\xff" * 1000)
    for clip, message in (
        ("nothing", "no clip nothing"),
        (str(tmp_path / "none.h264"), "no clip"),
        (str(tmp_path), "is not a file"),
        (str(garbage), "has no access unit"),
    ):
        assert main([clip, "--shm", segment]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("petstream-sim: ")
        assert message in line


@pytest.mark.parametrize("name", ["/a/b", "/..", ""])
def test_a_bad_segment_name_is_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 and the name."""
    assert main([CLIP, "--shm", name]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"segment name {name!r}" in line


def test_help_names_every_option_and_clip(capsys: pytest.CaptureFixture[str]) -> None:
    """What one needs to know without the README."""
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    text = capsys.readouterr().out
    assert caught.value.code == 0
    for word in (
        *("--shm", "--loop", "--fps", "--speed", "--width", "--height", "--camera-id"),
        *("--stamp", "--count", "--quiet", "/pet_camera_stream", "bbb-1080p30", CLIP),
    ):
        assert word in text


def test_the_callers_signals_are_as_before(segment: str) -> None:
    """A program that calls main() gets its signal mask back."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert main([CLIP, "--shm", segment, "--count", "1", "--quiet"]) == 0
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before

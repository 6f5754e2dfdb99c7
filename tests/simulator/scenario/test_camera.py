"""A camera with a scenario: when faults are done, what is told of them, and that it replays."""

import zlib
from pathlib import Path

import pytest

from petstream.h264.nal import split_annexb
from petstream.h264.sei import find_stamp
from simulator import Camera, Fixture, RingWriter, ScenarioError, Timeline, parse_timeline
from simulator.cli import main
from simulator.scenario import SCENARIOS, Burst, Clock, Garbage, Header, Semaphore, Switch

from ..ring_view import RingView, segment_path

QUICK = Timeline(
    (
        Garbage(at=2, count=2, size=100, seed=8),
        Header(at=5, field="format", value=1, count=1),
        Switch(at=8, clip="bbb-480p30", camera_id=3),
        Burst(at=10, count=4),
        Semaphore(at=12, action="init"),
        Clock(at=15),
    ),
    length=20,
    stamp=False,
)


class Spy:
    """Every copy that writers make, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.copies: list[tuple[int, ...]] = []
        copy = RingWriter.copy

        def spy(writer: RingWriter, slot: int, *part: int) -> None:
            frame = writer.frame
            used = bytes(frame.data[: min(frame.data_size, 100_000)])
            numbers = (frame.frame_number, frame.camera_id, frame.format, zlib.crc32(used))
            self.copies.append((slot, *part, *numbers))
            copy(writer, slot, *part)

        monkeypatch.setattr(RingWriter, "copy", spy)

    def take(self) -> list[tuple[int, ...]]:
        """The copies since the last call."""
        taken, self.copies = self.copies, []
        return taken


def play(segment: str, scenario: Timeline) -> Camera:
    """Play a scenario to its end."""
    with Camera(scenario=scenario, shm=segment, fps=200) as camera:
        assert camera.wait(30)
    return camera


def test_a_printed_timeline_does_the_same_again(
    segment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copy for copy, what is written is the same, and so are the faults."""
    spy = Spy(monkeypatch)
    first = play(segment, QUICK)
    copies = spy.take()
    second = play(segment, parse_timeline(QUICK.to_toml()))
    assert len(copies) == 20
    assert spy.take() == copies
    assert first.faults == second.faults == list(QUICK.faults)


def test_a_timeline_that_loops_begins_again(segment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With loop the faults come again after its length; count ends it."""
    spy = Spy(monkeypatch)
    with Camera(scenario=QUICK, shm=segment, fps=200, loop=True, count=30) as camera:
        assert camera.wait(30)
    assert [fault.at for fault in camera.faults] == [2, 5, 8, 10, 12, 15, 2, 5, 8]
    assert len(spy.take()) == 30


def test_a_clip_may_be_given_beside_the_scenario(segment: str, clip: Fixture) -> None:
    """It is played in place of the scenario's own."""
    short = Timeline((), clip="bbb-480p30", length=3)
    with Camera(clip, scenario=short, shm=segment, fps=200) as camera, RingView.of(segment) as view:
        assert camera.wait(20)
        stamp = find_stamp(split_annexb(view.frame(2).data))
    assert stamp is not None
    assert stamp.frame_number == 2
    assert camera.fixture is clip


def test_a_clip_that_is_not_there_ends_the_camera_with_an_error(segment: str) -> None:
    """A fault that cannot be done is raised where the camera is stopped."""
    camera = Camera(scenario=Timeline((Switch(clip="nothing"),)), shm=segment)
    try:
        camera.start()
        assert camera.wait(20)
        with pytest.raises(Exception, match="no clip nothing"):
            camera.stop()
    finally:
        camera.close()
    assert not segment_path(segment).exists()


def test_list_scenarios_has_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    """The name, and what it does; no clip is needed."""
    assert main(["--list-scenarios"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(SCENARIOS)
    assert all(len(line.split()) > 2 for line in lines)


def test_the_command_prints_a_timeline_that_it_can_read(
    segment: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """stdout is TOML, stderr has a line for each fault when it is done."""
    path = tmp_path / "again.toml"
    command = ["--shm", segment, "--fps", "200"]
    assert main(["--scenario", "numbers,bad-header", "--seed", "11", *command]) == 0
    first = capsys.readouterr()
    path.write_text(first.out)
    timeline = parse_timeline(path)
    told = [line.removeprefix("petstream-sim: ") for line in first.err.splitlines()[1:-1]]
    assert told == [fault.describe() for fault in timeline.faults]
    assert main(["--scenario", str(path), *command]) == 0
    again = capsys.readouterr()
    assert again.err.splitlines()[1:-1] == first.err.splitlines()[1:-1]
    assert first.out.endswith(again.out)


def test_a_dry_run_writes_nothing(segment: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The timeline is printed, and no segment is made."""
    assert main(["--scenario", "torn", "--dry-run", "--shm", segment]) == 0
    assert "slow-copy" in capsys.readouterr().out
    assert not segment_path(segment).exists()


def test_a_seed_is_drawn_if_none_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    """Two runs differ, and each says which seed it was."""
    seen = set()
    for _ in range(4):
        assert main(["--scenario", "torn", "--dry-run"]) == 0
        seen.add(capsys.readouterr().out.splitlines()[0])
    assert len(seen) > 1
    assert all(line.startswith("# petstream-sim --scenario torn --seed ") for line in seen)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "a clip or --scenario is needed"),
        (["--scenario", "odd"], 1, "no scenario 'odd', choose from: b-frames"),
        (["--scenario", "torn,odd"], 1, "no scenario 'odd'"),
        (["--scenario", "./nothing.toml"], 1, "cannot read scenario nothing.toml"),
        (["--scenario", "torn", "--seed", "-1"], 2, "whole number"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exit code that is not 0, and one line on stderr."""
    with pytest.raises(SystemExit) as end:
        raise SystemExit(main(arguments))  # argparse raises it by itself
    assert end.value.code == code
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_scenario_is_checked_before_a_segment_is_made(segment: str) -> None:
    """A bad fault is an error where it is made."""
    with pytest.raises(ScenarioError, match="allowed is"):
        Camera(scenario=Timeline((Garbage(at=-1),)), shm=segment)
    assert not segment_path(segment).exists()

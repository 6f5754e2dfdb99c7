"""Timelines as TOML: what is printed is what is read, and what cannot be is one clear line."""

from pathlib import Path

import pytest
from hypothesis import example, given

from simulator import ScenarioError, Timeline, compose, parse_timeline
from simulator.scenario import SCENARIOS, Clock, Stall

from .strategies import timelines


@given(timelines)
@example(Timeline((), clip="\U00010000"))  # which JSON writes as two halves, and TOML may not
@example(Timeline((), clip="\x7f"))
def test_a_printed_timeline_is_read_back_as_it_was(timeline: Timeline) -> None:
    """Any faults with any numbers survive the way through TOML."""
    assert parse_timeline(timeline.to_toml()) == timeline


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_seed_decides_everything(name: str) -> None:
    """The same seed draws the same timeline, within its length, and says how it came about."""
    timelines = [compose([name], seed) for seed in range(40)]
    assert timelines == [compose([name], seed) for seed in range(40)]
    assert timelines[7].origin == f"petstream-sim --scenario {name} --seed 7"
    for timeline in timelines:
        assert parse_timeline(timeline.to_toml()) == timeline


def test_composing_does_every_scenario_as_it_would_be_done_alone() -> None:
    """The faults of a composition are those of its parts."""
    names = ["torn", "stall", "clock"]
    together = compose(names, 5).faults
    alone = [fault for name in names for fault in compose([name], 5).faults]
    assert sorted(map(repr, together)) == sorted(map(repr, alone))
    assert [fault.at for fault in together] == sorted(fault.at for fault in alone)


def test_the_clip_is_that_of_the_scenario_that_needs_one() -> None:
    """A scenario about the stream itself brings its clip into a composition."""
    assert compose(["torn", "b-frames"]).clip == "b-frames-480p30"


def test_a_file_may_name_scenarios_and_faults_of_its_own(tmp_path: Path) -> None:
    """Both are in the timeline; --seed beats the seed in the file."""
    path = tmp_path / "mine.toml"
    path.write_text('scenarios = ["torn"]\nseed = 4\n[[fault]]\nkind = "stall"\nat = 400\nms = 9\n')
    timeline = parse_timeline(path)
    assert timeline.faults == (*compose(["torn"], 4).faults, Stall(400, 9))
    assert timeline.length == 401
    assert parse_timeline(path, seed=6).faults[:-1] == compose(["torn"], 6).faults


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clip = ", "no TOML"),
        ("speed = 3", "unknown key 'speed'"),
        ("length = 0", "allowed is 1 to"),
        ("length = true", "expected int"),
        ("length = '9'", "expected int"),
        ("fault = [3]", "expected a table"),
        ("[[fault]]\nat = 1", "no fault None"),
        ("[[fault]]\nkind = 'x'", "no fault 'x', choose from: bad-nal-units,"),
        ("[[fault]]\nkind = 'stall'\nms = -1", "ms is -1, allowed is 0 to"),
        ("[[fault]]\nkind = 'stall'\nms = 1.5", "ms is 1.5, expected int"),
        ("[[fault]]\nkind = 'stall'\nms = true", "expected int"),
        ("[[fault]]\nkind = 'stall'\nsize = 1", "has no 'size', it has: at, ms"),
        ("[[fault]]\nkind = 'headers'\nhow = 'odd'", "choose from: missing, swapped, late, alone"),
        ("[[fault]]\nkind = 'fps'\nfps = '0'", "expected a number over 0"),
        ("[[fault]]\nkind = 'fps'\nfps = 'x'", "expected a number over 0"),
        ("[[fault]]\nkind = 'stall'\nat = 300", "length of 300"),
        ("scenarios = ['nothing']", "no scenario 'nothing'"),
        ("scenarios = [1]", "expected names"),
    ],
)
def test_what_no_timeline_can_say_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    """The error names the file, what is wrong, and what is allowed."""
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=r"bad\.toml") as caught:
        parse_timeline(path)
    assert message in str(caught.value)


@pytest.mark.parametrize("kind", ["missing", "binary", "directory"])
def test_a_file_that_cannot_be_read_is_one_line(kind: str, tmp_path: Path) -> None:
    """No such file, one of bytes that are no text, and a directory."""
    path = tmp_path / "file.toml"
    if kind == "binary":
        path.write_bytes(b"\xff\xfe")
    elif kind == "directory":
        path.mkdir()
    with pytest.raises(ScenarioError, match=r"file\.toml"):
        parse_timeline(path)


def test_no_scenario_at_all_is_an_error() -> None:
    """Composing nothing names what there is."""
    with pytest.raises(ScenarioError, match="choose from: b-frames"):
        compose([])


def test_a_fault_says_what_it_does_in_one_line() -> None:
    """When, what, and its numbers."""
    assert Clock(5, -3).describe() == "5: clock step_ms=-3"

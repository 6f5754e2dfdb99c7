"""The benchmark itself: that it runs, and that what it prints and writes is all there."""

import itertools
import json
import math
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import pytest

from petstream.shm import head
from tests.shm.ring_steps import StepRing, count_of
from tests.waiting import wait_until
from tools.benchmark import __main__ as command_line
from tools.benchmark import plan
from tools.benchmark.errors import NotMeasuredError
from tools.benchmark.plot import render_svg
from tools.benchmark.polling import PollingReader
from tools.benchmark.report import ratios, render_slopes, render_table
from tools.benchmark.run import Row, median_row
from tools.benchmark.servers import STOCK, THIS, Subject

REPOSITORY = Path(__file__).parents[2]


def _row(subject: str, viewers: int, cpu: float, **others: object) -> Row:
    values: dict[str, object] = {
        "subject": subject,
        "mbps": 8.0,
        "gop": 30,
        "viewers": viewers,
        "seconds": 10.0,
        "cpu_percent": cpu,
        "thread_percent": {"webrtc": cpu},
        "receivers_percent": 1.0,
        "camera_percent": 1.0,
        "write_ms": 0.5,
        "rss_mb": 70.0,
        "uss_mb": 40.0,
        "p_ms": (1.0, 2.0, 3.0),
        "idr_ms": (4.0, 5.0, 6.0),
        "join_ms": 30.0,
        "lost": 1,
        "skipped": 0,
        "undecodable": 2,
    }
    return Row(**(values | others))  # type: ignore[arg-type]


ROWS = [
    _row("petstream", 0, 1.0, p_ms=(math.nan,) * 3, idr_ms=(math.nan,) * 3, join_ms=math.nan),
    _row("petstream", 1, 2.0),
    _row("stock", 1, 4.0),
    _row("petstream", 10, 6.5),
    _row("stock", 10, 32.5),
    _row("petstream", 10, 9.0, mbps=20.0),
]


def test_medians_of_runs() -> None:
    """Each figure by itself; threads by name; what went wrong is summed."""
    rows = [
        _row("petstream", 1, cpu, thread_percent=threads, p_ms=p_ms)
        for cpu, threads, p_ms in (
            (5.0, {"webrtc": 4.0}, (1.0, 9.0, 9.0)),
            (7.0, {"webrtc": 6.0, "reader": 1.0}, (3.0, 8.0, 8.0)),
            (6.0, {"webrtc": 5.0, "reader": 1.0}, (2.0, 7.0, 7.5)),
        )
    ]
    median = median_row(rows)
    assert median.cpu_percent == 6.0
    assert median.thread_percent == {"webrtc": 5.0, "reader": 1.0}
    assert median.p_ms == (2.0, 8.0, 8.0)
    assert (median.lost, median.undecodable) == (3, 6)


def test_ratios_are_of_the_same_load() -> None:
    """The first sender against each other one, with as many viewers."""
    found = [
        (name, row.viewers, row.cpu_percent / other.cpu_percent)
        for name, row, other in ratios(ROWS)
    ]
    assert found == [("petstream / stock", 1, 0.5), ("petstream / stock", 10, 0.2)]


def test_the_table_has_every_default_row_and_ratio() -> None:
    """One line for each, none for the other loads."""
    lines = render_table(ROWS).splitlines()
    assert [line.split()[:3] for line in lines if "/" not in line and line][1:] == [
        ["0", "petstream", "1.0"],
        ["1", "petstream", "2.0"],
        ["1", "stock", "4.0"],
        ["10", "petstream", "6.5"],
        ["10", "stock", "32.5"],
    ]
    assert [line.split()[:5] for line in lines if " / " in line] == [
        ["1", "petstream", "/", "stock", "0.50"],
        ["10", "petstream", "/", "stock", "0.20"],
    ]


def test_slopes_are_of_the_first_sender() -> None:
    """CPU over viewers and over bit rate; GOP length was not varied."""
    assert render_slopes(ROWS).splitlines() == [
        "CPU over viewers: 1: 2.0 %, 10: 6.5 %; +0.500 % for each viewer",
        "CPU over bit rate: 8: 6.5 %, 20: 9.0 %; +0.208 % for each Mbps",
    ]


def test_a_load_too_great_for_a_sender_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told why, and the others are measured as often as they should be."""

    def measure(subject: Subject, _stream: object, viewers: int, *_: object) -> Row:
        if subject is STOCK and viewers == 50:
            raise NotMeasuredError("five seconds behind")
        return _row(subject.name, viewers, 1.0)

    monkeypatch.setattr(plan, "measure", measure)
    loads = [plan.Load(10), plan.Load(50)]
    wanted = plan.Plan((THIS, STOCK), loads, more_loads=(), runs=2, seconds=1)
    every, medians = plan.carry_out(wanted, tmp_path)
    assert len(every) == 6
    assert [(row.subject, row.viewers) for row in medians] == [
        ("petstream", 10),
        ("stock", 10),
        ("petstream", 50),
    ]
    assert capsys.readouterr().err.count("not measured, five seconds behind") == 2


@pytest.mark.parametrize(("left_out", "code"), [("stock", 0), ("petstream", 1)])
def test_only_the_sender_that_counts_has_to_be_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left_out: str, code: int
) -> None:
    """That aiortc's own cannot keep up is no fault; that petstream cannot is one."""

    def measure(subject: Subject, _stream: object, viewers: int, *_: object) -> Row:
        if subject.name == left_out and viewers == 50:
            raise NotMeasuredError("five seconds behind")
        return _row(subject.name, viewers, 1.0)

    monkeypatch.setattr(plan, "measure", measure)
    monkeypatch.setattr(command_line, "compile_counter", lambda _: tmp_path)
    assert command_line.main(["--viewers=10,50", "--runs=2"]) == code


def test_a_benchmark_that_measured_nothing_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a sentence, without a table."""

    def measure(*_: object) -> Row:
        raise NotMeasuredError("the server did not take 10 viewers")

    monkeypatch.setattr(plan, "measure", measure)
    monkeypatch.setattr(command_line, "compile_counter", lambda _: tmp_path)
    assert command_line.main(["--viewers=10"]) == 1
    printed = capsys.readouterr()
    assert "nothing could be measured" in printed.err
    assert printed.out == ""


def test_the_plot_is_svg_with_a_line_for_each_sender() -> None:
    """CPU: one line each; latency: median and 99th percentile each."""
    root = ET.fromstring(render_svg(ROWS[:5]))
    lines = root.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [3, 2, 2, 2, 2, 2]


def test_a_reader_that_polls_misses_nothing(
    segment_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One slot at a time, many at once, and one that is claimed before the one in front is read."""
    # A millisecond from look to look, so that no claim seems left by a writer that died.
    now_ns = itertools.count(time.monotonic_ns(), 1_000_000)
    monkeypatch.setattr(head, "time", SimpleNamespace(monotonic_ns=now_ns.__next__))
    counts: list[int] = []
    with StepRing(segment_name) as ring, PollingReader(segment_name) as reader:

        def read(until: int) -> None:
            def is_read() -> bool:
                counts.extend(map(count_of, reader.read(0.01)))
                return len(counts) >= until

            wait_until(is_read, f"{until} slots")

        late = ring.claim()
        assert reader.read(0) == []
        ring.copy(late)
        ring.post()  # which shows the reader what a post is worth
        for until in (1, 2, 3, 13, 33):
            ring.write(until - ring.index)
            read(until)
        ring.write()
        late = ring.claim()
        read(34)
        ring.copy(late)
        ring.post()
        read(35)
    assert counts == list(range(35))


@pytest.mark.nightly
@pytest.mark.realtime
def test_a_measurement_from_camera_to_viewer(tmp_path: Path) -> None:
    """All senders, one viewer each: the figures are there and are what a stream can have."""
    command = [sys.executable, "-m", "tools.benchmark"]
    command += ["--sender=all", "--viewers=1", "--seconds=1.5", "--threads"]
    files = [f"--json={tmp_path / 'figures.json'}", f"--plot={tmp_path / 'plot.svg'}"]
    done = subprocess.run(
        [*command, *files], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "petstream / stock" in done.stdout
    assert "petstream / polling stock" in done.stdout
    assert "reader" in done.stdout
    assert "ms of each latency" in done.stdout
    ET.parse(tmp_path / "plot.svg")
    figures = json.loads((tmp_path / "figures.json").read_text())
    subjects = [row["subject"] for row in figures["medians"]]
    assert subjects == ["petstream", "stock", "polling stock"]
    for row in figures["medians"]:
        assert 0 < row["cpu_percent"] < 200
        assert 0 < row["uss_mb"] < row["rss_mb"] < 500
        assert 0 < row["write_ms"] < row["p_ms"][0] <= row["p_ms"][1] <= row["p_ms"][2]
        assert row["skipped"] <= 30
    assert figures["medians"][0]["join_ms"] > 0

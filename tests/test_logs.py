"""Logging."""

import io
import json
import logging
import re
import threading
from collections.abc import Iterator

import pytest

from petstream.logs import RepeatGuard, configure_logging

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\S+) +\[([^\]]+)\] (\S+): (.*)", re.DOTALL
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """See TextIO."""
        return True


@pytest.fixture(autouse=True)
def restore_logging() -> Iterator[None]:
    """Leave the logging of the test run as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    names = ("aioice", "aiortc", "waitress", "werkzeug", "asyncio")
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("debug", ["DEBUG", "INFO", "WARN", "ERROR", "FATAL"]),
        ("info", ["INFO", "WARN", "ERROR", "FATAL"]),
        ("warn", ["WARN", "ERROR", "FATAL"]),
        ("error", ["ERROR", "FATAL"]),
        ("silent", []),
    ],
)
def test_the_level_decides_what_is_shown(level: str, shown: list[str]) -> None:
    """Silent shows not even what is fatal."""
    stream = io.StringIO()
    configure_logging(level, "auto", stream)
    logger = logging.getLogger("petstream.test")
    for number in (10, 20, 30, 40, 50):
        logger.log(number, "a message")
    matches = [LINE.fullmatch(line) for line in stream.getvalue().splitlines()]
    assert [match[1] if match else None for match in matches] == shown


def test_a_line_has_time_level_thread_and_name() -> None:
    """So that one can be found, and put in order with others."""
    stream = io.StringIO()
    configure_logging("info", "never", stream)
    logger = logging.getLogger("petstream.test")
    thread = threading.Thread(target=lambda: logger.info("hello %d", 5), name="reader")
    thread.start()
    thread.join()
    match = LINE.fullmatch(stream.getvalue().rstrip("\n"))
    assert match is not None
    assert match.groups() == ("INFO", "reader", "petstream.test", "hello 5")


@pytest.mark.parametrize(
    ("color", "stream", "colored"),
    [
        ("auto", io.StringIO(), False),
        ("auto", Terminal(), True),
        ("always", io.StringIO(), True),
        ("never", Terminal(), False),
    ],
)
def test_colour_is_for_terminals(color: str, stream: io.StringIO, colored: bool) -> None:
    """Unless it is asked for, or forbidden."""
    configure_logging("info", color, stream)
    logging.getLogger("petstream.test").error("red")
    assert ("\x1b[" in stream.getvalue()) == colored


def test_a_message_is_one_line() -> None:
    """What a peer sent cannot forge a second line."""
    stream = io.StringIO()
    configure_logging("info", "never", stream)
    logging.getLogger("petstream.test").warning("got %s", "a\r\n2025 ERROR forged")
    assert len(stream.getvalue().splitlines()) == 1
    assert r"a\r\n2025" in stream.getvalue()


def test_a_traceback_follows_its_line() -> None:
    """An exception keeps its lines."""
    stream = io.StringIO()
    configure_logging("info", "never", stream)
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        logging.getLogger("petstream.test").exception("failed")
    lines = stream.getvalue().splitlines()
    assert lines[0].endswith("failed")
    assert lines[-1] == "RuntimeError: broken"


def test_json_is_one_object_a_line() -> None:
    """Whatever is in the message; with thread, level, and the traceback of an exception."""
    stream = io.StringIO()
    configure_logging("info", "always", stream, format="json")
    logger = logging.getLogger("petstream.test")
    logger.warning("got %s", "a\r\n\x1b \ud800")
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        logger.exception("failed")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("time"))
    assert first == {
        "level": "warn",
        "thread": "MainThread",
        "logger": "petstream.test",
        "message": "got a\r\n\x1b \ud800",
    }
    assert second["message"] == "failed"
    assert second["exception"].endswith("RuntimeError: broken")


def test_a_second_setup_replaces_the_first() -> None:
    """Nothing is logged twice."""
    first, second = io.StringIO(), io.StringIO()
    configure_logging("info", "never", first)
    configure_logging("info", "never", second)
    logging.getLogger("petstream.test").info("once")
    assert (first.getvalue(), second.getvalue().count("once")) == ("", 1)


def test_chatty_libraries_are_heard_at_debug_only() -> None:
    """Every ICE check is of interest to few."""
    stream = io.StringIO()
    configure_logging("info", "never", stream)
    logging.getLogger("aioice.ice").info("check")
    assert stream.getvalue() == ""
    configure_logging("debug", "never", stream)
    logging.getLogger("aioice.ice").info("check")
    assert "check" in stream.getvalue()


def test_a_repeating_fault_is_let_through_once_in_an_interval() -> None:
    """With the number of times that were passed over."""
    now = [0.0]
    guard = RepeatGuard(10.0, clock=lambda: now[0])
    assert guard.check("a") == 0
    assert [guard.check("a") for _ in range(5)] == [None] * 5
    now[0] = 9.9
    assert guard.check("a") is None
    now[0] = 10.0
    assert guard.check("a") == 6
    now[0] = 20.0
    assert guard.check("a") == 0


def test_faults_are_counted_apart() -> None:
    """One does not hide another."""
    guard = RepeatGuard(10.0, clock=lambda: 0.0)
    assert (guard.check("a"), guard.check("b"), guard.check("a")) == (0, 0, None)


def test_the_number_of_faults_is_bounded() -> None:
    """Keys may come from outside; the one logged longest ago is forgotten."""
    guard = RepeatGuard(10.0, max_keys=3, clock=lambda: 0.0)
    for key in "abcd":
        guard.check(key)
    assert guard.check("b") is None
    assert guard.check("a") == 0


def test_many_threads_let_one_line_through() -> None:
    """The count is exact."""
    now = [0.0]
    guard = RepeatGuard(10.0, clock=lambda: now[0])
    results: list[int | None] = []

    def hammer() -> None:
        results.extend(guard.check("a") for _ in range(500))

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(0) == 1
    now[0] = 10.0
    assert guard.check("a") == 8 * 500 - 1

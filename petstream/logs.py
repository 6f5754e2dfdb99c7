"""Logging: standard ``logging``, one line a message, one set-up for every command.

Strategy: the root logger gets one handler on stderr. Times are UTC, as in the names of
recordings. Modules log by ``logging.getLogger(__name__)``; whatever can repeat with every frame
asks a RepeatGuard first.
"""

import json
import logging
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import TextIO

__all__ = ["LEVELS", "RepeatGuard", "configure_logging"]

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "silent": logging.CRITICAL + 1,
}

_SHORT_NAMES = {
    logging.DEBUG: "DEBUG",
    logging.INFO: "INFO ",
    logging.WARNING: "WARN ",
    logging.ERROR: "ERROR",
    logging.CRITICAL: "FATAL",
}

# SGR codes of ECMA-48: faint, green, yellow, red, bold red.
_COLORS = {
    logging.DEBUG: "\x1b[2m",
    logging.INFO: "\x1b[32m",
    logging.WARNING: "\x1b[33m",
    logging.ERROR: "\x1b[31m",
    logging.CRITICAL: "\x1b[1;31m",
}
_RESET = "\x1b[0m"

# Libraries whose INFO is about their insides: every ICE candidate pair, every slow request.
_CHATTY = {
    "aioice": logging.WARNING,
    "aiortc": logging.WARNING,
    "waitress": logging.ERROR,
    "werkzeug": logging.WARNING,
    "asyncio": logging.WARNING,
}


class Formatter(logging.Formatter):
    """``2025-12-26T22:30:31.123Z INFO  [reader] petstream.shm.ring: attached``"""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self, *, color: bool) -> None:
        super().__init__("%(asctime)s %(shown_level)s [%(threadName)s] %(name)s: %(message)s")
        self._color = color

    def format(self, record: logging.LogRecord) -> str:
        """One record as text; line breaks in the message itself are shown, not written."""
        name = _SHORT_NAMES.get(record.levelno, record.levelname)
        color = _COLORS.get(record.levelno, "") if self._color else ""
        record.shown_level = f"{color}{name}{_RESET}" if color else name
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line before any traceback: a peer's text must not be able to forge a second one."""
        line = super().formatMessage(record)
        return line.replace("\r", "\\r").replace("\n", "\\n")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, thread, logger, message, and exception if there is one.

    The time is UTC as in RFC 3339; the level is the word that -log-level takes, or ``fatal``.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One record as JSON (RFC 8259), in ASCII."""
        moment = datetime.fromtimestamp(record.created, UTC)
        entry = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": _SHORT_NAMES.get(record.levelno, record.levelname).strip().lower(),
            "thread": record.threadName,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def configure_logging(
    level: str, color: str, stream: TextIO | None = None, *, format: str = "text"
) -> None:
    """Send all logging to one stream; a second call replaces the first.

    Args:
        level: a key of LEVELS.
        color: ``auto`` (when the stream is a terminal), ``always`` or ``never``; of text only.
        stream: where to; stderr if None.
        format: ``text`` or ``json``.
    """
    stream = sys.stderr if stream is None else stream
    colored = color == "always" or (color == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if format == "json" else Formatter(color=colored))
    logging.basicConfig(level=LEVELS[level], handlers=[handler], force=True)
    for name, least in _CHATTY.items():
        logging.getLogger(name).setLevel(logging.NOTSET if level == "debug" else least)
    logging.captureWarnings(True)


class RepeatGuard:
    """Lets a repeating fault be logged at most once in an interval, with a count.

    ::

        count = guard.check("bad format")
        if count is not None:
            logger.warning("bad format (%d more since)", count)

    Any thread may call it.
    """

    def __init__(
        self,
        interval_s: float = 1.0,
        *,
        max_keys: int = 256,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval_s = interval_s
        # Keys may come from outside, such as a peer's address, so that their number is bounded.
        self._max_keys = max_keys
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def check(self, key: Hashable) -> int | None:
        """How many times the fault was passed over since the last line, or None to stay silent."""
        now = self._clock()
        with self._lock:
            logged_at, suppressed = self._seen.get(key, (None, 0))
            if logged_at is not None and now - logged_at < self._interval_s:
                self._seen[key] = (logged_at, suppressed + 1)
                return None
            self._seen[key] = (now, 0)
            self._seen.move_to_end(key)
            if len(self._seen) > self._max_keys:
                self._seen.popitem(last=False)
            return suppressed

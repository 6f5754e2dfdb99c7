"""What the page says of the server: health and recorder in one, as an answer and as a stream.

Strategy: a server that is away is a state like others, not the end of the stream.
"""

import json
from typing import Final

from petstream.errors import UnavailableError
from petstream.web.monitor.forwarding import QUICK_S
from petstream.web.monitor.upstream import Answer, Upstream

__all__ = ["STATUS_EVERY_S", "StatusSource", "read_status"]

STATUS_EVERY_S: Final = 1.0


def read_status(upstream: Upstream) -> dict[str, object]:
    """The server's health, with the recorder's status under ``recorder``.

    Raises:
        UnavailableError: the server is away, or what answers is no petstream.
    """
    health = _json_object(upstream.call("GET", "/health", timeout_s=QUICK_S))
    recorder = _json_object(upstream.call("GET", "/status", timeout_s=QUICK_S))
    return {**health, "recorder": recorder}


class StatusSource:
    """What an EventStream asks for; one thread uses it."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def __call__(self) -> str:
        """The status; ``{"status": "away", "reasons": [...]}`` if nobody answers."""
        try:
            status = read_status(self._upstream)
        except UnavailableError as error:
            status = {"status": "away", "reasons": [str(error)]}
        return json.dumps(status)


def _json_object(answer: Answer) -> dict[str, object]:
    try:
        value = json.loads(answer.body)
    except ValueError:
        value = None
    if answer.status != 200 or not isinstance(value, dict):
        raise UnavailableError(f"petstream serve answered {answer.status}, and no status")
    return value

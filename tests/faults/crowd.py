"""Many clients at once on one thread: plain HTTP, and viewers that stop half-way.

Strategy: asyncio streams and aioice, because a whole peer connection for each of hundreds of
clients would cost more than the server that is tested.
"""

import asyncio
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import aioice

from tests.webrtc.negotiating import stored_offer

__all__ = ["IceOnly", "Reply", "ask", "at_once", "offer_request", "request", "sendable"]


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes:
        took_s: from the request's first byte sent to the reply's last.
    """

    status: int
    head: str
    body: bytes
    took_s: float


def offer_request(sdp: str) -> bytes:
    """POST /offer as bytes."""
    body = json.dumps({"type": "offer", "sdp": sdp}).encode()
    return request("POST", "/offer", body)


def sendable(name: str = "chromium-linux") -> str:
    """A stored offer without its mDNS names, which would be asked for in the network."""
    return re.sub(r"a=candidate:.*\r\n", "", stored_offer(name))


async def ask(url: str, sent: bytes) -> Reply:
    """Connect and send one request."""
    (reply,) = await at_once(url, [sent])
    return reply


async def at_once(url: str, requests: Sequence[bytes]) -> list[Reply]:
    """Connect for every request, then send them all at once."""
    where = urlsplit(url)
    assert where.hostname
    assert where.port
    streams = [await asyncio.open_connection(where.hostname, where.port) for _ in requests]
    try:
        pairs = zip(streams, requests, strict=True)
        return await asyncio.gather(*(_ask(*stream, sent) for stream, sent in pairs))
    finally:
        for _, writer in streams:
            writer.close()


class IceOnly:
    """A viewer that offers, connects by ICE, answers checks for ever, and never speaks DTLS."""

    def __init__(self) -> None:
        self._ice = aioice.Connection(ice_controlling=True)
        gather = self._ice.get_component_candidates

        async def on_loopback(*, component: int, addresses: list[str]) -> list[aioice.Candidate]:
            del addresses
            return await gather(component, ["127.0.0.1"])

        vars(self._ice).update(get_component_candidates=on_loopback)

    async def connect(self, url: str) -> None:
        """Offer, and nominate a pair."""
        await self._ice.gather_candidates()
        sdp = re.sub(r"a=ice-ufrag:.*", f"a=ice-ufrag:{self._ice.local_username}\r", sendable())
        sdp = re.sub(r"a=ice-pwd:.*", f"a=ice-pwd:{self._ice.local_password}\r", sdp)
        lines = [f"a=candidate:{c.to_sdp()}\r\n" for c in self._ice.local_candidates]
        reply = await ask(url, offer_request(sdp + "".join(lines)))
        assert reply.status == 200, reply.body
        answer = json.loads(reply.body)["sdp"]
        (self._ice.remote_username,) = set(re.findall(r"a=ice-ufrag:(\S+)", answer))
        (self._ice.remote_password,) = set(re.findall(r"a=ice-pwd:(\S+)", answer))
        for candidate in re.findall(r"a=candidate:(.+?)\r", answer):
            await self._ice.add_remote_candidate(aioice.Candidate.from_sdp(candidate))
        await self._ice.add_remote_candidate(None)
        await self._ice.connect()

    async def close(self) -> None:
        """Go away."""
        await self._ice.close()


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """A whole request as bytes, after which the server closes."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes) -> Reply:
    began = time.monotonic()
    writer.write(sent)
    answer = await reader.read()
    took_s = time.monotonic() - began
    head, _, body = answer.partition(b"\r\n\r\n")
    return Reply(int(head.split(b" ")[1]), head.decode("latin-1"), body, took_s)

"""RELIABILITY D1 to D3: viewers that do not get through, vanish, or come all at once."""

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import impatient
from tests.camera_process import CameraProcess
from tests.faults.crowd import IceOnly, Reply, ask, at_once, offer_request, request, sendable
from tests.faults.figures import holding
from tests.impatient import CONNECT_S, SILENCE_S
from tests.peer_process import PeerProcess
from tests.scale import deadline_s, scaled, within
from tests.server_process import ServerProcess
from tests.waiting import wait_until

HALF_OPEN = scaled(3, 100)  # of each of two kinds
VANISHED_S = SILENCE_S + 0.5
STORM = scaled(40, 1000)
VIEWERS_MAX = 10
REFUSED_S = 0.1
HEALTH_S = 0.2


@pytest.fixture
def roomy(segment_name: str, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with room for all half-open viewers."""
    room = f"-max-clients={2 * HALF_OPEN}"
    with ServerProcess(segment_name, tmp_path, room, module=impatient.__name__) as server:
        yield server


def viewers(server: ServerProcess) -> int:
    """How many viewers hold a slot."""
    return len(server.get("/viewers")["viewers"])


def test_d01_half_open_viewers_are_closed_at_the_limit(roomy: ServerProcess) -> None:
    """Some never do ICE, some never do DTLS: slots and descriptors are back at the limit."""
    url = roomy.urls["http"]
    before = holding(roomy.process.pid)

    async def come() -> list[IceOnly]:
        silent = [await ask(url, offer_request(sendable())) for _ in range(HALF_OPEN)]
        assert {reply.status for reply in silent} == {200}
        checking = [IceOnly() for _ in range(HALF_OPEN)]
        for client in checking:
            await client.connect(url)
        return checking

    async def stay() -> tuple[float, float]:
        first = time.monotonic()
        clients = await come()
        last = time.monotonic()
        full = await ask(url, offer_request(sendable()))
        assert full.status == 503
        assert holding(roomy.process.pid).descriptors >= before.descriptors + 2 * HALF_OPEN
        while (await asyncio.to_thread(viewers, roomy)) > 0:
            assert time.monotonic() < last + deadline_s(CONNECT_S + 2)
            await asyncio.sleep(0.1)
        await asyncio.gather(*(client.close() for client in clients))
        return first, last

    first, last = asyncio.run(stay())
    assert time.monotonic() >= first + CONNECT_S
    assert time.monotonic() <= last + deadline_s(CONNECT_S + 2)
    wait_until(
        lambda: holding(roomy.process.pid).descriptors <= before.descriptors,
        "all descriptors given back",
        deadline_s(3),
    )
    assert asyncio.run(ask(url, offer_request(sendable()))).status == 200


def test_d02_a_viewer_that_was_killed_is_noticed(roomy: ServerProcess, segment_name: str) -> None:
    """A peer process ended by SIGKILL has given its slot back within 12 s; others stay."""
    url = roomy.urls["http"]
    with (
        CameraProcess("barcode-480p30", segment_name, "--stamp"),
        PeerProcess(url) as stays,
        PeerProcess(url) as killed,
    ):
        stays.wait_for(30)
        killed.wait_for(30)
        killed.signal(signal.SIGKILL)
        wait_until(lambda: viewers(roomy) == 1, "the slot given back", deadline_s(VANISHED_S))
        count = len(stays.arrivals)
        stays.wait_for(count + 30)
        assert all(arrival.lost == 0 for arrival in stays.arrivals)


def test_d03_many_offers_at_once(server_process: ServerProcess) -> None:
    """Never more than ten are let in; everybody else is told 503 and when to come back."""
    url = server_process.urls["http"]
    replies = asyncio.run(at_once(url, [offer_request(sendable())] * STORM))
    assert sum(reply.status == 200 for reply in replies) == VIEWERS_MAX
    refused = [reply for reply in replies if reply.status != 200]
    assert {reply.status for reply in refused} == {503}
    assert all("Retry-After: " in reply.head for reply in refused)
    assert viewers(server_process) == VIEWERS_MAX


@pytest.mark.nightly
@pytest.mark.realtime
def test_d03_a_refusal_takes_no_time(server_process: ServerProcess) -> None:
    """While eight clients offer in vain on and on: p99 of 503 is 100 ms, of /health 200 ms."""
    url = server_process.urls["http"]

    async def insist(until_s: float) -> list[Reply]:
        replies = []
        while time.monotonic() < until_s:
            replies.append(await ask(url, offer_request(sendable())))
        return replies

    async def look(until_s: float) -> list[float]:
        took = []
        while time.monotonic() < until_s:
            took.append((await ask(url, request("GET", "/health"))).took_s)
            await asyncio.sleep(0.01)
        return sorted(took)

    async def storm() -> tuple[list[Reply], list[float]]:
        await at_once(url, [offer_request(sendable())] * VIEWERS_MAX)
        end = time.monotonic() + 3
        crowd = asyncio.gather(*(insist(end) for _ in range(8)))
        health = await look(end)
        return [reply for replies in await crowd for reply in replies], health

    refused, health = asyncio.run(storm())
    assert {reply.status for reply in refused} == {503}
    took = sorted(reply.took_s for reply in refused)
    within("s, p99 of a refusal", took[len(took) * 99 // 100], REFUSED_S)
    within("s, p99 of /health", health[len(health) * 99 // 100], HEALTH_S)

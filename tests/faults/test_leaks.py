"""RELIABILITY D11: viewers come and go by the thousand, and nothing is kept of them."""

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from petstream.server import Server
from petstream.webrtc import viewers
from tests import impatient
from tests.camera_process import CameraProcess
from tests.faults.crowd import Reply, ask, offer_request, sendable
from tests.faults.figures import Holding, holding
from tests.faults.mutation import mutated
from tests.peer import Peer
from tests.scale import deadline_s, scaled, within
from tests.server_process import ServerProcess
from tests.waiting import wait_until
from tests.webrtc.negotiating import stored_offer

CONNECTED = scaled(ci=5, nightly=1000)
HALF_OPEN = scaled(ci=5, nightly=1000)
# No more at once: the heap that a thousand leave behind is in pieces, and grows for some rounds,
# although nothing of it is in use.
ROOM = scaled(ci=5, nightly=100)
BAD = scaled(ci=5, nightly=1000)
MEMORY_MB = 15


@pytest.fixture
def roomy(segment_name: str, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with room for many half-open viewers at once, and a camera."""
    with (
        CameraProcess("barcode-480p30", segment_name),
        ServerProcess(
            segment_name, tmp_path, f"-max-clients={ROOM}", module=impatient.__name__
        ) as server,
    ):
        yield server


def come_and_go(server: ServerProcess, count: int) -> None:
    """Viewers that connect, have their picture, and leave."""
    for _ in range(count):
        with Peer(server.offer) as peer:
            peer.wait_for(1)


async def answer_to(server: ServerProcess, sdp: str) -> Reply:
    """What an offer is answered, once there is a place.

    One is given back when its viewer's connection is closed, a moment after it has left the list.
    """
    deadline = time.monotonic() + 20
    while (reply := await ask(server.urls["http"], offer_request(sdp))).status == 503:
        assert time.monotonic() < deadline, reply.body
        await asyncio.sleep(0.01)
    return reply


def half_open(server: ServerProcess, count: int) -> None:
    """Viewers that offer and are not heard of again, until they are closed."""

    async def offer() -> None:
        for _ in range(count):
            reply = await answer_to(server, sendable())
            assert reply.status == 200, reply.body

    asyncio.run(offer())
    wait_until(lambda: server.get("/viewers")["viewers"] == [], "all closed", 30)


def bad_offers(server: ServerProcess, count: int) -> None:
    """Offers that cannot be used."""
    source = random.Random("leaks")

    async def offer() -> None:
        for _ in range(count):
            sdp = mutated(stored_offer("firefox-linux-without-h264"), source)
            reply = await answer_to(server, sdp)
            assert reply.status in (400, 406), reply.body

    asyncio.run(offer())


@pytest.mark.timeout(scaled(120, 900))
def test_d11_nothing_is_kept_of_viewers(roomy: ServerProcess) -> None:
    """Connected and gone, half-open, refused: memory, descriptors and threads are as before."""
    roomy.wait_for_health("ok")
    cold = holding(roomy.process.pid)
    # Warm means that as many have been there at once as will be, whose memory is used again.
    half_open(roomy, 2 * ROOM)
    bad_offers(roomy, BAD)
    come_and_go(roomy, CONNECTED // 2)
    warm = holding(roomy.process.pid)
    come_and_go(roomy, CONNECTED)
    bad_offers(roomy, BAD)
    half_open(roomy, HALF_OPEN)

    def settled() -> bool:
        now = holding(roomy.process.pid)
        return now.descriptors <= cold.descriptors and now.threads <= cold.threads

    wait_until(settled, f"no more descriptors and threads than before: {cold}", deadline_s(5))
    after: Holding = holding(roomy.process.pid)
    within("MB kept", (after.rss - warm.rss) / 1e6, MEMORY_MB)


def test_d11_no_task_is_left(
    server: Server, segment_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop runs as many tasks after viewers of every kind as it did before the first."""

    async def tasks() -> int:
        return len(asyncio.all_tasks())

    def count() -> int:
        return server.service.webrtc.loop.call(tasks(), 1.0)

    monkeypatch.setattr(viewers, "CONNECT_TIMEOUT_S", impatient.CONNECT_S)
    with CameraProcess("barcode-480p30", segment_name):
        before = count()
        for _ in range(5):
            with Peer(server.service.offer) as peer:
                peer.wait_for(1)
        for _ in range(5):
            server.service.offer(sendable())
        assert count() > before
        wait_until(lambda: server.service.viewers() == [], "all closed", 30)
        wait_until(lambda: count() == before, "no task left", deadline_s(3))

"""RELIABILITY D4 and D5: offers that were tampered with, and offers of nothing that we have."""

import asyncio
import random
import threading
from collections.abc import Iterator, Sequence

import pytest
import requests
from aiortc.rtp import RtpPacket

from petstream.errors import BadOfferError, NotAcceptableError
from petstream.rtp.headers import RtpSource
from petstream.server import Server
from petstream.webrtc.negotiation import IceSettings, Plan, answer_plan, plan_answer
from tests.camera_process import CameraProcess
from tests.faults.figures import holding
from tests.faults.mutation import mutated
from tests.peer import Peer
from tests.scale import scaled
from tests.server_process import ServerProcess
from tests.webrtc.negotiating import OFFERS, Silent, media_of, stored_offer

PLANNED = scaled(ci=1_000, nightly=100_000)
ANSWERED = scaled(ci=100, nightly=5_000)
POSTED = scaled(ci=100, nightly=5_000)
STREAM = "42c01f"
LOOKUP_THREADS = 8  # of the loop's executor, for names in candidates; it keeps them
REFUSALS = (BadOfferError, NotAcceptableError)
LOOPBACK = IceSettings(addresses=("127.0.0.1",))


def hostile_offers(count: int, seed: str) -> Iterator[str]:
    """Stored offers, tampered with; the same ones for the same seed."""
    source = random.Random(seed)
    offers = [stored_offer(name) for name in OFFERS]
    for _ in range(count):
        yield mutated(source.choice(offers), source)


def test_d04_mutated_offers_are_planned_or_refused() -> None:
    """Whatever a browser's offer is turned into: a plan that can be used, or a 400 or 406."""
    refused = 0
    for offer in hostile_offers(PLANNED, "plan"):
        try:
            plan = plan_answer(offer, STREAM)
        except REFUSALS:
            refused += 1
        else:
            assert 0 <= plan.chosen.payload_type <= 127
            assert plan.chosen.packetization_mode == 1
    assert 0.2 * PLANNED < refused < 0.9 * PLANNED, "the mutations are too tame or too wild"


def test_d04_mutated_offers_are_answered_or_refused() -> None:
    """What can be planned is answered, or refused once aiortc sees it; nothing stays open."""

    async def answer_all() -> int:
        answered = 0
        for offer in hostile_offers(100 * ANSWERED, "answer"):
            try:
                negotiated = await answer_plan(
                    plan_answer(offer, STREAM), LOOPBACK, Silent(), RtpSource.random()
                )
            except REFUSALS:
                continue
            assert_answers(negotiated.plan, negotiated.answer)
            await negotiated.connection.close()
            answered += 1
            if answered == ANSWERED:
                break
        return answered

    assert asyncio.run(answer_all()) == ANSWERED


def assert_answers(plan: Plan, answer: str) -> None:
    """An answer has the sections of the offer, and H.264 in one of them."""
    sections = media_of(answer)
    assert [s.kind for s in sections] == [s.kind for s in plan.offer.sections]
    (taken,) = [s for s in sections if "a=sendonly" in s.lines]
    assert taken.codec(taken.formats[0]) == "H264/90000"


def test_d04_mutated_offers_over_http(server_process: ServerProcess) -> None:
    """The server answers each with 200, 400, 406 or 503, and holds no more afterwards."""
    statuses: dict[int, int] = {}
    threads = holding(server_process.process.pid).threads
    with requests.Session() as session:
        for offer in hostile_offers(POSTED, "http"):
            body = {"type": "offer", "sdp": offer}
            reply = session.post(f"{server_process.urls['http']}/offer", json=body, timeout=10)
            statuses[reply.status_code] = statuses.get(reply.status_code, 0) + 1
            if reply.status_code != 200:
                assert set(reply.json()) == {"error", "message"}
    assert set(statuses) <= {200, 400, 406, 503}
    assert statuses[200] == 10, "the tenth was the last with a slot"
    assert not [line for line in server_process.log if "Traceback" in line]
    assert holding(server_process.process.pid).threads <= threads + LOOKUP_THREADS


CHROMIUM = stored_offer("chromium-linux-audio-data")
HEAD, AUDIO, VIDEO, DATA = CHROMIUM.replace("\r\nm=", "\r\n\0m=").split("\0")
BARE = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:"
UNFIT = {
    "audio only": (HEAD + AUDIO, 406),
    "data channel only": (HEAD + DATA, 406),
    "audio and data channel": (HEAD + AUDIO + DATA, 406),
    "no H.264": (stored_offer("firefox-linux-without-h264"), 406),
    "video that is sent": (HEAD + VIDEO.replace("a=recvonly", "a=sendonly"), 406),
    "packetization mode 0": (CHROMIUM.replace("packetization-mode=1", "packetization-mode=0"), 406),
    "100 sections": (HEAD + "".join(f"{BARE}{mid}\r\n" for mid in range(100)), 400),
    "no section": (HEAD, 400),
}


@pytest.mark.parametrize("name", UNFIT)
def test_d05_offers_of_nothing_that_we_have(server: Server, name: str) -> None:
    """Audio, data channels, other codecs, media for us: 406; more sections than sense: 400."""
    sdp, status = UNFIT[name]
    reply = requests.post(
        f"{server.addresses['http']}/offer", json={"type": "offer", "sdp": sdp}, timeout=20
    )
    assert reply.status_code == status, reply.text
    assert server.service.viewers() == []


def test_d05_inbound_media_is_never_decoded(server: Server, segment_name: str) -> None:
    """A viewer that sends H.264 at us gets its picture; nobody reads what it sends."""
    with (
        CameraProcess("barcode-480p30", segment_name),
        Talker(server.service.offer) as peer,
    ):
        peer.wait_for(30)
        before = decoders()
        peer.send_rtp([bytes((0x65, *range(200)))] * 200)
        peer.wait_for_more(30)
        assert decoders() == before
        (viewer,) = server.service.viewers()
        assert viewer.state == "connected"


class Talker(Peer):
    """A peer that also sends, which nobody asked for."""

    def send_rtp(self, payloads: Sequence[bytes]) -> None:
        """Send payloads of the format that was negotiated."""
        self._run(self._send(payloads))

    async def _send(self, payloads: Sequence[bytes]) -> None:
        (transceiver,) = self.connection.getTransceivers()
        payload_type = int(transceiver._codecs[0].payloadType or 0)
        for number, payload in enumerate(payloads):
            packet = RtpPacket(payload_type=payload_type, marker=1, sequence_number=number, ssrc=1)
            packet.payload = payload
            await transceiver.receiver.transport._send_rtp(packet.serialize())


def decoders() -> int:
    """aiortc's decoder threads; the peer in this process has one for what it receives."""
    return sum("decoder" in thread.name for thread in threading.enumerate())

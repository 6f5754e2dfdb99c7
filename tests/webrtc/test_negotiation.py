"""From an offer to a peer connection: what is planned, answered, refused, and left open."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from petstream.errors import BadOfferError, NotAcceptableError
from petstream.webrtc.negotiation import add_candidates, plan_answer
from tests.webrtc.negotiating import answer_to, media_of, negotiate, stored_offer

STREAM = "42c01f"
CHROMIUM = stored_offer("chromium-linux")


def without(name: str) -> str:
    """Chromium's offer without the lines of an attribute."""
    lines = CHROMIUM.split("\r\n")
    return "\r\n".join(line for line in lines if not line.startswith(f"a={name}"))


def sockets() -> int:
    """Open sockets of this process."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found += str(entry.readlink()).startswith("socket:")
        except FileNotFoundError:
            continue
    return found


def run(step: Callable[[], Awaitable[None]]) -> None:
    """Run on a loop of its own, and see that no socket is left."""

    async def checked() -> None:
        before = sockets()
        await step()
        await asyncio.sleep(0)  # transports close on the next turn of the loop
        assert sockets() == before

    asyncio.run(checked())


@pytest.mark.parametrize("name", ["ice-ufrag", "ice-pwd", "fingerprint", "mid", "rtcp-mux"])
def test_what_a_video_section_needs(name: str) -> None:
    """Without credentials, fingerprint, mid or rtcp-mux it is a 400 that names what is missing."""
    with pytest.raises(BadOfferError, match=f"a={name}") as caught:
        plan_answer(without(name), STREAM)
    assert caught.value.status == 400


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_an_offer_that_does_not_want_video(direction: str) -> None:
    """Nothing to receive is a 406 that says what was offered."""
    with pytest.raises(NotAcceptableError, match=f"video {direction}"):
        plan_answer(CHROMIUM.replace("a=recvonly", f"a={direction}"), STREAM)


@pytest.mark.parametrize("direction", ["recvonly", "sendrecv"])
def test_answers_are_sendonly(direction: str) -> None:
    """Also to a browser that would send its own camera: nothing is ever received."""
    answer = answer_to(CHROMIUM.replace("a=recvonly", f"a={direction}"), STREAM)
    (section,) = media_of(answer)
    assert "a=sendonly" in section.lines
    assert not {"a=sendrecv", "a=recvonly"} & set(section.lines)


def test_payload_types_below_96_are_answered_as_offered() -> None:
    """Chromium offers High 4:4:4 on 41 and its retransmissions on 42."""
    (section,) = media_of(answer_to(CHROMIUM, "640028"))
    assert section.formats == ["41", "42"]
    assert section.codec("42") == "rtx/90000"
    assert section.format_parameters("42") == {"apt": "41"}


def test_mdns_candidates_are_left_for_later() -> None:
    """Names are not looked up before the answer is out; addresses are taken at once."""
    plan = plan_answer(
        CHROMIUM.replace("920a3d52-077f-4b54-8f97-e8cec13f4ef9.local", "::1"), STREAM
    )
    assert len(plan.candidates) == len(plan.mdns_candidates) == 1
    assert "::1" in plan.candidates[0]


def test_closing_leaves_no_socket() -> None:
    """A connection that was answered and closed has given all sockets back."""

    async def answer_and_close() -> None:
        negotiated = await negotiate(CHROMIUM, STREAM)
        await negotiated.connection.close()

    run(answer_and_close)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a=fingerprint:sha-256 ", "a=fingerprint:"),
        ("a=fingerprint:sha-256 ", "a=fingerprint:md5 "),
        ("a=setup:actpass", "a=setup:perhaps"),
        ("a=setup:actpass\r\n", ""),
        ("a=candidate:4049044578 1 udp", "a=candidate:4049044578 one udp"),
        ("a=candidate:4049044578 1 udp 2113937151", "a=candidate:4049044578 1 udp x"),
        ("a=ice-pwd:", "a=ice-pwd:short\r\na=x:"),
        ("a=mid:0", "a=mid:zero"),
        ("s=-\r\n", ""),
        ("t=0 0\r\n", "t=now later\r\n"),
        ("c=IN IP4 0.0.0.0", "c=IN IP9 nowhere"),
        ("o=-", "o="),
    ],
)
def test_hostile_changes_are_refused_or_answered(old: str, new: str) -> None:
    """Whatever a part of an offer is changed to: an answer or a BadOfferError, and no socket."""
    changed = CHROMIUM.replace(".local", ".invalid").replace(old, new, 1)
    assert changed != CHROMIUM

    async def answer_or_refuse() -> None:
        try:
            negotiated = await negotiate(changed, STREAM)
        except BadOfferError:
            return
        await negotiated.connection.close()

    run(answer_or_refuse)


def test_candidates_after_the_answer() -> None:
    """Trickled candidates are taken, of every kind that browsers send; nonsense is a 400."""
    good = [
        "1 1 udp 2113937151 127.0.0.1 50000 typ host generation 0 network-cost 999",
        "2 1 udp 2113937151 ::1 50001 typ host",
        "3 1 tcp 1518214911 127.0.0.1 9 typ host tcptype active",
        "4 2 UDP 2122187006 127.0.0.1 50002 typ host",
        "5 1 udp 1677729535 192.0.2.1 50003 typ srflx raddr 0.0.0.0 rport 0",
    ]

    async def trickle() -> None:
        negotiated = await negotiate(CHROMIUM, STREAM)
        try:
            await add_candidates(negotiated.connection, "0", good, last=False)
            for bad in ("", "1 1 udp", "x y z a b c typ host", "1 1 udp 1 127.0.0.1 port typ host"):
                with pytest.raises(BadOfferError, match="malformed candidate"):
                    await add_candidates(negotiated.connection, "0", [bad], last=False)
            await add_candidates(negotiated.connection, "0", [], last=True)
        finally:
            await negotiated.connection.close()

    run(trickle)

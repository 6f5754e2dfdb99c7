"""RELIABILITY D12: how long an offer takes to be answered, with and without the internet."""

import socket
import time
from collections.abc import Callable

from petstream.server import Server
from tests.faults.crowd import sendable
from tests.scale import scaled, within

STUN_S = 1.5
LAN_S = 0.1
OFFERS = scaled(1, 5)


def answer_times_s(server: Server) -> list[float]:
    """How long each of some offers took, sorted."""
    took = []
    for _ in range(OFFERS):
        begin = time.monotonic()
        server.service.offer(sendable())
        took.append(time.monotonic() - begin)
    return sorted(took)


def test_d12_a_stun_server_out_of_reach(start_server: Callable[..., Server]) -> None:
    """A STUN server that never answers delays the answer by a second, not by five."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        server = start_server(f"-stun=stun:127.0.0.1:{nobody.getsockname()[1]}")
        within("s until the answer", answer_times_s(server)[-1], STUN_S)
        nobody.settimeout(1)
        assert nobody.recv(2048), "nobody was asked"


def test_d12_a_lan_needs_no_stun(server: Server) -> None:
    """By default nobody is asked, and an offer is answered within 100 ms."""
    answer_times_s(server)  # the first loads what is needed for DTLS
    within("s until the answer", answer_times_s(server)[OFFERS // 2], LAN_S)

"""The simulator's viewer as the tests call it, and an offer that nobody follows up."""

import asyncio

from aiortc import RTCConfiguration, RTCPeerConnection

from simulator.viewer import Received, loopback_only
from simulator.viewer import Viewer as Peer

__all__ = ["Peer", "Received", "make_offer"]


def make_offer() -> str:
    """An offer of a viewer that will never connect."""

    async def offer() -> str:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        loopback_only(connection.addTransceiver("video", direction="recvonly"))
        await connection.setLocalDescription(await connection.createOffer())
        sdp = connection.localDescription.sdp
        await connection.close()
        return sdp

    return asyncio.run(offer())

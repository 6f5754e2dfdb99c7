"""How viewers find the server: STUN and TURN servers, and UDP ports, as people write them.

Strategy: the URL forms of RFC 7064 and RFC 7065; TURN credentials stand in front of the host, as
in other URLs, percent-encoded where they hold a colon, a comma or an at sign.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

__all__ = ["PortRange", "TurnServer", "port_range", "stun_server", "turn_server"]

# RFC 7064 and RFC 7065 without the scheme: host, port and, for TURN, the transport.
_ICE_HOST = re.compile(
    r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?:\?transport=(?P<transport>udp|tcp))?"
)


@dataclass(frozen=True, slots=True, repr=False)
class TurnServer:
    """A TURN server and what it asks for; its text never shows the credential."""

    url: str
    username: str
    credential: str

    def __repr__(self) -> str:
        return f"TurnServer({self.url!r}, {self.username!r}, ...)"

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class PortRange:
    """UDP ports, both ends included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    @property
    def ports(self) -> range:
        """All of them."""
        return range(self.first, self.last + 1)


def port_range(text: str) -> PortRange:
    """Two ports with a dash between them, such as ``50000-50100``."""
    match = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", text)
    if match and 1 <= int(match[1]) <= int(match[2]) <= 65535:
        return PortRange(int(match[1]), int(match[2]))
    raise ValueError("must be two ports from 1 to 65535, the lower first, such as 50000-50100")


def stun_server(text: str) -> str:
    """A STUN server as a URL (RFC 7064); ``host:port`` will do."""
    match = _ICE_HOST.fullmatch(text.removeprefix("stun:"))
    if match is None or match["transport"] or int(match["port"] or 1) not in range(1, 65536):
        raise ValueError("must be a server such as stun:stun.example.org:3478")
    return f"stun:{match[0]}"


def turn_server(text: str) -> TurnServer:
    """A TURN server (RFC 7065) with its credentials in front: ``turn:user:password@host:3478``."""
    prefix = "turns:" if text.startswith("turns:") else "turn:"
    credentials, separator, host = text.removeprefix(prefix).rpartition("@")
    user, colon, password = credentials.partition(":")
    match = _ICE_HOST.fullmatch(host)
    if not (separator and colon and user and match):
        raise ValueError("must be a server such as turn:user:password@turn.example.org:3478")
    if int(match["port"] or 1) not in range(1, 65536):
        raise ValueError("must have a port from 1 to 65535")
    return TurnServer(prefix + match[0], unquote(user), unquote(password))

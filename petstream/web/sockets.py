"""Listening sockets for an address, and errors that say what to do.

Strategy: all interfaces is one dual-stack IPv6 socket where the machine has IPv6, else one for
IPv4. A host name may stand for several addresses (``localhost`` does); each gets a socket on the
same port.
"""

import errno
import socket
from contextlib import ExitStack

from petstream.config import Address
from petstream.errors import ConfigError

__all__ = ["has_ipv6", "listen"]

_REASONS = {
    errno.EADDRINUSE: "port {port} is in use: cannot listen on {address} for {name}",
    errno.EACCES: "port {port} needs privileges: cannot listen on {address} for {name}",
    errno.EADDRNOTAVAIL: "{host} is no address of this machine: cannot listen on it for {name}",
}

_BACKLOG = 256


def listen(host: str, port: int, name: str) -> list[socket.socket]:
    """Bind and listen.

    Args:
        host: a name or an IP address; empty for all interfaces.
        port: 0 for a free one, the same on every address.
        name: what the port is for, as the error message says it.

    Raises:
        ConfigError: one line with the port and the reason.
    """
    try:
        with ExitStack() as opened:
            sockets: list[socket.socket] = []
            for family, bind_to in _addresses(host):
                port = sockets[0].getsockname()[1] if sockets else port
                sockets.append(opened.enter_context(_open(family, bind_to, port)))
            opened.pop_all()
            return sockets
    except OSError as error:
        address = Address(host, port)
        template = _REASONS.get(error.errno or 0, "cannot listen on {address} for {name}: {reason}")
        reason = error.strerror or str(error)
        text = template.format(port=port, host=host, address=address, name=name, reason=reason)
        raise ConfigError(text) from error


def _addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    if not host:
        if socket.has_dualstack_ipv6() and has_ipv6():
            return [(socket.AF_INET6, "")]
        return [(socket.AF_INET, "")]
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    usable = [(family, str(to[0])) for family, _, _, _, to in found]
    # A machine without IPv6 may still have ::1 for localhost in its hosts file.
    if not has_ipv6() and any(family == socket.AF_INET for family, _ in usable):
        usable = [(family, to) for family, to in usable if family == socket.AF_INET]
    return list(dict.fromkeys(usable))


def has_ipv6() -> bool:
    """Whether ::1 can be bound; the kernel may know IPv6 and still have none of it."""
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _open(family: socket.AddressFamily, bind_to: str, port: int) -> socket.socket:
    dual_stack = family == socket.AF_INET6 and not bind_to
    return socket.create_server(
        (bind_to, port), family=family, backlog=_BACKLOG, dualstack_ipv6=dual_stack
    )

"""A network of its own between this machine and a browser: a namespace, a cable, and loss on it.

Strategy: a veth pair with one end in a namespace that is made and removed here. nftables drops a
share of the UDP that comes into the namespace, or that leaves it; TCP, by which pages and offers
travel, is left alone. As on a real cable each packet travels, and is lost, by itself: a veth would
pass on a batch sent with UDP_SEGMENT as one. Needs root, iproute2 and nftables.
"""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

__all__ = ["Network", "network", "subnets"]

RULES = """
table inet loss {{
    chain arriving {{
        type filter hook input priority 0
        meta l4proto udp numgen random mod 100 < {arriving} drop
    }}
    chain leaving {{
        type filter hook output priority 0
        meta l4proto udp numgen random mod 100 < {leaving} drop
    }}
}}
"""


@dataclass(frozen=True)
class Network:
    """A namespace and the cable into it.

    Attributes:
        name: of the namespace.
        host: this machine's address on the cable, host6 that of IPv6.
    """

    name: str
    host: str
    host6: str

    def command(self, *command: str) -> list[str]:
        """A command as it is run inside."""
        return ["ip", "netns", "exec", self.name, *command]

    def wrapper(self, path: Path, program: str) -> Path:
        """Write a script that runs a program inside, for those who start it by its path."""
        path.write_text(f'#!/bin/sh\nexec {" ".join(self.command(program))} "$@"\n')
        path.chmod(0o755)
        return path

    def lose(self, arriving: int, leaving: int = 0) -> None:
        """Drop per cent of the UDP datagrams from now on, at random."""
        self.stop_losing()
        rules = RULES.format(arriving=arriving, leaving=leaving)
        subprocess.run(self.command("nft", "-f", "-"), input=rules, text=True, check=True)

    def stop_losing(self) -> None:
        """Let everything through again."""
        subprocess.run(self.command("nft", "flush", "ruleset"), check=True)


def subnets(number: int) -> tuple[IPv4Network, IPv6Network]:
    """One of 2^15 pairs, of a range for tests (RFC 2544) and of one that is local (RFC 4193)."""
    return (
        IPv4Network((int(IPv4Address("198.18.0.0")) + 4 * number, 30)),
        IPv6Network((int(IPv6Address("fd00:7e57::")) + (number << 64), 64)),
    )


@contextmanager
def network() -> Iterator[Network]:
    """A namespace that is gone afterwards."""
    ident = secrets.token_hex(3)
    subnet, subnet6 = subnets(secrets.randbits(15))
    made = Network(f"petstream-{ident}", str(subnet[1]), str(subnet6[1]))
    outside, inside = f"pso{ident}", f"psi{ident}"
    _ip("netns", "add", made.name)
    try:
        _ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", made.name)
        _ip("addr", "add", f"{made.host}/{subnet.prefixlen}", "dev", outside)
        _ip("addr", "add", f"{made.host6}/{subnet6.prefixlen}", "dev", outside, "nodad")
        _ip("link", "set", outside, "gso_max_segs", "1", "up")
        within = ["-n", made.name]
        _ip(*within, "addr", "add", f"{subnet[2]}/{subnet.prefixlen}", "dev", inside)
        _ip(*within, "addr", "add", f"{subnet6[2]}/{subnet6.prefixlen}", "dev", inside, "nodad")
        _ip(*within, "link", "set", inside, "up")
        _ip(*within, "link", "set", "lo", "up")
        # Leads no further than here; but a browser uses the interface that such a route names.
        _ip(*within, "route", "add", "default", "via", made.host)
        _ip(*within, "-6", "route", "add", "default", "via", made.host6)
        yield made
    finally:
        _ip("netns", "del", made.name)  # and the cable with it


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)

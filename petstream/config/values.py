"""From text to checked values.

Strategy: each parser takes one text and gives one immutable value or raises a ValueError that
says what is allowed. None of them looks at the machine: whether a port is free or a directory
can be written is found out by whoever uses it.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

__all__ = [
    "Address",
    "address",
    "byte_size",
    "clip",
    "comma_list",
    "host_name",
    "ip_address",
    "number",
    "one_of",
    "optional",
    "origin",
    "path",
    "server_url",
    "shm_name",
    "whole_number",
]

T = TypeVar("T")

_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*", re.ASCII)

_SIZE_MIN = 2**20  # less is a number that lost its suffix
_SIZE_MAX = 2**60


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens.

    Attributes:
        host: a name or an IP address without brackets; empty for all interfaces.
        port: 0 lets the system choose a free one.
    """

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """A parser of integers between two bounds, both included."""

    def parse(text: str) -> int:
        if re.fullmatch(r"[+-]?[0-9]{1,18}", text) and low <= int(text) <= high:
            return int(text)
        raise ValueError(f"must be a whole number from {low} to {high}")

    return parse


def number(low: float, high: float) -> Callable[[str], float]:
    """A parser of decimal numbers between two bounds, both included."""

    def parse(text: str) -> float:
        if re.fullmatch(r"[+-]?[0-9]{1,18}(?:\.[0-9]{0,18})?", text) and low <= float(text) <= high:
            return float(text)
        raise ValueError(f"must be a number from {low:g} to {high:g}")

    return parse


def byte_size(text: str) -> int:
    """A number of bytes such as ``500M``, ``10G`` or ``1.5T``, powers of 1024; 0 for no limit."""
    match = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{0,9})?)([KMGT]?)(?:iB)?", text)
    size = -1 if match is None else int(float(match[1]) * 1024 ** " KMGT".index(match[2] or " "))
    if size and not _SIZE_MIN <= size <= _SIZE_MAX:
        raise ValueError("must be 0 or a number of bytes from 1M on, such as 500M, 10G or 1.5T")
    return size


def one_of(*words: str, **synonyms: str) -> Callable[[str], str]:
    """A parser of one word out of a few; synonyms map to the word they stand for."""

    def parse(text: str) -> str:
        word = text.lower()
        word = synonyms.get(word, word)
        if word not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return word

    return parse


def optional(parse: Callable[[str], T]) -> Callable[[str], T | None]:
    """A parser that gives None for an empty text."""

    def parse_optional(text: str) -> T | None:
        return parse(text) if text else None

    return parse_optional


def comma_list(parse: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    """A parser of comma-separated values; empty ones are passed over."""

    def parse_list(text: str) -> tuple[T, ...]:
        parts = (part.strip() for part in text.split(","))
        return tuple(dict.fromkeys(parse(part) for part in parts if part))

    return parse_list


def address(text: str) -> Address:
    """An address to listen on: ``:8081``, ``8081``, ``host:8081`` or ``[::1]:8081``."""
    host, _, port_text = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = _ipv6(host[1:-1])
    elif host and not _HOST_NAME.fullmatch(host.lower()):
        raise ValueError("must be :port, host:port or [IPv6]:port")
    if not re.fullmatch(r"[0-9]{1,5}", port_text) or int(port_text) > 65535:
        raise ValueError("must end in a port from 0 to 65535, such as :8081")
    return Address(host, int(port_text))


def _ipv6(text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        raise ValueError("must hold an IPv6 address between the brackets") from None


def shm_name(text: str) -> str:
    """A name for shm_open(3): a slash and then up to 254 characters without another."""
    if not re.fullmatch(r"/[^/\x00]{1,254}", text) or text in {"/.", "/.."}:
        raise ValueError("must be a slash and then a name without one, such as /pet_camera_stream")
    return text


def path(text: str) -> Path:
    """A path; ``~`` is the home directory."""
    if not text or "\x00" in text:
        raise ValueError("must be a path")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError("must name a user with a home directory after ~") from None


def clip(text: str) -> str:
    """The name or path of a clip, which must not look like a flag."""
    if not text or text.startswith("-") or "\x00" in text:
        raise ValueError("must be the name of a clip or a path")
    return text


def host_name(text: str) -> str:
    """A host name without a port, in lower case."""
    name = text.lower().removesuffix(".")
    if len(name) > 253 or not _HOST_NAME.fullmatch(name):
        raise ValueError("must be a host name without scheme or port")
    return name


def ip_address(text: str) -> str:
    """An IPv4 or IPv6 address in its canonical form."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("must be an IP address") from None


def origin(text: str) -> str:
    """A web origin as browsers send it (RFC 6454): scheme, host and any port but the default."""
    message = "must be an origin such as https://dashboard.example:3000"
    try:
        parts = urlsplit(text.lower())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(message) from None
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc or "*" in host:
        raise ValueError(message)
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError(message + ", without a path")
    bracketed = f"[{host}]" if ":" in host else host
    default_port = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{bracketed}" + (
        f":{port}" if port not in {None, default_port} else ""
    )


def server_url(text: str) -> str:
    """The address of an HTTP server to talk to, without a path."""
    try:
        return origin(text)
    except ValueError:
        raise ValueError("must be a URL without a path, such as http://127.0.0.1:8081") from None

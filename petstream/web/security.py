"""Who may call: the checks before every request, on every port.

Strategy: a browser on the user's network will send requests for any page it has open, so a
request is judged by what the browser cannot be talked into leaving out. Host tells of DNS
rebinding: it must be a name that only this machine has, or an IP address. Origin tells of
cross-site requests: one that changes something must come from a page of this machine or of a
listed origin. Programs such as curl send no Origin and pass. A token, where there is one, is
asked for on top.
"""

import base64
import binascii
import hmac
import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Request, Response, request

from petstream.config import WebConfig
from petstream.config.values import host_name, origin
from petstream.errors import ConfigError
from petstream.web.errors import Refusal

__all__ = ["Security", "read_token"]

_HOST = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[^:\[\]@/\s,]+))(?::[0-9]{0,5})?")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_API_POLICY = "default-src 'none'; frame-ancestors 'none'"
_EXPOSED = "Accept-Patch, Accept-Ranges, Content-Range, ETag, Link, Location, Retry-After"


@dataclass(frozen=True, slots=True)
class Security:
    """The rules of one port.

    Attributes:
        host_names: names to answer to, beside IP addresses.
        origins: web origins whose pages may call, beside this machine's own.
        token: what every request must carry; None if anybody may call.
        page_policy: Content-Security-Policy of the answers.
        for_people: the port is opened in a browser, so that a missing token makes it ask for a
            password rather than fail.
    """

    host_names: frozenset[str]
    origins: frozenset[str] = frozenset()
    token: str | None = None
    page_policy: str = _API_POLICY
    for_people: bool = False

    @classmethod
    def from_config(
        cls, config: WebConfig, *, page_policy: str = _API_POLICY, for_people: bool = False
    ) -> "Security":
        """The rules that the settings ask for; ConfigError if the token cannot be read."""
        token = None if config.auth_token_file is None else read_token(config.auth_token_file)
        names = machine_names() | set(config.allowed_host)
        origins = frozenset(config.allow_origin)
        return cls(frozenset(names), origins, token, page_policy, for_people)

    def install(self, app: Flask) -> None:
        """Put every request to an application through the checks."""
        app.before_request(self._admit)
        app.after_request(self._complete)

    def _admit(self) -> Response | None:
        host = self._check_host(request)
        if _is_preflight(request):
            return self._answer_preflight(request, host)
        if request.method not in _SAFE_METHODS and "Origin" in request.headers:
            self._check_origin(request, host)
        if self.token is not None and request.method != "OPTIONS":
            self._check_token(request, self.token)
        return None

    def _check_host(self, request: Request) -> str:
        value = request.environ.get("HTTP_HOST", "")
        if not value:
            raise Refusal(400, "the Host header is missing")
        host = canonical_host(value)
        if host is None or not (host in self.host_names or _is_ip_address(host)):
            raise Refusal(421, "this server does not answer to that name; see -allowed-host")
        return host

    def _check_origin(self, request: Request, host: str) -> None:
        if self._allowed_origin(request, host) is None:
            raise Refusal(403, "pages of that origin may not call; see -allow-origin")

    def _check_token(self, request: Request, token: str) -> None:
        presented = _presented_token(request.headers.get("Authorization", ""))
        if not hmac.compare_digest(presented.encode("utf-8", "replace"), token.encode()):
            scheme = "Basic" if self.for_people else "Bearer"
            challenge = {"WWW-Authenticate": f'{scheme} realm="petstream"'}
            raise Refusal(401, "a valid token is needed", challenge)

    def _allowed_origin(self, request: Request, host: str | None) -> str | None:
        """The Origin as sent, if its pages may call; None otherwise."""
        sent = request.headers.get("Origin", "")
        try:
            normal = origin(sent)
        except ValueError:  # also "null", which any sandboxed frame can send
            return None
        same_machine = host is not None and canonical_host(normal.partition("://")[2]) == host
        return sent if same_machine or normal in self.origins else None

    def _answer_preflight(self, request: Request, host: str) -> Response:
        self._check_origin(request, host)
        response = Response(status=204)
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, PATCH, DELETE"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, If-Match"
        response.headers["Access-Control-Max-Age"] = "600"
        return response

    def _complete(self, response: Response) -> Response:
        host = canonical_host(request.environ.get("HTTP_HOST", ""))
        allowed = self._allowed_origin(request, host)
        if allowed is not None and response.status_code not in {403, 421}:
            response.headers["Access-Control-Allow-Origin"] = allowed
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        if response.status_code == 204:  # nothing that could have a type
            response.headers.pop("Content-Type", None)
        response.vary.add("Origin")
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Content-Security-Policy", self.page_policy)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response


def read_token(path: Path) -> str:
    """The token in a file, without the line break at its end; ConfigError if there is none."""
    where = f"bad value {str(path)!r} for auth-token-file"
    try:
        token = path.read_bytes()[:4097].decode("ascii").strip()
    except OSError as error:
        raise ConfigError(f"{where}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{where}: the token must be ASCII") from None
    if not 16 <= len(token) <= 4096 or not token.isprintable() or " " in token:
        raise ConfigError(f"{where}: the token must be one word of 16 to 4096 characters")
    return token


def machine_names() -> set[str]:
    """Names that mean this machine: localhost, its host name, and that in mDNS (RFC 6762)."""
    names = {"localhost"}
    own = socket.gethostname()
    short = own.partition(".")[0]
    for name in (own, short, f"{short}.local"):
        names.update(_valid_names([name]))
    return names


def _valid_names(names: Iterable[str]) -> set[str]:
    valid = set()
    for name in names:
        try:
            valid.add(host_name(name))
        except ValueError:
            continue
    return valid


def canonical_host(value: str) -> str | None:
    """The host of ``host:port`` in one spelling, without brackets; None if it is malformed."""
    match = _HOST.fullmatch(value)
    if match is None:
        return None
    host = match["ipv6"] or match["name"].lower().removesuffix(".")
    if match["ipv6"] and not _is_ip_address(host):
        return None
    return str(ipaddress.ip_address(host)) if _is_ip_address(host) else host


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_preflight(request: Request) -> bool:
    needed = ("Origin", "Access-Control-Request-Method")
    return request.method == "OPTIONS" and all(name in request.headers for name in needed)


def _presented_token(authorization: str) -> str:
    """The token of an Authorization header: a bearer token, or the password of basic access."""
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""

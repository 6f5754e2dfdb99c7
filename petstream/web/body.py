"""Request bodies, read as if everybody were hostile.

Strategy: the HTTP server has bounded the size; here the type is checked, the bytes are decoded
strictly, and every way in which a JSON parser can fail is one 400.
"""

import json
import math
from collections.abc import Collection
from typing import NoReturn

from flask import Request

from petstream.web.errors import Refusal

__all__ = ["read_json_object", "read_text", "require_media_type"]


def require_media_type(request: Request, accepted: Collection[str]) -> None:
    """Turn down (415) a body that is not declared as one of some media types.

    Args:
        request: the request.
        accepted: media types in lower case; an empty text admits a request without any.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refusal(415, "content encodings are not supported; send the body as it is")
    if request.mimetype not in accepted:
        wanted = " or ".join(sorted(name for name in accepted if name))
        got = request.mimetype or "no content type"
        raise Refusal(415, f"expected {wanted}, not {got[:80]}", {"Accept": wanted})


def read_text(request: Request) -> str:
    """The body as UTF-8 text; 400 if it is empty or is not."""
    try:
        text = request.get_data(cache=False).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(400, f"the body is not UTF-8: byte {error.start} is wrong") from None
    if not text.strip():
        raise Refusal(400, "the body is empty")
    return text


def read_json_object(request: Request) -> dict[str, object]:
    """The body as a JSON object; 400 if it is anything else (RFC 8259)."""
    text = read_text(request)
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise Refusal(400, "the JSON is nested too deeply") from None
    except ValueError as error:
        raise Refusal(400, f"the body is not JSON: {str(error)[:120]}") from None
    if not isinstance(value, dict):
        raise Refusal(400, "the body is not a JSON object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value

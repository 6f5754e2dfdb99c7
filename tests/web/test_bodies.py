"""JSON that was made to hurt."""

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from petstream.web.body import read_json_object
from petstream.web.errors import Refusal
from tests.web.client import Client
from tests.web.fake_service import FakeService

HOSTILE = {
    "arrays 60,000 deep": b"[" * 60_000,
    "objects 20,000 deep": b'{"a":' * 20_000,
    "closed arrays 60,000 deep": b"[" * 60_000 + b"]" * 60_000,
    "an integer of 100,000 digits": b'{"sdp":' + b"9" * 100_000 + b"}",
    "a float beyond all bounds": b'{"type":"offer","sdp":"v=0","x":1e99999}',
    "NaN": b'{"type":"offer","sdp":"v=0","x":NaN}',
    "infinity": b'{"type":"offer","sdp":"v=0","x":-Infinity}',
    "bad UTF-8": b'{"type":"offer","sdp":"\xff\xfe"}',
    "UTF-16": '{"type":"offer","sdp":"v=0"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "an array": b'["offer"]',
    "a text": b'"offer"',
    "null": b"null",
    "nothing": b"",
    "blanks": b" \r\n",
    "half an object": b'{"type":"offer","sdp":"v=0"',
    "two objects": b'{"type":"offer","sdp":"v=0"}{}',
    "a control character": b'{"type":"offer","sdp":"\x00"}',
    "a trailing comma": b'{"type":"offer","sdp":"v=0",}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_json_is_400(client: Client, service: FakeService, name: str) -> None:
    """Every way to break a JSON parser is a bad request, and none a fault of the server."""
    answer = client.ask("POST", "/offer", HOSTILE[name], Content_Type="application/json")
    assert (answer.status, answer.error) == (400, "bad_request")
    assert service.calls == []


def test_a_deep_body_does_not_harm_the_next(client: Client) -> None:
    """A worker that ran into the recursion limit goes on as before."""
    for _ in range(20):
        client.ask("POST", "/offer", b"[" * 100_000, Content_Type="application/json")
    assert client.ask("POST", "/offer", {"type": "offer", "sdp": "v=0"}).status == 200


def test_a_compressed_body_is_415(client: Client) -> None:
    """Nothing is unpacked, so that nothing can be a bomb."""
    answer = client.ask(
        "POST", "/offer", b"\x1f\x8b", Content_Type="application/json", Content_Encoding="gzip"
    )
    assert answer.status == 415


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_body_is_an_object_or_refused(body: bytes) -> None:
    """Reading gives a dict or a 400, whatever the bytes."""
    app = Flask("test")
    with app.test_request_context("/", method="POST", data=body) as context:
        try:
            value: object = read_json_object(context.request)
        except Refusal as refusal:
            value = refusal
    assert isinstance(value, dict) or (isinstance(value, Refusal) and value.status == 400)

"""D8: pages of strangers, in real Chromium, on every port.

Three strangers try: a page of another origin, a sandboxed frame of it (``Origin: null``), and a
page whose name was made to lead to this machine (DNS rebinding: to the browser it is the same
origin as petstream then, and only the Host header tells).
"""

import concurrent.futures
import contextlib
import gzip
import http.server
import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import launch
from tests.camera_process import CameraProcess
from tests.monitor_process import monitor_process
from tests.peer import make_offer
from tests.server_process import ServerProcess

STRANGER = "stranger.example"
REBOUND = "rebound.example"

# What each port would do, were it fooled: a path that changes something, and one to read from.
ROUTES = {
    "http": ("/start", "/status"),
    "metrics": ("/metrics", "/metrics"),
    "pprof": ("/debug/pprof/heap/start", "/debug/pprof/goroutine?debug=2"),
    "monitor": ("/api/recording/start", "/api/status"),
}

# Every way of a page to send: fetch with and without CORS, typed as JSON (a preflight goes ahead),
# a beacon, a form. Gives what could be read of the answers.
ATTACK = """async ([url, readable, offer]) => {
  const read = [];
  const attempt = async (input, options) => {
    try {
      const response = await fetch(input, options);
      if (response.ok && response.type !== "opaque") read.push(await response.text());
    } catch (error) { /* the browser refused to show the answer */ }
  };
  await attempt(url, { method: "POST" });
  await attempt(url, { method: "POST", mode: "no-cors" });
  await attempt(url, { method: "POST", mode: "no-cors", body: "{}" });
  const json = { "Content-Type": "application/json" };
  await attempt(url, { method: "POST", headers: json, body: "{}" });
  const base = new URL(url).origin;
  await attempt(base + "/offer", { method: "POST", headers: json, body: offer });
  await attempt(base + "/offer", { method: "POST", mode: "no-cors", body: offer });
  await attempt(base + "/whep/x", { method: "DELETE" });
  navigator.sendBeacon(url, "{}");
  const form = document.createElement("form");
  const frame = document.createElement("iframe");
  frame.name = "answer";
  form.method = "POST"; form.action = url; form.target = "answer";
  document.body.append(frame, form);
  await new Promise((done) => {
    frame.onload = done;
    form.submit();
    setTimeout(done, 1000);
  });
  await attempt(readable, {});
  return read;
}"""


@dataclass(frozen=True)
class House:
    """Everything that listens, by name of the port."""

    server: ServerProcess
    urls: dict[str, str]
    records: Path


@pytest.fixture
def house(segment_name: str, tmp_path: Path) -> Iterator[House]:
    """A server and a monitor with a camera."""
    records = tmp_path / "recordings"
    with (
        CameraProcess("barcode-480p30", segment_name),
        ServerProcess(segment_name, records) as server,
        monitor_process(server.urls["http"]) as monitor,
    ):
        server.wait_for_health("ok")
        yield House(server, {**server.urls, "monitor": monitor}, records)


@pytest.fixture
def stranger() -> Iterator[str]:
    """The address of a page elsewhere: under another name, with an empty body."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """An empty page."""
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><body></body>")

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{STRANGER}:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A Chromium to which both names lead to this machine."""
    rules = f"--host-resolver-rules=MAP {STRANGER} 127.0.0.1,MAP {REBOUND} 127.0.0.1"
    with sync_playwright() as playwright:
        chromium = launch(playwright, [rules])
        yield chromium
        chromium.close()


def attack(page: Any, target: str, name: str) -> list[str]:
    """All that a page could read of a port's answers."""
    write, readable = ROUTES[name]
    # On a thread of its own, because Playwright keeps an event loop on this one.
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sdp = pool.submit(make_offer).result()
    offer = json.dumps({"type": "offer", "sdp": sdp})
    return list(page.evaluate(ATTACK, [target + write, target + readable, offer]))


def assert_nothing_happened(house: House) -> None:
    """No recording, no viewer, no tracing."""
    assert house.server.get("/status")["filename"] is None
    assert list(house.records.iterdir()) == []
    assert house.server.get("/viewers") == {"viewers": []}
    heap = requests.get(f"{house.urls['pprof']}/debug/pprof/heap?seconds=0.1", timeout=20)
    assert heap.status_code == 200
    # What a profile says of itself unless tracing was left on.
    assert b"while this profile was taken" in gzip.decompress(heap.content)


def curl(url: str, *options: str) -> str:
    """The status that curl gets."""
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST", url, *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.nightly
def test_d08_a_page_of_another_origin(browser: Browser, house: House, stranger: str) -> None:
    """It reads nothing and changes nothing; the next moment curl may do both."""
    page = browser.new_page()
    page.goto(stranger)
    for name, url in house.urls.items():
        assert attack(page, url, name) == [], name
    page.close()
    assert_nothing_happened(house)
    assert curl(f"{house.urls['http']}/start") == "200"
    assert curl(f"{house.urls['http']}/stop") == "200"


@pytest.mark.nightly
def test_d08_a_sandboxed_frame(browser: Browser, house: House, stranger: str) -> None:
    """``Origin: null`` is nobody."""
    page = browser.new_page()
    page.goto(stranger)
    page.evaluate(
        """() => new Promise((done) => {
          const frame = document.createElement("iframe");
          frame.sandbox = "allow-scripts allow-forms";
          frame.srcdoc = "<!doctype html><body></body>";
          frame.onload = done;
          document.body.append(frame);
        })"""
    )
    frame = page.frames[-1]
    assert frame.evaluate("window.origin") == "null"
    for name, url in house.urls.items():
        assert attack(frame, url, name) == [], name
    page.close()
    assert_nothing_happened(house)


def open_rebound(browser: Browser, port: str) -> Page:
    """A page of the name that now leads to petstream's port."""
    page = browser.new_page()
    response = page.goto(f"http://{REBOUND}:{port}/")
    assert response is not None
    assert response.status == 421
    return page


def test_d08_dns_rebinding(browser: Browser, house: House) -> None:
    """To the browser it is petstream's own page; by the Host header it is not."""
    for name, url in house.urls.items():
        port = url.rpartition(":")[2]
        with contextlib.closing(open_rebound(browser, port)) as page:
            assert page.evaluate("location.origin") == f"http://{REBOUND}:{port}"
            assert attack(page, f"http://{REBOUND}:{port}", name) == [], name
    assert_nothing_happened(house)


def test_d08_the_same_page_may_when_it_is_allowed(
    browser: Browser, segment_name: str, tmp_path: Path, stranger: str
) -> None:
    """The attack works where it is no attack: the test above can fail."""
    flags = (f"-allow-origin={stranger.rstrip('/')}",)
    with ServerProcess(segment_name, tmp_path / "recordings", *flags) as server:
        page = browser.new_page()
        page.goto(stranger)
        read = attack(page, server.urls["http"], "http")
        page.close()
        assert any('"success":true' in text for text in read)
        assert server.get("/status")["filename"] is not None

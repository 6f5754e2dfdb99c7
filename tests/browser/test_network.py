"""Real Chromium at the other end of a cable: loss, IPv6, and names instead of addresses."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import CHROMIUM, HIDE_ADDRESSES, launch
from tests.browser.conftest import pages
from tests.camera_process import CameraProcess
from tests.network import Network, network, subnets
from tests.peer import Peer
from tests.scale import scaled
from tests.server_process import ServerProcess

CLIP = "barcode-480p30"
# Where the browser sends to.
REMOTE_ADDRESS = """async () => {
    const reports = await connection.getStats();
    const transport = [...reports.values()].find((report) => report.type === "transport");
    const pair = reports.get(transport.selectedCandidatePairId);
    return reports.get(pair.remoteCandidateId).address;
}"""
AT_5_S = 60
AT_25_S = scaled(ci=15, nightly=60)


@pytest.mark.parametrize(
    ("number", "host", "host6"),
    [
        (0, "198.18.0.1", "fd00:7e57::1"),
        (0x2EA, "198.18.11.169", "fd00:7e57:0:2ea::1"),
        (0x7FFF, "198.19.255.253", "fd00:7e57:0:7fff::1"),
    ],
)
def test_addresses_are_written_as_a_browser_writes_them(number: int, host: str, host6: str) -> None:
    """Without zeros in front (RFC 5952), and each cable has its own."""
    subnet, subnet6 = subnets(number)
    assert (str(subnet[1]), str(subnet6[1])) == (host, host6)


@pytest.fixture
def cable() -> Iterator[Network]:
    """A network that nothing else is on."""
    with network() as made:
        yield made


@contextmanager
def chromium_behind(cable: Network, folder: Path, url: str, *arguments: str) -> Iterator[Browser]:
    """Chromium inside the namespace, which trusts the pages at ``url``."""
    inside = cable.wrapper(folder / "chromium", CHROMIUM)
    origin = url.rpartition("/")[0]
    trusting = f"--unsafely-treat-insecure-origin-as-secure={origin}"
    with sync_playwright() as playwright:
        browser = launch(playwright, [trusting, *arguments], inside)
        yield browser
        browser.close()


@contextmanager
def server_on(cable: Network, segment: str, folder: Path, ice: str) -> Iterator[ServerProcess]:
    """A server at this end of the cable, with a camera."""
    flags = [f"-http={cable.host}:0", f"-ice-addresses={ice}"]
    with CameraProcess(CLIP, segment), ServerProcess(segment, folder, *flags) as server:
        server.wait_for_health("ok")
        yield server


def watch(page: Page, seconds: float) -> dict[str, Any]:
    """What the counters gained meanwhile, and the share of pictures that were decoded."""
    before = page.evaluate("begin()")
    time.sleep(seconds)
    after = page.evaluate("figures()")
    gained = {
        name: after[name] - before.get(name, 0)
        for name, value in after.items()
        if isinstance(value, int | float)
    }
    gained["share"] = gained["framesDecoded"] / (30 * gained["timestamp"] / 1000)
    gained["broken"] = page.evaluate("numbers.filter((number) => number === null).length")
    return gained


@pytest.mark.nightly
@pytest.mark.realtime
def test_d09_loss(cable: Network, segment_name: str, tmp_path: Path) -> None:
    """At 5 % loss 99 % of access units are decoded, at 25 % it moves, and others notice nothing."""
    with (
        pages(cable.host) as url,
        server_on(cable, segment_name, tmp_path, cable.host) as server,
        chromium_behind(cable, tmp_path, url) as browser,
        Peer(server.offer) as other,
    ):
        page = browser.new_page()
        page.goto(url)
        page.evaluate("server => connect(server)", server.urls["http"])
        time.sleep(2)
        cable.lose(arriving=5)
        at_5 = watch(page, AT_5_S)
        assert at_5["packetsLost"] + at_5["retransmittedPacketsReceived"] > 0, "nothing was lost"
        assert at_5["share"] >= 0.99, at_5
        assert at_5["broken"] == 0
        cable.lose(arriving=25, leaving=25)
        print(f"5 %: {at_5['share']:.1%} of access units decoded")
        start = len(other.units)
        began = time.monotonic()
        at_25 = watch(page, AT_25_S)
        came = len(other.units) - start
        print(f"25 % both ways: {at_25['share']:.1%} decoded")
        assert at_25["share"] >= 0.2, at_25
        assert at_25["broken"] == 0
        assert came / (time.monotonic() - began) >= 29.5
        assert all(unit.lost == 0 for unit in other.units)
        cable.stop_losing()
        page.close()


@pytest.mark.nightly
@pytest.mark.realtime
@pytest.mark.parametrize("version", [4, 6])
def test_names_instead_of_addresses(
    cable: Network, segment_name: str, tmp_path: Path, version: int
) -> None:
    """A browser that hides its addresses behind mDNS names connects, by IPv4 and by IPv6."""
    ice = cable.host if version == 4 else cable.host6
    with (
        pages(cable.host) as url,
        server_on(cable, segment_name, tmp_path, ice) as server,
        chromium_behind(cable, tmp_path, url, HIDE_ADDRESSES) as browser,
    ):
        page = browser.new_page()
        page.goto(url)
        first_ms = page.evaluate("server => connect(server)", server.urls["http"])
        local = page.evaluate("connection.localDescription.sdp")
        remote = page.evaluate(REMOTE_ADDRESS)
        page.close()
    assert first_ms < 2000
    offered = re.findall(r"a=candidate:\S+ \d \w+ \d+ (\S+)", local)
    assert offered
    assert all(name.endswith(".local") for name in offered)
    assert remote == ice

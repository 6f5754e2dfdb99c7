"""The three documented commands against a server that works."""

import concurrent.futures
import contextlib
from pathlib import Path

import pytest
import requests

from tests.camera_process import CameraProcess
from tests.peer import Peer
from tests.profiling.pprof import flat_shares, pprof
from tests.scale import within
from tests.server_process import ServerProcess

VIEWERS = 10


@pytest.fixture
def server(segment_name: str, tmp_path: Path) -> ServerProcess:
    """A server that profiles."""
    return ServerProcess(segment_name, tmp_path / "recordings")


@pytest.mark.nightly
def test_go_tool_pprof_on_a_server_with_viewers(
    server: ServerProcess, segment_name: str, tmp_path: Path
) -> None:
    """profile, heap and goroutine by address; petstream's own hot functions are named."""
    with (
        server,
        CameraProcess("barcode-480p30", segment_name, "--speed", "2"),
        contextlib.ExitStack() as peers,
    ):
        for _ in range(VIEWERS):
            peers.enter_context(Peer(server.offer)).wait_for(1)
        base = f"{server.urls['pprof']}/debug/pprof"
        top = pprof(f"{base}/profile?seconds=20", "-top", home=tmp_path)
        raw = pprof(f"{base}/goroutine", "-raw", home=tmp_path)
        heap = pprof(f"{base}/heap?seconds=1", "-top", home=tmp_path)
    shares = flat_shares(top)
    sending = sum(share for name, share in shares.items() if ".webrtc." in name)
    assert sending > 20, top
    assert any(name.startswith("petstream.webrtc.adapter") for name in list(shares)[:5]), top
    assert sum(shares.values()) <= 100.5
    for thread in ("reader", "processor", "distributor", "recorder", "webrtc"):
        assert f"thread:[{thread}]" in raw
    assert "task:[" in raw
    assert "petstream.pipeline.Pipeline._read" in raw
    assert "Type: inuse_space" in heap
    assert "petstream" in heap


def test_index_texts_and_refusals(server: ServerProcess) -> None:
    """What a person sees, and what is refused."""
    with server:
        base = f"{server.urls['pprof']}/debug/pprof"
        index = requests.get(server.urls["pprof"], timeout=20)
        assert index.headers["Content-Type"].startswith("text/html")
        assert 'href="goroutine?debug=2"' in index.text
        grouped = requests.get(f"{base}/goroutine?debug=1", timeout=20).text
        assert grouped.startswith("goroutine profile: total ")
        assert "thread reader" in requests.get(f"{base}/goroutine?debug=2", timeout=20).text
        for seconds in ("0", "-1", "61", "x", "nan"):
            assert requests.get(f"{base}/profile?seconds={seconds}", timeout=20).status_code == 400
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        assert requests.get(f"{base}/heap", headers=elsewhere, timeout=20).status_code == 403
        assert requests.post(f"{base}/heap/start", timeout=20).json() == {"tracing": True}
        assert requests.get(f"{base}/heap", timeout=20).content[:2] == b"\x1f\x8b"
        assert requests.post(f"{base}/heap/stop", timeout=20).json() == {"tracing": False}


def test_a_profile_does_not_hold_up_the_end(server: ServerProcess) -> None:
    """SIGTERM in the middle of a minute's profile ends it; whoever asked gets what there is."""
    address = f"{server.urls['pprof']}/debug/pprof/profile?seconds=60"
    with server, concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(requests.get, address, timeout=30)
        with contextlib.suppress(concurrent.futures.TimeoutError):
            asked.result(1.0)
        code, took_s = server.terminate()
        assert asked.result(10).content[:2] == b"\x1f\x8b"
    assert code == 0
    within("s until the end", took_s, 5)

"""What must be known to nobody stands in no log, no answer and no profile."""

import gzip
from pathlib import Path

import requests

from tests.peer import make_offer
from tests.server_process import ServerProcess

TOKEN = "a-token-of-some-length"
PASSWORD = "a-password-for-turn"


def test_secrets_stay_secret(segment_name: str, tmp_path: Path) -> None:
    """At the most talkative level, with good calls and bad ones."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    flags = (
        f"-auth-token-file={tmp_path}/token",
        f"-turn=turn:me:{PASSWORD}@127.0.0.1:9",
        "-log-level=debug",
    )
    seen: list[bytes] = []
    with ServerProcess(segment_name, tmp_path / "recordings", *flags) as server:
        for sent in (f"Bearer {TOKEN}", f"Bearer {TOKEN}x", f"Basic {TOKEN}"):
            headers = {"Authorization": sent}
            body = {"type": "offer", "sdp": make_offer()}
            for url in (f"{server.urls['http']}/offer", f"{server.urls['http']}/nothing"):
                answer = requests.post(url, json=body, headers=headers, timeout=20)
                seen.append(answer.content)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        for path in ("profile?seconds=0.5", "heap?seconds=0.2", "goroutine"):
            url = f"{server.urls['pprof']}/debug/pprof/{path}"
            assert requests.get(url, timeout=20).status_code == 401
            seen.append(gzip.decompress(requests.get(url, headers=headers, timeout=20).content))
        metrics = requests.get(f"{server.urls['metrics']}/metrics", headers=headers, timeout=20)
        assert metrics.status_code == 200
        seen.append(metrics.content)
        server.terminate()
    seen += [line.encode() for line in server.log]
    assert len(server.log) > 5
    for secret in (TOKEN, PASSWORD):
        assert not [text for text in seen if secret.encode() in text]

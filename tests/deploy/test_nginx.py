"""The documented reverse proxy: TLS outside, petstream's own checks within."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.camera_process import CameraProcess
from tests.demo_process import free_ports
from tests.monitor_process import monitor_process
from tests.peer import make_offer
from tests.server_process import ServerProcess

CONFIG = Path(__file__).parents[2] / "tools" / "deploy" / "nginx.conf"
NAME = "camera.example"


@contextmanager
def nginx(folder: Path, replacements: dict[str, str]) -> Iterator[None]:
    """An nginx in the foreground with our file, ports and paths replaced."""
    text = CONFIG.read_text()
    for old, new in replacements.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "petstream.conf").write_text(text)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}include {folder}/petstream.conf;\n}}\n"
    )
    command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            yield
        finally:
            process.terminate()


def make_certificate(folder: Path) -> None:
    """A certificate that signs itself, for the documented name."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", f"/CN={NAME}"),
            *("-addext", f"subjectAltName=DNS:{NAME}"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )


class Curl:
    """curl, which trusts the certificate and takes the name for this machine's."""

    def __init__(self, folder: Path) -> None:
        self._certificate = folder / "cert.pem"

    def __call__(self, port: int, path: str, *options: str) -> tuple[int, str]:
        """Status and body of a call by TLS; status 0 if there was no answer."""
        done = subprocess.run(
            [
                *("curl", "-s", "--max-time", "10", "--cacert", str(self._certificate)),
                *("--resolve", f"{NAME}:{port}:127.0.0.1", "-w", "\n%{http_code}"),
                *(f"https://{NAME}:{port}{path}", *options),
            ],
            capture_output=True,
            text=True,
        )
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body


def test_tls_by_the_documented_proxy(segment_name: str, tmp_path: Path) -> None:
    """Page, calls and offers go through by TLS; strangers are refused as without it."""
    make_certificate(tmp_path)
    page, rest = free_ports(2)
    allowed = f"-allowed-host={NAME}"
    with (
        CameraProcess("barcode-480p30", segment_name),
        ServerProcess(segment_name, tmp_path / "recordings", allowed) as server,
        monitor_process(server.urls["http"], allowed) as monitor,
        nginx(
            tmp_path,
            {
                "listen 443 ssl": f"listen 127.0.0.1:{page} ssl",
                "listen 8443 ssl": f"listen 127.0.0.1:{rest} ssl",
                "proxy_pass http://127.0.0.1:8080": f"proxy_pass {monitor}",
                "proxy_pass http://127.0.0.1:8081": f"proxy_pass {server.urls['http']}",
                "/etc/petstream/": f"{tmp_path}/",
            },
        ),
    ):
        curl = Curl(tmp_path)
        deadline = time.monotonic() + 15
        while curl(rest, "/health")[0] != 200:
            assert time.monotonic() < deadline, (tmp_path / "error.log").read_text()
            time.sleep(0.1)
        server.wait_for_health("ok")
        assert "<video" in curl(page, "/")[1]
        assert json.loads(curl(page, "/api/status")[1])["camera"]["attached"]
        offer = json.dumps({"type": "offer", "sdp": make_offer()})
        typed = ("-H", "Content-Type: application/json")
        status, body = curl(page, "/api/webrtc/offer", *typed, "--data-raw", offer)
        assert (status, json.loads(body)["type"]) == (200, "answer")
        own = ("-H", f"Origin: https://{NAME}:{page}")
        assert curl(rest, "/start", "-X", "POST", *own)[0] == 200
        assert curl(rest, "/stop", "-X", "POST", "-H", "Origin: https://evil.example")[0] == 403
        assert curl(rest, "/stop", "-X", "POST", "-H", "Host: evil.example")[0] == 421
        assert curl(rest, "/stop", "-X", "POST")[0] == 200
        assert curl(rest, "/health", "--tls-max", "1.1")[0] == 0
        plain = requests.get(f"http://127.0.0.1:{rest}/health", timeout=20)
        assert plain.status_code == 400

"""GET /openapi.json: true to the routes, and to what they answer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask, Response

from petstream.web.app import create_app
from petstream.web.openapi import openapi_document
from tests.camera_process import CameraProcess
from tests.scale import scaled
from tests.server_process import ServerProcess
from tests.web.client import Client
from tests.web.conftest import RULES
from tests.web.fake_service import FakeService


def test_every_route_is_described(service: FakeService) -> None:
    """A new route cannot be forgotten: without a description there is no document."""
    app = create_app(service, RULES)
    described = openapi_document(app)["paths"]
    for rule in app.url_map.iter_rules():
        path = rule.rule.replace("<", "{").replace(">", "}")
        methods = {method.lower() for method in rule.methods or ()} - {"head", "options"}
        assert methods <= described.get(path, {}).keys(), path


def test_a_route_without_a_description_is_an_error() -> None:
    """And it says which."""
    app = Flask("test", static_folder=None)
    app.add_url_rule("/new", "new", lambda: Response(), methods=["PUT"])
    with pytest.raises(LookupError, match="PUT /new"):
        openapi_document(app)


def test_the_document_names_what_the_contract_names(client: Client) -> None:
    """Calls and statuses of the contract."""
    paths = client.ask("GET", "/openapi.json").json["paths"]
    assert isinstance(paths, dict)
    contract = {
        ("/offer", "post"): {"200", "400", "406", "415", "503"},
        ("/whep", "post"): {"201"},
        ("/whep/{viewer_id}", "delete"): {"404"},
        ("/whep/{viewer_id}", "patch"): {"204"},
        ("/start", "post"): {"200", "409", "507"},
        ("/stop", "post"): {"200", "409"},
        ("/status", "get"): {"200"},
        ("/health", "get"): {"200", "503"},
    }
    for (path, method), statuses in contract.items():
        assert statuses | {"413", "421"} <= paths[path][method]["responses"].keys()


def test_schemathesis_finds_nothing(segment_name: str, tmp_path: Path) -> None:
    """A real server with a camera: no undocumented answer, no fault, whatever is asked."""
    with (
        CameraProcess("barcode-480p30", segment_name),
        ServerProcess(segment_name, tmp_path / "recordings") as server,
    ):
        server.wait_for_health("ok")
        program = Path(sys.executable).parent / "schemathesis"
        done = subprocess.run(
            [
                *(str(program), "run", f"{server.urls['http']}/openapi.json"),
                f"--max-examples={scaled(10, 500)}",
                # Most texts that a schema can tell from an SDP are none, and are refused.
                "--exclude-checks=positive_data_acceptance",
                "--phases=examples,coverage,fuzzing",
                "--no-color",
            ],
            capture_output=True,
            text=True,
            timeout=scaled(110, 3600),
            cwd=tmp_path,
            env={
                **os.environ,
                "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
                "PYTHONPATH": str(Path(__file__).parent),
            },
        )
    assert done.returncode == 0, done.stdout[-8000:] + "\n".join(server.log)
    assert not [line for line in server.log if "failed" in line]

"""GET /metrics."""

import subprocess
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from petstream.web.metrics_app import create_metrics_app
from tests.web.client import Client
from tests.web.conftest import RULES, serving


@pytest.fixture
def metrics() -> Iterator[Client]:
    """A server with one counter, at 3."""
    registry = CollectorRegistry()
    Counter("tests_run", "How many tests ran.", registry=registry).inc(3)
    with serving(create_metrics_app(registry, RULES)) as client:
        yield client


def test_metrics_are_prometheus_text(metrics: Client) -> None:
    """What is in the registry comes out, and nothing of the process' default one."""
    answer = metrics.ask("GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    samples = {
        sample.name: sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }
    assert samples["tests_run_total"] == 3
    assert not any(name.startswith("python_") for name in samples)


def test_openmetrics_is_given_to_who_asks(metrics: Client) -> None:
    """The Accept header decides."""
    answer = metrics.ask("GET", "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.body.endswith(b"# EOF\n")


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "text/plain;version=nonsense",
        "text/plain;version=1.0.0;escaping=nonsense",
        "text/plain;version=1.x",
        "a;b=c;version=,;;",
        "*/*;q=x",
    ],
)
def test_a_strange_accept_header_gets_plain_text(metrics: Client, accept: str) -> None:
    """No header is a fault of the server."""
    answer = metrics.ask("GET", "/metrics", Accept=accept)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_the_index_leads_to_the_metrics(metrics: Client) -> None:
    """A person who opens the port finds the way."""
    answer = metrics.ask("GET", "/")
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b'href="/metrics"' in answer.body


def test_a_post_is_405(metrics: Client) -> None:
    """There is nothing to change."""
    assert metrics.ask("POST", "/metrics").status == 405


def test_promtool_reads_the_answer(metrics: Client) -> None:
    """Prometheus' own tool finds nothing to say."""
    body = metrics.ask("GET", "/metrics").body
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=body, capture_output=True, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, b"")

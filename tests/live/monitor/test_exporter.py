"""What is watched, scraped by Prometheus."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.watched import LIVING

from harness.core.errors import UsageError
from harness.live.monitor.exporter import CONTENT_TYPE, exported
from harness.render.watch.prometheus import prometheus_text

DEADLINE_S = 20.0


def get(url: str) -> http.client.HTTPResponse:
    return urllib.request.urlopen(url, timeout=5)


def test_the_text_is_made_anew_for_each_request() -> None:
    texts = iter(["a 1\n", "a 2\n"])
    with exported(lambda: next(texts), "127.0.0.1", 0) as url:
        assert url.endswith("/metrics")
        first = get(url)
        assert first.headers["Content-Type"] == CONTENT_TYPE
        assert (first.read(), get(f"{url}?x=1").read()) == (b"a 1\n", b"a 2\n")


def test_another_path_is_not_found() -> None:
    with exported(lambda: "a 1\n", "127.0.0.1", 0) as url:
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(url.removesuffix("metrics") + "etc/passwd")
        request = urllib.request.Request(url, method="HEAD")
        assert urllib.request.urlopen(request, timeout=5).read() == b""


def test_fail_a_port_that_is_taken() -> None:
    with exported(str, "127.0.0.1", 0) as url:
        port = int(url.split(":")[2].partition("/")[0])
        with pytest.raises(UsageError, match="cannot listen"), exported(str, "127.0.0.1", port):
            pass
    with exported(str, "127.0.0.1", port):  # free again
        pass


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[str]:
    """A Prometheus server that scrapes one target; its URL."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("needs Prometheus: apt-get install prometheus")
    config = folder / "prometheus.yml"
    config.write_text(
        "scrape_configs: [{job_name: joulemark, scrape_interval: 200ms, scrape_timeout: 200ms,"
        f" static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def query(server: str, expression: str) -> list[dict]:
    """The result of a query; empty while the server is not ready."""
    words = urllib.parse.urlencode({"query": expression})
    try:
        answer = json.loads(get(f"{server}/api/v1/query?{words}").read())
    except (urllib.error.URLError, ConnectionError):
        return []
    return answer["data"]["result"]


def test_prometheus_scrapes_power_energy_and_tree(tmp_path: Path) -> None:
    text = prometheus_text(LIVING)
    with (
        exported(lambda: text, "127.0.0.1", 0) as url,
        prometheus(tmp_path, urllib.parse.urlsplit(url).netloc) as server,
    ):
        end = time.monotonic() + DEADLINE_S
        while not (power := query(server, "joulemark_power_watts")) and time.monotonic() < end:
            time.sleep(0.1)
        energy = query(server, 'joulemark_energy_joules_total{channel="package-0"}')
        tree = query(server, 'joulemark_channel_info{within="package-0"}')
        total = query(server, "joulemark_summed_power_watts")
    by_channel = {item["metric"]["channel"]: float(item["value"][1]) for item in power}
    assert by_channel == {"package-0": 100.5, "core": 60.25}
    assert float(energy[0]["value"][1]) == 1234.5
    assert [item["metric"]["channel"] for item in tree] == ["core"]
    assert [(item["metric"]["origin"], item["value"][1]) for item in total] == [
        ("measured", "100.5")
    ]

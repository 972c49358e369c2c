"""A real Prometheus that scrapes an exporter of known numbers, and the exporter by itself."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fakes import daemons
from fakes.json_server import Answer, serve
from fakes.trouble import check_trouble, proxy, read_once

from harness.meters.base import Meter, Unavailable
from harness.meters.network.adapters.prometheus import Prometheus
from harness.meters.network.metric_text import metrics, selector
from harness.meters.network.points import Point

MakeMeter = Callable[..., Meter]
SCRAPE_S = 0.2
WATTS = {"a": 250.0, "b": 40.0}
STARTED = time.monotonic()


def page(_: object) -> tuple[int, dict[str, str], str]:
    """Two counters of packages at constant power, and a gauge of the node."""
    elapsed_s = 1.0 + time.monotonic() - STARTED
    lines = [
        "# TYPE node_rapl_package_joules_total counter",
        f'node_rapl_package_joules_total{{index="0"}} {WATTS["a"] * elapsed_s:.6f}',
        f'node_rapl_package_joules_total{{index="1"}} {WATTS["b"] * elapsed_s:.6f}',
        "ipmi_dcmi_power_consumption_watts 321",
    ]
    return 200, {"Content-Type": "text/plain; version=0.0.4"}, "\n".join(lines) + "\n"


@functools.cache
def exporter() -> int:
    answers: dict[str, Answer] = {"/metrics": page}
    return serve(answers).server_address[1]


@functools.cache
def prometheus() -> int:
    program = daemons.require("prometheus", "prometheus")
    folder, port = daemons.folder("prometheus"), daemons.free_port()
    jobs = [{"job_name": "power", "static_configs": [{"targets": [f"127.0.0.1:{exporter()}"]}]}]
    settings = {"global": {"scrape_interval": "200ms", "scrape_timeout": "100ms"}}
    (folder / "prometheus.yml").write_text(json.dumps(settings | {"scrape_configs": jobs}))
    arguments = ["--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    arguments.append(f"--web.listen-address=127.0.0.1:{port}")
    daemons.start([program, *arguments], port, cwd=folder)
    daemons.wait_for(lambda: _has_samples(port))
    return port


def _has_samples(port: int) -> bool:
    """Return whether there are enough samples to see the time between scrapes."""
    meter = Prometheus(host="127.0.0.1", port=str(port), device="ipmi")
    try:
        return len(meter.probe()) == 1 and len(meter.read()) > 3
    except Unavailable:
        return False
    finally:
        meter.close()


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Options of an exporter for the contract of all meters."""
    del tmp_path, monkeypatch
    return {"host": "127.0.0.1", "port": str(exporter()), "scrape": "/metrics", "refresh": "0.01"}


def test_raw_samples_are_read_with_the_stamps_of_their_scrapes(network_meter: MakeMeter) -> None:
    meter = network_meter("prometheus", prometheus(), device="rapl")
    first, second = meter.probe()
    assert (first.id, second.id) == ("package-0", "package-1")
    assert first.kind == "counter"
    assert first.nominal_interval_s == pytest.approx(SCRAPE_S, abs=0.05)
    assert first.clock == "device"
    assert first.clock_error_s <= 0.1
    assert meter.configuration()["identity"]["model"] == "Prometheus"
    readings = list(meter.read())
    time.sleep(1.2)
    readings += meter.read()
    rows = np.array([(r.t_ns, r.value) for r in readings if r.channel == "package-0"], float)
    assert len(np.unique(rows[:, 0])) == len(rows) >= 6
    steps = np.diff(rows, axis=0)
    assert np.median(steps[:, 0]) / 1e9 == pytest.approx(SCRAPE_S, abs=0.05)
    total_s = (rows[-1, 0] - rows[0, 0]) / 1e9
    assert (rows[-1, 1] - rows[0, 1]) / total_s == pytest.approx(WATTS["a"], rel=0.05)


def test_what_was_collected_while_it_could_not_be_reached_is_read_later(
    network_meter: MakeMeter,
) -> None:
    with proxy(prometheus()) as between:
        options = {"device": "rapl", "timeout": "0.3", "only": "package-1"}
        meter = network_meter("prometheus", between.port, **options)
        meter.probe()
        before = [reading for reading in meter.read() if not reading.fault]
        between.set("down")
        time.sleep(0.8)
        assert [reading.fault for reading in read_once(meter)] != []
        between.set("pass")
        time.sleep(0.2)
        after = [reading for reading in read_once(meter) if not reading.fault]
    stamps = [reading.t_ns for reading in [*before, *after]]
    assert max(np.diff(stamps)) / 1e9 < 2.5 * SCRAPE_S  # no gap is left


def test_an_expression_is_evaluated_in_steps_and_says_so(
    network_meter: MakeMeter, tmp_path: Path
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        'schema_version: "1.0"\nname: sum\nprotocol: prometheus\ntitle: a sum\nsource: none\n'
        "channels: [{id: node, read: {expression: 2 * ipmi_dcmi_power_consumption_watts},"
        " kind: instant, boundary: node, refresh_s: 1, source: none}]\n"
    )
    meter = network_meter("prometheus", prometheus(), map=str(own))
    meter.probe()
    assert "evaluated in steps" in meter.notes[0].message  # type: ignore[attr-defined]
    assert {reading.value for reading in meter.read()} == {642.0}


def test_an_exporter_is_scraped_by_itself(network_meter: MakeMeter) -> None:
    meter = network_meter("prometheus", exporter(), scrape="/metrics", device="ipmi")
    channel = meter.probe()[0]
    assert (channel.id, channel.boundary, channel.resolution) == ("node", "node", 1)
    assert [reading.value for reading in meter.read()] == [321.0]


def test_trouble_gives_gaps_and_ends_when_it_ends(network_meter: MakeMeter) -> None:
    with proxy(exporter()) as between:
        options = {"scrape": "/metrics", "device": "rapl", "timeout": "0.3", "refresh": "0.05"}
        check_trouble(network_meter("prometheus", between.port, **options), between)


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("up", {"job": "x"}, True),
        ('up{job="x"}', {"job": "x"}, True),
        ('up{job="y"}', {"job": "x"}, False),
        ('up{job!="y", a=~"1|2"}', {"a": "2"}, True),
        ('up{a!~"1|2",}', {"a": "2"}, False),
        ('up{a="q\\"r"}', {"a": 'q"r'}, True),
    ],
)
def test_selectors(text: str, labels: dict[str, str], matches: bool) -> None:
    plain = selector(text)
    assert plain is not None
    assert plain.matches("up", labels) is matches
    assert not plain.matches("down", labels)


@pytest.mark.parametrize("text", ["sum(up)", "up + up", "up{", 'up{a="1" b="2"}', "up[5m]", ""])
def test_what_is_no_plain_selector(text: str) -> None:
    assert selector(text) is None


def test_lines_of_an_exporter_that_are_no_samples_are_passed_over() -> None:
    text = 'a{x="1"} 2.5 1700000000123\nb NaN\n# c 1\n{} 3\nd 4\ne{x="1} 5\nf{x="1"}\n'
    found = [(item.name, dict(item.labels), item.value, item.stamp_ns) for item in metrics(text)]
    assert found == [("a", {"x": "1"}, 2.5, 1_700_000_000_123_000_000), ("d", {}, 4.0, None)]


@pytest.mark.parametrize("ahead_s", [0.0, 20.0, -3600.0])
def test_no_scrape_is_missed_whatever_the_clock_of_prometheus(
    network_meter: MakeMeter, monkeypatch: pytest.MonkeyPatch, ahead_s: float
) -> None:
    """A scrape each 15 s is asked for each 7.5 s; a clock that is ahead shortens no window."""
    clock, scrapes = {"s": 1000.0}, [985.0 + 15.0 * number for number in range(-30, 8)]
    monkeypatch.setattr(time, "monotonic", lambda: clock["s"])
    monkeypatch.setattr(time, "time", lambda: clock["s"])
    meter = network_meter("prometheus", 1, device="ipmi")
    assert isinstance(meter, Prometheus)

    def query(_path: str, **parameters: str) -> list[dict[str, object]]:
        back_s = float(parameters["query"].rpartition("[")[2].removesuffix("s]"))
        rows = [[t + ahead_s, "300"] for t in scrapes if clock["s"] - back_s <= t <= clock["s"]]
        return [{"metric": {"instance": "a"}, "values": rows}] if rows else []

    monkeypatch.setattr(meter, "_query", query)
    assert meter.map is not None
    point = Point("node", meter.map.channels[0], {"query": "watts", "labels": {"instance": "a"}})
    stamps = set()
    for _ in range(13):
        samples = meter.fetch([point])["node"]
        assert not isinstance(samples, str)
        stamps |= {sample.stamp_ns for sample in samples}
        clock["s"] += 7.5
    wanted = [t for t in scrapes if 985.0 <= t <= 1000.0 + 7.5 * 12]
    assert {round((t + ahead_s) * 1e9) for t in wanted} <= stamps

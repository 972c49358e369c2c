"""Read power and energy that Prometheus exporters publish: DCGM and Kepler.

Two forms are read:

- text dumps of ``/metrics``. A dump holds one moment and no time, so a series of dumps must say
  when each was taken: by time stamps behind the values (OpenMetrics), or by a line
  ``# scraped 2026-01-05T10:00:00Z`` (or seconds since 1970) before each dump
- the JSON answer of Prometheus to ``query_range``

Counters of energy are preferred to gauges of power, since nothing is lost between two readings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.core.documents import parse_json
from harness.core.errors import JoulemarkError, UnreadableError
from harness.core.numbers import plain_number
from harness.core.timestamps import NS, from_iso
from harness.formats.power_log.cells import missing, put_inside
from harness.formats.power_log.log import About, Column, PowerLog
from harness.formats.power_log.reader import LoggerFormat
from harness.traces.channel import Kind
from harness.traces.instruments import UNKNOWN_SENSOR
from harness.traces.trace import T_MAX_NS


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric of an exporter is.

    Attributes:
        quantity: ``power`` or ``energy``.
        scale: Factor to W or J.
        boundary: Where it is measured.
        meter: Row in the table of instruments.
        channel: Name of the channel, before the labels that tell its instances apart.
        parts_of: Channels that may contain it, the nearest first.
    """

    quantity: str
    scale: float
    boundary: str
    meter: str
    channel: str
    parts_of: tuple[str, ...] = ()


_GPU = ("nvidia-nvml", "gpu")
METRICS = {
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": Metric("energy", 1e-3, "board", *_GPU),
    "DCGM_FI_DEV_POWER_USAGE": Metric("power", 1.0, "board", *_GPU),
    "DCGM_FI_DEV_POWER_USAGE_INSTANT": Metric("power", 1.0, "board", *_GPU),
    "kepler_node_platform_joules_total": Metric("energy", 1.0, "node", UNKNOWN_SENSOR, "platform"),
    "kepler_node_psys_joules_total": Metric("energy", 1.0, "psys", "intel-rapl", "psys"),
    "kepler_node_package_joules_total": Metric(
        "energy", 1.0, "package", "intel-rapl", "package", ("psys", "platform")
    ),
    "kepler_node_dram_joules_total": Metric(
        "energy", 1.0, "dram", "intel-rapl", "dram", ("psys", "platform")
    ),
    "kepler_node_core_joules_total": Metric(
        "energy", 1.0, "core", "intel-rapl", "core", ("package", "psys", "platform")
    ),
    "kepler_node_uncore_joules_total": Metric(
        "energy", 1.0, "uncore", "intel-rapl", "uncore", ("package", "psys", "platform")
    ),
}
"""Metrics that are read, those of counters before the gauges of the same thing."""
ZONES = "kepler_node_cpu_joules_total"
"""Metric of newer Kepler: all zones of RAPL, told apart by the label ``zone``."""
INSTANCE_LABELS = ("Hostname", "instance", "node", "gpu", "UUID", "package", "socket")
"""Labels that tell instances of a metric apart; ``mode`` and others are parts, which add up."""
_SAMPLE = re.compile(
    r"(?P<name>[A-Za-z_:][\w:]*)(?:\{(?P<labels>[^}]*)\})?\s+(?P<value>\S+)(?:\s+(?P<time>\S+))?$",
    re.ASCII,
)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"', re.ASCII)
_SCRAPED = re.compile(r"#\s*(?:scraped|time|timestamp|date)\b[ :]*(\S+)\s*$", re.I)
MILLISECONDS_ABOVE = 1e11
"""A stamp above is in milliseconds, as in the text format; below in seconds, as in OpenMetrics."""

Sample = tuple[str, Mapping[str, str], int, float | None, str]
"""Name, labels, time [ns, UTC] or 0, value, and the value as it is written."""


class Prometheus(LoggerFormat):
    """Reader of the metrics of DCGM and Kepler."""

    name = "prometheus"
    suffixes = (".prom", ".txt", ".log", ".json", ".metrics")

    def recognises(self, head: str) -> bool:
        """Tell by the name of a metric that is read."""
        return any(name in head for name in (*METRICS, ZONES))

    def parse(self, text: str, about: About, where: str) -> PowerLog:  # noqa: ARG002
        """Read a column for each instance of each metric."""
        is_json = text.lstrip()[:1] == "{"
        samples = _samples_of_json(text, where) if is_json else _samples_of_text(text)
        columns: dict[tuple[str, str], Column] = {}
        for (name, instance), series in _series(samples).items():
            if 0 in series:
                raise missing(
                    where,
                    "time of its values",
                    "a time stamp behind each value, or a line # scraped <time> above each dump",
                    'Write the time before each dump: (echo "# scraped $(date -u +%FT%TZ)"; '
                    "curl -s HOST:9400/metrics) >> FILE; or export query_range as JSON.",
                )
            columns[name, instance] = _column(name, instance, series)
        if any(len(column.values) < 2 for column in columns.values()):
            raise missing(
                where, "course of time: it holds one moment", "two dumps or more", "Dump again."
            )
        kept = _preferred(columns)
        return PowerLog(columns=kept)


def _samples_of_text(text: str) -> Iterator[Sample]:
    scraped_ns = 0
    for line in text.splitlines():
        if line.startswith("#"):
            scraped = _SCRAPED.match(line)
            if scraped:
                scraped_ns = _time_ns(scraped[1])
            continue
        match = _SAMPLE.match(line.strip())
        if match is None:
            continue
        labels = dict(_LABEL.findall(match["labels"] or ""))
        name = _metric_name(match["name"], labels)
        if name is not None:
            t_ns = _time_ns(match["time"]) if match["time"] else scraped_ns
            yield name, labels, t_ns, plain_number(match["value"]), match["value"]


def _metric_name(name: str, labels: Mapping[str, str]) -> str | None:
    """Return the name of a metric that is read; one of zones gets that of its zone."""
    if name == ZONES:
        zone = labels.get("zone", "").partition("-")[0]
        name = f"kepler_node_{zone}_joules_total"
    return name if name in METRICS else None


def _samples_of_json(text: str, where: str) -> Iterator[Sample]:
    """Yield the values of an answer to ``query_range``: a matrix of [time, "value"] pairs."""
    document = parse_json(text.encode(), where=where)
    data = document.get("data") if isinstance(document, dict) else None
    results = data.get("result") if isinstance(data, dict) else None
    if not isinstance(results, list):
        raise UnreadableError(
            "is no answer of Prometheus",
            where=where,
            expected='{"data": {"resultType": "matrix", "result": [...]}}',
        )
    for result in results:
        labels = result.get("metric") if isinstance(result, dict) else None
        if not isinstance(labels, dict):
            continue
        texts = {str(name): str(value) for name, value in labels.items()}
        name = _metric_name(texts.get("__name__", ""), texts)
        if name is None:
            continue
        for pair in result.get("values") or [result.get("value")]:
            if isinstance(pair, list) and len(pair) == 2:
                t_ns = _time_ns(json.dumps(pair[0]))
                yield name, texts, t_ns, plain_number(str(pair[1])), str(pair[1])


def _time_ns(text: str) -> int:
    """Return a time [ns, UTC], 0 if it is none: ISO 8601, or seconds or milliseconds since 1970."""
    number = plain_number(text)
    if number is None:
        try:
            return from_iso(text)
        except JoulemarkError:
            return 0
    seconds = number / 1000 if number > MILLISECONDS_ABOVE else number
    if not 0 < seconds * NS <= T_MAX_NS:  # or infinity
        return 0
    return round(seconds * 1e6) * 1000


def _series(samples: Iterator[Sample]) -> dict[tuple[str, str], dict[int, tuple[float, str]]]:
    """Return values by time of each instance; parts of one instance at one time add up."""
    series: dict[tuple[str, str], dict[int, tuple[float, str]]] = {}
    for name, labels, t_ns, value, raw in samples:
        instance = "-".join(labels[label] for label in INSTANCE_LABELS if labels.get(label))
        values = series.setdefault((name, instance), {})
        number = float("nan") if value is None else value * METRICS[name].scale
        if t_ns in values:
            values[t_ns] = (values[t_ns][0] + number, f"{values[t_ns][1]} + {raw}")
        else:
            values[t_ns] = (number, raw)
    return series


def _column(name: str, instance: str, series: Mapping[int, tuple[float, str]]) -> Column:
    metric = METRICS[name]
    channel = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{metric.channel}-{instance}".strip("-"))
    kind: Kind = "counter" if metric.quantity == "energy" else "instant"
    column = Column(
        channel, kind, metric.boundary, metric.meter, metric.quantity, source=f"{name}/{instance}"
    )
    for t_ns, (value, raw) in series.items():
        column.add(t_ns, value, raw)
    return column


def _preferred(columns: Mapping[tuple[str, str], Column]) -> list[Column]:
    """Return one column of each channel, counters first, each inside what contains it."""
    order = {name: number for number, name in enumerate(METRICS)}
    chosen: dict[str, Column] = {}
    metric_of: dict[str, tuple[Metric, str]] = {}
    for name, instance in sorted(columns, key=lambda key: order[key[0]]):
        column = columns[name, instance]
        if column.id not in chosen:
            chosen[column.id] = column
            metric_of[column.id] = (METRICS[name], instance)
    for column in chosen.values():
        metric, instance = metric_of[column.id]
        containers = [f"{container}-{instance}".strip("-") for container in metric.parts_of]
        put_inside(column, containers, chosen)
    return list(chosen.values())


FORMAT = Prometheus()

"""Read what Prometheus has collected from exporters, or an exporter itself."""

from __future__ import annotations

import math
import re
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

from harness.core.errors import shorten
from harness.core.timestamps import NS
from harness.meters.base import Note, NoteKind
from harness.meters.network.clients.deadline import PeerFailed
from harness.meters.network.clients.http import status_text
from harness.meters.network.device_map import DeviceMap, MapChannel
from harness.meters.network.http_meter import HttpMeter
from harness.meters.network.json_answers import as_number, at
from harness.meters.network.metric_text import Selector, metrics, selector
from harness.meters.network.points import Fetched, Point, Sample

HISTORY_S = 300.0
"""How far back the first query looks [s]: the time for which Prometheus repeats a value."""
MAX_BACKLOG_S = 3600.0
"""How far back a query looks after Prometheus was away [s]."""
OVERLAP_S = 5.0
"""How much of what was read is asked for again [s]; repeats are dropped by their stamps."""
CLOCK_ACCURACY_S = 0.01
"""How well the answer to `time()` shows the clock of Prometheus [s]."""
MAX_SERIES = 1000
Labels = Mapping[str, str]


class Prometheus(HttpMeter):
    """Series that Prometheus collects, or the page of one exporter (DCGM, Kepler, node, IPMI).

    Of a plain selector the raw samples are read, each with the stamp of its scrape: `query_range`
    would align them to steps, and repeat the last one for five minutes after an exporter is gone.
    An expression can only be evaluated in steps. After Prometheus was away, or a read was late,
    the samples since the last one are read from its store: nothing is lost.

    Args:
        scrape: Path of an exporter's page, like `/metrics`, to read it without Prometheus.
        common: Options of every meter that speaks HTTP.
    """

    protocol = "prometheus"
    default_port = 9090
    remedy = "Open http://HOST:9090/-/ready in a browser, or scrape an exporter: scrape=/metrics."

    def __init__(self, scrape: str = "", **common: Any) -> None:
        super().__init__(**common)
        self._page = scrape
        self._steps_s: dict[str, float] = {}
        self._newest: dict[str, tuple[int, float]] = {}
        self._seen_s: dict[str, float] = {}

    def connect(self) -> None:
        """Ask Prometheus for its version, or the exporter for its page.

        Raises:
            PeerFailed: It does not answer as such.
        """
        if self._page:
            self._samples_of_page()
            self.identity = {"model": "exporter"}
            return
        version = at(self.client.get_json("/api/v1/status/buildinfo"), "/data/version")
        self.identity = {"model": "Prometheus", "firmware": shorten(version, 40)}

    def recognises(self, device_map: DeviceMap) -> bool:
        """Return whether there is a series of the kind that a map reads."""
        return any(
            True for item in device_map.channels[:1] for _ in self._series(str(item.read["query"]))
        )

    def expand(self, item: MapChannel) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield each series that a selector selects."""
        if "expression" in item.read:
            self.notes.append(
                Note(
                    NoteKind.REMARK,
                    item.id,
                    "an expression is evaluated in steps: a series that has ended is repeated for "
                    "five minutes; a plain selector is read sample by sample",
                )
            )
            yield "", item.read
            return
        series = list(self._series(str(item.read["query"])))
        for labels in series:
            telling = _telling(labels, series)
            yield telling, {"query": item.read["query"], "labels": labels}

    def fetch(self, points: Sequence[Point]) -> Fetched:
        """Return the samples since the last fetch.

        Raises:
            PeerFailed: Prometheus, or the exporter, does not answer.
        """
        if self._page:
            return self._from_page(points)
        fetched: dict[str, Sequence[Sample] | str] = {}
        by_query: dict[str, list[Point]] = {}
        for point in points:
            if "expression" in point.read:
                fetched[point.id] = self._evaluated(point)
            else:
                by_query.setdefault(str(point.read["query"]), []).append(point)
        for query, members in by_query.items():
            fetched |= self._raw(query, members)
        return fetched

    def device_time_ns(self) -> int | None:
        """Return the time of Prometheus's clock [ns UTC]."""
        if self._page:
            return None
        now_s = as_number(at(self._query("/api/v1/query", query="time()"), "/1"))
        return None if now_s is None else round(now_s * NS)

    def _stamp_age_s(self, refresh_s: float) -> float:
        return refresh_s if self._page else CLOCK_ACCURACY_S

    def _refresh_of(self, point: Point) -> float:
        """Return the time between two scrapes [s], as the stored samples show it."""
        return self._refresh_s or self._steps_s.get(point.id) or point.item.refresh_s

    # --- from Prometheus

    def _query(self, path: str, **parameters: str) -> Any:
        """Return the result of a query.

        Raises:
            PeerFailed: There is none.
        """
        answer = self.client.request("GET", f"{path}?{urlencode(parameters)}")
        document = answer.json() if answer.body.startswith(b"{") else {}
        if at(document, "/status") != "success":
            message = at(document, "/error")
            raise PeerFailed(shorten(message) if message else status_text(answer.status))
        return at(document, "/data/result")

    def _series(self, query: str) -> Iterator[Labels]:
        """Yield the labels of the series that a selector selects now."""
        if self._page:
            wanted = _selector(query)
            for metric in self._samples_of_page():
                if wanted.matches(metric.name, metric.labels):
                    yield {"__name__": metric.name, **metric.labels}
            return
        result = self._query("/api/v1/query", query=query)
        for item in result[:MAX_SERIES] if isinstance(result, list) else ():
            labels = at(item, "/metric")
            if isinstance(labels, dict):
                yield {str(name): str(text) for name, text in labels.items()}

    def _raw(self, query: str, points: Sequence[Point]) -> dict[str, Sequence[Sample] | str]:
        """Return the stored samples of all series of a selector."""
        now_s = time.monotonic()  # the clock of Prometheus, and so its stamps, may be far off ours
        newest_ns, seen_s = self._newest.get(query, (0, now_s - HISTORY_S))
        back_s = now_s - seen_s + self._shortest_refresh_s() + OVERLAP_S
        window = f"[{math.ceil(min(back_s, MAX_BACKLOG_S))}s]"
        result = self._query("/api/v1/query", query=f"{query}{window}")
        rows = result if isinstance(result, list) else []
        by_labels = {_key(at(row, "/metric")): at(row, "/values") for row in rows}
        fetched: dict[str, Sequence[Sample] | str] = {}
        for point in points:
            values = by_labels.get(_key(point.read["labels"]))
            samples = list(_samples(values))
            fetched[point.id] = samples if values else "the series has ended"
            stamps_ns = [sample.stamp_ns for sample in samples if sample.stamp_ns is not None]
            self._learn(point, stamps_ns)
            if stamps_ns and stamps_ns[-1] > newest_ns:
                newest_ns = stamps_ns[-1]
                self._newest[query] = (newest_ns, now_s)
        return fetched

    def _learn(self, point: Point, stamps_ns: Sequence[int]) -> None:
        """Note the time between scrapes."""
        stamps = [stamp_ns / NS for stamp_ns in stamps_ns]
        if len(stamps) > 2 and point.id not in self._steps_s:
            steps = [after - before for before, after in pairwise(stamps)]
            self._steps_s[point.id] = round(statistics.median(steps), 2)

    def _evaluated(self, point: Point) -> Sequence[Sample] | str:
        """Return the values of an expression at the steps since the last ones."""
        step_s, now_s = self._refresh_of(point), time.time()
        since_s = max(self._seen_s.get(point.id, now_s - 2 * step_s), now_s - MAX_BACKLOG_S)
        result = self._query(
            "/api/v1/query_range",
            query=str(point.read["expression"]),
            start=f"{since_s:.3f}",
            end=f"{now_s:.3f}",
            step=f"{step_s:g}",
        )
        rows = result if isinstance(result, list) else []
        if len(rows) != 1:
            return f"the expression gives {len(rows)} series, and must give one"
        samples = list(_samples(at(rows[0], "/values")))
        stamps = [sample.stamp_ns for sample in samples if sample.stamp_ns is not None]
        if stamps:
            self._seen_s[point.id] = stamps[-1] / NS
        return samples or "the expression has no value"

    # --- from an exporter

    def _samples_of_page(self) -> list[Any]:
        answer = self.client.request("GET", f"/{self._page.lstrip('/')}")
        if answer.status != 200:
            raise PeerFailed(status_text(answer.status))
        page = list(metrics(answer.body.decode("utf-8", "replace")))
        if not page:
            raise PeerFailed("the page holds no metrics")
        return page

    def _from_page(self, points: Sequence[Point]) -> Fetched:
        page = {
            _key({"__name__": metric.name, **metric.labels}): metric
            for metric in self._samples_of_page()
        }
        fetched: dict[str, Sequence[Sample] | str] = {}
        for point in points:
            metric = page.get(_key(point.read.get("labels")))
            gone = "the metric is not on the page"
            fetched[point.id] = [Sample(metric.value, metric.stamp_ns)] if metric else gone
        return fetched


def _selector(query: str) -> Selector:
    plain = selector(query)
    if plain is None:
        raise PeerFailed(f"not a plain selector: {shorten(query, 60)}")
    return plain


def _samples(values: Any) -> Iterator[Sample]:
    """Yield the samples of a series; what is no number is passed over."""
    for row in values if isinstance(values, list) else ():
        stamp_s, value = as_number(at(row, "/0")), as_number(at(row, "/1"))
        if stamp_s is not None and value is not None:
            yield Sample(value, round(stamp_s * 1000) * 1_000_000)


def _key(labels: Any) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items()) if isinstance(labels, Mapping) else frozenset()


def _telling(labels: Labels, series: Sequence[Labels]) -> str:
    """Return what tells a series from the others, as a suffix of an id; "" for the only one."""
    if len(series) == 1:
        return ""
    names = [
        name for name in sorted(labels) if len({peer.get(name) for peer in series}) == len(series)
    ]
    texts = [labels[names[0]]] if names else [labels[name] for name in sorted(labels)[1:]]
    return "-" + re.sub(r"[^A-Za-z0-9_.-]+", "-", "-".join(texts)).strip("-")[:60]


METER = Prometheus

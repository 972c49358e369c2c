"""Selectors of Prometheus, and the text that exporters publish."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.core.numbers import plain_number

MILLI_NS = 1_000_000
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?", re.DOTALL)
_MATCHER = re.compile(r'\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+(-?\d+))?\s*")
_ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Metric:
    """One sample of an exporter.

    Attributes:
        name: Name of the metric.
        labels: Its labels.
        value: Its value.
        stamp_ns: The exporter's own time [ns UTC]; None where it states none.
    """

    name: str
    labels: Mapping[str, str]
    value: float
    stamp_ns: int | None


@dataclass(frozen=True, slots=True)
class Selector:
    """A plain selector, like `power_watts{outlet="3"}`.

    Attributes:
        name: Name of the metric.
        matchers: Label, operator and text of each condition.
    """

    name: str
    matchers: tuple[tuple[str, str, str], ...]

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:
        """Return whether a series is one that the selector selects."""
        return name == self.name and all(
            _holds(labels.get(label, ""), operator, text) for label, operator, text in self.matchers
        )


def selector(text: str) -> Selector | None:
    """Return a plain selector; None for any other expression."""
    match = _SELECTOR.fullmatch(text.strip())
    if match is None:
        return None
    matchers = _matchers(match[2] or "")
    return None if matchers is None else Selector(match[1], matchers)


def _matchers(text: str) -> tuple[tuple[str, str, str], ...] | None:
    matchers, position = [], 0
    while position < len(text.rstrip()):
        match = _MATCHER.match(text, position)
        if match is None:
            return None
        matchers.append((match[1], match[2], _unescaped(match[3])))
        position = match.end()
    return tuple(matchers)


def _holds(value: str, operator: str, text: str) -> bool:
    if operator in ("=", "!="):
        return (value == text) == (operator == "=")
    try:
        is_match = re.fullmatch(text, value) is not None
    except re.error:
        return False
    return is_match == (operator == "=~")


def metrics(text: str) -> Iterator[Metric]:
    """Yield the samples of an exporter's page; lines that are none are passed over."""
    for line in text.splitlines():
        match = None if line.startswith("#") else _LINE.fullmatch(line)
        if match is None:
            continue
        value, labels = plain_number(match[3]), _matchers(match[2] or "")
        if value is not None and labels is not None:
            stamp_ns = int(match[4]) * MILLI_NS if match[4] else None
            yield Metric(match[1], {name: text for name, _, text in labels}, value, stamp_ns)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: "\n" if match[1] == "n" else match[1], text)

"""Scores of ``accuracy_results.json``: a list of data sets, or the older map by data set.

Scales are mixed in real files: 81.4 is percent, 0.787 a fraction. Where no unit is stated, a score
above 1 is read as percent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.core.numbers import stated_number
from harness.formats.mlperf.endpoints.fields import (
    count_in,
    list_in,
    mapping_in,
    number_in,
    text_in,
    value_in,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The score of one data set.

    Attributes:
        data_set: Its name.
        metric: Name of the metric; the list form names none, so ``score``.
        value: The score, as it stands in the file.
        samples: Samples that were scored; ``None`` if unknown.
        complete: Whether the client scored all; ``None`` where it does not say.
        empty: Responses that were empty.
        missing: Responses that never came.
    """

    data_set: str
    metric: str
    value: float
    samples: int | None
    complete: bool | None = None
    empty: int = 0
    missing: int = 0

    @property
    def is_fraction(self) -> bool:
        """Whether the score is read as a fraction of 1, not as percent."""
        return self.value <= 1

    @property
    def percent(self) -> float:
        """The score in percent."""
        return 100 * self.value if self.is_fraction else self.value


def read_scores(document: Mapping[str, Any]) -> tuple[Score, ...]:
    """Return the scores of a document, in its order."""
    return tuple(_list_form(document) if "accuracy_scores" in document else _map_form(document))


def _list_form(document: Mapping[str, Any]) -> Iterator[Score]:
    for item in list_in(document, "accuracy_scores"):
        value = number_in(item, "score")
        if value is None:
            continue
        complete = value_in(item, "complete")
        yield Score(
            data_set=text_in(item, "dataset_name"),
            metric="score",
            value=value,
            samples=count_in(item, "total_samples"),
            complete=complete if isinstance(complete, bool) else None,
            empty=count_in(item, "response_counts", "empty") or 0,
            missing=count_in(item, "response_counts", "missing") or 0,
        )


def _map_form(document: Mapping[str, Any]) -> Iterator[Score]:
    for name, item in document.items():
        scores = mapping_in(item, "score")
        for metric, text in scores.items():
            value = stated_number(text)
            if value is not None:
                yield Score(
                    data_set=str(name),
                    metric=str(metric),
                    value=value,
                    samples=count_in(item, "num_samples"),
                )

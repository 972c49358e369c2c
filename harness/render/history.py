"""The document of `history --json`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from harness.core.schemas import SCHEMA_VERSION
from harness.ranking.history import HistoryRow, Series, Transition
from harness.render.json import estimate
from harness.scoring.boundary import outermost


def history_document(
    series: Sequence[Series],
    benchmark: str,
    unreadable: Iterable[tuple[str, str]] = (),
    skipped: Iterable[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Return the series of a benchmark as plain data.

    Args:
        series: The series.
        benchmark: The benchmark.
        unreadable: Path and reason of results that could not be read.
        skipped: Path and reason of folders that were passed over.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "benchmark": benchmark,
        "series": [_series(item) for item in series],
        "unreadable": [{"path": path, "reason": reason} for path, reason in unreadable],
        "skipped": [{"path": path, "reason": reason} for path, reason in skipped],
    }


def _series(series: Series) -> dict[str, Any]:
    key = series.key
    included = tuple(key.boundary.split("+")) if key.boundary else ()
    return {
        "task": key.task,
        "scenario": key.scenario,
        "unit": key.unit,
        "measurement_class": key.measurement_class,
        "simulated": key.simulated,
        "division": key.division,
        "boundary": outermost(included),
        "rounds": [
            {"round": group.round, "rows": [_row(row) for row in group.rows]}
            for group in series.rounds
        ],
        "transitions": [_transition(item) for item in series.transitions],
    }


def _row(row: HistoryRow) -> dict[str, Any]:
    result = row.result
    quality = result.quality
    return {
        "id": result.entry.id,
        "submitter": result.entry.submitter,
        "system": result.entry.system,
        "energy_per_unit": estimate(result.energy_per_unit),
        "quality": None if quality is None else quality.document(),
        "verdict": row.verdict,
        "rulebook": row.rulebook,
    }


def _transition(item: Transition) -> dict[str, Any]:
    targets = item.targets
    return {
        "earlier": item.earlier,
        "later": item.later,
        "energies_comparable": item.energies_comparable,
        "verdicts_comparable": item.verdicts_comparable,
        "rulebooks_known": item.rulebooks_known,
        "definitions": [
            {"change": change, "source": source} for change, source in item.definitions
        ],
        "targets": None
        if targets is None
        else {"earlier": list(targets[0]), "later": list(targets[1])},
        "rules": [asdict(rule) for rule in item.rules],
    }

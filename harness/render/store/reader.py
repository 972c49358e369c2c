"""Read the results of a store, to rank them as if their trees had been read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.auditing.report import EntryReport
from harness.batch.examined import Examined
from harness.batch.stored import read_stored
from harness.core.errors import SchemaError, UsageError, shorten
from harness.ranking.leaderboard import CLASSES
from harness.render.store.files import read_rows
from harness.scoring.result import Result


def passed_over_in(paths: Sequence[Path]) -> Examined:
    """Return what was passed over when stores were collected, without their results."""
    passed_over: dict[str, list[tuple[str, str]]] = {"unreadable": [], "skipped": []}
    for path in paths:
        for row in read_rows(path, "passed_over"):
            passed_over.get(row["kind"], []).append((row["path"], row["reason"]))
    return Examined((), (), tuple(passed_over["unreadable"]), tuple(passed_over["skipped"]))


def read_stores(paths: Sequence[Path], level: float, seed: int) -> Examined:
    """Return the results of stores.

    Args:
        paths: The stores.
        level: Coverage probability of the intervals that is wanted.
        seed: Seed that is wanted.

    Raises:
        UsageError: One is no store of this release, or its results were drawn with another level
            or seed.
    """
    results: list[Result] = []
    reports: list[EntryReport] = []
    for path in paths:
        for row in read_rows(path, "records"):
            check_drawn(path, row["level"], row["seed"], level, seed)
            result, report = read_record(path, row["record"] or b"")
            results.append(result)
            reports.append(report)
    return replace(passed_over_in(paths), reports=tuple(reports), results=tuple(results))


def read_record(path: Path, content: bytes) -> tuple[Result, EntryReport]:
    """Return the result and the audit of a row of a store.

    Raises:
        UsageError: It is none of this release, or of a measurement class that no table is made of.
    """
    try:
        result, report = read_stored(content)
        _check_class(result)
    except SchemaError as error:
        raise UsageError("is no store of this release", where=str(path), got=str(error)) from None
    return result, report


def _check_class(result: Result) -> None:
    """Raise SchemaError for a measurement class that no table is made of."""
    if result.measurement_class not in CLASSES:
        raise SchemaError(
            "is of no measurement class",
            got=shorten(result.measurement_class),
            expected=", ".join(CLASSES),
        )


def check_drawn(path: Path, level: float, seed: int, wanted_level: float, wanted_seed: int) -> None:
    """Refuse results whose intervals are not the ones that are asked for."""
    if (level, seed) != (wanted_level, wanted_seed):
        raise UsageError(
            "has intervals of another level or seed",
            where=str(path),
            got=f"level {level}, seed {seed}",
            expected=f"level {wanted_level:g}, seed {wanted_seed}",
            fix="State that level and seed, or collect the results again with yours.",
        )

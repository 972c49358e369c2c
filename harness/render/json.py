"""The JSON contract: results, reports and tables as documents of `schemas/`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from harness.carbon import co2e
from harness.core.documents import dump_document, json_text
from harness.core.schemas import SCHEMA_VERSION, check
from harness.core.timestamps import to_iso
from harness.energy.run import RunEnergy
from harness.formats.base import Quality, Quantity
from harness.formats.load import Import
from harness.ranking.leaderboard import Row, Table
from harness.ranking.question_sets import ModelRow, QuestionSet
from harness.scoring.boundary import outermost
from harness.scoring.endpoint.all_nodes import all_nodes
from harness.scoring.result import Result
from harness.uncertainty.estimate import Estimate

Pairs = Iterable[tuple[str, str]]


def _pairs(pairs: Pairs) -> list[dict[str, str]]:
    return [{"path": path, "reason": reason} for path, reason in pairs]


def estimate(item: Estimate) -> dict[str, Any]:
    """Make the object of an estimate: value, low, high, level, unit, and its numerical details."""
    return asdict(item)


def result_document(
    results: Iterable[Result], unreadable: Pairs = (), skipped: Pairs = ()
) -> dict[str, Any]:
    """Make the document of `score --json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "entries": [_result(result) for result in results],
        "unreadable": _pairs(unreadable),
        "skipped": _pairs(skipped),
    }


def _result(result: Result) -> dict[str, Any]:
    entry, whole = result.entry, all_nodes(result)
    return {
        "id": entry.id,
        "format": entry.format,
        "round": entry.round,
        "division": entry.division,
        "submitter": entry.submitter,
        "system": entry.system,
        "benchmark": entry.benchmark,
        "scenario": entry.scenario,
        "task": entry.task,
        "simulated": entry.simulated,
        "measurement_class": result.measurement_class,
        "boundary": result.boundary,
        "scatter": None if result.scatter is None else asdict(result.scatter),
        "measurand": result.measurand,
        "n_runs": result.n_runs,
        "distinct_runs": result.distinct_runs,
        "energy": estimate(result.energy),
        "mean_power": estimate(result.mean_power),
        "energy_per_unit": estimate(result.energy_per_unit),
        "units_per_joule": result.units_per_joule,
        "energy_per_correct": None if result.per_correct is None else estimate(result.per_correct),
        "training": None if result.training is None else asdict(result.training),
        "performance": _quantity(result.performance),
        "quality": _quality(result.quality),
        "co2e": co2e.document(result.co2e),
        "co2e_per_unit": co2e.document(result.co2e, "per_unit"),
        "co2e_details": co2e.details(result.co2e),
        "coverage": result.coverage,
        "gap_share": max((run.gap_share for run in result.runs), default=0.0),
        "estimated_share": result.estimated_share,
        "scaling_factor": entry.scaling_factor,
        "budget": [asdict(row) for row in result.rows],
        "compat": dict(result.compat),
        "provisioned": None if result.provision is None else asdict(result.provision),
        "all_nodes": None if whole is None else asdict(whole),
        "runs": [_run(run) for run in result.runs],
        "notes": list(result.notes),
    }


def _run(run: RunEnergy) -> dict[str, Any]:
    window = run.run.window
    return {
        "id": run.run.id,
        "window": {"start": to_iso(window.start_ns), "stop": to_iso(window.stop_ns)}
        if window
        else None,
        "window_s": window.seconds if window else None,
        "energy_j": run.energy_j,
        "estimated_j": run.estimated_j,
        "filled_j": run.filled_j,
        "coverage": run.coverage,
        "gap_share": run.gap_share,
        "largest_gap_s": run.largest_gap_s,
        "nodes_measured": run.nodes[0],
        "nodes_expected": run.nodes[1],
    }


def _quantity(item: Quantity | None) -> dict[str, Any] | None:
    return None if item is None else asdict(item)


def _quality(item: Quality | None) -> dict[str, Any] | None:
    return None if item is None else item.document()


def leaderboard_document(
    tables: Sequence[Table],
    unreadable: Pairs = (),
    skipped: Pairs = (),
    sets: Sequence[QuestionSet] = (),
) -> dict[str, Any]:
    """Make the document of `leaderboard --json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tables": [_table(table) for table in tables],
        "question_sets": [_question_set(questions) for questions in sets],
        "unreadable": _pairs(unreadable),
        "skipped": _pairs(skipped),
    }


def leaderboard_parts(
    tables: Iterable[Table],
    unreadable: Pairs,
    skipped: Pairs,
    sets: Callable[[], Sequence[QuestionSet]],
) -> Iterator[str]:
    """Yield the text of the document of `leaderboard --json`, table by table.

    Args:
        tables: The tables, which need not be held together.
        unreadable: Path and reason of results that could not be read.
        skipped: Path and reason of folders that were passed over.
        sets: Returns the tables of LLM endpoints; it is called when all tables are done.
    """
    empty = '"tables": []'
    before, _, _ = dump_document("leaderboard", leaderboard_document(())).partition(empty)
    yield before + empty[:-1]
    is_first = True
    for table in tables:
        check("leaderboard", leaderboard_document([table]), where="output")
        lines = json_text(_table(table)).replace("\n", "\n    ")  # texts hold no line breaks
        yield ("" if is_first else ",") + "\n    " + lines
        is_first = False
    whole = dump_document("leaderboard", leaderboard_document((), unreadable, skipped, sets()))
    _, _, after = whole.partition(empty)
    yield ("" if is_first else "\n  ") + "]" + after


def _table(table: Table) -> dict[str, Any]:
    return {
        "task": table.task,
        "benchmark": table.benchmark,
        "scenario": table.scenario,
        "unit": table.unit,
        "measurement_class": table.measurement_class,
        "simulated": table.simulated,
        "division": table.division,
        "without_evidence": table.without_evidence,
        "boundary": outermost(table.included),
        "includes": list(table.included),
        "rounds": table.rounds,
        "rank_by": table.rank_by,
        "level": table.level,
        "rows": [_row(row) for row in table.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    result, place = row.result, row.rank
    return {
        "id": result.entry.id,
        "rank_low": place.low if place else None,
        "rank_high": place.high if place else None,
        "p_first": place.p_first if place else None,
        "pareto": place.pareto if place else None,
        "break_even_cv": row.break_even_cv,
        "scatter": None if result.scatter is None else asdict(result.scatter),
        "submitter": result.entry.submitter,
        "system": result.entry.system,
        "energy_per_unit": estimate(result.energy_per_unit),
        "mean_power": estimate(result.mean_power),
        "co2e": co2e.document(result.co2e),
        "co2e_per_unit": co2e.document(result.co2e, "per_unit"),
        "co2e_intensity": result.co2e.reference if result.co2e is not None else None,
        "performance": _quantity(result.performance),
        "quality": _quality(result.quality),
        "verdict": row.verdict,
        "reasons": list(row.reasons),
        "questions": list(row.questions),
        "note": "; ".join(result.notes),
        "n_runs": result.n_runs,
        "coverage": result.coverage,
        "estimated_share": result.estimated_share,
        "simulated": result.entry.simulated,
        "inferred": result.inferred,
    }


def _question_set(questions: QuestionSet) -> dict[str, Any]:
    key = questions.key
    boundary = outermost(tuple(key.boundary.split("+"))) if key.boundary else None
    return key._asdict() | {
        "boundary": boundary,
        "rows": [_model_row(row) for row in questions.rows],
    }


def _model_row(row: ModelRow) -> dict[str, Any]:
    return {
        "id": row.row.result.entry.id,
        "model": row.model,
        "load": row.load,
        "energy_per_token": None if row.per_token is None else estimate(row.per_token),
        "energy_per_correct": None if row.per_correct is None else estimate(row.per_correct),
        "tokens_per_second": row.tokens_per_second,
        "replies_per_second": row.replies_per_second,
        "ttft_p90_ms": row.ttft_p90_ms,
        "correct": row.correct,
        "asked": row.asked,
        "pareto_model": row.pareto_model,
        "pareto": row.pareto,
        "verdict": row.row.verdict,
        "reasons": list(row.row.reasons),
    }


def import_document(done: Import) -> dict[str, Any]:
    """Make the document of `import --json`."""
    defects = [
        {"id": item.entry.id} | asdict(defect)
        for item in done.imported
        for defect in item.entry.defects
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "out": str(done.out),
        "imported": [
            {
                "id": item.entry.id,
                "format": item.entry.format,
                "runs": [str(path) for path in item.runs],
            }
            for item in done.imported
        ],
        "unreadable": _pairs(done.unreadable),
        "skipped": _pairs(done.skipped),
        "defects": defects,
    }

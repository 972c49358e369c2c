"""The leaderboard: who is compared with whom, and what stays visible without a rank."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import api
from harness.auditing.engine import audit_entry
from harness.auditing.relations import equal_traces, in_memory
from harness.auditing.report import EntryReport, Finding
from harness.core.errors import UsageError
from harness.core.schemas import check
from harness.formats.base import Defect, Entry, Quality, Quantity, Work
from harness.formats.evidence import EndpointEvidence, Evidence
from harness.ranking.leaderboard import Table, leaderboard
from harness.render.json import leaderboard_document
from harness.render.terminal.leaderboard import board as text_of
from harness.scoring.result import Result
from harness.scoring.score import score
from tests.auditing.rules import builders as b
from tests.scoring.test_score import entry as scored_entry

WORK = Work(1000.0, "sample")


def result_of(
    name: str, power_w: float = 400.0, meter: str = "yokogawa-wt310e", **given: Any
) -> Entry:
    """Three runs of ten minutes that scatter by 0.02 %; the meter's gain is known to 0.1 %.

    Facts that state a window or no success belong to one run alone.
    """
    facts = {"performance": Quantity(10.0, "Samples/s"), "work": WORK} | given.pop("facts", {})
    kind = given.pop("kind", "mean")
    channel = {key: given.pop(key) for key in ("boundary", "conversion_efficiency") if key in given}
    runs = []
    for number, share in enumerate((1.0, 1.0002, 0.9998)):
        start_s = 1000 * number
        readings = b.trace(
            range(start_s - 5, start_s + 606),
            power_w * share,
            kind,
            meter=meter,
            calibration_id=name,
            **channel,
        )
        window = {"id": f"run_{number + 1}", "window": b.window(start_s, start_s + 600)}
        runs.append(b.run(readings, **(window | facts)))
        if "window" in facts or "success" in facts:
            break
    return b.entry(*runs, id=name, system=name, **given)


def single_run(name: str, power_w: float = 400.0, **given: Any) -> Entry:
    """One run of ten minutes, of which nothing shows the scatter."""
    entry = result_of(name, power_w, **given)
    return replace(entry, runs=entry.runs[:1])


def board(*entries: Entry) -> tuple[Table, ...]:
    copies = equal_traces(in_memory(entries)[0])
    reports = {
        entry.id: replace(audit_entry(entry, copies), without_evidence=False) for entry in entries
    }
    return leaderboard([score(entry, draws=20_000) for entry in entries], reports)


def ids(table: Table) -> list[str]:
    return [row.result.entry.id for row in table.rows]


def test_rows_come_in_the_order_of_their_rank() -> None:
    (table,) = board(result_of("c", 500), result_of("a", 400), result_of("b", 400.1))
    assert ids(table) == ["a", "b", "c"]
    assert [(row.rank.low, row.rank.high) for row in table.rows if row.rank] == [
        (1, 2),
        (1, 2),
        (3, 3),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"task": "training"},
        {"benchmark": "another"},
        {"scenario": "Server"},
        {"facts": {"work": Work(1000.0, "token")}},
        {"meter": "unknown-sensor"},
        {"kind": "estimate"},
        {"simulated": True},
        {"division": "open"},
    ],
    ids=str,
)
def test_what_does_not_compare_stands_in_tables_of_its_own(other: dict[str, Any]) -> None:
    tables = board(result_of("a"), result_of("b", 500, **other))
    assert sorted(len(table.rows) for table in tables) == [1, 1]
    assert all(
        row.rank and (row.rank.low, row.rank.high, row.rank.p_first) == (1, 1, 1.0)
        for t in tables
        for row in t.rows
    )


def test_analyzers_and_sensors_are_never_in_one_table() -> None:
    tables = board(
        *(
            result_of(f"{m}{k}", 400 + k, m)
            for k in range(3)
            for m in ("yokogawa-wt210", "unknown-sensor")
        )
    )
    assert [(table.measurement_class, len(table.rows)) for table in tables] == [
        ("analyzer", 3),
        ("sensor", 3),
    ]


def test_a_simulated_result_is_never_ranked_with_a_real_one_whatever_it_needs() -> None:
    real, simulated = board(
        *(result_of(f"r{k}", 400 + k) for k in range(2)), result_of("s", 1, simulated=True)
    )
    assert (real.simulated, ids(real)) == (False, ["r0", "r1"])
    assert (simulated.simulated, ids(simulated)) == (True, ["s"])
    text = text_of((real, simulated), "terminal")
    assert [line for line in text.splitlines() if "measured by" in line] == [
        "own, Offline (inference, measured by analyzer, boundary wall)",
        "own, Offline (inference, measured by analyzer, boundary wall, simulated)",
    ]


def test_different_systems_are_compared() -> None:
    assert len(board(result_of("a", submitter="X"), result_of("b", 500, submitter="Y"))) == 1


def titles(tables: tuple[Table, ...]) -> list[str]:
    return [line for line in text_of(tables, "terminal").splitlines() if "measured by" in line]


def test_open_and_closed_results_stand_in_tables_of_their_own() -> None:
    """An open result may change the model; each was rank 1 or 2 of one table."""
    tables = board(result_of("a", division="closed"), result_of("b", 500, division="open"))
    assert [(t.division, ids(t), t.rows[0].rank and t.rows[0].rank.high) for t in tables] == [
        ("closed", ["a"], 1),
        ("open", ["b"], 1),
    ]
    assert titles(tables) == [
        "own, Offline (inference, measured by analyzer, boundary wall)",
        "own, Offline (inference, open, measured by analyzer, boundary wall)",
    ]
    document = leaderboard_document(tables)
    check("leaderboard", document)
    assert [table["division"] for table in document["tables"]] == ["closed", "open"]
    assert [line.split(",")[4] for line in text_of(tables, "csv").splitlines()] == [
        "division",
        "closed",
        "open",
    ]


def test_the_closed_division_is_named_where_a_title_would_stand_twice() -> None:
    tables = board(result_of("a", division="closed"), result_of("b", 500))
    assert titles(tables) == [
        "own, Offline (inference, measured by analyzer, boundary wall)",
        "own, Offline (inference, closed, measured by analyzer, boundary wall)",
    ]


def test_results_of_several_rounds_are_ranked_together_and_it_is_said() -> None:
    rounds = ("mlperf-inference-v4.0", "mlperf-inference-v4.1")
    (table,) = board(*(result_of(name, 400 + 50 * k, round=name) for k, name in enumerate(rounds)))
    assert [row.rank.low for row in table.rows if row.rank] == [1, 2]
    said = "Of several rounds, whose rules differ: mlperf-inference-v4.0, mlperf-inference-v4.1."
    assert said in text_of((table,), "terminal")
    assert said not in text_of(
        board(*(result_of(name, 400, round=rounds[0]) for name in "ab")), "terminal"
    )


def test_a_session_is_ranked_once_in_a_table() -> None:
    """Two folders with the logs of one run took two places."""
    copies = [result_of(name, 400, submitter="X") for name in ("b", "a")]
    copies = [replace(entry, system="box") for entry in copies]
    (table,) = board(*copies, result_of("c", 500))
    assert [
        (row.result.entry.id, row.rank and (row.rank.low, row.rank.high), row.reasons)
        for row in table.rows
    ] == [
        ("a", (1, 1), ()),
        ("c", (2, 2), ()),
        ("b", None, ("the session of a",)),
    ]


def test_results_of_one_id_are_not_ranked_as_it_is_unknown_which_was_audited() -> None:
    """Two trees that were read separately may name their folders alike."""
    (table,) = board(*(result_of("a", 400) for _ in range(2)), result_of("c", 500))
    assert [(row.result.entry.id, row.reasons) for row in table.rows] == [
        ("c", ()),
        ("a", ("no audit of this id alone",)),
        ("a", ("no audit of this id alone",)),
    ]


def test_a_run_is_ranked_before_what_was_inferred_from_it() -> None:
    told = (Defect("scenario-inferred", "x", "inferred from a SingleStream run"),)
    copy, run = (
        replace(e, system="box") for e in (result_of("a", 400, defects=told), result_of("b", 400))
    )
    (table,) = board(copy, run, result_of("c", 500, defects=told))
    assert [(row.result.entry.id, row.rank is not None) for row in table.rows] == [
        ("b", True),
        ("c", True),
        ("a", False),
    ]
    text = text_of((table,), "terminal")
    assert "c (ni)" in text
    assert "(i) inferred from a run of another scenario, as MLPerf allows." in text
    assert [row["inferred"] for row in leaderboard_document((table,))["tables"][0]["rows"]] == [
        False,
        True,
        True,
    ]


def test_one_machine_at_the_same_power_in_another_hour_is_another_session() -> None:
    later = b.trace(range(5995, 6606), 400.0, meter="yokogawa-wt310e", calibration_id="b")
    run = b.run(
        later, performance=Quantity(10.0, "Samples/s"), work=WORK, window=b.window(6000, 6600)
    )
    (table,) = board(single_run("a"), b.entry(run, id="b", system="b"))
    assert [row.reasons for row in table.rows] == [("one run",), ("one run",)]


def test_single_runs_are_not_ranked_and_state_the_scatter_that_their_order_bears() -> None:
    """Energies 10 % apart, gains known to 0.1 %: ln 1.1 = k c sqrt(2), so c is 3.4 %."""
    (table,) = board(single_run("a"), single_run("b", 440), single_run("c", 440.2))
    assert [row.rank for row in table.rows] == [None] * 3
    first, second, third = (row.break_even_cv for row in table.rows)
    assert first == pytest.approx(math.log(1.1) / 1.96 / math.sqrt(2), rel=0.01)
    assert (second, third) == (0.0, 0.0), "closer than their meters tell"
    document = leaderboard_document((table,))
    check("leaderboard", document)
    rows = document["tables"][0]["rows"]
    assert {(row["rank_low"], row["rank_high"], row["p_first"]) for row in rows} == {(None,) * 3}
    text = text_of((table,), "terminal")
    assert "valid; one run, holds below 3.4 % scatter" in text


def test_a_result_of_no_energy_stays_visible_and_is_not_ranked() -> None:
    """A counter that stands still shows 0 J; it neither ranks first nor moves the others."""
    dead = score(single_run("dead"), draws=20_000)
    assert dead.per_unit_budget is not None
    nothing = replace(
        dead,
        energy_per_unit=replace(dead.energy_per_unit, value=0.0, low=0.0, high=0.0),
        per_unit_budget=dead.per_unit_budget.scaled(0.0),
    )
    living = [single_run("a"), single_run("b", 500)]
    reports = {entry.id: audit_entry(entry, {}) for entry in [single_run("dead"), *living]}
    results = [nothing, *(score(entry, draws=20_000) for entry in living)]
    (table,) = leaderboard(results, reports)
    rows = {row.result.entry.id: row for row in table.rows}
    assert (rows["dead"].rank, rows["dead"].reasons) == (None, ("no energy above 0 J",))
    assert rows["a"].break_even_cv == pytest.approx(0.08, abs=0.01)


def test_a_ranging_run_ranks_a_single_run() -> None:
    def timed(name: str, power_w: float) -> Entry:
        first, second, _ = result_of(name, power_w).runs
        return b.entry(second, ranging=first, id=name, system=name)

    (table,) = board(timed("a", 400), timed("b", 500))
    assert [(row.rank.low, row.rank.high) for row in table.rows if row.rank] == [(1, 1), (2, 2)]
    scatters = [row.result.scatter for row in table.rows]
    assert {scatter.source for scatter in scatters if scatter} == {"ranging pair"}
    assert "(r) one timed run" in text_of((table,), "terminal")


def test_boundaries_are_never_in_one_table() -> None:
    places = {
        "wall": ("wall", "wall"),
        "node": ("node", "node"),
        "psu-output": ("node", "supply-output"),
        "board": ("board", "board"),
        "psys": ("package", "psys"),
        "package": ("package", "package"),
    }
    tables = board(*(result_of(place, 400, boundary=place) for place in places))
    assert [len(table.rows) for table in tables] == [1] * len(places)
    documents = leaderboard_document(tables)["tables"]
    boundaries = {
        table["rows"][0]["id"]: (table["boundary"], *table["includes"]) for table in documents
    }
    assert boundaries == places


def test_tables_come_in_order_of_task_benchmark_scenario_and_class() -> None:
    entries = [
        result_of(f"{k}", 400 + k, benchmark=name, scenario=scenario, meter=meter)
        for k, (name, scenario, meter) in enumerate(
            (n, s, m)
            for n in "yx"
            for s in ("Server", "Offline")
            for m in ("unknown-sensor", "yokogawa-wt210")
        )
    ]
    keys = [(t.benchmark, t.scenario, t.measurement_class) for t in board(*entries)]
    assert keys == sorted(keys)
    assert len(keys) == 8


def test_order_of_results_changes_nothing() -> None:
    entries = [result_of(f"e{k}", 400 + k % 3 / 10, scenario=f"s{k % 2}") for k in range(8)]
    expected = leaderboard_document(board(*entries))
    random.Random(2).shuffle(entries)
    assert leaderboard_document(board(*entries)) == expected


def test_invalid_stays_visible_below_with_the_rules_it_broke() -> None:
    bad = result_of("bad", 100, facts={"success": False, "window": b.window(0, 650)})
    (table,) = board(bad, result_of("good"))
    assert ids(table) == ["good", "bad"], "though it needs less energy"
    row = table.rows[1]
    assert (row.verdict, row.rank) == ("invalid", None)
    assert set(row.reasons) == {"window-inside-trace", "coverage", "result-valid"}
    assert row.questions == (), "only a questioned entry has rules that question it"
    good = table.rows[0].rank
    assert good is not None
    assert (good.low, good.high, good.p_first, good.pareto) == (1, 1, 1.0, 1.0), (
        "an invalid entry beats nobody"
    )


def test_questioned_is_ranked_and_marked_with_the_rules_that_question_it() -> None:
    entries = [result_of("doubted", 100), result_of("good")]
    finding = Finding("sampling-rate", "warn", "w", "g", "e", "f", "c", severity="question")
    reports = {entry.id: audit_entry(entry, {}) for entry in entries}
    reports["doubted"] = replace(reports["doubted"], verdict="questioned", findings=(finding,))
    tables = leaderboard([score(entry, draws=20_000) for entry in entries], reports)
    (table,) = tables
    assert ids(table) == ["doubted", "good"], "it needs less energy"
    first = table.rows[0]
    assert (first.verdict, first.questions) == ("questioned", ("sampling-rate",))
    assert first.rank is not None
    document = leaderboard_document(tables)
    check("leaderboard", document)
    assert document["tables"][0]["rows"][0]["questions"] == ["sampling-rate"]
    text = text_of(tables, "terminal")
    assert "questioned: sampling-rate" in text
    assert "did not enforce" in text


def test_entries_without_evidence_are_ranked_apart() -> None:
    entries = [result_of("bare", 100), result_of("recorded")]
    reports = {entry.id: audit_entry(entry, {}) for entry in entries}
    reports["recorded"] = replace(reports["recorded"], without_evidence=False)
    assert reports["bare"].without_evidence, "no journal"
    tables = leaderboard([score(entry, draws=20_000) for entry in entries], reports)
    assert [(ids(table), table.without_evidence) for table in tables] == [
        (["recorded"], False),
        (["bare"], True),
    ]
    check("leaderboard", leaderboard_document(tables))
    text = text_of(tables, "terminal")
    assert text.count("without evidence") == 1
    assert "no journal and no session log ties these readings" in text


def test_entry_without_an_interval_stays_visible_with_the_reason() -> None:
    (idle,) = [
        t for t in board(result_of("a"), result_of("b", 300, facts={"work": None})) if "b" in ids(t)
    ]
    row = next(row for row in idle.rows if row.result.entry.id == "b")
    assert row.rank is None
    assert row.reasons == ("the log does not say how much was done",)


def test_entry_without_an_audit_is_not_ranked() -> None:
    (table,) = leaderboard([score(result_of("a"), draws=20_000)], {})
    assert (table.rows[0].verdict, table.rows[0].rank) == ("unjudged", None)
    assert table.rows[0].reasons == ("no audit of this id alone",)


def test_entries_of_one_id_borrow_no_verdict() -> None:
    """Two trees with a folder of the same name: the audit of one says nothing of the other."""
    entries = [result_of("same"), result_of("same", 300), result_of("other", 500)]
    reports: dict[str, EntryReport] = {e.id: audit_entry(e, {}) for e in entries}
    (table,) = leaderboard([score(e, draws=20_000) for e in entries], reports)
    assert [(row.result.entry.id, row.verdict) for row in table.rows] == [
        ("other", "valid"),
        ("same", "unjudged"),
        ("same", "unjudged"),
    ]


def test_a_verdict_without_findings_is_a_reason_of_its_own() -> None:
    report = EntryReport("a", b.OWN, "unjudged", ())
    (table,) = leaderboard([score(result_of("a"), draws=20_000)], {"a": report})
    assert table.rows[0].reasons == ("unjudged",)


def test_throughput_is_better_high_and_latency_low() -> None:
    def front(unit: str, of_b: float) -> list[float]:
        facts = [{"performance": Quantity(value, unit)} for value in (10.0, of_b)]
        (table,) = board(result_of("a", 400, facts=facts[0]), result_of("b", 500, facts=facts[1]))
        return [row.rank.pareto for row in table.rows if row.rank]

    assert front("Samples/s", 20.0) == [1.0, 1.0]
    assert front("Samples/s", 5.0) == [1.0, 0.0]
    assert front("ms", 5.0) == [1.0, 1.0]
    assert front("min", 20.0) == [1.0, 0.0]


def test_loss_is_better_low_on_the_front() -> None:
    def front(of_b: float) -> float:
        qualities = [
            {"quality": Quality("eval_loss", value, 0.925), "work": Work(1, "run")}
            for value in (0.92, of_b)
        ]
        kinds = {"task": "training", "benchmark": "llama2_70b_lora"}
        (table,) = board(
            result_of("a", 400, facts=qualities[0], **kinds),
            result_of("b", 500, facts=qualities[1], **kinds),
        )
        return [row.rank.pareto for row in table.rows if row.rank][1]

    assert (front(0.91), front(0.924)) == (1.0, 0.0)


def test_readings_times_a_declared_efficiency_are_marked_and_said() -> None:
    given = {
        "facts": {"work": Work(1, "run")},
        "task": "training",
        "meter": "unknown-sensor",
        "boundary": "node",
    }
    entries = [
        result_of("plain", **given),
        *(result_of(f"c{n}", conversion_efficiency=n, **given) for n in (0.94, 0.96)),
    ]
    tables = board(*entries)
    text = text_of(tables, "terminal")
    assert "(c) readings times a declared conversion efficiency of 0.94 to 0.96:" in text
    assert [name in text for name in ("plain (n)", "c0.94 (nc)", "c0.96 (nc)")] == [True] * 3
    notes = {
        result.entry.id: result.notes
        for table in tables
        for result in (row.result for row in table.rows)
    }
    stated = "readings times a declared conversion efficiency of 0.96: a peak"
    assert any(note.startswith(stated) for note in notes["c0.96"])
    assert "(c)" not in text_of(board(entries[0]), "terminal")


def test_probabilities_are_explained_where_a_result_is_ranked() -> None:
    legend = "P(first): probability of needing the least energy."
    ranked = board(result_of("a", 400), result_of("b", 500))
    assert legend in text_of(ranked, "terminal")
    unranked = board(result_of("a", 400, facts={"success": False}))
    assert ids(unranked[0]) == ["a"]
    assert legend not in text_of(unranked, "terminal")


def test_cannot_rank_by_something_else() -> None:
    with pytest.raises(UsageError, match="expected energy"):
        leaderboard([], {}, rank_by="price")  # type: ignore[arg-type]


def test_no_results_make_no_tables() -> None:
    assert leaderboard([], {}) == ()


def test_simulated_tree_from_files_to_document(tmp_path: Path) -> None:
    for seed, system in enumerate(("sim-1", "sim-2")):
        b.inference(tmp_path, seed=seed, system=system)
    b.training(tmp_path)
    tables = api.rank(tmp_path)
    check("leaderboard", leaderboard_document(tables))
    assert [(t.task, t.unit, t.measurement_class, len(t.rows)) for t in tables] == [
        ("inference", "J/sample", "analyzer", 2),
        ("training", "J/run", "sensor", 1),
    ]
    results: list[Result] = [row.result for table in tables for row in table.rows]
    assert all(result.entry.simulated for result in results)


def test_by_correct_answers_quality_counts_and_luck_has_no_rank() -> None:
    """B needs more energy and answers more; C is right by chance; D was never graded."""

    def graded(name: str, power_w: float, **grading: float) -> Result:
        plain = scored_entry(name, *(power_w * (1 + 0.001 * k) for k in range(-2, 3)))
        evidence = Evidence(endpoint=EndpointEvidence(grading=grading)) if grading else Evidence()
        runs = tuple(replace(run, evidence=evidence) for run in plain.runs)
        return score(replace(plain, runs=runs), draws=20_000)

    asked = {"asked": 1000, "questions": 1000, "chance": 0.0}
    results = [
        graded("a", 100.0, correct=200, **asked),
        graded("b", 150.0, correct=900, **asked),
        graded("c", 10.0, correct=500, **asked | {"chance": 0.5}),
        graded("d", 10.0),
    ]
    reports = {
        result.entry.id: EntryReport(id=result.entry.id, round="", verdict="valid", findings=())
        for result in results
    }
    (by_energy,) = leaderboard(results, reports)
    assert by_energy.unit == "J/query"
    (table,) = leaderboard(results, reports, rank_by="correct")
    assert table.unit == "J/correct-answer"
    rows = {row.result.entry.id: row for row in table.rows}
    assert rows["b"].rank is not None
    assert rows["a"].rank is not None
    assert (rows["b"].rank.low, rows["a"].rank.low) == (1, 2)
    assert rows["b"].result.energy_per_unit.value == pytest.approx(15_000 / 900, rel=1e-3)
    assert "not above chance" in rows["c"].reasons[0]
    assert rows["d"].reasons == ("no answer was graded",)

"""An entry that takes too long is unjudged, and stops no other."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness import api
from harness.auditing import relations
from harness.auditing.cross_entry import CrossEntryEvidence
from harness.auditing.outlines.gathered import Fetch, Gathered
from harness.auditing.rules import BY_ID
from harness.auditing.rules.base import RuleContext, Violation
from harness.core.resources import resource
from harness.core.timeout import TimeLimitExceeded, deadline
from harness.energy import evaluation
from harness.energy.evaluation import Evaluation
from harness.formats import run_directory as native
from harness.formats.base import Entry
from harness.scoring import score as scoring
from harness.signing import verify
from harness.signing.trust import Trust

EXAMPLES = resource("submissions") / "lab-2026"


def busy(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def forgiving() -> None:
    """Lives with any fault, as the engine does with those of readers and rules."""
    try:
        busy(60)
    except Exception:  # noqa: BLE001
        pytest.fail("it was taken for a fault of the entry")


def test_a_block_that_takes_too_long_is_ended() -> None:
    began = time.monotonic()
    with pytest.raises(TimeLimitExceeded, match=r"longer than 0\.05 s"), deadline(0.05):
        busy(60)
    assert time.monotonic() < began + 30


def in_a_thread(work: Callable[[], object]) -> object:
    """Return what a function returns in a second thread, or the exception that it raises."""
    outcomes: list[object] = []

    def run() -> None:
        try:
            outcomes.append(work())
        except BaseException as error:  # noqa: BLE001 - returned
            outcomes.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    return outcomes[0]


def test_a_thread_has_limits_too_and_the_inner_one_is_its_own() -> None:
    def work() -> str:
        with pytest.raises(TimeLimitExceeded, match=r"longer than 0\.05 s"), deadline(0.05):
            forgiving()
        with deadline(60), pytest.raises(TimeLimitExceeded, match=r"0\.04"), deadline(0.04):
            busy(60)
        with deadline(0.05):
            pass
        busy(0.1)  # nothing is raised afterwards
        return "done"

    assert in_a_thread(work) == "done"


def test_a_thread_that_is_traced_goes_on_after_a_limit() -> None:
    lines = 0

    def count(*_: object) -> None:
        nonlocal lines
        lines += 1

    def work() -> str:
        sys.settrace(count)
        with deadline(60):
            pass
        return "done"

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(20)
    assert lines
    assert not thread.is_alive()


def test_a_limit_that_is_reached_as_its_block_ends_is_not_raised_later() -> None:
    def work() -> str:
        for _ in range(40):
            with contextlib.suppress(TimeLimitExceeded), deadline(0.001):
                busy(0.001)
        busy(0.02)
        return "done"

    assert in_a_thread(work) == "done"


def test_no_fault_that_is_lived_with_hides_it() -> None:
    with pytest.raises(TimeLimitExceeded), deadline(0.05):
        forgiving()


def test_nothing_rings_afterwards() -> None:
    with deadline(0.05):
        pass
    time.sleep(0.1)


def test_an_entry_whose_judgement_hangs_is_unjudged_and_the_others_are_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tree = api.read(EXAMPLES)
    api.audit(tree)  # what is imported late is there
    hanging = tree.entries[0].id
    rule = BY_ID["time-order"]

    def check(case: RuleContext) -> Iterator[Violation]:
        while case.entry.id == hanging:
            pass
        yield from ()

    monkeypatch.setattr("harness.auditing.engine.RULES", (replace(rule, check=check),))
    report = api.audit(tree, timeout_s=0.3)
    verdicts = {entry.id: entry.verdict for entry in report.entries}
    assert verdicts.pop(hanging) == "unjudged"
    assert set(verdicts.values()) == {"valid"}
    (late,) = next(entry.findings for entry in report.entries if entry.id == hanging)
    assert (late.status, late.got, late.expected) == (
        "error",
        "it took longer than 0.3 s",
        "at most 0.3 s",
    )


def test_an_entry_whose_reading_hangs_is_unreadable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def read(*_: object) -> None:
        busy(60)

    api.import_tree(EXAMPLES, out=tmp_path / "runs")
    monkeypatch.setattr(type(native.FORMAT), "read", staticmethod(read))
    found = api.search(tmp_path / "runs")
    tree = api.load(found[:1], timeout_s=0.1)
    assert not tree.entries
    assert "longer than 0.1 s" in tree.unreadable[0][1]


def test_an_entry_that_cannot_be_scored_in_time_has_no_energy_and_stops_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tree = api.read(EXAMPLES)
    hanging = tree.entries[0].id
    integrate = scoring.evaluate

    def evaluate(entry: Entry) -> Evaluation:
        if entry.id == hanging:
            busy(60)
        return integrate(entry)

    monkeypatch.setattr(scoring, "evaluate", evaluate)
    results = {item.entry.id: item for item in api.score(tree, draws=10_000, timeout_s=1.5)}
    late = results.pop(hanging)
    assert late.energy.value is None
    assert late.energy.note == late.notes[0] == "not scored: it took longer than 1.5 s"
    assert all(item.energy.value for item in results.values())


def test_an_entry_that_breaks_the_score_has_no_energy_and_stops_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tree = api.read(EXAMPLES)
    broken = tree.entries[-1].id
    integrate = scoring.evaluate

    def evaluate(entry: Entry) -> Evaluation:
        return integrate(entry) if entry.id != broken else 1 // 0  # type: ignore[return-value]

    monkeypatch.setattr(scoring, "evaluate", evaluate)
    results = {item.entry.id: item for item in api.score(tree, draws=10_000)}
    assert "ZeroDivisionError" in results.pop(broken).energy.note
    assert all(item.energy.value for item in results.values())


def test_the_largest_entry_is_left_out_where_comparing_takes_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tree = api.read(EXAMPLES)
    sizes = {e.id: sum(len(t) for run in e.runs for t in run.traces) for e in tree.entries}
    largest = max(sizes, key=sizes.__getitem__)
    compare = relations.near_duplicates

    def near_duplicates(gathered: Gathered, fetch: Fetch) -> CrossEntryEvidence:
        if largest in {outline.id for outline in gathered.outlines()}:
            busy(60)
        return compare(gathered, fetch)

    monkeypatch.setattr(relations, "near_duplicates", near_duplicates)
    monkeypatch.setattr(relations, "deadline", lambda _: deadline(0.3))
    report = api.audit(tree, timeout_s=100)
    verdicts = {entry.id: entry.verdict for entry in report.entries}
    assert verdicts.pop(largest) == "unjudged"
    assert "unjudged" not in verdicts.values()
    (finding,) = next(
        [finding for finding in entry.findings if finding.status == "error"]
        for entry in report.entries
        if entry.id == largest
    )
    assert "not compared with the other entries: it took longer" in finding.got


def test_a_leaderboard_sets_late_entries_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = api.read(EXAMPLES)
    hanging = tree.entries[0].id
    integrate = evaluation.evaluate

    def evaluate(entry: Entry) -> Evaluation:
        if entry.id == hanging:
            busy(60)
        return integrate(entry)

    monkeypatch.setattr(evaluation, "evaluate", evaluate)
    rows = [row for table in api.rank(tree, timeout_s=1.5) for row in table.rows]
    late = next(row for row in rows if row.result.entry.id == hanging)
    assert late.result.energy.value is None
    assert late.verdict == "unjudged"


def test_a_submission_that_takes_too_long_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(verify, "verify", lambda *_: busy(60))
    (fault,) = verify.verify_within(tmp_path, Trust({}, {}), timeout_s=0.1).faults
    assert fault.got == "not verified: it took longer than 0.1 s"

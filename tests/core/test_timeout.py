"""An entry that takes too long is unjudged, and stops no other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness import api
from harness.auditing.rules import BY_ID
from harness.auditing.rules.base import RuleContext, Violation
from harness.core.resources import resource
from harness.core.timeout import TimeLimitExceeded, deadline
from harness.formats import run_directory as native

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

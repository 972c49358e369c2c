"""Every tamper of recorded runs is caught by the right rule, or listed as not detectable.

Tampers that the test of their rule audits, with the words of the finding, are not repeated here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import api
from harness.auditing.rules import BY_ID
from tests.auditing.rules import builders as b
from tests.tampers import audited, native
from tests.tampers.native import TAMPERS, UNSEEN, Tamper

HERE = [t for t in TAMPERS if not audited.by_its_rule(t.rule, t.apply.__name__)]


def test_untouched_runs_are_valid_and_silent(recorded: Path) -> None:
    found = b.report(recorded)
    assert found.verdict == "valid"
    assert {f.status for f in found.findings} == {"skip"}, found.findings


@pytest.mark.parametrize("tamper", HERE, ids=lambda tamper: tamper.apply.__name__)
def test_tamper_is_caught(tamper: Tamper, recorded: Path) -> None:
    tamper.apply(recorded)
    native.restate(recorded)
    found = b.report(recorded)
    hits = [(f.status, f.got) for f in b.of(found, tamper.rule)]
    assert tamper.status in {status for status, _ in hits}, (
        hits,
        [(f.rule, f.status, f.got) for f in found.findings],
    )
    assert all(f.status != "error" for f in found.findings)
    assert found.verdict == "invalid" or tamper.status == "warn"


@pytest.mark.parametrize("tamper", UNSEEN, ids=lambda tamper: tamper.__name__)
def test_tamper_that_nobody_can_see(tamper: Callable[[Path], object], recorded: Path) -> None:
    """It stays valid: should a rule come to find it, it belongs in the list above."""
    before = {path: path.read_bytes() for path in recorded.rglob("*") if path.is_file()}
    tamper(recorded)
    native.restate(recorded)
    assert {path: path.read_bytes() for path in recorded.rglob("*") if path.is_file()} != before
    assert b.report(recorded).verdict == "valid"
    assert tamper.__doc__, "the reason why it cannot be seen"


def test_a_file_that_was_edited_without_its_hash_is_found(recorded: Path) -> None:
    path = next((recorded / "run-1" / "log").iterdir())
    path.write_text(path.read_text("utf-8").replace("test_accuracy", "best_accuracy"), "utf-8")
    b.assert_found(
        b.report(recorded),
        "evidence-readable",
        "fail",
        where="run-1/log",
        got="file-changed",
        expected="as the tools",
    )


def test_a_trace_that_was_edited_without_its_hash_is_not_read(recorded: Path) -> None:
    path = recorded / "run-1" / "traces" / "wall.csv"
    path.write_text(path.read_text("utf-8").replace(",4", ",3"), "utf-8")
    report = api.audit(recorded)
    assert report.count("valid") == 0
    assert report.count("unjudged") + report.count("invalid") >= 1


def test_tampers_are_many_and_each_names_a_rule() -> None:
    assert len({tamper.apply for tamper in TAMPERS}) == len(TAMPERS) >= 15
    assert {tamper.rule for tamper in TAMPERS} <= BY_ID.keys()

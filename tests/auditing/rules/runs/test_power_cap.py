"""power-cap: limits that meters recorded are those that the description declares."""

from __future__ import annotations

from typing import Any

import pytest

from harness.formats.base import Entry, Run
from harness.formats.evidence import Evidence, RecordingEvidence
from tests.auditing.rules import builders as b

RULE = "power-cap"


def run(number: int, *limits_w: float, channel: str = "gpu0") -> Run:
    """A run whose meter saw these power limits."""
    seen = {"power_limit_w": {"min": min(limits_w), "max": max(limits_w)}} if limits_w else {}
    recording = RecordingEvidence(samplers=({"meter": "nvml", "context": {channel: seen}},))
    trace = b.trace(range(-5, 606), id="gpu0", boundary="board")
    return b.run(trace, id=f"run_{number}", evidence=Evidence(recording=recording))


def entry(*runs: Run, declared_w: Any = None) -> Entry:
    return b.entry(*runs, system_description={"accelerator_power_cap_w": declared_w})


@pytest.mark.parametrize("declared_w", [400, "400", 402.0, None])
def test_pass_a_limit_as_declared_in_all_runs(declared_w: Any) -> None:
    judged = entry(run(1, 400.0), run(2, 400.0, 401.0), declared_w=declared_w)
    b.assert_pass(b.judge(judged), RULE)


def test_pass_nothing_declared_and_nothing_seen() -> None:
    b.assert_pass(b.judge(entry(run(1))), RULE)


def test_fail_another_limit_than_declared() -> None:
    found = b.judge(entry(run(1, 700.0), declared_w=400))
    b.assert_found(
        found, RULE, "fail", where="run.json", got="gpu0: a power limit of 700 W", expected="400 W"
    )


def test_fail_a_limit_that_was_changed_in_the_run() -> None:
    found = b.judge(entry(run(1, 400.0, 500.0), declared_w=400))
    b.assert_found(found, RULE, "fail", where="run.json", got="500 W", expected="400 W, declared")


def test_fail_two_runs_with_two_limits() -> None:
    found = b.judge(entry(run(1, 400.0), run(2, 500.0)))
    b.assert_found(found, RULE, "fail", where="run.json", got="500 W", expected="in the first run")


def test_pass_two_boards_with_limits_of_their_own() -> None:
    b.assert_pass(b.judge(entry(run(1, 400.0), run(2, 700.0, channel="gpu1"))), RULE)


@pytest.mark.parametrize("declared_w", [0, -5, "much", [400], True])
def test_pass_what_is_no_limit_declares_none(declared_w: Any) -> None:
    b.assert_pass(b.judge(entry(run(1, 400.0), declared_w=declared_w)), RULE)


def test_warns_of_a_limit_that_no_meter_shows() -> None:
    found = b.judge(entry(run(1), declared_w=400))
    b.assert_found(found, RULE, "warn", where="system description", got="400 W", expected="nvml")

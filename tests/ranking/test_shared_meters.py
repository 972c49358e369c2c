"""Meter errors cancel between entries of which both show one instrument, and no others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.formats.base import Entry
from harness.ranking.comparison import correlation_keys
from harness.ranking.shared_meters import instrument_claims, with_separate_errors
from harness.scoring.score import score
from harness.traces.channel import Accuracy
from harness.uncertainty.budget import Budget
from harness.uncertainty.components import MeteredEnergy, UncertaintyComponent
from tests.scoring.test_score import entry, run


def measured(name: str, first: int, *, submitter: str = "Lab", **given: Any) -> Entry:
    """Two runs of one meter, the `first`-th and the one after it, each 1000 s later."""
    runs = tuple(run(100.0 + n, n, **given) for n in (first, first + 1))
    return replace(entry(name), submitter=submitter, runs=runs)


def shares(*entries: Entry) -> list[bool]:
    """Whether each entry keeps the key of its meter beside the others."""
    results = with_separate_errors([score(item) for item in entries])
    return [
        any(part.correlation_key == "m" for part in result.budget.metered)
        for result in results
        if result.budget is not None
    ]


def changed(item: Entry, **changes: Any) -> Entry:
    """The same entry with other channels."""
    runs = tuple(
        replace(
            r,
            traces=tuple(replace(t, channel=replace(t.channel, **changes)) for t in r.traces),
        )
        for r in item.runs
    )
    return replace(item, runs=runs)


def test_one_analyzer_of_one_submitter_at_two_times_is_one_instrument() -> None:
    assert shares(measured("a", 0), measured("b", 2)) == [True, True]
    assert shares(measured("a", 0)) == [False]


def test_sessions_may_touch_and_not_overlap() -> None:
    """Runs of 1000 s, every 1000 s: the second begins when the first ends."""
    touching = measured("a", 0, seconds=1000), measured("b", 2, seconds=1000)
    assert shares(*touching) == [True, True]
    overlapping = measured("a", 0, seconds=1001), measured("b", 2, seconds=1000)
    assert shares(*overlapping) == [False, False]


@pytest.mark.parametrize(
    "other",
    [
        measured("b", 2, submitter="Rival"),
        measured("b", 2, submitter=""),
        measured("b", 2, meter="n"),
        changed(measured("b", 2), meter="yokogawa-wt500"),
        changed(measured("b", 2), meter="unknown"),
        replace(measured("b", 2), runs=()),
    ],
    ids=["submitter", "no submitter", "calibration", "another model", "unknown model", "no runs"],
)
def test_without_evidence_of_one_instrument_nothing_cancels(other: Entry) -> None:
    assert not any(shares(measured("a", 0), other))


def test_limits_may_follow_the_range_from_session_to_session() -> None:
    loose = changed(measured("b", 2), accuracy=Accuracy(reading_limit_pct=0.2, source="test"))
    assert shares(measured("a", 0), loose) == [True, True]


def test_an_entry_of_contradictory_limits_claims_no_instrument() -> None:
    plain = measured("a", 0)
    loose = changed(plain, accuracy=Accuracy(reading_limit_pct=0.2, source="test"))
    mixed = replace(plain, runs=(plain.runs[0], loose.runs[1]))
    assert instrument_claims(mixed) == []
    assert [claim["calibration"] for claim in instrument_claims(plain)] == ["m"]
    assert instrument_claims(replace(plain, submitter="")) == []


def test_a_sensor_is_that_of_its_system() -> None:
    def sensor(name: str, first: int) -> Entry:
        return changed(measured(name, first), meter="nvidia-nvml")

    assert shares(sensor("a", 0), sensor("b", 2)) == [False, False]
    one_system = [replace(item, system="s") for item in (sensor("a", 0), sensor("b", 2))]
    assert shares(*one_system) == [True, True]


def test_keys_of_a_budget_are_those_of_meters_with_an_error_and_of_components() -> None:
    budget = Budget(
        "a",
        (MeteredEnergy("m", 1.0, 0.01), MeteredEnergy("n", 1.0, 0.0), MeteredEnergy("o", 1, 0, 2)),
        (
            UncertaintyComponent.symmetric("clock", 1.0, correlation_key="c"),
            UncertaintyComponent.symmetric("sampling", 1.0),
        ),
    )
    assert correlation_keys(budget) == {"m", "o", "c"}

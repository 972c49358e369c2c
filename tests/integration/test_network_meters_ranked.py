"""Each network meter, live against its peer: two runs that are scored, audited and ranked."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness import audit
from harness.auditing.report import verdict_of
from harness.formats.load import read
from harness.live.measure import measure
from harness.live.plan import Settings, plan_command
from harness.meters import built_in
from harness.meters.network import adapters
from harness.ranking.leaderboard import leaderboard
from harness.scoring.score import score

METERS = sorted(path.stem for path in Path(adapters.__path__[0]).glob("[a-z]*.py"))
SECONDS = "0.6"
SHORT = {"minimum-duration", "run-count", "coverage", "largest-gap", "sampling-rate"}
"""Rules that a run of a test may break: it is short, on a busy machine, and there are two."""
CLASSES = {"ptdaemon": "analyzer", "scpi": "analyzer"}


@pytest.fixture(scope="module")
def environment() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_every_network_meter_is_here() -> None:
    assert len(METERS) == 10
    assert set(METERS) <= set(built_in())


@pytest.mark.parametrize("name", METERS)
def test_it_is_scored_audited_and_ranked_in_its_class(
    name: str, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    # 1. Two runs under the meter, with the peer that its own test has for it.
    tests = importlib.import_module(f"tests.meters.network.adapters.test_{name}")
    options = tests.stand_in(tmp_path, environment)
    meter = f"{name}:" + ",".join(f"{key}={value}" for key, value in options.items())
    out = tmp_path / "out"
    settings = Settings(out=out, meters=[meter], interval_s=0.05, idle_s=(0.1, 0.4), repeat=2)
    recorded = list(measure(plan_command(["sleep", SECONDS], settings, name="idle")))
    assert len(recorded) == 2

    # 2. Scored, in the class of its instrument.
    (entry,) = read(out).entries
    result = score(entry)
    assert result.energy.value is not None
    assert result.energy.value > 0
    assert result.measurement_class == CLASSES.get(name, "sensor")

    # 3. Audited: nothing is wrong with it but its length.
    (report,) = audit(out).entries
    failed = [item for item in report.findings if item.status == "fail"]
    assert {item.rule for item in failed} <= SHORT, failed
    others = tuple(item for item in report.findings if item.rule not in SHORT)

    # 4. Ranked, as it would be if it were long enough.
    judged = replace(report, findings=others, verdict=verdict_of(others))
    (table,) = leaderboard([result], {entry.id: judged})
    (row,) = table.rows
    assert table.measurement_class == result.measurement_class
    assert row.rank is not None, row.reasons
    assert (row.rank.low, row.rank.high) == (1, 1)

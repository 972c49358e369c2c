"""interconnect-declared: the switches of several machines are measured or declared."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.formats.base import Entry
from harness.live.merge_ranks import merge
from harness.live.sensors.shared_equipment import shared_channel
from harness.traces.trace import Trace
from tests.auditing.rules import builders as b
from tests.live.distributed.true_energy import Machine, readings, write_ranks

RULE = "interconnect-declared"


@pytest.fixture
def merged(tmp_path: Path, entry_of: Callable[..., Entry]) -> Callable[..., Path]:
    """The run directory of a number of machines, merged."""

    def make(count: int, shared: Sequence[Trace] = ()) -> Path:
        machines = [Machine(50 + number, 300, (0, 14)) for number in range(count)]
        folder = write_ranks(tmp_path / "work" / "run-1", entry_of(round=b.OWN), machines, shared)
        merge(folder)
        return folder

    return make


def shared(boundary: str) -> Trace:
    trace = readings(Machine(90, 90, (0, 14), channel={"boundary": boundary}), 9)
    return replace(trace, channel=shared_channel(trace.channel))


def test_pass_two_machines_joined_by_a_cable(merged: Callable[..., Path]) -> None:
    b.assert_pass(b.report(merged(2)), RULE)


@pytest.mark.parametrize("boundary", ["interconnect", "rack"])
def test_pass_a_switch_or_a_rack_that_is_measured(
    merged: Callable[..., Path], boundary: str
) -> None:
    b.assert_pass(b.report(merged(3, [shared(boundary)])), RULE)


def rate(folder: Path, power_w: float) -> None:
    """Declare the rated power of a switch in the record."""
    path = folder / "run.json"
    document = json.loads(path.read_text())
    part = {"id": "switch", "power_w": power_w, "boundary": "interconnect"}
    document["rated"] = [part | {"idle_share": 0.5, "source": "declared"}]
    path.write_text(json.dumps(document))


def test_pass_a_switch_that_is_declared(merged: Callable[..., Path]) -> None:
    folder = merged(3)
    rate(folder, 87.5)
    b.assert_pass(b.report(folder), RULE)


@pytest.mark.parametrize("declared_w", [None, 0.0])
def test_question_three_machines_without_any(
    merged: Callable[..., Path], declared_w: float | None
) -> None:
    folder = merged(3)
    if declared_w is not None:
        rate(folder, declared_w)
    found = b.report(folder)
    b.assert_found(
        found,
        RULE,
        "question",
        where="run-1",
        got="3 machines and no interconnect",
        expected="a meter",
    )
    assert {item.severity for item in b.of(found, RULE)} == {"question"}

"""meter-plausible: a channel claims no more than its meter can do."""

from __future__ import annotations

from typing import Any

import pytest

from harness.traces.channel import Accuracy
from harness.traces.instruments import instrument, instruments
from tests.auditing.rules import builders as b

RULE = "meter-plausible"


def judged(meter: str, kind: str = "mean", **given: Any) -> b.EntryReport:
    limits = given.pop("accuracy", None) or (
        instrument(meter).accuracy() if meter in instruments() else None
    )
    more = {"accuracy": limits} if limits else {}
    values = [400.0 * t for t in range(611)] if kind == "counter" else 400.0
    return b.judge(
        b.entry(b.run(b.trace(range(-5, 606), values, kind, meter=meter, **more, **given)))
    )


@pytest.mark.parametrize(
    ("meter", "kind", "boundary"),
    [
        ("yokogawa-wt310e", "mean", "wall"),
        ("yokogawa-wt310e", "mean", "psu"),
        ("intel-rapl", "counter", "package"),
        ("intel-rapl", "counter", "dram"),
        ("nvidia-nvml", "instant", "board"),
        ("declared-model", "estimate", "node"),
        ("bmc-redfish", "instant", "node"),
        ("apc-ap8xxx", "mean", "pdu"),
        ("unknown-sensor", "instant", "anywhere"),
        ("unknown", "mean", "wall"),
        ("our own meter", "instant", "wall"),
    ],
)
def test_pass_what_the_meter_can(meter: str, kind: str, boundary: str) -> None:
    b.assert_pass(judged(meter, kind, boundary=boundary), RULE)


def test_pass_limits_wider_than_the_data_sheet() -> None:
    b.assert_pass(
        judged("yokogawa-wt310e", accuracy=Accuracy(reading_limit_pct=0.5, source="old")), RULE
    )


def test_fail_model_that_measures() -> None:
    found = judged("declared-model", "mean", boundary="node")
    b.assert_found(
        found,
        RULE,
        "fail",
        where="total",
        got="mean readings of declared-model",
        expected="estimate",
    )


@pytest.mark.parametrize(("meter", "kind"), [("intel-rapl", "counter"), ("nvidia-nvml", "instant")])
def test_fail_sensor_of_a_chip_at_the_wall(meter: str, kind: str) -> None:
    found = judged(meter, kind, boundary="wall")
    b.assert_found(
        found, RULE, "fail", where="total", got=f"{meter} at the wall", expected="or inside it"
    )


def test_warn_better_limits_than_the_data_sheet() -> None:
    found = judged("yokogawa-wt310e", accuracy=Accuracy(reading_limit_pct=0.01, source="our word"))
    b.assert_found(
        found,
        RULE,
        "warn",
        where="total",
        got="0.01 % of the reading",
        expected="0.1 %, by IM WT310E",
    )
    assert found.verdict == "valid", "there may be a certificate"


def test_warn_analyzer_of_instants_or_inside_the_machine() -> None:
    b.assert_found(
        judged("yokogawa-wt210", "instant"),
        RULE,
        "warn",
        where="total",
        got="instant",
        expected="mean",
    )
    found = judged("yokogawa-wt210", boundary="board")
    b.assert_found(
        found, RULE, "warn", where="total", got="at the board", expected="outside the machine"
    )


def test_fail_is_told_once_for_all_runs() -> None:
    readings = b.trace(range(-5, 606), meter="declared-model", kind="mean")
    found = b.judge(b.entry(*(b.run(readings, id=f"run_{k}") for k in range(3))))
    assert len([f for f in b.of(found, RULE) if f.status == "fail"]) == 1

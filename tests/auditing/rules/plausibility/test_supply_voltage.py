"""supply-voltage: the voltage that was measured at is the one that is described."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.auditing.report import Finding
from tests.auditing.rules import builders as b
from tests.tampers import tiny

RULE = "supply-voltage"


def described(**fields: Any) -> tiny.Tamper:
    """The meter reports 1.8 V."""
    return lambda folder: (folder.parents[2] / "systems" / "board.json").write_text(
        json.dumps(fields), "utf-8"
    )


def findings(root: Path, tamper: tiny.Tamper) -> list[Finding]:
    return b.of(tiny.judged(root, tamper), RULE)


@pytest.mark.parametrize(
    "note",
    [
        "Operating at 1.8V / SMPS",
        "Core VDD = 0.9V, VDD_IO = 1.8V",
        "1.80 V",
        "1.8 Volts",
        "VIN = 1.8VDC",
        "1.84V",
    ],
)
def test_pass_one_of_the_voltages_is_it(note: str, tmp_path: Path) -> None:
    b.assert_pass(tiny.judged(tmp_path, described(notes=note)), RULE)


@pytest.mark.parametrize(
    ("note", "stated"), [("3V with SMPS", "3"), ("0.9V, 3.3 V", "0.9 and 3.3"), ("1.9 V", "1.9")]
)
def test_warn_another_voltage(note: str, stated: str, tmp_path: Path) -> None:
    found = tiny.judged(tmp_path, described(notes=note))
    b.assert_found(
        found,
        RULE,
        "warn",
        where="energy/results.txt",
        got="1.8",
        expected=f"{stated}, as the system description states",
    )


@pytest.mark.parametrize("note", ["STM32L4R5ZI", "120 MHz", "V1.8", "1.8Vx", "0 V", ""])
def test_skip_a_description_without_a_voltage(note: str, tmp_path: Path) -> None:
    found = tiny.judged(tmp_path, described(notes=note))
    b.assert_found(found, RULE, "skip", where="systems", got="no supply voltage", expected="both")


def test_note_a_script_that_sets_another_voltage(tmp_path: Path) -> None:
    def tamper(folder: Path) -> None:
        tiny.edit(folder, "script.async", "voltage 1800", "voltage 3000")

    found = tiny.judged(tmp_path, tamper)
    b.assert_pass(found, RULE)
    assert [note for note in found.notes if "script" in note] == [
        "a script that sets 3 V; the meter reports 1.8 V"
    ]


def test_warn_by_the_script_where_the_meter_reports_none(tmp_path: Path) -> None:
    def tamper(folder: Path) -> None:
        tiny.edit(folder, "log.txt", "m-voltage-mv[1800]", "")
        tiny.edit(folder, "script.async", "voltage 1800", "voltage 3000")

    (found,) = findings(tmp_path, tamper)
    assert (b.outcome(found), found.got) == ("warn", "3")

"""shared-calibration: a calibration that two submitters name is doubtful on both sides."""

from __future__ import annotations

from harness.auditing.engine import audit_entries
from harness.formats.base import Entry
from tests.auditing.rules import builders as b

RULE = "shared-calibration"


def entry(
    name: str, submitter: str, calibration: str = "wt310/C2PB18013E", kind: str = "mean"
) -> Entry:
    power_w = 400.0 + len(name)
    readings = b.trace(
        range(-5, 606), power_w, kind, meter="yokogawa-wt310e", calibration_id=calibration
    )
    return b.entry(b.run(readings), id=name, system=name, submitter=submitter)


def findings(*entries: Entry) -> dict[str, list[str]]:
    return {
        report.id: [finding.got for finding in b.of(report, RULE)]
        for report in audit_entries(entries)
    }


def test_warn_both_sides_of_two_submitters() -> None:
    found = findings(entry("a", "Lab"), entry("bb", "Other"))
    assert "Other names in bb too" in found["a"][0]
    assert "Lab names in a too" in found["bb"][0]


def test_of_three_submitters_each_learns_of_one_other() -> None:
    found = findings(entry("a", "Lab"), entry("bb", "Other"), entry("ccc", "Third"))
    assert [len(texts) for texts in found.values()] == [1, 1, 1]
    assert "Other names in bb too" in found["a"][0]
    assert "Lab names in a too" in found["bb"][0]
    assert "Lab names in a too" in found["ccc"][0]


def test_pass_an_entry_that_names_no_submitter() -> None:
    assert findings(entry("a", ""), entry("bb", "Other")) == {"a": [], "bb": []}


def test_pass_one_submitter_with_one_meter() -> None:
    assert findings(entry("a", "Lab"), entry("bb", "Lab")) == {"a": [], "bb": []}


def test_pass_meters_of_their_own() -> None:
    assert findings(entry("a", "Lab", "x"), entry("bb", "Other", "y")) == {"a": [], "bb": []}


def test_pass_one_model_of_power_that_two_submitters_use() -> None:
    found = findings(entry("a", "Lab", kind="estimate"), entry("bb", "Other", kind="estimate"))
    assert found == {"a": [], "bb": []}

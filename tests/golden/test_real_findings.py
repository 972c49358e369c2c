"""docs/explanation/real-findings.md names every finding on the real data, and no other."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from harness import api

PAGE = (Path(__file__).resolve().parents[2] / "docs/explanation/real-findings.md").read_text(
    "utf-8"
)


def rows(heading: str) -> list[list[str]]:
    """Cells of the table below a heading."""
    text = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in cells] for cells in table[2:]]


def paths() -> dict[str, str]:
    return dict(rows("Entries"))


def listed() -> Counter[tuple[str, str, str]]:
    """(entry, rule, outcome) -> findings, as the page says."""
    found: Counter[tuple[str, str, str]] = Counter()
    for rule, outcome, entries, why in rows("Findings"):
        assert len(why) > 20
        for item in entries.split(", "):
            name, _, count = item.partition(" ")
            found[paths()[name], rule.strip("`"), outcome] += int(count or 1)
    return found


def test_the_page_names_every_finding_of_the_audit(real_data: Path) -> None:
    said: Counter[tuple[str, str, str]] = Counter()
    for entry in api.audit(real_data).entries:
        for finding in entry.findings:
            outcome = finding.severity or finding.status
            said[entry.id.partition("/")[2], finding.rule, outcome] += 1
    assert listed() == said


def test_names_on_the_page_are_unique_and_used() -> None:
    used = {
        re.sub(r" \d+$", "", item)
        for _, _, entries, _ in rows("Findings")
        for item in entries.split(", ")
    }
    assert used == set(paths())
    assert len(set(paths().values())) == len(paths())

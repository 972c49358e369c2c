"""The dialogue of a session against those of all real server.log files at hand, line by line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.live.director.session import WrittenSession

from .dialogue import as_in_2024, as_until_2023, content_classes

LOGS = "performance/power/server.log"
ROUND_YEARS = {"v1.0": 2021, "v2.1": 2022, "v3.0": 2023, "v4.1": 2024, "v5.1": 2025}
FALLBACK = "Invalid number of parameters"
"""What a PTDaemon with one channel answers to the request for all channels."""
MIN_LOGS = {2021: 9, 2022: 6, 2023: 4, 2024: 10, 2025: 3}


def year_of(path: Path) -> int:
    """Return the year of the round that a log is of."""
    match = re.search(r"inference(?:_results_|-)(v\d\.\d)/", str(path))
    assert match is not None
    return ROUND_YEARS[match[1]]


def dialogue(written: WrittenSession) -> list[str]:
    return content_classes((written.package / LOGS).read_text("utf-8"))


@pytest.fixture(scope="module")
def real_logs(real_data: Path, real_rounds: Path) -> list[Path]:
    return sorted([*real_data.rglob(LOGS), *real_rounds.rglob(LOGS)])


@pytest.mark.parametrize("year", sorted(MIN_LOGS))
def test_the_dialogue_is_that_of_every_real_session(
    year: int, written: WrittenSession, multichannel: WrittenSession, real_logs: list[Path]
) -> None:
    """In order and content class, with one channel and with several."""
    logs = [path for path in real_logs if year_of(path) == year]
    assert len(logs) >= MIN_LOGS[year]
    kinds = set()
    for path in logs:
        log = path.read_text("utf-8", "replace")
        has_one_channel = FALLBACK in log
        ours = dialogue(written if has_one_channel else multichannel)
        if year < 2025:
            ours = as_in_2024(ours)
        if year < 2024:
            ours = as_until_2023(ours)
        assert ours == content_classes(log), path
        kinds.add(has_one_channel)
    if year >= 2024:
        assert kinds == {True, False}

"""Read the names, division and round of an MLPerf inference result from its path."""

from __future__ import annotations

import os
import re
from pathlib import Path

from harness.core.printable import well_formed
from harness.formats.mlperf.loadgen_log import FAMILY

DIVISIONS = ("closed", "open", "network")
_ROUND = re.compile(r"(?:^|[-_])inference[-_](?:results[-_])?v(\d{1,3}\.\d{1,3})(?!\d)", re.ASCII)


def place(directory: Path) -> dict[str, str]:
    """Return the names in ``<division>/<submitter>/results/<system>/<benchmark>/<scenario>``.

    Names that a shorter path does not have are empty.
    """
    parts = tuple(map(well_formed, Path(os.path.abspath(directory)).parts))
    system, benchmark, scenario = ("", "", "", *parts)[-3:]
    submitter = division = ""
    if len(parts) > 4 and parts[-4] == "results":
        submitter = parts[-5]
        if len(parts) > 5 and parts[-6] in DIVISIONS:
            division = parts[-6]
    return {
        "scenario": scenario,
        "benchmark": benchmark,
        "system": system,
        "submitter": submitter,
        "division": division,
    }


def round_of(directory: Path) -> str:
    """Return the round in the name of the nearest folder above, as in ``inference_results_v4.0``.

    It is empty if no folder names one. The submitter chooses the names from its own folder
    downwards, so these do not count.
    """
    parts = Path(os.path.abspath(directory)).parts
    is_submission = parts[-4:-3] == ("results",)
    above = parts[:-5] if is_submission else parts[:-1]
    matches = [match for part in above if (match := _ROUND.search(part))]
    return f"{FAMILY}-v{matches[-1][1]}" if matches else ""

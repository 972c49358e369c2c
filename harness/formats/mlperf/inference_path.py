"""What the path of an MLPerf inference result says: names, division, round."""

from __future__ import annotations

import os
import re
from pathlib import Path

from harness.core.printable import well_formed
from harness.formats.mlperf.loadgen_log import FAMILY

_TREE = re.compile(r"(?:^|[-_])inference[-_](?:results[-_])?v(\d{1,3}\.\d{1,3})(?!\d)")


def place(directory: Path) -> dict[str, str]:
    """Names from `<division>/<submitter>/results/<system>/<benchmark>/<scenario>`."""
    parts = tuple(map(well_formed, Path(os.path.abspath(directory)).parts))
    named = ("", "", "", *parts)
    found = {
        "scenario": named[-1],
        "benchmark": named[-2],
        "system": named[-3],
        "submitter": "",
        "division": "",
    }
    if len(parts) > 4 and parts[-4] == "results":
        found["submitter"] = parts[-5]
        division = parts[-6] if len(parts) > 5 else ""
        found["division"] = division if division in ("closed", "open", "network") else ""
    return found


def round_of(directory: Path) -> str:
    """The round in the name of a folder above, as in `inference_results_v4.0`, the nearest one; "" where none has it.

    Folders from the submitter's own downwards are the submitter's to name, and do not count.
    """
    parts = Path(os.path.abspath(directory)).parts
    above = parts[:-5] if parts[-4:-3] == ("results",) else parts[:-1]
    found = [match[1] for part in above if (match := _TREE.search(part))]
    return f"{FAMILY}-v{found[-1]}" if found else ""

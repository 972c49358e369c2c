"""Files that a meter's program would write, with a power that is known by construction.

As a script it writes one in real time: `meter_file.py PATH CALIBRATION BOUNDARY POWER_W STEP_W S`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

INTERVAL_S = 0.05


def header(
    id_: str = "wall", *, calibration_id: str, boundary: str = "wall", **more: object
) -> str:
    """The first two lines of a CSV trace."""
    about = {
        "schema_version": "1.0",
        "id": id_,
        "quantity": "power",
        "unit": "W",
        "kind": "mean",
        "boundary": boundary,
        "meter": "revenue-grade-pdu",
        "calibration_id": calibration_id,
        "accuracy": {"reading_limit_pct": 0.2, "source": "by construction"},
        "nominal_interval_s": INTERVAL_S,
        "clock": "test",
        "clock_error_s": 0.0,
        "current": "ac",
    }
    return f"# joulemark-trace: {json.dumps(about | more)}\nt_ns,power_w\n"


def write_in_real_time(
    path: Path,
    calibration_id: str,
    boundary: str,
    power_w: float,
    step_w: float,
    seconds: float,
) -> None:
    """Append the mean power since the last row: it rises by a step every tenth row."""
    with path.open("a", encoding="ascii") as file:
        file.write(header(calibration_id=calibration_id, boundary=boundary))
        file.flush()
        end = time.monotonic() + seconds
        row = 0
        while time.monotonic() < end:
            time.sleep(INTERVAL_S)
            row += 1
            file.write(f"{time.time_ns()},{power_w + step_w * (row // 10 % 7):.3f}\n")
            file.flush()


if __name__ == "__main__":
    write_in_real_time(Path(sys.argv[1]), *sys.argv[2:4], *map(float, sys.argv[4:7]))

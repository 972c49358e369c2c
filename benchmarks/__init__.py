"""Measure the speed of the harness as ratios to peers and limits.

`python -m benchmarks` prints the table that docs/reference/benchmarks.md explains.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT / "workloads") not in sys.path:
    sys.path.insert(
        0, str(ROOT / "workloads")
    )  # the lab simulator, which stands in for absent data

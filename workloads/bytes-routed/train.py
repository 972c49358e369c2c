"""Train the routed model of Python's source code to a target in bits per byte.

    python train.py --seed 1 --result result.txt --target 2.3 ...

The work is done by `bytes_task/run.py`, the same for all kinds of models.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "bytes_task"))

from run import perform

if __name__ == "__main__":
    sys.exit(perform(Path(__file__).resolve().parent))

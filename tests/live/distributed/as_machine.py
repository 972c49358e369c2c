"""Run `joulemark` as if on a machine of its own.

BOOT_ID: file that stands for the machine's boot id; JOIN_S: how long it waits for other ranks [s].
"""

import os
import sys
from pathlib import Path

from harness.cli import main
from harness.live.distributed import coordinator, placement, worker

placement.BOOT_ID = Path(os.environ["BOOT_ID"])
worker.JOIN_TIMEOUT_S = coordinator.JOIN_TIMEOUT_S = float(os.environ.get("JOIN_S", "30"))
main(sys.argv[1:])

"""`joulemark` on a machine of its own. BOOT_ID: file that says which; MEET_S: how long it waits for others [s]."""

import os
import sys
from pathlib import Path

from harness.cli import main
from harness.live.distributed import coordinator as host
from harness.live.distributed import placement as seat
from harness.live.distributed import worker as guest

seat.BOOT_ID = Path(os.environ["BOOT_ID"])
guest.MEET_S = host.MEET_S = float(os.environ.get("MEET_S", "30"))
main(sys.argv[1:])

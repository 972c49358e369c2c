"""Run `joulemark` as if on a machine of its own.

MACHINE_ROOT: folder that stands for the machine's /proc and /sys; "" for the real one.
JOIN_S, BEAT_S, SILENCE_S, READY_S: time limits of the rendezvous [s], where a test changes them.
TRIPS: questions in one comparison of clocks.
"""

import os
import sys
from pathlib import Path

from harness.cli import main
from harness.live.distributed import clock_offset, connection, coordinator, machine, worker
from harness.meters import sampler_process

if os.environ.get("MACHINE_ROOT"):
    machine.ROOT = Path(os.environ["MACHINE_ROOT"])
worker.JOIN_TIMEOUT_S = coordinator.JOIN_TIMEOUT_S = float(os.environ.get("JOIN_S", "30"))
connection.HEARTBEAT_S = float(os.environ.get("BEAT_S", "5"))
connection.SILENCE_LIMIT_S = worker.SILENCE_LIMIT_S = float(os.environ.get("SILENCE_S", "30"))
sampler_process.READY_S = float(os.environ.get("READY_S", "20"))
clock_offset.ROUND_TRIPS = int(os.environ.get("TRIPS", clock_offset.ROUND_TRIPS))
main(sys.argv[1:])

"""A stand-in for macOS's powermetrics: prints samples until it is killed.

Arguments: seconds between samples, then the CPU's powers [mW], one a sample; the last is repeated.
"""

from __future__ import annotations

import itertools
import sys
import time

HEAD = "*** Sampled system activity (Mon Nov 30 15:00:00 2026 +0000) (200.3ms elapsed) ***"

if __name__ == "__main__":
    pause_s, *powers = sys.argv[1:]
    print("Machine model: Mac14,3\nOS version: 24A335\n", flush=True)
    for cpu in itertools.chain(powers, itertools.repeat(powers[-1])):
        print(f"\n{HEAD}\n\n**** Processor usage ****\n")
        print(f"CPU Power: {cpu} mW\nGPU Power: 40 mW\nANE Power: 0 mW")
        print(f"Combined Power (CPU + GPU + ANE): {int(cpu) + 40} mW", flush=True)
        time.sleep(float(pause_s))

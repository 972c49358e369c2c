"""The power of one simulated machine as a function of time, behind all peers of a test.

As a program it is a `pass_persist` script of snmpd that states the present power in watts.
"""

from __future__ import annotations

import math
import sys
import time

import numpy as np

OUTLET = ".1.3.6.1.4.1.318.1.1.26.9.4.3.1.7.3"
SNMP_GAIN = 1.012


def power_w(t_s: float) -> float:
    """Power at a time [s since 1970], in watts: a slow swing and a square wave."""
    return 300 + 60 * math.sin(2 * math.pi * t_s / 7) + 20 * math.copysign(1, math.sin(t_s * 2.7))


def energy_j(begin_s: float, end_s: float) -> float:
    """Energy between two times [J], by sums over a millisecond."""
    steps = max(round((end_s - begin_s) * 1000), 1)
    t_s = begin_s + (np.arange(steps) + 0.5) * (end_s - begin_s) / steps
    swing = 60 * np.sin(2 * np.pi * t_s / 7) + 20 * np.sign(np.sin(t_s * 2.7))
    return float((300 + swing).mean() * (end_s - begin_s))


def main() -> None:
    """Speak snmpd's pass_persist protocol on standard input and output."""
    while line := sys.stdin.readline():
        word = line.strip()
        if word == "PING":
            print("PONG", flush=True)
            continue
        oid = sys.stdin.readline().strip()
        wanted = oid == OUTLET if word == "get" else oid < OUTLET
        if word in ("get", "getnext") and wanted:
            print(OUTLET, "integer", round(SNMP_GAIN * power_w(time.time())), sep="\n", flush=True)
        else:
            print("NONE", flush=True)


if __name__ == "__main__":
    main()

"""What Slurm counts for the job step, as context beside our own readings.

Slurm's accounting (`acct_gather_energy`) counts the energy of whole nodes, whatever its plug-in
reads there: IPMI, RAPL, a Cray counter. It is read before the workload and after it. It is a second
witness, never part of a sum: jobs may share a node, and the plug-in reads once in some seconds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import Any

PROGRAM = "sstat"
TIME_LIMIT_S = 5.0
"""How long the query may take [s]."""
NO_COUNT = frozenset({"", "0", "18446744073709551614"})
"""What Slurm prints where nothing counts energy: nothing, 0, or NO_VAL64."""


class StepEnergy:
    """Energy of the present job step by Slurm's accounting, read before and after the workload.

    Args:
        is_used: Whether to ask at all; one rank does.
    """

    def __init__(self, is_used: bool) -> None:
        job, step = (os.environ.get(name, "") for name in ("SLURM_JOB_ID", "SLURM_STEP_ID"))
        self._step = f"{job}.{step}" if is_used and job.isdigit() and step.isdigit() else ""
        self._before = self._read()
        self._after: tuple[int, int] | None = None

    def read_after(self) -> None:
        """Read it once more, after the workload."""
        self._after = self._read() if self._before else None

    def facts(self) -> dict[str, Any]:
        """Describe both counts for a run record; nothing where Slurm counts nothing."""
        if self._before is None or self._after is None:
            return {}
        (before_ns, before_j), (after_ns, after_j) = self._before, self._after
        return {
            "slurm_step_energy": {
                "step": self._step,
                "source": "sstat ConsumedEnergyRaw: context, not part of any sum",
                "start_ns": before_ns,
                "stop_ns": after_ns,
                "energy_j": after_j - before_j,
            }
        }

    def _read(self) -> tuple[int, int] | None:
        """Return time [ns UTC] and energy of the step so far [J]; None where there is none."""
        program = shutil.which(PROGRAM) if self._step else None
        if program is None:
            return None
        command = [program, "-n", "-P", "-a", "-j", self._step, "-o", "ConsumedEnergyRaw"]
        try:
            reply = subprocess.run(
                command, capture_output=True, timeout=TIME_LIMIT_S, check=False, text=True
            )
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
            return None
        t_ns = time.time_ns()
        text = reply.stdout.strip().split("\n")[0].strip()
        is_count = text.isascii() and text.isdigit() and len(text) < 18 and text not in NO_COUNT
        return (t_ns, int(text)) if is_count else None

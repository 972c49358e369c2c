"""Record a block of Python code as a run: the samplers run while the block does."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from harness.formats.base import Entry, Work
from harness.formats.run_directory import SAMPLES
from harness.live.plan import Settings, make_entry, meters
from harness.live.recording import create_run_directory, finalise, mark_incomplete
from harness.meters.base import Unavailable
from harness.meters.sampler_process import SamplerGroup
from harness.runners.base import Outcome
from harness.traces.trace import Window

MARGIN_INTERVALS = 3
"""Readings before and after the block: they show the power at its edges."""


class RecordedBlock:
    """Records one execution of a block.

    Args:
        name: Name of the benchmark; the run directory is `out/name/run-N`, with the next free N.
        meter_texts: Meters as the command line writes them; empty for those that are available.
        out: Folder to write to.
        interval_s: Time between reads [s].
    """

    def __init__(self, name: str, meter_texts: Sequence[str], out: Path, interval_s: float) -> None:
        settings = Settings(out=out, meters=meter_texts, interval_s=interval_s)
        self.entry: Entry = make_entry(settings, name, "", "training")
        self.folder = _next_folder(self.entry.directory)
        self._requests, self._interval_s = meters(settings), interval_s

    def start(self) -> None:
        """Create the run directory, start the samplers, and mark the begin of the window.

        Raises:
            Unavailable: A meter cannot be used; the run directory is removed again.
        """
        create_run_directory(self.folder, self.entry)
        self._samplers = SamplerGroup(self._requests, self.folder / SAMPLES)
        try:
            self._samplers.__enter__()
        except Unavailable:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self._idle_start_ns = time.time_ns()
        self._samplers.wait(MARGIN_INTERVALS * self._interval_s)
        self._start_ns = time.time_ns()

    def stop(self, error: BaseException | None = None) -> None:
        """Mark the end of the window, stop the samplers, and write the record.

        Args:
            error: What the block raised; the run is then incomplete.

        Raises:
            JoulemarkError: A sampler died, or the folder cannot be written.
        """
        stop_ns = time.time_ns()
        try:
            if error is None:
                self._samplers.wait(MARGIN_INTERVALS * self._interval_s)
        finally:
            self._samplers.stop()
        if error is not None:
            reason = f"the block raised {type(error).__name__}: {error}"
            mark_incomplete(self.folder, self.entry, reason)
            return
        window = Window(self._start_ns, stop_ns)
        outcome = Outcome(window=window, success=True, work=Work(1.0, "run"))
        idle = {
            "before": Window(self._idle_start_ns, self._start_ns),
            "after": Window(stop_ns, time.time_ns()),
        }
        finalise(self.folder, self.entry, outcome, idle)


def _next_folder(directory: Path) -> Path:
    number = 1
    while (directory / f"run-{number}").exists():
        number += 1
    return directory / f"run-{number}"

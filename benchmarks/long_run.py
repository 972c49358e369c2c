"""Measure time and memory of a long run: journals written, finalised, scored and audited.

    python -m benchmarks.long_run --channels 8 --hours 19 --rate 10

No machine is measured: the readings are made up. Each phase runs in a process of its own, so that
its processor time, which other processes change little, and its peak of memory are its own. Memory
is what the system cannot take back (anonymous), looked at every 20 ms. Columns of a long trace lie
in temporary files, whose pages it can take back.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from harness import api
from harness.formats.base import Entry
from harness.formats.run_directory import SAMPLES
from harness.live.recording import create_run_directory, finalise
from harness.runners.base import Outcome
from harness.traces.channel import Accuracy, Channel
from harness.traces.journal.writer import Journal
from harness.traces.trace import Window

T_NS = 1_700_000_000_000_000_000


def entry_of(out: Path) -> Entry:
    return Entry(
        id="long",
        directory=out / "long",
        format="joulemark",
        round="joulemark-2026",
        task="training",
        submitter="",
        system="simulated",
        benchmark="long",
        scenario="",
        simulated=True,
    )


def write(out: Path, channels: int, hours: float, rate: float) -> None:
    """Write the journal of a run."""
    folder = out / "long" / "run-1"
    create_run_directory(folder, entry_of(out))
    limits = Accuracy(reading_limit_pct=1.0, source="simulated")
    boards = [
        Channel(
            id=f"board-{number}",
            kind="mean",
            boundary="board",
            calibration_id=f"simulated/{number}",
            accuracy=limits,
            nominal_interval_s=1 / rate,
            clock="system",
            clock_error_s=0.001,
        )
        for number in range(channels)
    ]
    journal = Journal(folder / SAMPLES / "simulated.csv", boards, {"meter": "simulated"})
    step_ns, reads_a_second = round(1e9 / rate), max(1, round(rate))
    for index in range(round(hours * 3600 * rate)):
        t_ns = T_NS + index * step_ns
        power_w = 300.0 + index * 37 % 101 / 8
        journal.rows([journal.row(board.id, t_ns, index, 1000, power_w) for board in boards])
        if index % reads_a_second == 0:
            journal._write(f"# clock: [{t_ns},{index * step_ns},{index}]\n", link=True)
    journal._write('# end: {"missed": 0, "hung": false}\n', link=True, last=True)


def make_record(out: Path, hours: float) -> None:
    """Turn the journal into traces and a record."""
    window = Window(T_NS + 10**9, T_NS + round(hours * 3600e9) - 2 * 10**9)
    finalise(out / "long" / "run-1", entry_of(out), Outcome(window=window, success=True), {})


def measured(name: str, work: Callable[..., object], *arguments: object) -> None:
    """Run a phase in a process of its own; print its time and its peak of memory."""
    process = multiprocessing.get_context("spawn").Process(
        target=_phase, args=(name, work, arguments)
    )
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(f"{name} failed")


def _phase(name: str, work: Callable[..., object], arguments: tuple[object, ...]) -> None:
    peak = [anonymous_mib()]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            peak[0] = max(peak[0], anonymous_mib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    started, processor_started = time.monotonic(), time.process_time()
    work(*arguments)
    seconds, processor_s = time.monotonic() - started, time.process_time() - processor_started
    ended.set()
    watcher.join()
    print(
        f"{name:<10} {seconds:8.1f} s {processor_s:8.1f} s of a processor {peak[0]:8.0f} MiB",
        flush=True,
    )


def anonymous_mib() -> float:
    """Return the memory of this process that is not a mapped file [MiB]; Linux only."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--hours", type=float, default=19)
    parser.add_argument("--rate", type=float, default=10)
    parser.add_argument("--out", type=Path, default=Path("out/long-run"))
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    readings = options.channels * options.hours * 3600 * options.rate
    print(f"{readings:,.0f} readings")
    measured("write", write, options.out, options.channels, options.hours, options.rate)
    measured("finalise", make_record, options.out, options.hours)
    measured("score", _score, options.out)
    measured("audit", _audit, options.out)
    size = sum(path.stat().st_size for path in options.out.rglob("*") if path.is_file())
    print(f"on disk    {size / readings:8.1f} bytes a reading")


def _score(out: Path) -> None:
    print(api.score(out)[0].energy)


def _audit(out: Path) -> None:
    print([entry.verdict for entry in api.audit(out).entries])


if __name__ == "__main__":
    main()

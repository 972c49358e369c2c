"""Build an MLPerf Tiny result as either runner writes it, and tamper with it."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

from harness import api
from harness.auditing.report import EntryReport

RATE = 1000
IDLE_UJ, BUSY_UJ = 1.0, 40.0
MARKERS = [0.018, *(round(2.0 + 4.0 * k + d, 3) for k in range(5) for d in (0.0, 2.5))]
"""Window 2k + 2 runs from 2 + 4k s to 4.5 + 4k s."""
INFERENCES = 500
ENERGY_UJ = 2500 * BUSY_UJ
TRACE_ON_S = 54.574
PATH = "tiny_results_v1.2/closed/Acme/results/board/kws"


def samples_uj() -> list[float]:
    """Energy of each sample [uJ]."""
    samples = [IDLE_UJ] * (24 * RATE)
    for begin, end in zip(MARKERS[1::2], MARKERS[2::2], strict=True):
        for k in range(round(begin * RATE), round(end * RATE)):
            samples[k] = BUSY_UJ
    return samples


def results_text(energy_uj: float = ENERGY_UJ) -> str:
    lines = []
    for k in range(5):
        lines += [
            f"Energy data for window {2 * k + 2} at time {2.0 + 4 * k:.2f} for 2.50 sec.:",
            f"  Energy       :   {energy_uj:.3f} uJ",
            f"  Power        :    {energy_uj / 2.5:.3f} uW",
            f"  Energy/Inf.  :      {energy_uj / INFERENCES:.3f} uJ/inf.",
        ]
    lines.append(f"Median energy cost is {energy_uj / INFERENCES:.3f} uJ/inf.")
    for k in range(5):
        lines += [
            f"Performance results for window {2 * k + 2}:",
            f"  # Inferences :         {INFERENCES}",
            "  Runtime      :        2.500 sec.",
        ]
    return "".join(f"00150.{n:03d} ulp-ml: {line}\n" for n, line in enumerate(lines))


def log_text(late_s: float = 0.02) -> str:
    """The dialogue of the energy run; commands are noted a little after they act."""
    lines = [
        "00053.8 session: m-session-start-id[20240322154745]",
        f"00054.3 parser: m-bm-cfg-name[ulp-ml]-key[iterInfer]-val[{INFERENCES}]",
        f"{TRACE_ON_S:09.3f} emon: m-trace[on]",
    ]
    for begin, end in zip(MARKERS[1::2], MARKERS[2::2], strict=True):
        lines += [
            f"{TRACE_ON_S + begin + late_s:09.3f} io: [dut]: m-infer-start-{INFERENCES}",
            f"{TRACE_ON_S + end + late_s:09.3f} io: [dut]: m-infer-done",
        ]
    lines += [
        "00150.1 emon: m-regfile-fn[trace1-energy.bin]-type[emon]-name[lpm01a]",
        "00150.2 emon: m-voltage-mv[1800]",
    ]
    return "".join(f"{line}\n" for line in lines)


def result(tmp_path: Path, path: str = PATH, description: str = "board") -> Path:
    """Write a result as the EnergyRunner does, and return its folder."""
    folder = tmp_path / path
    for name in ("energy", "performance", "accuracy"):
        (folder / name).mkdir(parents=True)
    energy = folder / "energy"
    (energy / "results.txt").write_text(results_text(), "utf-8")
    (energy / "log.txt").write_text(log_text(), "utf-8")
    (energy / "script.async").write_text("[{cmd: 'emon voltage 1800'}]", "utf-8")
    samples = samples_uj()
    (energy / "trace1-energy.bin").write_bytes(trace_bytes(samples))
    (energy / "trace1-timestamps.json").write_text(json.dumps(MARKERS), "utf-8")
    (folder / "performance" / "results.txt").write_text(
        "00100.1 ulp-mlperf: Median throughput is 201.5 inf./sec.\n", "utf-8"
    )
    (folder / "accuracy" / "results.txt").write_text("0 ulp-mlperf: Top-1: 90.2%\n", "utf-8")
    systems = folder.parents[2] / "systems"
    systems.mkdir(exist_ok=True)
    text = '{"Notes": "Operating at 1.8V / SMPS", "Notes": "Operating at 1.8V / SMPS"}'
    (systems / f"{description}.json").write_text(text, "utf-8")
    return folder


def trace_bytes(samples: Sequence[float]) -> bytes:
    """The file of a trace."""
    return b"\xf1" + struct.pack(f"<{len(samples) + 1}f", RATE, *samples)


def trials(folder: Path) -> None:
    """Turn a result into one of MLCommons' runner."""
    energy = folder / "energy"
    for path in energy.glob("trace1*"):
        path.unlink()
    samples = [IDLE_UJ * 1e-6] * 1000 + [BUSY_UJ * 1e-6] * 2500 + [IDLE_UJ * 1e-6] * 1000
    trial = {
        "infer": {"iterations": INFERENCES},
        "power": {"samples": samples, "timestamps": [["00", 1000], ["01", 3500]], "voltage": 1.8},
    }
    (energy / "results.json").write_text(json.dumps([trial] * 5), "utf-8")
    counts = f"Captured samples:{len(samples)} timestamps:2\n"
    (energy / "log.txt").write_text(
        "Writing output to sessions\\20250725_192220\\log.txt\n" + 5 * counts, "utf-8"
    )
    blocks = [
        f"Energy data for trial {k}\n  Elapsed time  : 2.5\n  Inferences    : {INFERENCES}\n"
        f"  Power         : 40.0 mW.\n  Total Energy  : {ENERGY_UJ:.3f} uJ\n"
        f"  Energy/Inf    : {ENERGY_UJ / INFERENCES:.3f} uJ/inf\n"
        for k in range(5)
    ]
    median = f"Median energy cost is {ENERGY_UJ / INFERENCES:.4f} uJ/inf.\n"
    (energy / "results.txt").write_text("".join(blocks) + median, "utf-8")


# Tampers

Tamper = Callable[[Path], None]


def retrace(folder: Path, change: Callable[[list[float]], list[float]]) -> None:
    """Write the trace with other samples."""
    path = folder / "energy" / "trace1-energy.bin"
    path.write_bytes(trace_bytes(change(samples_uj())))


def edit(folder: Path, name: str, old: str, new: str, count: int = -1) -> None:
    """Replace a text in a file of the energy run; it must be there."""
    path = folder / "energy" / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), "utf-8")


def judged(root: Path, tamper: Tamper) -> EntryReport:
    """Audit a result after one tamper."""
    folder = result(root)
    tamper(folder)
    report = api.audit(root)
    assert not report.unreadable, report.unreadable
    (only,) = report.entries
    return only

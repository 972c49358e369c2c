"""Small valid trees of every format, and which of their files a submitter writes."""

from __future__ import annotations

import atexit
import functools
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from lab_simulator import TrainingForm, write_inference, write_training

from harness import api
from harness.traces.channel import Accuracy, Channel
from harness.traces.csv_store import read_csv, write_csv
from harness.traces.journal.writer import Journal
from tests.fakes.endpoint_package import Package
from tests.signing import live
from tests.tampers import tiny

T0_NS = 1_767_225_600_000_000_000
INFERENCE = "closed/s/results/m/resnet50/Offline"
TRAINING = "t/results/m/bert"
POINT = "results/box/tiny-model/r64"


def inference(root: Path) -> None:
    """One result of MLPerf inference power, a minute long."""
    write_inference(
        root, submitter="s", system="m", benchmark="resnet50", scenario="Offline", seed=1
    )


def training(root: Path) -> None:
    """Three runs of MLPerf training power on two nodes and a switch."""
    form = TrainingForm(scaling_factor=1.01, conversion_eff=0.94, interconnect_power_w=100.0)
    sizes = {"runs": 3, "nodes": 2, "duration_s": 20.0}
    write_training(root, submitter="t", system="m", benchmark="bert", seed=2, form=form, **sizes)  # type: ignore[arg-type]


def native(root: Path) -> None:
    """Run directories, as an import writes them, and a run that was not finished beside them."""
    inference(root / "foreign")
    api.import_tree(root / "foreign", out=root / "own")
    record = next((root / "own").rglob("run.json"))
    for path in sorted(record.parent.parent.iterdir()):
        path.rename(root / path.name)
    _remove(root / "foreign")
    _remove(root / "own")
    _unfinished(root / "run_1", root / "run_2")


def _unfinished(run: Path, folder: Path) -> None:
    record = json.loads((run / "run.json").read_bytes())
    folder.mkdir()
    cut = {
        "id": "run_2",
        "traces": [],
        "files": [],
        "facts": {"incomplete": "the process was killed"},
    }
    (folder / "incomplete.json").write_text(json.dumps(record | cut))
    channel = Channel(
        id="total",
        kind="mean",
        boundary="wall",
        calibration_id="m",
        nominal_interval_s=1.0,
        accuracy=Accuracy(reading_limit_pct=0.1, source="sheet"),
    )
    journal = Journal(folder / "samples" / "meter.csv", [channel], {"meter": "file"})
    stamps = [T0_NS + k * 10**9 for k in range(60)]
    journal.rows(
        [
            journal.row("total", t, t, 0, 400.0 + k, "" if k % 9 else "busy")
            for k, t in enumerate(stamps)
        ]
    )
    journal.clock()
    journal.end({"missed": 0})


def package(root: Path) -> None:
    """A submission to MLPerf Endpoints, of one point."""
    content = Package()
    content.points = {64: content.points[64]}
    content.write(root)


def declared(root: Path) -> None:
    """Two declared CSV traces."""
    native(root / "made")
    trace = read_csv(next((root / "made").rglob("traces/total.csv")))
    for name in ("a.csv", "b.csv"):
        write_csv(trace, root / name)
        path = root / name
        head, _, rest = path.read_text().partition("\n")
        document = json.loads(head.partition(": ")[2])
        del document["content_sha256"]
        document["run"] = {
            "benchmark": "bert",
            "submitter": "s",
            "work": {"count": 5, "unit": "run"},
        }
        path.write_text("# joulemark-trace: " + json.dumps(document) + "\n" + rest)
    _remove(root / "made")


def logger(name: str, text: str, **about: object) -> Callable[[Path], None]:
    """Return what writes a file of another power logger, and beside it what it does not state."""

    def make(root: Path) -> None:
        (root / name).write_text(text)
        if about:
            (root / f"{name}.about.json").write_text(json.dumps(about))

    return make


def planned(root: Path) -> None:
    """A run recorded live, with the plan that it was made by."""
    run = live.record(root)
    plan = {
        "schema_version": "1.0",
        "created": "2026-01-05T10:00:00.000000000Z",
        "tool": {"name": "joulemark", "version": "0.1.0"},
        "benchmark": "work",
        "scenario": "",
        "runs": 1,
        "seeds": [1],
        "meters": ["m"],
        "workload_sha256": "0" * 64,
    }
    content = json.dumps(plan, sort_keys=True, separators=(",", ":")).encode()
    (run.parent / "plan.json").write_bytes(content)
    record = json.loads((run / "run.json").read_bytes())
    record["facts"]["plan_sha256"] = hashlib.sha256(content).hexdigest()
    (run / "run.json").write_text(json.dumps(record))


def tiny_result(root: Path) -> None:
    """A result of MLPerf Tiny with its trace."""
    tiny.result(root)


ROWS = range(11)
NVIDIA_SMI = "timestamp, index, power.draw [W]\n" + "".join(
    f"2026/01/05 10:00:{s:02d}.120, {board}, 250.00 W\n" for s in ROWS for board in (0, 1)
)
TURBOSTAT = "Time_Of_Day_Seconds\tCPU\tPkgWatt\tRAMWatt\n" + "".join(
    f"{1_767_607_200 + s}.5\t-\t52.10\t3.20\n" for s in ROWS
)
PERF = "# started on Mon Jan  5 10:00:00 2026\n\n" + "".join(
    f"     {s + 1}.000123456   52.31 Joules power/energy-pkg/\n" for s in ROWS
)
PROMETHEUS = "".join(
    f"# scraped {1_767_607_200 + s}\n"
    f'DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{gpu="0",UUID="GPU-a"}} {1_000_000 + 250_000 * s}\n'
    for s in ROWS
)
CODECARBON = (
    "timestamp,project_name,run_id,duration,emissions,energy_consumed,cpu_energy,gpu_energy\n"
    "2026-01-05T10:00:00,mine,abc,50.0,0.0006,0.002,0.001,0.001\n"
    "2026-01-05T10:00:50,mine,abc,100.0,0.0012,0.004,0.002,0.002\n"
)


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


PREFIX = "joulemark-hostile-"


def folder_for_now() -> Path:
    """A folder that is removed when the process ends.

    A process that was killed, or that a fuzzer ended, removes nothing: the next one does.
    """
    _remove_left_folders()
    path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@functools.cache
def _remove_left_folders() -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        process = path.name.removeprefix(PREFIX).partition("-")[0]
        if process.isdecimal() and not _is_alive(int(process)):
            shutil.rmtree(path, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
    return True


FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "spl": (inference, f"{INFERENCE}/performance/run_1/spl.txt"),
    "spl-ranging": (inference, f"{INFERENCE}/performance/ranging/spl.txt"),
    "server-json": (inference, f"{INFERENCE}/performance/power/server.json"),
    "client-json": (inference, f"{INFERENCE}/performance/power/client.json"),
    "ptd-logs": (inference, f"{INFERENCE}/performance/power/ptd_logs.txt"),
    "server-log": (inference, f"{INFERENCE}/performance/power/server.log"),
    "client-log": (inference, f"{INFERENCE}/performance/power/client.log"),
    "detail": (inference, f"{INFERENCE}/performance/run_1/mlperf_log_detail.txt"),
    "summary": (inference, f"{INFERENCE}/performance/run_1/mlperf_log_summary.txt"),
    "accuracy": (inference, f"{INFERENCE}/accuracy/accuracy.txt"),
    "inference-system": (inference, "closed/s/systems/m.json"),
    "result": (training, f"{TRAINING}/result_0.txt"),
    "node": (training, f"{TRAINING}/power/result_0/node_0.txt"),
    "switch": (training, f"{TRAINING}/power/result_0/sw_0.txt"),
    "scaling": (training, f"{TRAINING}/scaling.json"),
    "training-system": (training, "t/systems/m.json"),
    "run": (native, "run_1/run.json"),
    "incomplete": (native, "run_2/incomplete.json"),
    "native-system": (native, "system.json"),
    "journal": (native, "run_2/samples/meter.csv"),
    "csv": (declared, "a.csv"),
    "plan": (planned, "work/plan.json"),
    "tiny-results": (tiny_result, f"{tiny.PATH}/energy/results.txt"),
    "tiny-trace": (tiny_result, f"{tiny.PATH}/energy/trace1-energy.bin"),
    "nvidia-smi": (logger("smi.csv", NVIDIA_SMI), "smi.csv"),
    "turbostat": (logger("turbostat.txt", TURBOSTAT), "turbostat.txt"),
    "perf-stat": (logger("perf.txt", PERF), "perf.txt"),
    "prometheus": (logger("dcgm.prom", PROMETHEUS), "dcgm.prom"),
    "codecarbon": (logger("emissions.csv", CODECARBON), "emissions.csv"),
    "endpoint-summary": (package, f"{POINT}/result_summary.json"),
    "endpoint-point": (package, f"{POINT}/point.yaml"),
    "endpoint-accuracy": (package, f"{POINT}/accuracy_results.json"),
    "endpoint-system": (package, f"{POINT}/system_desc.json"),
    "endpoint-power": (package, "results/box/system_power.json"),
}
"""By the name of a parser: a tree, and the file in it that the parser reads."""

"""The process in which LoadGen runs: MLPerf's C++ calls Python here, so that a crash takes nothing else with it.

    python loadgen_child.py JOB.json MODEL.py [ASSET]

MODEL.py has a class `Model`, made of the ASSET and its SHA-256 where there is one. The job holds the mode and LoadGen's
settings; logs go beside it. Paths are arguments, so that no record tells where this machine keeps its files.
It runs as a file and imports nothing of this package. An exception in a callback would end in a SIGSEGV without a
word; here it is caught, told on stderr, and ends the process with status 70.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

FAILED = 70
"""Exit status where the workload's own code failed (EX_SOFTWARE of sysexits.h)."""
CALIBRATION_S = 2.0
"""Length of each trial of a calibration [s]."""
TRIALS = 6
"""Trials that close in on the highest rate the Server scenario holds."""
HEADROOM = 0.5
"""Share of the highest rate that held which is taken as the target: what holds for 2 s need not hold for long."""


class Served:
    """A model behind LoadGen: takes queries, gives answers; inline, or from a queue of one worker."""

    def __init__(self, loadgen: Any, model: Any, batch: int, threaded: bool) -> None:
        self.loadgen, self.model, self.batch = loadgen, model, batch
        self.queries: queue.SimpleQueue[list[Any] | None] = queue.SimpleQueue()
        self.worker = threading.Thread(target=self.work, daemon=True) if threaded else None
        if self.worker:
            self.worker.start()

    def issue(self, samples: list[Any]) -> None:
        """LoadGen's callback: samples to answer."""
        if self.worker:
            self.queries.put(samples)
        else:
            self.answer(samples)

    def work(self) -> None:
        """Answer what is queued until the end is queued."""
        while (samples := self.queries.get()) is not None:
            self.answer(samples)

    def answer(self, samples: list[Any]) -> None:
        """Predict in batches; each answer is one int32."""
        try:
            for first in range(0, len(samples), self.batch):
                part = samples[first : first + self.batch]
                answers = self.model.predict([sample.index for sample in part])
                at = answers.ctypes.data  # int32, shape (n,): alive until LoadGen has copied it
                response = self.loadgen.QuerySampleResponse
                self.loadgen.QuerySamplesComplete(
                    [response(s.id, at + 4 * i, 4) for i, s in enumerate(part)]
                )
        except BaseException:  # noqa: BLE001 - nothing may unwind through LoadGen
            die("the model failed in a query")

    def load(self, indices: list[int]) -> None:
        """LoadGen's callback: samples that will be asked for."""
        try:
            self.model.load(indices)
        except BaseException:  # noqa: BLE001 - nothing may unwind through LoadGen
            die("the model failed to load samples")

    def close(self) -> None:
        """End the worker."""
        if self.worker:
            self.queries.put(None)
            self.worker.join()


def die(what: str) -> NoReturn:
    """Say what failed, and end the process at once: nothing may unwind through LoadGen."""
    traceback.print_exc()
    error = sys.exc_info()[1]
    print(f"{what}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    os._exit(FAILED)


def settings_of(loadgen: Any, job: dict[str, Any], over: dict[str, Any]) -> Any:
    """LoadGen's settings from the job's: every key is an attribute of TestSettings, less scenario and mode."""
    settings = loadgen.TestSettings()
    settings.scenario = getattr(loadgen.TestScenario, job["scenario"])
    settings.mode = (
        loadgen.TestMode.AccuracyOnly
        if job["mode"] == "accuracy"
        else loadgen.TestMode.PerformanceOnly
    )
    for name, value in (job["settings"] | over).items():
        if not hasattr(settings, name):
            raise SystemExit(f"this LoadGen has no setting {name}")
        setattr(settings, name, value)
    return settings


def run(
    loadgen: Any,
    job: dict[str, Any],
    model: Any,
    out: Path,
    over: dict[str, Any],
    threaded: bool | None = None,
) -> dict[str, Any]:
    """One LoadGen test; what its detail log says last of each result."""
    out.mkdir(parents=True, exist_ok=True)
    threaded = job["scenario"] in ("Server", "Offline") if threaded is None else threaded
    served = Served(loadgen, model, job["batch"], threaded)
    log = loadgen.LogSettings()
    log.log_output.outdir, log.log_output.copy_summary_to_stdout = str(out), False
    log.enable_trace = False
    sut = loadgen.ConstructSUT(served.issue, lambda: None)
    library = loadgen.ConstructQSL(model.count, model.count, served.load, lambda _: None)
    loadgen.StartTestWithLogSettings(sut, library, settings_of(loadgen, job, over), log)
    loadgen.DestroyQSL(library)
    loadgen.DestroySUT(sut)
    served.close()
    (out / "mlperf_log_trace.json").unlink(missing_ok=True)  # empty: no trace was asked for
    return results(out / "mlperf_log_detail.txt")


def results(path: Path) -> dict[str, Any]:
    """Results of a detail log."""
    found = {}
    for line in path.read_text("utf-8", "replace").splitlines():
        if '"key": "result_' in line:
            item = json.loads(line.removeprefix(":::MLLOG "))
            found[item["key"]] = item["value"]
    return found


def direct_rate(model: Any, batch: int, seconds: float = 1.0) -> float:
    """Samples a second of the model alone, in batches; also the warm-up."""
    indices = [i % model.count for i in range(batch)]
    model.load(sorted(set(indices)))
    model.predict(indices)
    done, begin = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begin) < seconds:
        model.predict(indices)
        done += batch
    return done / elapsed


def calibrate(loadgen: Any, job: dict[str, Any], model: Any, out: Path) -> dict[str, Any]:
    """The settings that tell LoadGen what to expect, found by trial: the rate, or the latency."""
    seconds = float(job.get("calibration_s") or CALIBRATION_S)
    short = {"min_duration_ms": round(seconds * 1000), "min_query_count": 1}
    scenario = job["scenario"]
    if scenario == "Offline":
        guess = direct_rate(model, job["batch"], seconds / 2)
        got = run(loadgen, job, model, out / "offline", short | {"offline_expected_qps": guess})
        return {"offline_expected_qps": 1.1 * float(got["result_samples_per_second"])}
    if scenario in ("SingleStream", "MultiStream"):
        name = "single_stream" if scenario == "SingleStream" else "multi_stream"
        size = (
            1
            if scenario == "SingleStream"
            else job["settings"].get("multi_stream_samples_per_query", 8)
        )
        latency_ns = round(0.8e9 * size / direct_rate(model, size, seconds / 2))
        return {f"{name}_expected_latency_ns": max(1000, latency_ns)}
    served = run(
        loadgen, job | {"scenario": "SingleStream"}, model, out / "serial", short, threaded=True
    )
    low, high = 0.0, 2e9 / float(served["result_mean_latency_ns"])
    for trial in range(TRIALS):
        rate = high / 2 if not low else (low + high) / 2
        got = run(loadgen, job, model, out / f"server-{trial}", short | {"server_target_qps": rate})
        late_ns, limit_ns = (
            got["result_99.00_percentile_latency_ns"],
            job["settings"]["server_target_latency_ns"],
        )
        low, high = (rate, high) if late_ns <= limit_ns else (low, rate)
        print(
            f"calibration: {rate:.1f} queries/s, 99th percentile {late_ns / 1e6:.2f} ms", flush=True
        )
    if not low:
        raise SystemExit(
            f"no rate holds the latency limit of {limit_ns / 1e6:g} ms, not even {high:.3g} queries/s"
        )
    return {"server_target_qps": HEADROOM * low}


def accuracy(model: Any, out: Path) -> dict[str, Any]:
    """Share of right answers in an accuracy log: each sample of the library once."""
    answers = {
        item["qsl_idx"]: int.from_bytes(bytes.fromhex(item["data"])[:4], "little", signed=True)
        for item in json.loads((out / "mlperf_log_accuracy.json").read_text("utf-8"))
    }
    if len(answers) != model.count:
        raise SystemExit(f"the accuracy log holds {len(answers)} of {model.count} samples")
    good = sum(model.correct(index, answer) for index, answer in answers.items())
    value = good / len(answers)
    (out / "accuracy.txt").write_text(
        f"accuracy={100 * value:.4f}%, good={good}, total={len(answers)}\n"
    )
    return {"accuracy": value, "good": good, "total": len(answers)}


def model_of(path: Path, assets: list[str]) -> Any:
    """The workload's model, made of its asset."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("workload_model", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["workload_model"] = module
    spec.loader.exec_module(module)
    return module.Model(*assets)


def main() -> int:
    """The process: one job."""
    file, model_file, *assets = sys.argv[1:]
    out, job = Path(file).parent, json.loads(Path(file).read_text("utf-8"))
    try:
        import mlperf_loadgen as loadgen

        model = model_of(Path(model_file), assets)
        said: dict[str, Any] = {"count": model.count, "identity": model.identity}
        if job["mode"] == "calibrate":
            said["settings"] = calibrate(loadgen, job, model, out)
        else:
            direct_rate(model, min(job["batch"], model.count), 0.5)  # warm-up, outside the window
            run(
                loadgen,
                job | ({"scenario": "Offline"} if job["mode"] == "accuracy" else {}),
                model,
                out,
                {},
            )
            said |= accuracy(model, out) if job["mode"] == "accuracy" else {}
        (out / "child.json").write_text(json.dumps(said))
    except Exception:  # noqa: BLE001 - a fault of the workload's code is told like one in a callback
        die(f"{job['mode']} failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())

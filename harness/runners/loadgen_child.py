"""The process in which LoadGen runs, so that a crash of its C++ code ends nothing else.

    python loadgen_child.py JOB.json MODEL.py [ASSET SHA256]

MODEL.py has a class `Model`, made from the ASSET and its SHA-256 where there is one. The job holds
the mode and LoadGen's settings; logs go beside it. Paths are arguments, so that no record reveals
where this machine keeps its files.

It runs as a file and imports nothing of this package. An exception in a callback would end in a
SIGSEGV without a message; here it is caught, printed on stderr, and ends the process with
status 70.
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

INT32_BYTES = 4
FAILED = 70
"""Exit status where the workload's own code failed (EX_SOFTWARE of sysexits.h)."""
CALIBRATION_S = 2.0
"""Length of each trial of a calibration [s]."""
MAX_SAMPLES = 16_000_000
"""Samples of one test at most: LoadGen holds about 140 bytes for each, so 2.2 GB."""
MAX_TRIAL_SAMPLES = 1_000_000
"""Samples of one trial of a calibration at most."""
SAMPLES_MARGIN = 1.1
"""LoadGen prepares so many times the samples that the expected rate and duration give."""
TRIALS = 6
"""Bisection steps that search the highest rate the Server scenario sustains."""
HEADROOM = 0.5
"""Share of the highest sustained rate used as target: 2 s of success promise no more."""


class SystemUnderTest:
    """A model behind LoadGen: answers queries inline, or from a queue with one worker thread."""

    def __init__(self, loadgen: Any, model: Any, batch: int, threaded: bool) -> None:
        self.loadgen, self.model, self.batch = loadgen, model, batch
        self.queries: queue.SimpleQueue[list[Any] | None] = queue.SimpleQueue()
        self.worker = threading.Thread(target=self.work, daemon=True) if threaded else None
        if self.worker:
            self.worker.start()

    def issue(self, samples: list[Any]) -> None:
        """Take samples to answer (callback of LoadGen)."""
        if self.worker:
            self.queries.put(samples)
        else:
            self.answer(samples)

    def work(self) -> None:
        """Answer what is queued until None is queued."""
        while (samples := self.queries.get()) is not None:
            self.answer(samples)

    def answer(self, samples: list[Any]) -> None:
        """Predict in batches; each answer is one int32."""
        try:
            for first in range(0, len(samples), self.batch):
                batch = samples[first : first + self.batch]
                answers = self.model.predict([sample.index for sample in batch])
                # int32, shape (n,): the array lives until LoadGen has copied it
                address, size = answers.ctypes.data, INT32_BYTES
                responses = [
                    self.loadgen.QuerySampleResponse(sample.id, address + size * i, size)
                    for i, sample in enumerate(batch)
                ]
                self.loadgen.QuerySamplesComplete(responses)
        except BaseException:  # noqa: BLE001 - nothing may unwind through LoadGen
            die("the model failed in a query")

    def load(self, indices: list[int]) -> None:
        """Load samples that will be queried (callback of LoadGen)."""
        try:
            self.model.load(indices)
        except BaseException:  # noqa: BLE001 - nothing may unwind through LoadGen
            die("the model failed to load samples")

    def close(self) -> None:
        """End the worker thread."""
        if self.worker:
            self.queries.put(None)
            self.worker.join()


def die(problem: str) -> NoReturn:
    """Print what failed, and end the process at once: nothing may unwind through LoadGen."""
    traceback.print_exc()
    error = sys.exc_info()[1]
    print(f"{problem}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    os._exit(FAILED)


def settings_of(loadgen: Any, job: dict[str, Any], overrides: dict[str, Any]) -> Any:
    """Make LoadGen's settings; every key of the job's settings is an attribute of TestSettings."""
    settings = loadgen.TestSettings()
    settings.scenario = getattr(loadgen.TestScenario, job["scenario"])
    modes = loadgen.TestMode
    is_accuracy = job["mode"] == "accuracy"
    settings.mode = modes.AccuracyOnly if is_accuracy else modes.PerformanceOnly
    for name, value in (job["settings"] | overrides).items():
        if not hasattr(settings, name):
            raise SystemExit(f"this LoadGen has no setting {name}")
        setattr(settings, name, value)
    return settings


def run(
    loadgen: Any,
    job: dict[str, Any],
    model: Any,
    out: Path,
    overrides: dict[str, Any],
    threaded: bool | None = None,
) -> dict[str, Any]:
    """Run one LoadGen test.

    Args:
        loadgen: The module `mlperf_loadgen`.
        job: The job of this process.
        model: The workload's model.
        out: Folder for LoadGen's logs.
        overrides: Settings over those of the job.
        threaded: Whether queries are queued for a worker; None for the scenario's usual way.

    Returns:
        The last value of each result in the detail log.
    """
    out.mkdir(parents=True, exist_ok=True)
    if threaded is None:
        threaded = job["scenario"] in ("Server", "Offline")
    system = SystemUnderTest(loadgen, model, job["batch"], threaded)
    log = loadgen.LogSettings()
    log.log_output.outdir, log.log_output.copy_summary_to_stdout = str(out), False
    log.enable_trace = False
    sut = loadgen.ConstructSUT(system.issue, lambda: None)
    library = loadgen.ConstructQSL(model.count, model.count, system.load, lambda _: None)
    settings = settings_of(loadgen, job, overrides)
    loadgen.StartTestWithLogSettings(sut, library, settings, log)
    loadgen.DestroyQSL(library)
    loadgen.DestroySUT(sut)
    system.close()
    (out / "mlperf_log_trace.json").unlink(missing_ok=True)  # empty: tracing is off
    return results(out / "mlperf_log_detail.txt")


def results(path: Path) -> dict[str, Any]:
    """Return the last value of each result in a detail log."""
    values = {}
    for line in path.read_text("utf-8", "replace").splitlines():
        if '"key": "result_' in line:
            item = json.loads(line.removeprefix(":::MLLOG "))
            values[item["key"]] = item["value"]
    return values


def direct_rate(model: Any, batch: int, seconds: float = 1.0) -> float:
    """Measure the model alone, in batches [samples/s]; this is also the warm-up."""
    indices = [i % model.count for i in range(batch)]
    model.load(sorted(set(indices)))
    begin = time.perf_counter()
    model.predict(indices[:1])
    first_s = time.perf_counter() - begin
    batch = max(1, min(batch, int(10 * seconds / max(first_s, 1e-9))))  # a slow model: fewer
    indices = indices[:batch]
    model.predict(indices)
    samples, begin = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begin) < seconds:
        model.predict(indices)
        samples += batch
    return samples / elapsed


class Calibration:
    """Find the rate or the latency that LoadGen must be told to expect.

    Attributes:
        seconds: Length of each trial [s].
        short: Settings of a trial.
    """

    def __init__(self, loadgen: Any, job: dict[str, Any], model: Any, out: Path) -> None:
        self.loadgen, self.job, self.model, self.out = loadgen, job, model, out
        self.seconds = float(job.get("calibration_s") or CALIBRATION_S)
        self.short = {"min_duration_ms": round(self.seconds * 1000), "min_query_count": 1}

    def settings(self) -> dict[str, Any]:
        """Return the settings for the job's scenario."""
        scenario = self.job["scenario"]
        if scenario == "Offline":
            return self.offline()
        if scenario == "Server":
            return self.server()
        if scenario == "SingleStream":
            return self.stream("single_stream", 1)
        samples = self.job["settings"].get("multi_stream_samples_per_query", 8)
        return self.stream("multi_stream", samples)

    def offline(self) -> dict[str, Any]:
        """Measure the rate of a short Offline test; LoadGen asks for a tenth more."""
        guess = direct_rate(self.model, self.job["batch"], self.seconds / 2)
        guess = min(guess, MAX_TRIAL_SAMPLES / self.seconds / SAMPLES_MARGIN)
        result = self.trial("offline", offline_expected_qps=guess)
        return {"offline_expected_qps": 1.1 * float(result["result_samples_per_second"])}

    def stream(self, prefix: str, samples: int) -> dict[str, Any]:
        """Measure the latency of a query; a fifth less makes LoadGen issue enough queries."""
        latency_ns = round(0.8e9 * samples / direct_rate(self.model, samples, self.seconds / 2))
        return {f"{prefix}_expected_latency_ns": max(1000, latency_ns)}

    def server(self) -> dict[str, Any]:
        """Bisect for the highest rate that keeps the latency limit."""
        serial_job = self.job | {"scenario": "SingleStream"}
        serial = run(
            self.loadgen, serial_job, self.model, self.out / "serial", self.short, threaded=True
        )
        limit_ns = self.job["settings"]["server_target_latency_ns"]
        highest = MAX_TRIAL_SAMPLES / self.seconds / SAMPLES_MARGIN
        too_high = min(highest, 2e9 / max(1.0, float(serial["result_mean_latency_ns"])))
        sustained = 0.0
        for number in range(TRIALS):
            rate = (sustained + too_high) / 2
            result = self.trial(f"server-{number}", server_target_qps=rate)
            latency_ns = result["result_99.00_percentile_latency_ns"]
            if latency_ns <= limit_ns:
                sustained = rate
            else:
                too_high = rate
            print(
                f"calibration: {rate:.1f} queries/s, 99th percentile {latency_ns / 1e6:.2f} ms",
                flush=True,
            )
        if not sustained:
            raise SystemExit(
                f"no rate keeps the latency limit of {limit_ns / 1e6:g} ms,"
                f" not even {too_high:.3g} queries/s"
            )
        return {"server_target_qps": HEADROOM * sustained}

    def trial(self, name: str, **overrides: Any) -> dict[str, Any]:
        """Run one short test."""
        return run(self.loadgen, self.job, self.model, self.out / name, self.short | overrides)


def accuracy(model: Any, out: Path) -> dict[str, Any]:
    """Return the share of right answers in an accuracy log, which holds each sample once."""
    logged = json.loads((out / "mlperf_log_accuracy.json").read_text("utf-8"))
    answers = {item["qsl_idx"]: _int32(item["data"]) for item in logged}
    if len(answers) != model.count:
        raise SystemExit(f"the accuracy log holds {len(answers)} of {model.count} samples")
    good = sum(model.correct(index, answer) for index, answer in answers.items())
    value = good / len(answers)
    (out / "accuracy.txt").write_text(
        f"accuracy={100 * value:.4f}%, good={good}, total={len(answers)}\n"
    )
    return {"accuracy": value, "good": good, "total": len(answers)}


def _int32(hexadecimal: str) -> int:
    return int.from_bytes(bytes.fromhex(hexadecimal)[:4], "little", signed=True)


def model_of(path: Path, assets: list[str]) -> Any:
    """Load the workload's model, made from its asset."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("workload_model", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["workload_model"] = module
    spec.loader.exec_module(module)
    return module.Model(*assets)


def main() -> int:
    """Run the process: one job."""
    job_file, model_file, *assets = sys.argv[1:]
    out, job = Path(job_file).parent, json.loads(Path(job_file).read_text("utf-8"))
    try:
        result = do(job, model_file, assets, out)
        (out / "child.json").write_text(json.dumps(result))
    except Exception:  # noqa: BLE001 - a fault of the workload is reported like one in a callback
        die(f"{job['mode']} failed")
    return 0


def do(job: dict[str, Any], model_file: str, assets: list[str], out: Path) -> dict[str, Any]:
    """Do the job in its mode: calibrate, accuracy or performance."""
    import mlperf_loadgen as loadgen

    model = model_of(Path(model_file), assets)
    result: dict[str, Any] = {"count": model.count, "identity": model.identity}
    if job["mode"] == "calibrate":
        return result | {"settings": Calibration(loadgen, job, model, out).settings()}
    direct_rate(model, min(job["batch"], model.count), 0.5)  # warm-up, outside the window
    if job["mode"] == "accuracy":
        run(loadgen, job | {"scenario": "Offline"}, model, out, {})
        return result | accuracy(model, out)
    refuse_too_many_samples(job["settings"], loadgen.TestSettings())
    run(loadgen, job, model, out, {})
    return result


def refuse_too_many_samples(settings: dict[str, Any], defaults: Any) -> None:
    """Exit where a test would need more samples than fit into memory."""
    rates = [settings.get(name, 0) for name in ("offline_expected_qps", "server_target_qps")]
    duration_ms = settings.get("min_duration_ms", getattr(defaults, "min_duration_ms", 0))
    samples = max(rates) * duration_ms / 1000 * SAMPLES_MARGIN
    if samples > MAX_SAMPLES:
        raise SystemExit(
            f"a run of {duration_ms / 1000:g} s at {max(rates):.4g} samples/s takes {samples:.3g}"
            f" samples, at most {MAX_SAMPLES:,} fit: use a larger model, or a lower --set"
            " min_duration_s or target_qps"
        )


if __name__ == "__main__":
    sys.exit(main())

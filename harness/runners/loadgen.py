"""Inference under MLPerf's LoadGen (extra `loadgen`), which runs in a child process."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.core.errors import UnreadableError, UsageError, shorten
from harness.core.files import read_bytes, sha256, write_text
from harness.formats.base import Quality
from harness.formats.mlperf import loadgen_log
from harness.runners import loadgen_child
from harness.runners.base import CommandResult, Job, Outcome, Step, WorkloadFailed
from harness.traces.trace import Window

DETAIL, SUMMARY = "mlperf_log_detail.txt", "mlperf_log_summary.txt"
CHILD_RESULT = "child.json"
OPTIONS = {
    "target_qps": ("offline_expected_qps", "server_target_qps"),
    "target_latency_ms": ("server_target_latency_ns",),
    "min_duration_s": ("min_duration_ms",),
    "min_queries": ("min_query_count",),
    "samples_per_query": ("multi_stream_samples_per_query",),
}
"""Settings in workload.yaml and on the command line, and LoadGen's names for them."""
FACTOR = {"min_duration_ms": 1e3, "server_target_latency_ns": 1e6}
"""From the harness's unit to LoadGen's, where they differ."""
WHOLE_NUMBERS = (
    "min_duration_ms",
    "server_target_latency_ns",
    "min_query_count",
    "multi_stream_samples_per_query",
)
MAX_OPTION = 1e12
EXPECTED = {
    "Offline": ("offline_expected_qps",),
    "Server": ("server_target_qps",),
    "SingleStream": ("single_stream_expected_latency_ns",),
    "MultiStream": ("multi_stream_expected_latency_ns",),
}
"""What LoadGen must be told to expect; calibration measures it where nobody states it."""
PREFIX = {
    "Offline": "offline_",
    "Server": "server_",
    "SingleStream": "single_stream_",
    "MultiStream": "multi_stream_",
}
"""How the names of LoadGen's settings for one scenario begin."""


@dataclass
class LoadGen:
    """A workload in one scenario.

    Attributes:
        folder: Folder of the workload.
        spec: Its workload.yaml.
        scenario: The scenario of the spec.
        options: Settings of the user.
        calibrated: Settings that the calibration measured.
        assets: Path and SHA-256 of the file that the model is made of, if there is one.
        quality: What the accuracy run reached.
        identity: What the model states of itself.
    """

    folder: Path
    spec: Mapping[str, Any]
    scenario: Mapping[str, Any]
    options: Mapping[str, str]
    calibrated: dict[str, Any] = field(default_factory=dict)
    assets: tuple[str, ...] = ()
    quality: Quality | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings()  # a wrong option is reported before anything is written

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that the child gets in addition to the user's."""
        variables: Mapping[str, str] = self.spec["runner"].get("environment", {})
        return variables

    def settings(self) -> dict[str, Any]:
        """Return LoadGen's settings: what calibration measured, the spec's, then the user's."""
        stated = {name: v for name, v in self.scenario.items() if name in OPTIONS and v is not None}
        stated |= _numbers(self.options)
        settings: dict[str, Any] = dict(self.calibrated)
        for name, value in self.spec["runner"].get("seeds", {}).items():
            settings[f"{name}_rng_seed"] = value
        for name, value in stated.items():
            for target in OPTIONS[name]:
                if _belongs_to(target, self.scenario["name"]):
                    scaled = value * FACTOR.get(target, 1)
                    settings[target] = round(scaled) if target in WHOLE_NUMBERS else float(scaled)
        return settings

    def steps(self, folder: Path) -> Iterator[Step]:
        """Build the model, check its accuracy, and calibrate, as far as needed."""
        build = self.spec["runner"].get("build")
        if build:
            yield from self._build(build, folder / "model")
        yield self._step("accuracy", folder / "accuracy")
        self._check_accuracy(folder / "accuracy")
        if not any(name in self.settings() for name in EXPECTED[self.scenario["name"]]):
            yield self._step("calibrate", folder / "calibration")
            self.calibrated = _child_result(folder / "calibration")["settings"]

    def _check_accuracy(self, folder: Path) -> None:
        """Take identity and quality of the model, and refuse the wrong one."""
        result = _child_result(folder)
        self.identity = result["identity"]
        stated = (self.spec["model"] or {}).get("sha256")
        actual = self.identity.get("model_sha256")
        if stated and actual != stated:
            raise WorkloadFailed(
                "the model is not the one that the workload names",
                got=f"SHA-256 {actual}",
                expected=stated,
                fix="Install the version that workload.yaml names.",
            )
        target, accuracy = self.spec["quality"], result["accuracy"]
        self.quality = Quality(target["metric"], accuracy, target["target"])
        if accuracy < target["target"]:
            raise WorkloadFailed(
                "the model misses its quality target",
                where=str(folder),
                got=f"{accuracy:.4f}",
                expected=f"at least {target['target']:g}",
                fix="Use the model that the workload names.",
            )

    def _build(self, build: Mapping[str, Any], folder: Path) -> Iterator[Step]:
        product = folder / build["product"]
        arguments = {
            **build["arguments"],
            build["product_argument"]: product,
            "result": folder / "result.txt",
        }
        command = [sys.executable, str(self.folder / build["program"])]
        for name, value in arguments.items():
            command += [f"--{name}", str(value)]
        yield Step("build the model", command, folder)
        self.assets = (str(product.absolute()), sha256(read_bytes(product)))

    def _step(self, mode: str, log: Path) -> Step:
        return Step(mode, self._child_command(mode, log), log)

    def _child_command(self, mode: str, log: Path) -> list[str]:
        """Write the job of a child, and return the command that does it."""
        job = {
            "mode": mode,
            "scenario": self.scenario["name"],
            "batch": int(self.spec["runner"].get("batch", 1)),
            "settings": self.settings(),
            "calibration_s": self.spec["runner"].get("calibration_s"),
        }
        write_text(log / "job.json", json.dumps(job, indent=1) + "\n")
        job_file = str((log / "job.json").absolute())
        model = str(self.folder / self.spec["runner"]["model"])
        return [sys.executable, "-P", loadgen_child.__file__, job_file, model, *self.assets]

    def command(self, job: Job) -> Sequence[str]:
        """Return the child's command, in performance mode."""
        return self._child_command("performance", job.log)

    def outcome(self, job: Job, result: CommandResult) -> Outcome:
        """Read what LoadGen's logs state; the verdict of its summary is binding."""
        try:
            values, broken = loadgen_log.read_detail(read_bytes(job.log / DETAIL))
            summary = read_bytes(job.log / SUMMARY).decode("utf-8", "replace")
            window = loadgen_log.window(values, str(job.log / DETAIL))
        except UnreadableError as error:
            raise WorkloadFailed(
                f"LoadGen's log {error.message}", where=error.where, got=error.got
            ) from None
        verdict = re.search(r"^Result is : (\w+)", summary, re.M)
        if window is None or verdict is None:
            raise WorkloadFailed("LoadGen's logs state no window or no result", where=str(job.log))
        scenario = self.scenario["name"]
        valid = verdict[1] == "VALID" and values.get("result_validity") == "VALID"
        return Outcome(
            window=window,
            seconds=window.seconds,
            success=valid,
            work=loadgen_log.work(values, scenario, window.seconds),
            performance=loadgen_log.performance(values, scenario),
            quality=self.quality,
            advice=() if valid else tuple(self._advice(summary, values, window)),
            facts={
                "values": values,
                "settings": self.settings(),
                "model": dict(self.identity),
                "mllog_lines_broken": broken,
                "cpu_s": result.cpu_s,
            },
        )

    def _used(self, setting: str, factor: float = 1.0) -> str:
        """Return the value of a setting that was used, in the unit of the command line."""
        value = self.settings().get(setting)
        return "LoadGen's default" if value is None else f"{value * factor:.4g}"

    def _advice(self, summary: str, values: Mapping[str, Any], window: Window) -> Iterator[str]:
        """Yield why LoadGen calls a run invalid, in its words, and which setting to change."""
        scenario = self.scenario["name"]
        unmet = re.findall(r"^\s*(.+?)\s*satisfied\s*: NO", summary, re.M)
        recommendations = summary.partition("Recommendations:")[2].partition("\n\n")[0]
        reasons = [f"{name} not satisfied" for name in unmet]
        reasons += re.findall(r"^\s+\* (.+)$", recommendations, re.M)
        yield "LoadGen says INVALID: " + "; ".join(reasons)
        reached = loadgen_log.performance(values, scenario)
        if scenario == "Offline" and reached:
            yield (
                f"target_qps was {self._used('offline_expected_qps')}:"
                f" try --set target_qps={1.1 * reached.value:.4g}, or leave it out:"
                " a calibration measures it"
            )
        elif unmet == ["Early stopping"]:
            yield (
                f"too few queries to be sure of the percentile with min_queries"
                f" {self._used('min_query_count')} and min_duration_s"
                f" {self._used('min_duration_ms', 1e-3)}: try a higher --set of one of them"
            )
        elif scenario == "Server":
            yield (
                f"target_qps was {self._used('server_target_qps')} and target_latency_ms"
                f" {self._used('server_target_latency_ns', 1e-6)}: try a lower --set target_qps,"
                " or leave it out: a calibration measures it; or a higher target_latency_ms"
            )
        else:
            yield (
                f"the timed part took {window.seconds:.1f} s, min_duration_s was"
                f" {self._used('min_duration_ms', 1e-3)};"
                " leave expected latencies to the calibration"
            )


def _belongs_to(setting: str, scenario: str) -> bool:
    """Whether a setting of LoadGen applies to a scenario."""
    prefixes_of_others = [prefix for name, prefix in PREFIX.items() if name != scenario]
    return not setting.startswith(tuple(prefixes_of_others))


def _numbers(options: Mapping[str, str]) -> dict[str, float]:
    """Convert the user's settings to numbers."""
    numbers = {}
    for name, text in options.items():
        if name not in OPTIONS:
            raise UsageError(
                "no such setting", got=shorten(name), expected="one of " + ", ".join(OPTIONS)
            )
        try:
            numbers[name] = float(text)
        except ValueError:
            numbers[name] = -1.0
        if not 0 < numbers[name] < MAX_OPTION:
            raise UsageError(
                "is not a setting",
                where=f"--set {name}",
                got=shorten(text),
                expected="a number above 0",
            )
    return numbers


def _child_result(folder: Path) -> dict[str, Any]:
    """Read what the child wrote at its end."""
    try:
        result: dict[str, Any] = json.loads(read_bytes(folder / CHILD_RESULT))
    except (UnreadableError, ValueError):
        raise WorkloadFailed(
            "the LoadGen process exited without a result", where=str(folder)
        ) from None
    return result

"""Inference under MLPerf's own LoadGen (extra `loadgen`), in a child process of ours."""

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
from harness.runners.base import Ended, Job, Outcome, Step, WorkloadFailed
from harness.traces.trace import Window

DETAIL, SUMMARY, CHILD = "mlperf_log_detail.txt", "mlperf_log_summary.txt", "child.json"
OPTIONS = {
    "target_qps": ("offline_expected_qps", "server_target_qps"),
    "target_latency_ms": ("server_target_latency_ns",),
    "min_duration_s": ("min_duration_ms",),
    "min_queries": ("min_query_count",),
    "samples_per_query": ("multi_stream_samples_per_query",),
}
"""Settings of a scenario in workload.yaml and on the command line, and LoadGen's names for them."""
FACTOR = {"min_duration_ms": 1e3, "server_target_latency_ns": 1e6}
"""From our unit to LoadGen's, where they differ."""
WHOLE = (
    "min_duration_ms",
    "server_target_latency_ns",
    "min_query_count",
    "multi_stream_samples_per_query",
)
"""Settings that are whole numbers."""


@dataclass
class LoadGen:
    """A workload in one scenario.

    found: what calibration found; quality: what the accuracy run found
    assets: file that the model is made of, and its SHA-256
    """

    folder: Path
    spec: Mapping[str, Any]
    scenario: Mapping[str, Any]
    options: Mapping[str, str]
    found: dict[str, Any] = field(default_factory=dict)
    assets: tuple[str, ...] = ()
    quality: Quality | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings()

    @property
    def environment(self) -> Mapping[str, str]:
        """What the child finds in its environment."""
        found: Mapping[str, str] = self.spec["runner"].get("environment", {})
        return found

    def settings(self) -> dict[str, Any]:
        """LoadGen's settings: the spec's, over them the user's, and what calibration found of the rest."""
        asked = {
            k: v for k, v in self.scenario.items() if k in OPTIONS and v is not None
        } | _numbers(self.options)
        seeds = {
            f"{name}_rng_seed": value
            for name, value in self.spec["runner"].get("seeds", {}).items()
        }
        given: dict[str, Any] = {}
        for name, value in asked.items():
            for target in OPTIONS[name]:
                if _belongs(target, self.scenario["name"]):
                    scaled = value * FACTOR.get(target, 1)
                    given[target] = round(scaled) if target in WHOLE else float(scaled)
        return self.found | seeds | given

    def steps(self, folder: Path) -> Iterator[Step]:
        """Before the timed runs: build the model, check its accuracy, find what LoadGen must be told to expect."""
        build = self.spec["runner"].get("build")
        if build:
            yield from self._build(build, folder / "model")
        yield self._step("accuracy", folder / "accuracy")
        said = _said(folder / "accuracy")
        self.identity = said["identity"]
        self._same_model()
        asked = self.spec["quality"]
        self.quality = Quality(asked["metric"], said["accuracy"], asked["target"])
        if said["accuracy"] < asked["target"]:
            raise WorkloadFailed(
                "the model misses its quality target",
                where=str(folder / "accuracy"),
                got=f"{said['accuracy']:.4f}",
                expected=f"at least {asked['target']:g}",
                fix="Use the model that the workload names.",
            )
        if not any(name in self.settings() for name in EXPECTED[self.scenario["name"]]):
            yield self._step("calibrate", folder / "calibration")
            self.found = _said(folder / "calibration")["settings"]

    def _same_model(self) -> None:
        stated, found = (self.spec["model"] or {}).get("sha256"), self.identity.get("model_sha256")
        if stated and found != stated:
            raise WorkloadFailed(
                "another model than the workload names",
                got=f"SHA-256 {found}",
                expected=stated,
                fix="Install the version that workload.yaml names.",
            )

    def _build(self, build: Mapping[str, Any], folder: Path) -> Iterator[Step]:
        product = folder / build["product"]
        arguments = {
            **build["arguments"],
            build["product_argument"]: product,
            "result": folder / "result.txt",
        }
        written = [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
        yield Step(
            "build the model",
            [sys.executable, str(self.folder / build["program"]), *written],
            folder,
        )
        self.assets = (str(product.absolute()), sha256(read_bytes(product)))

    def _step(self, mode: str, log: Path) -> Step:
        return Step(mode, self._child(mode, log), log)

    def _child(self, mode: str, log: Path) -> list[str]:
        job = {
            "mode": mode,
            "scenario": self.scenario["name"],
            "batch": int(self.spec["runner"].get("batch", 1)),
            "settings": self.settings(),
            "calibration_s": self.spec["runner"].get("calibration_s"),
        }
        write_text(log / "job.json", json.dumps(job, indent=1) + "\n")
        model = str(self.folder / self.spec["runner"]["model"])
        return [
            sys.executable,
            "-P",
            loadgen_child.__file__,
            str((log / "job.json").absolute()),
            model,
            *self.assets,
        ]

    def command(self, job: Job) -> Sequence[str]:
        """The child, in performance mode."""
        return self._child("performance", job.log)

    def outcome(self, job: Job, ended: Ended) -> Outcome:
        """What LoadGen's logs say; the summary's verdict is obeyed. Raises WorkloadFailed."""
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
        of = self.scenario["name"]
        valid = verdict[1] == "VALID" and values.get("result_validity") == "VALID"
        return Outcome(
            window=window,
            seconds=window.seconds,
            success=valid,
            work=loadgen_log.work(values, of, window.seconds),
            performance=loadgen_log.performance(values, of),
            quality=self.quality,
            advice=() if valid else tuple(_advice(summary, values, of, window)),
            facts={
                "values": values,
                "settings": self.settings(),
                "model": dict(self.identity),
                "mllog_lines_broken": broken,
                "cpu_s": ended.cpu_s,
            },
        )


EXPECTED = {
    "Offline": ("offline_expected_qps",),
    "Server": ("server_target_qps",),
    "SingleStream": ("single_stream_expected_latency_ns",),
    "MultiStream": ("multi_stream_expected_latency_ns",),
}
"""What LoadGen must be told to expect in each scenario; calibration finds it where nobody says it."""


def _belongs(setting: str, scenario: str) -> bool:
    owner = next((s for s, word in _OWNERS.items() if setting.startswith(word)), None)
    return owner in (None, scenario)


_OWNERS = {
    "Offline": "offline_",
    "Server": "server_",
    "SingleStream": "single_stream_",
    "MultiStream": "multi_stream_",
}


def _numbers(options: Mapping[str, str]) -> dict[str, float]:
    found = {}
    for name, text in options.items():
        if name not in OPTIONS:
            raise UsageError(
                "no such setting", got=shorten(name), expected="one of " + ", ".join(OPTIONS)
            )
        try:
            found[name] = float(text)
        except ValueError:
            found[name] = -1.0
        if not 0 < found[name] < 1e12:
            raise UsageError(
                "is not a setting",
                where=f"--set {name}",
                got=shorten(text),
                expected="a number above 0",
            )
    return found


def _said(folder: Path) -> dict[str, Any]:
    """What the child wrote at its end. Raises WorkloadFailed."""
    try:
        found: dict[str, Any] = json.loads(read_bytes(folder / CHILD))
    except (UnreadableError, ValueError):
        raise WorkloadFailed(
            "the child of LoadGen ended without a word", where=str(folder)
        ) from None
    return found


def _advice(summary: str, values: Mapping[str, Any], of: str, window: Window) -> Iterator[str]:
    """Why LoadGen calls a run invalid, in its words, and what to write to mend it."""
    unmet = re.findall(r"^\s*(.+?)\s*satisfied\s*: NO", summary, re.M)
    reasons = re.findall(
        r"^\s+\* (.+)$", summary.partition("Recommendations:")[2].partition("\n\n")[0], re.M
    )
    yield "LoadGen says INVALID: " + "; ".join(
        [*(f"{name} not satisfied" for name in unmet), *reasons]
    )
    reached = loadgen_log.performance(values, of)
    if of == "Offline" and reached:
        yield f"try --set target_qps={1.1 * reached.value:.4g}, or leave it out: a calibration finds it"
    elif unmet == ["Early stopping"]:
        yield "too few queries to be sure of the percentile: try a higher --set min_queries or min_duration_s"
    elif of == "Server":
        yield "try a lower --set target_qps, or leave it out: a calibration finds it; or a higher target_latency_ms"
    else:
        yield f"the timed part took {window.seconds:.1f} s; leave expected latencies to the calibration"

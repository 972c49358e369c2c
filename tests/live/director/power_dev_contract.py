"""What check.py of MLPerf's power-dev demands of a package, recorded as a contract.

power-dev is in no package registry. The eleven checks below state, one each, what its check.py
tests, written anew from their description; `sources` plays the part of its list of accepted
hashes, which is data beside the program. `accepted` real packages pass it (see the tests).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FIELDS = [
    "version",
    "timezone",
    "modules",
    "sources",
    "messages",
    "uuid",
    "session_name",
    "results",
    "phases",
]
FILES = [
    "power/client.log",
    "power/ptd_logs.txt",
    "power/server.log",
    "ranging/mlperf_log_detail.txt",
    "ranging/mlperf_log_summary.txt",
    "ranging/spl.txt",
    "run_1/mlperf_log_detail.txt",
    "run_1/mlperf_log_summary.txt",
    "run_1/spl.txt",
]
METERS = {
    "YokogawaWT210": 8,
    "YokogawaWT500": 35,
    "YokogawaWT500_multichannel": 48,
    "YokogawaWT310": 49,
    "YokogawaWT310E": 49,
    "YokogawaWT330": 52,
    "YokogawaWT330E": 52,
    "YokogawaWT330_multichannel": 77,
}
GO = "Starting untimed measurement, maximum 500000 samples at 1000ms with 0 rampup samples"
MAX_SKEW_S = 0.8
MAX_LOWER_PCT = -5.0
Failures = list[str]


class Package:
    """A package: its two documents and its files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = json.loads((folder / "power/client.json").read_text())
        self.server = json.loads((folder / "power/server.json").read_text())

    def text(self, path: str) -> str:
        return (self.folder / path).read_text("utf-8", "replace")

    def exchanges(self) -> list[tuple[str, str]]:
        return [(item["cmd"], item["reply"]) for item in self.server["ptd_messages"]]

    def configs(self) -> list[Mapping[str, Any]]:
        config = self.server["ptd_config"]
        return config if isinstance(config, list) else [config]

    def mean_w(self, name: str) -> float:
        begin, end = window(self.text(f"{name}/mlperf_log_detail.txt"))
        watts = [
            float(fields[3])
            for fields in (line.split(",") for line in self.text(f"{name}/spl.txt").splitlines())
            if len(fields) > 3 and begin < when(fields[1]) < end and float(fields[3]) > 0
        ]
        return sum(watts) / len(watts)


def when(text: str) -> float:
    return datetime.strptime(text, "%m-%d-%Y %H:%M:%S.%f").replace(tzinfo=UTC).timestamp()


def window(detail: str) -> tuple[float, float]:
    values = dict(re.findall(r'"key": "(power_begin|power_end)", "value": "([^"]+)"', detail))
    return when(values["power_begin"]), when(values["power_end"])


def documents(package: Package) -> Failures:
    return [
        f"{side} lacks {field}"
        for side, document in (("client", package.client), ("server", package.server))
        for field in FIELDS
        if field not in document
    ]


def replies(package: Package) -> Failures:
    exchanges = package.exchanges()
    identity = next((reply for command, reply in exchanges if command == "Identify"), "")
    failures = []
    if not re.search(r"version=1\.(10\.0|11\.1)-", identity):
        failures.append(f"version of {identity}")
    if identity.split(",")[0] not in METERS:
        failures.append(f"meter of {identity}")
    stops = 0
    for command, reply in exchanges:
        expected = None
        if command.startswith("SR,A"):
            expected = "Range A changed"
        elif command.startswith("SR,V"):
            expected = "Range V changed"
        elif command.startswith("Go,1000,"):
            expected = GO
        elif command == "Stop":
            stops += 1
            expected = "Stopping untimed measurement" if stops <= 2 else None
        if expected is not None and reply != expected:
            failures.append(f"{command}: {reply}")
    return failures


def ranges_put_back(package: Package) -> Failures:
    exchanges = package.exchanges()
    found = exchanges[2][1].split(",")
    amps = "Auto" if found[1] == "1" else found[2]
    volts = "Auto" if found[3] == "1" else found[4]
    last = dict.fromkeys("AV", "")
    counts = dict.fromkeys("AV", 0)
    for command, _ in exchanges:
        if command.startswith("SR,"):
            _, quantity, last[quantity] = command.split(",")
            counts[quantity] += 1
    good = counts["A"] >= 3 and counts["V"] >= 3 and last == {"A": amps, "V": volts}
    return [] if good else [f"ranges {last} after {counts}"]


def identities(package: Package) -> Failures:
    names = ("uuid", "session_name")
    return [name for name in names if package.client[name] != package.server[name]]


def phases(package: Package) -> Failures:
    failures = []
    for mode, name in (("ranging", "ranging"), ("testing", "run_1")):
        ours, theirs = package.client["phases"][mode], package.server["phases"][mode]
        if len(ours) != len(theirs) or len(ours) != 4:
            failures.append(f"{mode}: {len(ours)} and {len(theirs)} phases")
        pairs = zip(ours, theirs, strict=False)
        failures += [f"{mode}: skew" for one, other in pairs if abs(one[0] - other[0]) > MAX_SKEW_S]
        begin, end = window(package.text(f"{name}/mlperf_log_detail.txt"))
        if not ours[1][0] < begin < ours[2][0] or not ours[1][0] < end < ours[2][0]:
            failures.append(f"{mode}: load outside its phase")
    return failures


def powers(package: Package) -> Failures:
    change_pct = round((package.mean_w("run_1") / package.mean_w("ranging") - 1) * 100, 2)
    return [] if change_pct > MAX_LOWER_PCT else [f"power {change_pct} %"]


def messages(package: Package) -> Failures:
    ours, theirs = package.client["messages"], package.server["messages"]
    if [item["cmd"] for item in ours] != [item["cmd"] for item in theirs]:
        return ["commands differ"]
    return [
        item["cmd"]
        for item, other in zip(ours, theirs, strict=True)
        if item["cmd"] != "time" and item["reply"] != other["reply"]
    ]


def checksums(package: Package) -> Failures:
    stated = package.client["results"] | package.server["results"]
    failures = []
    for path in FILES:
        content = (package.folder / path).read_bytes()
        if hashlib.sha1(content, usedforsecurity=False).hexdigest() != stated.get(path):
            failures.append(path)
    return failures


def daemon_log(package: Package) -> Failures:
    text, session = package.text("power/ptd_logs.txt"), package.server["session_name"]
    failures = []
    for mode in ("ranging", "testing"):
        go = re.search(rf"^(.{{23}}): Go with mark '{session}_{mode}'", text, re.M)
        if go is None or "Completed test" not in text[go.end() :]:
            failures.append(f"no {mode} run")
    activated = re.search(
        r"^(.{23}): Uncertainty checking for Yokogawa\S+ is activated", text, re.M
    )
    if activated is None:
        failures.append("uncertainty checking is not activated")
    testing = text.partition(f"Go with mark '{session}_testing'")[2]
    return failures + re.findall(r"ERROR: .*", testing)


def configuration(package: Package) -> Failures:
    failures = []
    for config in package.configs():
        if config["device_type"] not in METERS.values():
            failures.append(f"device {config['device_type']}")
        if config["device_type"] == 77 and len(config["channel"] or ()) != 2:
            failures.append("channels")
    return failures


def debug(package: Package) -> Failures:
    return ["debug"] if package.server.get("debug") else []


CHECKS: Sequence[Callable[[Package], Failures]] = (
    documents,
    replies,
    ranges_put_back,
    identities,
    phases,
    powers,
    messages,
    checksums,
    daemon_log,
    configuration,
    debug,
)


def failures(
    folder: Path, accepted_sources: Sequence[Mapping[str, str]] = ()
) -> dict[str, Failures]:
    """Return what each check finds; none where all pass."""
    package = Package(folder)
    results = {check.__name__: check(package) for check in CHECKS}
    for side, document in (("client", package.client), ("server", package.server)):
        if document["sources"] not in accepted_sources:
            results[f"sources of the {side}"] = ["not in the list"]
    return {name: items for name, items in results.items() if items}

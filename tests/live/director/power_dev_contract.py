"""What check.py of MLPerf's power-dev demands of a package, recorded as a contract.

power-dev is in no package registry. Its public text was read, and each of its eleven checks is
stated here anew, point by point. Where its versions differ, the newest counts: versions of the
PTDaemon and the number of the command that puts the current range back. `sources` plays the part
of its list of accepted hashes, which is data beside the program. Real packages pass the contract
(see the tests).
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
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
    "YokogawaWT210_DC": 508,
    "YokogawaWT310_DC": 549,
    "YokogawaWT330_DC": 586,
}
MULTICHANNEL = 77
VERSIONS = ("1.10.0", "1.11.1")
GO = "Starting untimed measurement, maximum 500000 samples at 1000ms with 0 rampup samples"
REPLIES = {"SR,A": "Range A changed", "SR,V": "Range V changed", "Go,1000,": GO}
STOP_REPLIES = ["Stopping untimed measurement"] * 2 + ["Error: no measurement to stop"]
MAX_SKEW_S = 0.8
SUMMER_TIME_S = 3600.0
MAX_SHORTER = 0.5
MAX_LOWER_PCT = -5.0
STAMPED = re.compile(r"(\d\d-\d\d-\d{4} \d\d:\d\d:\d\d\.\d{3}): ?(.*?)\s*$")
ACTIVATED = re.compile(r"Uncertainty checking for Yokogawa\S+ is activated")
ACCEPTED_ERROR = "USB."
TOO_UNCERTAIN = re.compile(r"Uncertainty \d+.\d+%, which is above 1.00% limit for the last sample!")
WINDOW_MARGIN_S = 800.0
"""check.py adds its tolerance in milliseconds to times in seconds, so it is blind at the edges."""
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
    version = re.search(r"version=(.+?)-", identity)
    if version is None or version[1] not in VERSIONS:
        failures.append(f"version of {identity}")
    if identity.split(",")[0] not in METERS:
        failures.append(f"meter of {identity}")
    for beginning, expected in REPLIES.items():
        failures += [
            f"{command}: {reply}"
            for command, reply in exchanges
            if command.startswith(beginning) and reply != expected
        ]
    stops = [reply for command, reply in exchanges if command.startswith("Stop")]
    expected_stops = STOP_REPLIES[:2] + STOP_REPLIES[2:] * max(len(stops) - 2, 0)
    if stops != expected_stops[: len(stops)]:
        failures.append(f"Stop: {stops}")
    return failures


def ranges_put_back(package: Package) -> Failures:
    """The third message states the ranges that are found; a later command sets them again."""
    exchanges = package.exchanges()
    fields = exchanges[2][1].split(",")
    failures = []
    for quantity, position, numbers in (("A", 1, (3, 4)), ("V", 3, (3,))):
        is_fixed = fields[position] == "0" and float(fields[position + 1]) > 0
        expected = f"SR,{quantity},{fields[position + 1] if is_fixed else 'Auto'}"
        commands = [command for command, _ in exchanges if command.startswith(expected[:4])]
        if expected not in [commands[number - 1] for number in numbers if number <= len(commands)]:
            failures.append(f"{expected} is none of {commands}")
    return failures


def identities(package: Package) -> Failures:
    ours, theirs = package.client, package.server
    sides = ("client", "server")
    failures = [
        side for side in sides if uuid.UUID(ours["uuid"][side]) != uuid.UUID(theirs["uuid"][side])
    ]
    if ours["session_name"] != theirs["session_name"]:
        failures.append("session_name")
    return failures


def phases(package: Package) -> Failures:
    failures = []
    for mode, name in (("ranging", "ranging"), ("testing", "run_1")):
        ours, theirs = package.client["phases"][mode], package.server["phases"][mode]
        if len(ours) != len(theirs):
            failures.append(f"{mode}: {len(ours)} and {len(theirs)} phases")
        pairs = zip(ours, theirs, strict=False)
        failures += [f"{mode}: skew" for one, other in pairs if abs(one[0] - other[0]) > MAX_SKEW_S]
        for time_s in window(package.text(f"{name}/mlperf_log_detail.txt")):
            inside = [ours[1][0] < time_s - late_s < ours[2][0] for late_s in (0, SUMMER_TIME_S)]
            if not any(inside):
                failures.append(f"{mode}: load outside its phase")
    return failures


def powers(package: Package) -> Failures:
    """A testing run shorter than half of the ranging run is warned of, and not compared."""
    durations = [
        end - begin
        for begin, end in (
            window(package.text(f"{name}/mlperf_log_detail.txt")) for name in ("ranging", "run_1")
        )
    ]
    if (durations[0] - durations[1]) / durations[0] > MAX_SHORTER:
        return []
    change_pct = round((package.mean_w("run_1") / package.mean_w("ranging") - 1) * 100, 2)
    return [] if change_pct > MAX_LOWER_PCT else [f"power {change_pct} %"]


def messages(package: Package) -> Failures:
    ours, theirs = package.client["messages"], package.server["messages"]
    if [item["cmd"] for item in ours] != [item["cmd"] for item in theirs]:
        return ["commands differ"]
    failures = [
        item["cmd"]
        for item, other in zip(ours, theirs, strict=True)
        if item["cmd"] != "time" and item["reply"] != other["reply"]
    ]
    client = re.search(r"mlcommons/power client v(\d+)$", theirs[0]["cmd"])
    server = re.search(r"mlcommons/power server v(\d+)$", theirs[0]["reply"])
    if client is None or server is None or client[1] != server[1]:
        failures.append("versions of the protocol")
    return failures


def checksums(package: Package) -> Failures:
    ours, theirs = package.client["results"], package.server["results"]
    failures = [path for path in ours if path in theirs and ours[path] != theirs[path]]
    stated = ours | theirs
    for path in FILES:
        content = (package.folder / path).read_bytes()
        if hashlib.sha1(content, usedforsecurity=False).hexdigest() != stated.get(path):
            failures.append(path)
    return failures


def daemon_log(package: Package) -> Failures:
    """Errors count outside the ranging run, and large uncertainties far inside the load."""
    mark = f"{package.server['session_name']}_ranging"
    lines = package.text("power/ptd_logs.txt").splitlines()
    stamped = [(when(match[1]), match[2]) for line in lines if (match := STAMPED.match(line))]
    begin_s = next((t_s for t_s, text in stamped if text == f"Go with mark '{mark}'"), None)
    if begin_s is None:
        return ["no ranging run"]
    ends = [t_s for t_s, text in stamped if text == "Completed test" and t_s >= begin_s]
    if not ends:
        return ["the ranging run does not end"]
    activated = [t_s for t_s, text in stamped if ACTIVATED.search(text)]
    failures = []
    if not activated or activated[0] >= begin_s:
        failures.append("uncertainty checking is not activated before the ranging run")
    load_begin_s, load_end_s = window(package.text("run_1/mlperf_log_detail.txt"))
    for line in lines:
        error, warning = (re.search(rf"(?<={word}:).+", line) for word in ("ERROR", "WARNING"))
        match = STAMPED.match(line)
        if (error or warning) and match is None:
            failures.append(f"without a time: {line}")
            continue
        t_s = when(match[1]) if match else 0.0
        if error and error[0].strip() != ACCEPTED_ERROR and not begin_s < t_s < ends[0]:
            failures.append(line)
        is_inside = load_begin_s + WINDOW_MARGIN_S < t_s < load_end_s - WINDOW_MARGIN_S
        if warning and is_inside and TOO_UNCERTAIN.search(warning[0]):
            failures.append(line)
    return failures


def configuration(package: Package) -> Failures:
    failures = []
    for config in package.configs():
        if config["device_type"] not in METERS.values():
            failures.append(f"device {config['device_type']}")
        command = config["command"]
        if config["device_type"] == MULTICHANNEL:
            channels = command[command.index("-c") + 1] if "-c" in command else ""
            if len(channels.split(",")) != 2 or len(config["channel"] or ()) != 2:
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

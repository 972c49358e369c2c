"""The analyzer is the one that was set up, of a kind the round accepts, and calibrated."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.auditing.report import Location
from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.core.errors import shorten
from harness.formats.base import Run
from harness.formats.ptdaemon.analyzer import calibration_age_months, calibration_date
from harness.formats.ptdaemon.power_session import Session
from harness.formats.ptdaemon.session_logs import SessionLogs
from harness.traces.instruments import MAX_AGE_MONTHS

SERVER = Location(file="performance/power/server.json")
PTD_LOG = Location(file="performance/power/ptd_logs.txt")
FIX = "Measure with an analyzer that the round accepts, and submit its documents unedited."
FIRST_CHANNEL_ONLY = "48"
"""The multichannel type that takes the first channel alone; the other takes first and last."""
VERSION = re.compile(r"version=([^,-]{1,40})")
FULL_VERSION = re.compile(r"version=([^,]{1,80})")
MAX_HEAD_BYTES = 65536
"""The part of ptd_logs.txt that names the analyzer, where no measurement begins in it."""


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:
    """Compare what each analyzer answered with its set-up, its log and the lists of the round."""
    device_types = _device_types(context.accepts["models"])
    configs = session.configs()
    for number, messages in enumerate(session.exchanges):
        identity = next((item.reply for item in messages if item.cmd == "Identify"), "")
        if not identity:
            yield Violation(SERVER, "no answer to Identify", "the analyzer's name", FIX)
            continue
        config = configs[number] if number < len(configs) else {}
        yield from _wrong_type(identity, config, device_types)
        yield from _wrong_version(identity, context.accepts["ptd_versions"])
        yield from _untraceable(identity)
        yield from _old_calibration(identity, context.entry.runs)
        yield from _other_in_log(identity, config, session.open())
    if session.server and len(configs) != len(session.exchanges):
        got = f"{len(configs)} in ptd_config"
        yield Violation(SERVER, got, f"{len(session.exchanges)} analyzers", FIX)


def _device_types(models: Sequence[str]) -> dict[str, str]:
    """Return the device type of each accepted model: the list has lines like `49 YokogawaWT310`."""
    device_types = {}
    for line in models:
        device_type, _, name = line.partition(" ")
        device_types[name] = device_type
    return device_types


def _wrong_type(
    identity: str, config: Mapping[str, Any], device_types: Mapping[str, str]
) -> Iterator[Violation]:
    name = identity.split(",")[0]
    if name not in device_types:
        expected = "one of " + ", ".join(device_types)
        yield Violation(SERVER, f"analyzer {shorten(name, 60)}", expected, FIX)
        return
    stated_type = str(config.get("device_type"))
    if stated_type != device_types[name]:
        got = f"device type {shorten(stated_type, 20)} in ptd_config"
        yield Violation(SERVER, got, f"{device_types[name]}, as {name} is", FIX)
    command = _command_words(config)
    if stated_type not in command:
        got = f"a command without {shorten(stated_type, 20)}"
        yield Violation(SERVER, got, "the device type of ptd_config", FIX)
    if "multichannel" in name:
        yield from _wrong_channels(command, config.get("channel"), device_types[name])


def _command_words(config: Mapping[str, Any]) -> list[str]:
    """Return the command that started PTDaemon, word by word."""
    command = config.get("command")
    if isinstance(command, list):
        return [str(word) for word in command]
    return str(command).split()


def _wrong_channels(
    command: Sequence[str], channel: object, device_type: str
) -> Iterator[Violation]:
    """Compare the channels in ptd_config with the option -c of the command."""
    first_only = device_type == FIRST_CHANNEL_ONLY
    number_count = 1 if first_only else 2
    pattern = r"\d{1,9}" + r",\d{1,9}" * (number_count - 1)
    arguments = [command[i + 1] for i, word in enumerate(command[:-1]) if word == "-c"]
    is_in_command = any(re.fullmatch(pattern, argument) for argument in arguments)
    if not is_in_command or not isinstance(channel, list) or len(channel) != number_count:
        expected = "the first channel" if first_only else "first and last channel"
        got = f"channels {shorten(str(channel), 40)}"
        yield Violation(SERVER, got, f"{expected}, as -c says", FIX)


def _wrong_version(identity: str, accepted: Sequence[str]) -> Iterator[Violation]:
    match = VERSION.search(identity)
    if match is None or match[1] not in accepted:
        version = match[1] if match else "without a version"
        yield Violation(
            SERVER,
            f"PTDaemon {shorten(version, 40)}",
            ", ".join(accepted),
            "Measure with the PTDaemon of the round.",
        )


def _untraceable(identity: str) -> Iterator[Violation]:
    """Warn of an analyzer without calibration date or serial number."""
    cells = identity.split(",")
    device = cells[-1].split(";")
    missing = []
    if "no_cal_date" in cells:
        missing.append("calibration date")
    if len(device) < 3 or device[2] in ("", "0"):
        missing.append("serial number")
    if missing:
        yield Violation(
            SERVER,
            f"no {' and no '.join(missing)}: {shorten(cells[-1], 60)}",
            "an analyzer that can be traced",
            "State serial number and calibration date in the power settings.",
            status="warn",
        )


def _old_calibration(identity: str, runs: Sequence[Run]) -> Iterator[Violation]:
    """Warn of a calibration for which the manual states no limit any more."""
    windows = [run.window for run in runs if run.window is not None]
    if not windows:
        return
    age_months = calibration_age_months(calibration_date(identity), windows[0].start_ns)
    if age_months is not None and age_months > MAX_AGE_MONTHS:
        yield Violation(
            SERVER,
            f"calibrated {age_months:.0f} months before the run",
            f"at most {MAX_AGE_MONTHS:g}",
            "Have the analyzer calibrated: its manual states no limit for a longer time.",
            "months",
            "warn",
        )


def _other_in_log(
    identity: str, config: Mapping[str, Any], logs: SessionLogs
) -> Iterator[Violation]:
    """Report what ptd_logs.txt says of the analyzer otherwise than server.json."""
    if not logs.ptd:
        return  # reported by evidence-readable
    head = logs.ptd[: logs.go_commands[0][0] if logs.go_commands else MAX_HEAD_BYTES]
    one_analyzer = len(logs.go_commands) <= 2
    searched = head if one_analyzer else logs.ptd
    for name, text in _expected_in_log(identity, config, head):
        if text.encode("utf-8", "replace") not in searched:
            expected = shorten(text.strip(": "), 120)
            yield Violation(PTD_LOG, f"{name} is another", expected, FIX)


def _expected_in_log(
    identity: str, config: Mapping[str, Any], head: bytes
) -> Iterator[tuple[str, str]]:
    """Yield what ptd_logs.txt must hold of an analyzer: a name for it, and the text."""
    name, device = identity.split(",")[0], identity.split(",")[-1].replace(";", ",")
    yield "the connection", f": Connected to {name} "
    yield "the identity", f" bytes: {device}"
    yield "the device type", f"measurement device type {config.get('device_type')}..."
    yield "the reply to Identify", f": Response to client sent: {identity}"
    version = FULL_VERSION.search(identity)
    if version and b"SPEC PTDaemon" in head:
        yield "the version", version[1].split("-simulated")[0]


RULE = Rule(
    id="meter-identity",
    title="The analyzer is the one that was set up, and is accepted",
    why="Accuracy, ranges and limits belong to a model of analyzer. One name in Identify and "
    "another in the set-up is a session put together by hand.",
    evidence="The reply to Identify against ptd_config, against ptd_logs.txt, and against the "
    "models and PTDaemon versions of the round. A missing calibration date or serial number, or a "
    "calibration of more than 12 months before the run, is a warning.",
    remedy="Measure with an accepted analyzer and the PTDaemon of the round.",
    accepts=("models", "ptd_versions"),
    applies_to=POWER_SESSION,
    check=check,
)

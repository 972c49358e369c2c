"""The analyzer is the one that was set up, of a kind the round accepts, and calibrated."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.core.errors import shorten
from harness.formats.ptdaemon.power_session import Logs, Session

JSON, PTD = "performance/power/server.json", "performance/power/ptd_logs.txt"
ONE_NUMBER = "48"
"""The multichannel device type that takes the first channel alone; the other takes the first and the last."""
FIX = "Measure with an analyzer that the round accepts, and submit its documents unedited."


@for_session
def check(case: RuleContext, session: Session) -> Iterator[Violation]:
    models = {
        name: kind for kind, _, name in (text.partition(" ") for text in case.accepts["models"])
    }
    configs = session.configs()
    for number, dialogue in enumerate(session.exchanges):
        reply = next((said.reply for said in dialogue if said.cmd == "Identify"), "")
        if not reply:
            yield Violation(JSON, "no answer to Identify", "the analyzer's name", FIX)
            continue
        config = configs[number] if number < len(configs) else {}
        yield from _kind(reply, config, models)
        yield from _version(reply, case.accepts["ptd_versions"])
        yield from _calibrated(reply)
        yield from _logged(reply, config, session.open())
    if session.server and len(configs) != len(session.exchanges):
        yield Violation(
            JSON, f"{len(configs)} in ptd_config", f"{len(session.exchanges)} analyzers", FIX
        )


def _kind(reply: str, config: Mapping[str, Any], models: Mapping[str, str]) -> Iterator[Violation]:
    name = reply.split(",")[0]
    if name not in models:
        yield Violation(JSON, f"analyzer {shorten(name, 60)}", "one of " + ", ".join(models), FIX)
        return
    kind = str(config.get("device_type"))
    if kind != models[name]:
        yield Violation(
            JSON,
            f"device type {shorten(kind, 20)} in ptd_config",
            f"{models[name]}, as {name} is",
            FIX,
        )
    words = config.get("command")
    command = [str(word) for word in words] if isinstance(words, list) else str(words).split()
    if kind not in command:
        yield Violation(
            JSON, f"a command without {shorten(kind, 20)}", "the device type of ptd_config", FIX
        )
    if "multichannel" in name:
        yield from _channels(command, config.get("channel"), models[name])


def _channels(command: Sequence[str], channel: object, kind: str) -> Iterator[Violation]:
    """What -c says, and the server took from it."""
    after = [command[i + 1] for i, word in enumerate(command[:-1]) if word == "-c"]
    count = 1 if kind == ONE_NUMBER else 2
    said = any(re.fullmatch(r"\d{1,9}" + r",\d{1,9}" * (count - 1), text) for text in after)
    if not said or not isinstance(channel, list) or len(channel) != count:
        expected = "the first channel" if count == 1 else "first and last channel"
        yield Violation(
            JSON, f"channels {shorten(str(channel), 40)}", f"{expected}, as -c says", FIX
        )


def _version(reply: str, accepted: Sequence[str]) -> Iterator[Violation]:
    found = re.search(r"version=([^,-]{1,40})", reply)
    if found is None or found[1] not in accepted:
        yield Violation(
            JSON,
            f"PTDaemon {shorten(found[1] if found else 'without a version', 40)}",
            ", ".join(accepted),
            "Measure with the PTDaemon of the round.",
        )


def _calibrated(reply: str) -> Iterator[Violation]:
    cells = reply.split(",")
    identity = cells[-1].split(";")
    missing = ["calibration date"] if "no_cal_date" in cells else []
    missing += ["serial number"] if len(identity) < 3 or identity[2] in ("", "0") else []
    if missing:
        yield Violation(
            JSON,
            f"no {' and no '.join(missing)}: {shorten(cells[-1], 60)}",
            "an analyzer that can be traced",
            "State serial number and calibration date in the power settings.",
            status="warn",
        )


def _logged(reply: str, config: Mapping[str, Any], logs: Logs) -> Iterator[Violation]:
    """ptd_logs.txt names the same analyzer."""
    if not logs.ptd:
        return  # evidence-readable tells it
    head = logs.ptd[: logs.goes[0][0] if logs.goes else 65536]
    name, identity = reply.split(",")[0], reply.split(",")[-1].replace(";", ",")
    version = re.search(r"version=([^,]{1,80})", reply)
    for what, text in (
        ("the connection", f": Connected to {name} "),
        ("the identity", f" bytes: {identity}"),
        ("the device type", f"measurement device type {config.get('device_type')}..."),
        ("the reply to Identify", f": Response to client sent: {reply}"),
        (
            "the version",
            version[1].split("-simulated")[0] if version and b"SPEC PTDaemon" in head else "",
        ),
    ):
        if text and text.encode("utf-8", "replace") not in (
            head if len(logs.goes) <= 2 else logs.ptd
        ):
            yield Violation(PTD, f"{what} is another", shorten(text.strip(": "), 120), FIX)


RULE = Rule(
    id="meter-identity",
    title="The analyzer is the one that was set up, and is accepted",
    why="Accuracy, ranges and limits belong to a model of analyzer. One name in Identify and another in the set-up is "
    "a session put together by hand.",
    evidence="The reply to Identify against ptd_config, against ptd_logs.txt, and against the models and PTDaemon "
    "versions of the round. A missing calibration date or serial number is a warning.",
    remedy="Measure with an accepted analyzer and the PTDaemon of the round.",
    accepts=("models", "ptd_versions"),
    applies_to=POWER_SESSION,
    check=check,
)

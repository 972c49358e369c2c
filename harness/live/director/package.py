"""Write the files of a power session as MLPerf's round wants them: power, ranging and run_1."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.files import read_bytes
from harness.live.director.power_client import PowerClient
from harness.live.director.power_server import RANGING, TESTING, DirectedAnalyzer, PowerServer
from harness.live.director.session_log import timezone_s
from harness.meters.network.clients.ptdaemon import PtdSample

DIRECTOR_FILES = (
    "power/ptd_logs.txt",
    "power/server.log",
    "power/server.json",
    "ranging/spl.txt",
    "run_1/spl.txt",
)
"""What the director contributes to a package."""
LOADGEN_LOGS = ("mlperf_log_detail.txt", "mlperf_log_summary.txt")
FOLDERS = {RANGING: "ranging", TESTING: "run_1"}
DEVICE_TYPES = {
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
"""Numbers of the analyzers, by the name that a PTDaemon gives them (check.py of power-dev)."""
GROUP_FIELDS = 8
"""Fields of one channel in a reading: Watts, Volts, Amps and PF, each with its value."""


def director_files(server: PowerServer) -> dict[str, str]:
    """Return the files that the director contributes, by their path below `performance`."""
    files = {
        "power/ptd_logs.txt": "".join(
            f"Analyzer {item.number}\n{item.log_text()}" for item in server.analyzers
        ),
        "power/server.log": server.log.text,
    }
    for mode, name in FOLDERS.items():
        files[f"{name}/spl.txt"] = spl_text(server.analyzers, server.session, mode)
    document = _document("server", server, files) | {
        "ptd_messages": [item for analyzer in server.analyzers for item in analyzer.messages],
        "ptd_config": [_ptd_config(item) for item in server.analyzers],
    }
    return files | {"power/server.json": json.dumps(document, indent=4) + "\n"}


def client_files(client: PowerClient, logs: Mapping[str, Path]) -> dict[str, str]:
    """Return the files that the system under test contributes.

    Args:
        client: The client's side of the session.
        logs: Folder with LoadGen's logs, by mode.
    """
    files = {"power/client.log": client.log.text}
    for mode, name in FOLDERS.items():
        for log in LOADGEN_LOGS:
            files[f"{name}/{log}"] = read_bytes(logs[mode] / log).decode("utf-8")
    document = _document("client", client, files)
    return files | {"power/client.json": json.dumps(document, indent=4) + "\n"}


def _document(
    side: str, keeper: PowerClient | PowerServer, files: Mapping[str, str]
) -> dict[str, Any]:
    """Return what client.json and server.json have in common."""
    return {
        "version": "1.0",
        "timezone": timezone_s(),
        "modules": {f"harness.live.director.power_{side}": f"power_{side}.py"},
        "sources": sources(),
        "messages": keeper.messages.items,
        "uuid": keeper.uuids,
        "session_name": keeper.session,
        "results": {path: sha1(content) for path, content in sorted(files.items())},
        "phases": keeper.phases,
    }


def sources() -> dict[str, str]:
    """Return the hashes of the software that ran the session: ours, never those of power-dev."""
    folder = Path(__file__).parent
    return {
        f"joulemark/live/director/{path.name}": hashlib.sha1(
            path.read_bytes(), usedforsecurity=False
        ).hexdigest()
        for path in sorted(folder.glob("*.py"))
    }


def sha1(text: str) -> str:
    """Return the hash that MLPerf's documents state."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _ptd_config(analyzer: DirectedAnalyzer) -> dict[str, Any]:
    """Return how the daemon of an analyzer was reached; it ran before the session."""
    name, *fields = analyzer.client.identity.split(",")
    device_type = DEVICE_TYPES.get(name)
    channels = _channels(analyzer)
    command = list(analyzer.command)
    if channels > 1:
        command += ["-c", f"1,{channels}"]
    return {
        "command": [*command, str(device_type)],
        "device_type": device_type,
        "interface_flag": "",
        "dc_flag": "-DC" if name.endswith("_DC") else None,
        "device_port": fields[-1] if fields else "",
        "channel": [1, channels] if channels > 1 else None,
    }


def _channels(analyzer: DirectedAnalyzer) -> int:
    """Return how many channels a reading has besides the sum; 1 where it has no sum."""
    samples = next((items for items in analyzer.samples.values() if items), [])
    groups = (len(samples[0].line.split(",")) - 2) // GROUP_FIELDS if samples else 1
    return max(groups - 1, 1)


# --- spl.txt


def spl_text(analyzers: Sequence[DirectedAnalyzer], session: str, mode: str) -> str:
    """Return spl.txt of one run: a line a reading.

    MLPerf's director ends that of one analyzer with a blank line, on which some versions of its
    checker stumble; none needs it.
    """
    mark = f"{session}_{mode}"
    rows = [[spl_line(sample, mark) for sample in item.samples[mode]] for item in analyzers]
    if len(rows) == 1:
        return "".join(f"{line}\n" for line in rows[0])
    readings = zip(*(item.samples[mode] for item in analyzers), strict=False)
    lines = [_merged(row, mark) for row in readings]
    return "".join(f"{line}\n" for line in lines)


def spl_line(sample: PtdSample, mark: str) -> str:
    """Return a reading as spl.txt has it: the sum, the mark, then each channel by its number."""
    fields = sample.line.split(",")
    head, rest = fields[: 2 + GROUP_FIELDS], fields[2 + GROUP_FIELDS :]
    text = ",".join([*head, "Mark", mark])
    for number, first in enumerate(range(0, len(rest) - GROUP_FIELDS + 1, GROUP_FIELDS), 1):
        text += ",".join(["", f"Ch{number}", *rest[first : first + GROUP_FIELDS]])
    return text


def _merged(row: Sequence[PtdSample], mark: str) -> str:
    """Return the sum of several analyzers, then the whole line of each (power-dev, server.py)."""
    total_w = sum(0.0 if sample.watts == -1 else abs(sample.watts) for sample in row)
    stamp = row[0].line.split(",")[1]
    fault = f"{-1:.6f}"
    text = f"Time,{stamp},Watts,{total_w:.6f},Volts,{fault},Amps,{fault},PF,{fault},Mark,{mark}"
    for number, sample in enumerate(row, 1):
        text += f",Analyzer{number},{spl_line(sample, mark)}"
    return text

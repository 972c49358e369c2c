"""The files of one inference power result, and the two JSON documents that hold their hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .clock import unix_s
from .files import sha1, write_text
from .loadgen import LoadgenRun, detail_text, summary_text
from .power import NS, PowerCurve
from .power_client import LATENCY_NS, Dialogue, sources
from .ptdaemon import ptd_config

CLIENT_BOOT_S, SERVER_BOOT_S = 17_000.0, 419_000.0
"""The monotonic clocks of the two hosts when the session starts [s]."""
MODULES = ("common", "external.ntplib", "source_hashes", "summary", "time_sync")


@dataclass(frozen=True)
class PowerRun:
    """One of the two runs: its files, and its four stamps on the client's and on the server's
    clock."""

    loadgen: LoadgenRun
    curve: PowerCurve
    spl: str
    phases_ns: tuple[int, int, int, int]
    """By the client's clock; the server's are a network latency nearer to the run, and offset."""


def write_files(
    folder: Path, dialogue: Dialogue, runs: Sequence[PowerRun], uuids: Mapping[str, str], form: str
) -> None:
    """All files of the result, and the two JSON documents that hold their hashes."""
    server = dialogue.server
    client_texts = {"power/client.log": "".join(dialogue.log)}
    server_texts = {
        "power/ptd_logs.txt": "".join("".join(daemon.log) for daemon in server.daemons),
        "power/server.log": "".join(server.log),
    }
    for name, run in zip(("ranging", "run_1"), runs, strict=True):
        client_texts[f"{name}/mlperf_log_detail.txt"] = detail_text(run.loadgen)
        client_texts[f"{name}/mlperf_log_summary.txt"] = summary_text(run.loadgen)
        server_texts[f"{name}/spl.txt"] = run.spl
    for name, text in {**client_texts, **server_texts}.items():
        write_text(folder / "performance" / name, text)
    server_texts["run_1/ptd_out.txt"] = "hashed, and not submitted, as in real results\n"
    client = _document(dialogue, runs, uuids, client_texts, server_side=False)
    director = _document(dialogue, runs, uuids, server_texts, server_side=True)
    configs = [ptd_config(daemon.analyzer) for daemon in server.daemons]
    director["ptd_messages"] = [message for daemon in server.daemons for message in daemon.messages]
    director["ptd_config"] = configs[0] if form == "dict" else configs
    for name, document in (("client", client), ("server", director)):
        write_text(
            folder / "performance" / "power" / f"{name}.json", json.dumps(document, indent=4)
        )
    write_text(folder / "accuracy" / "accuracy.txt", _accuracy_text(runs[1].loadgen))


def _document(
    dialogue: Dialogue,
    runs: Sequence[PowerRun],
    uuids: Mapping[str, str],
    texts: Mapping[str, str],
    *,
    server_side: bool,
) -> dict[str, object]:
    """client.json, or what server.json has in common with it."""
    modules = sorted((*MODULES, "server" if server_side else "client"))
    if server_side:
        shift_ns, boot_s = dialogue.offset_ns, SERVER_BOOT_S
        latencies_ns = (LATENCY_NS, -LATENCY_NS, LATENCY_NS, -LATENCY_NS)
    else:
        shift_ns, boot_s, latencies_ns = 0, CLIENT_BOOT_S, (0, 0, 0, 0)
    start_ns = runs[0].phases_ns[0]
    phases = {
        name: [
            [unix_s(t_ns + late_ns + shift_ns), round(boot_s + (t_ns + late_ns - start_ns) / NS, 9)]
            for t_ns, late_ns in zip(run.phases_ns, latencies_ns, strict=True)
        ]
        for name, run in zip(("ranging", "testing"), runs, strict=True)
    }
    return {
        "version": "1.0",
        "timezone": round(-3600 * dialogue.server.zone_h),
        "modules": {
            f"ptd_client_server.lib.{name}": f"lib/{name.replace('.', '/')}.py" for name in modules
        },
        "sources": sources(),
        "messages": dialogue.server_messages if server_side else dialogue.client_messages,
        "uuid": dict(uuids),
        "session_name": dialogue.server.session,
        "results": {name: sha1(texts[name]) for name in sorted(texts)},
        "phases": phases,
    }


def _accuracy_text(run: LoadgenRun) -> str:
    """The accuracy script's last words: classification, or text generation where tokens are
    counted."""
    if run.tokens:
        counts = f"'gen_len': {run.tokens}, 'gen_num': {run.samples}"
        line = f"{{'rouge1': 44.4312, 'rouge2': 22.0352, 'rougeL': 28.6162, {counts}}}"
    else:
        line = "accuracy=76.076%, good=38038, total=50000"
    return f"{line}\nhash={hashlib.sha256(line.encode()).hexdigest()}\n"

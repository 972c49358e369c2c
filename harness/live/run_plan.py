"""The plan of the runs, committed before the first of them.

`plan.json` lies beside the runs. It states how many runs there will be, their seeds, the workload
and the meters; every run record states the hash of the plan it belongs to. So a run that was left
out, added or exchanged afterwards shows. Whoever writes everything anew can also write another
plan: its hash in an anchor outside, or the time stamp of an authority, made before the runs,
prevents that. A signature over the plan (`plan.dsse.json`) says who committed to it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import __version__
from harness.core.documents import canonical, parse_json
from harness.core.errors import UsageError, shorten
from harness.core.files import MAX_DOCUMENT_BYTES, read_bytes, sha256, write_text
from harness.core.timestamps import to_iso
from harness.live.distributed.job import JobIdentity
from harness.meters import public_spec
from harness.signing.plans import PLAN, SIGNED_PLAN, sign_plan

if TYPE_CHECKING:
    from harness.live.measure import Plan


def plan_document(plan: Plan, now_ns: int) -> dict[str, Any]:
    """Return the document of a plan.

    Args:
        plan: The plan.
        now_ns: The present time [ns UTC].
    """
    return {
        "schema_version": "1.0",
        "created": to_iso(now_ns),
        "tool": {"name": "joulemark", "version": __version__},
        "benchmark": plan.entry.benchmark,
        "scenario": plan.entry.scenario,
        "runs": len(plan.seeds),
        "seeds": list(plan.seeds),
        "meters": [str(public_spec(request.spec)) for request in plan.meters],
        "workload_sha256": workload_sha256(plan),
    }


def workload_sha256(plan: Plan) -> str:
    """Return a hash over the files of a workload, or over the command line of a program."""
    folder = getattr(plan.runner, "folder", None)
    digest = hashlib.sha256()
    if folder is None:
        digest.update(json.dumps(list(getattr(plan.runner, "argv", ()))).encode())
        return digest.hexdigest()
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            inside = path.relative_to(folder).as_posix()
            digest.update(f"{inside}\0{sha256(read_bytes(path))}\n".encode())
    return digest.hexdigest()


def job_identity(plan: Plan, run: int) -> JobIdentity:
    """Return what all ranks of a run must have been started for.

    Args:
        plan: The plan of this rank.
        run: Number of the run.
    """
    settings = {
        "options": dict(getattr(plan.runner, "options", {})),
        "idle_s": list(plan.idle_s),
        "division": plan.entry.division,
    }
    return JobIdentity(
        launcher=plan.process.launcher,
        job=plan.process.job,
        world_size=plan.process.world_size,
        benchmark="/".join(filter(None, (plan.entry.benchmark, plan.entry.scenario))),
        command=workload_sha256(plan),
        settings=json.dumps(settings, sort_keys=True),
        seeds=f"{len(plan.seeds)} runs: {', '.join(map(str, plan.seeds))}",
        run=run,
        version=__version__,
    )


def commit(plan: Plan) -> str:
    """Write the plan before the first run; return its hash.

    A plan that is there already must be the same, its date aside. One of a start that failed
    before its first run is replaced.

    Raises:
        UsageError: Another plan was committed here.
    """
    path = plan.entry.directory / PLAN
    document = plan_document(plan, time.time_ns())
    if path.is_file():
        content = read_bytes(path, limit=MAX_DOCUMENT_BYTES)
        committed = parse_json(content, where=str(path))
        is_same = isinstance(committed, dict) and _undated(committed) == _undated(document)
        if is_same:
            return _signed(plan, content)
        if any(plan.entry.directory.glob("run-*")):
            raise UsageError(
                "another plan was committed for these runs",
                where=str(path),
                got=f"{len(plan.seeds)} runs from seed {plan.seeds[0]}",
                expected=shorten(content.decode("utf-8", "replace"), 200),
                fix="Choose another --out, or repeat the options of the first start.",
            )
    content = canonical(document)
    write_text(path, content.decode())
    return _signed(plan, content)


def _signed(plan: Plan, content: bytes) -> str:
    """Sign the bytes of a plan, if there is a key for it; return their hash."""
    if plan.plan_key is not None and not (plan.entry.directory / SIGNED_PLAN).exists():
        sign_plan(plan.entry.directory, content, plan.plan_key)
    return sha256(content)


def _undated(document: Mapping[str, Any]) -> dict[str, Any]:
    ignored = ("created", "tool")
    return {name: value for name, value in document.items() if name not in ignored}

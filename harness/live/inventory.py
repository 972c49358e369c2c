"""What can be run and measured on this machine, and what is missing; lists are those of the schema `inventory`."""

from __future__ import annotations

from typing import Any

from harness.core.errors import JoulemarkError
from harness.live.system import collect, missing
from harness.meters import names, parse, probe, summary
from harness.runners.workload import workloads as known

Items = list[dict[str, Any]]


def everything() -> dict[str, Items]:
    """Meters, workloads, and what the system description cannot find out by itself."""
    absent = [{"pointer": pointer, "fix": said} for pointer, said in missing(collect())]
    return {"meters": meters(), "workloads": workloads(), "missing": absent}


def workloads() -> Items:
    """Each workload, whether it can be run live here, and the fix where it cannot."""
    found = []
    for item in known():
        absent = item.missing()
        extra = (item.spec.get("runner") or {}).get("extra", "workloads")
        fix = f"needs {', '.join(absent)}. pip install 'joulemark[{extra}]'" if absent else None
        scenarios = [scenario["name"] for scenario in item.spec["scenarios"]]
        ready = item.runner is not None and not absent
        found.append(
            {
                "name": item.name,
                "title": item.spec["title"],
                "scenarios": scenarios,
                "ready": ready,
                "fix": fix,
            }
        )
    return found


def meters() -> Items:
    """Each meter, whether it can be used here as it is, and the fix where it cannot."""
    return [_meter(name) for name in names()]


def _meter(name: str) -> dict[str, Any]:
    try:
        channels = probe(parse(name))
    except JoulemarkError as error:
        asks = "needs an option" in error.message
        says = f"{summary(name)} {error.fix}" if asks else f"not here: {error}"
        return {"name": name, "ready": False, "says": says, "channels": []}
    seen = [
        {
            "id": c.id,
            "kind": c.kind,
            "boundary": c.boundary,
            "reading_limit_pct": c.accuracy.reading_limit_pct,
        }
        for c in channels
    ]
    return {"name": name, "ready": True, "says": "ready", "channels": seen}

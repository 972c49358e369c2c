"""What can be run and measured on this machine, and what is missing (schema `inventory`)."""

from __future__ import annotations

from typing import Any

from harness.core.errors import JoulemarkError
from harness.live.plan import FALLBACK, available
from harness.live.system import collect, missing_fields
from harness.meters import MeterSpec, Probed, names, parse, probe, public_spec, summary
from harness.meters.arrangement import Arrangement, arrange
from harness.meters.missing_parts import missing_parts
from harness.meters.topology import subject_of
from harness.runners.workload import Workload, find_workloads
from harness.traces.channel import Channel

Items = list[dict[str, Any]]


def everything() -> dict[str, Items]:
    """List meters, workloads, and fields that the system description cannot find by itself."""
    missing = [
        {"pointer": pointer, "fix": description}
        for pointer, description in missing_fields(collect())
    ]
    return {"meters": meters(), "workloads": workloads(), "missing": missing}


def workloads() -> Items:
    """List the workloads, whether each can be run here, and the fix where it cannot."""
    return [_workload(item) for item in find_workloads()]


def _workload(item: Workload) -> dict[str, Any]:
    missing = item.missing_packages()
    extra = (item.spec.get("runner") or {}).get("extra", "workloads")
    fix = f"needs {', '.join(missing)}. pip install 'joulemark[{extra}]'" if missing else None
    return {
        "name": item.name,
        "title": item.spec["title"],
        "scenarios": [scenario["name"] for scenario in item.spec["scenarios"]],
        "ready": item.runner is not None and not missing,
        "fix": fix,
    }


def meters() -> Items:
    """List the meters, whether each can be used here, and the fix where it cannot."""
    return [_meter(name) for name in names()]


def _meter(name: str) -> dict[str, Any]:
    try:
        channels = probe(parse(name)).channels
    except JoulemarkError as error:
        needs_option = "needs an option" in error.message
        fault = str(error).removesuffix(f". {error.fix}")
        note = summary(name) if needs_option else f"not here: {fault}"
        return {"name": name, "ready": False, "says": note, "fix": error.fix, "channels": []}
    described = [
        {
            "id": channel.id,
            "kind": channel.kind,
            "boundary": channel.boundary,
            "reading_limit_pct": channel.accuracy.reading_limit_pct,
        }
        for channel in channels
    ]
    return {"name": name, "ready": True, "says": "ready", "fix": "", "channels": described}


def probed_meter(text: str) -> dict[str, Any]:
    """Describe what one meter with its options measures now: channels, values and notes.

    Args:
        text: The meter as `--meter` takes it.

    Raises:
        JoulemarkError: The meter does not exist, or cannot be used here.
    """
    request = parse(text)
    options = {name: value for name, value in request.options.items() if name != "interval"}
    spec = MeterSpec(request.name, options)
    probed = probe(spec, with_values=True)
    channels = [
        {
            "id": channel.id,
            "kind": channel.kind,
            "boundary": channel.boundary,
            "reading_limit_pct": channel.accuracy.reading_limit_pct,
            "unit": channel.unit,
            "value": probed.values.get(channel.id),
            "refresh_s": channel.nominal_interval_s,
            "averaging_s": channel.averaging_s,
            "resolution": channel.resolution,
            "accuracy_source": channel.accuracy.source,
            "part_of": channel.part_of,
        }
        for channel in probed.channels
    ]
    return {
        "name": str(public_spec(spec)),
        "ready": True,
        "says": "ready",
        "fix": "",
        "channels": channels,
        "notes": [f"{note.channel}: {note.message}" for note in probed.notes],
        "configuration": dict(probed.configuration),
    }


def default_run() -> dict[str, Any]:
    """Describe what a run sums for which no meter is requested, and what that sum lacks."""
    specs = available()
    probed = [probe(spec) for spec in specs or [parse(FALLBACK)]]
    channels = _unique_channels(probed)
    arrangement = arrange(channels)
    pairs = [f"{first} and {second}" for first, second in arrangement.unknown]
    return {
        "meters": [str(spec) for spec in specs] or [FALLBACK],
        "channels": [_placed_channel(channel, arrangement) for channel in channels],
        "summed": arrangement.top,
        "unknown": pairs,
        "missing": missing_parts(channels),
        "notes": [f"{note.channel}: {note.message}" for item in probed for note in item.notes],
    }


def _unique_channels(probed: list[Probed]) -> list[Channel]:
    """Return all channels; of two with one id the first."""
    channels: dict[str, Channel] = {}
    for item in probed:
        for channel in item.channels:
            channels.setdefault(channel.id, channel)
    return list(channels.values())


def _placed_channel(channel: Channel, arrangement: Arrangement) -> dict[str, Any]:
    return {
        "id": channel.id,
        "kind": channel.kind,
        "part": subject_of(channel).part,
        "part_of": arrangement.parents[channel.id],
        "reading_limit_pct": channel.accuracy.reading_limit_pct,
    }

"""What is watched, in Prometheus' text format.

Specification: https://prometheus.io/docs/instrumenting/exposition_formats. A power or energy that
is not known has no sample, never a 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness import __version__
from harness.core.timestamps import NS
from harness.live.monitor.watch import ChannelState, Snapshot
from harness.meters.topology import subject_of

Labels = Mapping[str, str]
Samples = Sequence[tuple[Labels, float | int | None]]


def prometheus_text(snapshot: Snapshot) -> str:
    """Return all metrics of a moment."""
    states = [(state, _labels(state)) for state in snapshot.channels]
    origin = {"origin": "modelled" if snapshot.is_modelled else "measured"}
    families: list[tuple[str, str, str, Samples]] = [
        (
            "joulemark_power_watts",
            "gauge",
            "Power of a channel now.",
            [(labels, state.power_w) for state, labels in states],
        ),
        (
            "joulemark_energy_joules_total",
            "counter",
            "Energy of a channel since joulemark began to watch it.",
            [(labels, state.energy_j) for state, labels in states],
        ),
        (
            "joulemark_unknown_seconds_total",
            "counter",
            "Time for which the energy of a channel is not known.",
            [(labels, state.lost_s) for state, labels in states],
        ),
        (
            "joulemark_read_failures_total",
            "counter",
            "Reads of a channel that failed.",
            [(labels, state.failures) for state, labels in states],
        ),
        (
            "joulemark_last_reading_timestamp_seconds",
            "gauge",
            "When a channel was last read.",
            [(labels, None if s.t_ns is None else s.t_ns / NS) for s, labels in states],
        ),
        (
            "joulemark_channel_info",
            "gauge",
            "What a channel measures, and the channel that contains it.",
            [(labels | _about(state), 1) for state, labels in states],
        ),
        (
            "joulemark_channel_summed",
            "gauge",
            "Whether a channel is one of those that add up.",
            [(labels, int(state.counts)) for state, labels in states],
        ),
        (
            "joulemark_summed_power_watts",
            "gauge",
            "Power of the channels that add up.",
            [(origin, snapshot.power_w)],
        ),
        (
            "joulemark_summed_energy_joules",
            "gauge",
            "Energy of the channels that add up, since joulemark began to watch them.",
            [(origin, snapshot.energy_j)],
        ),
        (
            "joulemark_build_info",
            "gauge",
            "Version of joulemark.",
            [({"version": __version__}, 1)],
        ),
    ]
    return "".join(f"{line}\n" for family in families for line in _family(*family))


def _labels(state: ChannelState) -> dict[str, str]:
    return {"channel": state.channel.id, "kind": state.channel.kind, "meter": state.meter}


def _about(state: ChannelState) -> dict[str, str]:
    channel = state.channel
    return {
        "boundary": channel.boundary,
        "part": subject_of(channel).part,
        "within": channel.part_of or "",
    }


def _family(name: str, kind: str, description: str, samples: Samples) -> Iterator[str]:
    """Yield the lines of one metric; none where no sample has a value."""
    valued = [(labels, value) for labels, value in samples if value is not None]
    if not valued:
        return
    yield f"# HELP {name} {description}"
    yield f"# TYPE {name} {kind}"
    for labels, value in valued:
        pairs = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f"{name}{{{pairs}}} {value!r}" if pairs else f"{name} {value!r}"


def _escaped(text: str) -> str:
    """Return a label's value as the format wants it."""
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")

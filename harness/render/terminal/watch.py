"""What is watched, as a table for the terminal and as one line for a log."""

from __future__ import annotations

from collections.abc import Iterator

from harness.core.printable import printable
from harness.live.monitor.watch import ChannelState, Snapshot
from harness.render.numbers import decimals, prefix

FIGURE_WIDTH = 10


def watch_table(snapshot: Snapshot) -> list[str]:
    """Return the lines of a table: each channel below the one that contains it, then the sum."""
    rows = [
        (f"{'  ' * depth}{'+ ' if state.counts else ''}{state.channel.id}", state)
        for depth, state in _tree(snapshot)
    ]
    width = max((len(name) for name, _ in rows), default=0)
    width = max(width, len("sum"))
    lines = [f"{'':{width}}  {'power':>{FIGURE_WIDTH}}  {'energy':>{FIGURE_WIDTH}}"]
    for name, state in rows:
        figures = _figures(state.power_w, state.energy_j)
        fault = f"  {state.fault}" if state.fault else _remark(state)
        lines.append(printable(f"{name:{width}}  {figures}{fault}"))
    total = _figures(snapshot.power_w, snapshot.energy_j)
    lines.append(f"{'sum':{width}}  {total}  in {snapshot.seconds:.0f} s")
    return lines


def watch_line(snapshot: Snapshot) -> str:
    """Return the sum and what it consists of, in one line."""
    parts = ", ".join(f"{s.channel.id} {_watts(s.power_w)}" for s in snapshot.summed)
    total = f"{_watts(snapshot.power_w)}, {_joules(snapshot.energy_j)} in {snapshot.seconds:.0f} s"
    modelled = " (modelled, not measured)" if snapshot.is_modelled else ""
    return printable(f"{total}{modelled}: {parts}" if parts else total)


def _tree(snapshot: Snapshot) -> Iterator[tuple[int, ChannelState]]:
    """Yield all channels with their depth, the contents of each after it."""
    ids = {state.channel.id for state in snapshot.channels}

    def below(parent: str | None, depth: int) -> Iterator[tuple[int, ChannelState]]:
        for state in snapshot.channels:
            holder = state.channel.part_of if state.channel.part_of in ids else None
            if holder == parent:
                yield depth, state
                yield from below(state.channel.id, depth + 1)

    yield from below(None, 0)


def _remark(state: ChannelState) -> str:
    if state.channel.kind == "estimate":
        return "  modelled, not measured"
    return f"  energy unknown for {state.lost_s:.0f} s" if state.lost_s else ""


def _figures(power_w: float | None, energy_j: float | None) -> str:
    return f"{_watts(power_w):>{FIGURE_WIDTH}}  {_joules(energy_j):>{FIGURE_WIDTH}}"


def _watts(power_w: float | None) -> str:
    return _quantity(power_w, "W")


def _joules(energy_j: float | None) -> str:
    return _quantity(energy_j, "J")


def _quantity(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    factor, prefixed = prefix(value, unit)
    scaled = value / factor
    return f"{scaled:.{min(decimals(scaled, 0), 3)}f} {prefixed}"

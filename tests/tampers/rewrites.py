"""Forgeries that rewrite a power session consistently.

Each changes the readings of the timed run, and all that repeats them: spl.txt, the replies to RL in
both logs, PTDaemon's own figures in server.json and the logs, and the hashes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.tampers import inference as t

Floats = NDArray[np.float64]
Change = Callable[[Floats], Floats]
READING = re.compile(r"(Time,[^,]*),Watts,([\d.]+),Volts,([\d.]+),Amps,([\d.]+),PF,([\d.]+)")
"""A reading with its stamp, as spl.txt and the replies to RL have it."""


class Rewrite(NamedTuple):
    """A forgery. edit: changes a session; rules: those that speak of it; empty where none does"""

    edit: Callable[[Path], object]
    rules: tuple[str, ...]


def rewrite(
    folder: Path, change: Change, runs: Sequence[str] = ("run_1",), *, power_factor: bool = False
) -> None:
    """Change the power of readings wherever it stands.

    The current follows, or the power factor.
    """
    new_text: dict[str, str] = {}
    for run in runs:
        found = list(READING.finditer(t.spl(folder, run).read_text()))
        old = np.array([float(m[2]) for m in found])
        new = change(old)
        for match, before, after in zip(found, old.tolist(), new.tolist(), strict=True):
            volts, amps, factor = (float(match[k]) for k in (3, 4, 5))
            ratio = after / before
            amps, factor = (amps, factor * ratio) if power_factor else (amps * ratio, factor)
            cells = f"Watts,{after:.6f},Volts,{volts:.6f},Amps,{amps:.6f},PF,{factor:.6f}"
            new_text[match[0]] = f"{match[1]},{cells}"
        _figures(folder, run, old, new)
    paths = [t.spl(folder, run) for run in runs]
    for path in [*paths, t.power(folder, "ptd_logs.txt"), t.power(folder, "server.log")]:
        text = path.read_bytes().decode()
        path.write_bytes(READING.sub(lambda m: new_text.get(m[0], m[0]), text).encode())


def _figures(folder: Path, run: str, old: Floats, new: Floats) -> None:
    """Change PTDaemon's mean, lowest and highest power of a run as its readings were changed."""
    content = json.loads(t.power(folder, "server.json").read_text("utf-8"))
    messages = [m for m in content["ptd_messages"] if m["cmd"] == "Watts"]
    message = messages[0 if run == "ranging" else -1]
    name, *cells = message["reply"].split(",")
    mean, lowest, highest = (float(cell) for cell in cells[:3])
    counted = (old >= lowest - 1e-6) & (old <= highest + 1e-6)
    changed = new[counted]
    offset = mean - old[counted].mean()
    figures = (changed.mean() + offset * changed.mean() / mean, changed.min(), changed.max())
    reply = ",".join([name, *(f"{value:.6f}" for value in figures), *cells[3:]])
    t.everywhere(folder, message["reply"], reply)


BOTH = ("ranging", "run_1")


def scaled_to_97_percent(folder: Path) -> None:
    rewrite(folder, lambda w: w * 0.97)


def both_runs_scaled(folder: Path) -> None:
    """Ranging and timed run by 3 %: their difference stays."""
    rewrite(folder, lambda w: w * 0.97, BOTH)


def halved_in_both_runs(folder: Path) -> None:
    """By half: the ranges that were set no longer fit the current."""
    rewrite(folder, lambda w: w * 0.5, BOTH)


def scaled_with_the_ranges_and_rounded(folder: Path) -> None:
    """By 3 %, rounded to the display, with the ranges: a smaller machine would have written it."""
    before = _largest_current(folder)
    rewrite(folder, lambda w: np.round(w * 0.97, 1), BOTH)
    _scale_current_range(folder, _largest_current(folder) / before)


def _largest_current(folder: Path) -> float:
    """Largest current of the ranging run, which the range follows."""
    return max(float(m[4]) for m in READING.finditer(t.spl(folder, "ranging").read_text()))


def halved_with_the_ranges(folder: Path) -> None:
    """By half, with the current range that was set: the last digits are all 0 or 5."""
    rewrite(folder, lambda w: w * 0.5, BOTH)
    _scale_current_range(folder, 0.5)


def _scale_current_range(folder: Path, factor: float) -> None:
    content = json.loads(t.power(folder, "server.json").read_text("utf-8"))
    for message in content["ptd_messages"]:
        if message["cmd"].startswith("SR,A,") and "Auto" not in message["cmd"]:
            new_range = f"SR,A,{float(message['cmd'][5:]) * factor:.6f}"
            t.everywhere(folder, message["cmd"], new_range)


def power_factor_lowered(folder: Path) -> None:
    """The current stays, and with it the ranges; the power factor follows the power."""
    rewrite(folder, lambda w: w * 0.97, BOTH, power_factor=True)


def peaks_cut_off(folder: Path) -> None:
    rewrite(folder, lambda w: np.minimum(w, np.quantile(w, 0.9)))


def smoothed(folder: Path) -> None:
    """A mean of nine readings, twice: the mean stays, and the peaks go."""

    def change(w: Floats) -> Floats:
        for _ in range(2):
            w = np.convolve(np.pad(w, 4, mode="edge"), np.ones(9) / 9, "valid")
        return w

    rewrite(folder, change)


def rounded_down(folder: Path) -> None:
    """To the next lower multiple of 5 W."""
    rewrite(folder, lambda w: np.floor(w / 5) * 5)


def window_and_logs_moved(folder: Path) -> None:
    """The window of LoadGen a minute earlier, into rest; the readings stay where they are."""
    begin, end = t.window(folder)
    t.set_window(folder, begin - timedelta(seconds=60), end - timedelta(seconds=60))


def readings_of_ranging_with_raw_replies(folder: Path) -> None:
    """The course of the ranging run, and a little noise, in place of the timed one's."""
    noise = np.random.default_rng(1)
    ranging = [float(m[2]) for m in READING.finditer(t.spl(folder, "ranging").read_text())]

    def change(w: Floats) -> Floats:
        course = np.resize(np.array(ranging), len(w)) * 0.98
        return course * (1 + noise.normal(0, 0.001, len(w)))

    rewrite(folder, change)


REWRITES: tuple[Rewrite, ...] = (
    Rewrite(scaled_to_97_percent, ("noise-plausible",)),
    Rewrite(both_runs_scaled, ("ptd-commands", "noise-plausible")),
    Rewrite(halved_in_both_runs, ("ptd-commands", "noise-plausible")),
    Rewrite(halved_with_the_ranges, ("noise-plausible",)),
    Rewrite(scaled_with_the_ranges_and_rounded, ()),
    Rewrite(power_factor_lowered, ("noise-plausible",)),
    Rewrite(peaks_cut_off, ("noise-plausible",)),
    Rewrite(smoothed, ("noise-plausible",)),
    Rewrite(rounded_down, ("noise-plausible",)),
    Rewrite(window_and_logs_moved, ("loadgen-summary", "phases-and-clocks", "window-matches-load")),
    Rewrite(readings_of_ranging_with_raw_replies, ("ranging-matches-testing", "noise-plausible")),
)

"""Figures that the PTDaemon states about the readings of a run: mean, extremes and counts.

It answers ``Watts`` with them if the server asks, and writes them into its log when a run ends::

    Avg watts 4617.08, min watts 2350.80, max watts 5061.30, samples 761, errors 2, valid 759
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from harness.formats.ptdaemon.power_session import Exchange
from harness.formats.ptdaemon.session_logs import SessionLogs, Span
from harness.traces.clean import number_or_nan

_NUMBER = rb" (-?[\d.]{1,24})"
SUMMARY = re.compile(
    rb"Avg watts"
    + _NUMBER
    + rb", min watts"
    + _NUMBER
    + rb", max watts"
    + _NUMBER
    + rb", samples"
    + _NUMBER
    + rb", errors"
    + _NUMBER
    + rb", valid"
    + _NUMBER
)
"""What the PTDaemon writes when a run has ended, in the order of `Figures`."""
MAX_SUMMARY_DISTANCE = 4096
"""How far behind `Completed test` the summary stands at most [bytes]."""


class Figures(NamedTuple):
    """Figures of the readings from Go to Stop, in the PTDaemon's order: powers [W] and counts."""

    mean: float
    lowest: float
    highest: float
    readings: float
    failed: float
    valid: float


def figures_of(cells: Sequence[bytes]) -> Figures | None:
    """Return six finite numbers as figures; None for anything else."""
    values = [number_or_nan(cell) for cell in cells]
    if len(values) != len(Figures._fields) or not np.isfinite(values).all():
        return None
    return Figures(*values)


def noted_figures(logs: SessionLogs, span: Span) -> Figures | None:
    """Return the figures that the PTDaemon noted at the end of a run; None where it noted none."""
    _, done_at, end = span
    match = SUMMARY.search(logs.ptd, done_at, min(done_at + MAX_SUMMARY_DISTANCE, end))
    return figures_of(match.groups()) if match else None


def replied_figures(messages: Sequence[Exchange]) -> Figures | None:
    """Return the figures of the last reply to Watts; None where there is none."""
    replies = [message.reply for message in messages if message.cmd == "Watts"]
    if not replies:
        return None
    return figures_of(replies[-1].encode("utf-8", "replace").split(b",")[1:7])

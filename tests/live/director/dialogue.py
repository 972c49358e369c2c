"""The dialogue of a power session as `server.log` tells it, in classes of content.

A class keeps the words of a message and drops its values. The director speaks as MLPerf's own does
since 2025. What earlier versions of MLPerf's director said otherwise is stated here, step by step,
so that the logs of all rounds can be compared with one session.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

VALUES = (
    (r"_emulated", ""),
    (r"'Time,.*", "'READINGS'"),
    (r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d[\w.-]*", "SESSION"),
    (r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID"),
    (r"'new,[^,]*,", "'new,LABEL,"),
    (r"'Yokogawa[^']*'", "'IDENTITY'"),
    (r"-?\d+(\.\d+)?(e[+-]\d+)?", "N"),
    (r"\bAuto\b", "N"),
)
"""What stands for a value of each kind; a range may be a number or automatic."""
STARTING = re.compile(r"(Analyzer \[N\] is r|R)unning PTDaemon:")
"""The real director starts the PTDaemon; ours finds it running."""
OPTIONS_OF_THE_CLIENT = (
    (("Got command from the client 'stop'",), 3),
    (("Got command from the client 'set_ntp'",), 4),
    (("Got command from the client 'session,SESSION,upload,client.",), 4),
    (("Got command from the client 'session,SESSION,upload,",), 5),
)
"""Exchanges that an option of the client adds (to end the director, to set its clock, to upload
its logs), and how many lines each has."""
WORDS_OF_2024 = (
    ("Analyzer [N] is sending to ptd", "Sending to ptd"),
    ("Analyzer [N] recieved reply from ptd", "Reply from ptd"),
    ("Analyzer [N] got reply from ptd", "Reply from ptd"),
    ("Analyzer [N] is trying to read", "Trying to read"),
    ("Analyzer [N] says the initial range", "Initial range"),
    ("Analyzer [N] set initial values", "Set initial values"),
    ("Analyzer [N] connected to", "Connected to"),
    ("Analyzer [N] stopping", "Stopping"),
    ("Analyzer [N] maxAmps", "maxAmps"),
)
SET_CURRENT = ["Sending to ptd: 'SR,A,N'", "Reply from ptd: 'Range A changed'"]
ASKED_SINCE_2024 = ("RL", "Watts", "Uncertainty")
CLOCK_COMPARISON = "Got command from the client 'time'"
STOP_AT_THE_END = ["Sending to ptd: 'Stop'", "Reply from ptd: 'Error: no measurement to stop'"]


def content_classes(log: str) -> list[str]:
    """Return the messages of a server.log, without what depends on options of the client."""
    classes = []
    for line in log.splitlines():
        if not line.startswith("ptd-server "):
            continue
        text = line.partition("] ")[2]
        for pattern, name in VALUES:
            text = re.sub(pattern, name, text)
        if not STARTING.match(text):
            classes.append(text)
    return _without_options(classes)


def _without_options(classes: Sequence[str]) -> list[str]:
    kept: list[str] = []
    position = 0
    while position < len(classes):
        lengths = [
            length
            for beginnings, length in OPTIONS_OF_THE_CLIENT
            if classes[position].startswith(beginnings)
        ]
        if lengths:
            position += lengths[0]
        else:
            kept.append(classes[position])
            position += 1
    return kept


def as_in_2024(classes: Sequence[str]) -> list[str]:
    """Return a dialogue of 2025 as the director of v4.1 had it: one analyzer, and no number."""
    kept = []
    for text in classes:
        for new, old in WORDS_OF_2024:
            text = text.replace(new, old)
        if not text.startswith("Merging "):
            kept.append(text)
    # The current range was set to automatic once, not twice.
    second = next(k for k in range(len(kept)) if kept[k : k + 4] == SET_CURRENT * 2)
    return kept[:second] + kept[second + 2 :]


def as_until_2023(classes: Sequence[str]) -> list[str]:
    """Return a dialogue of 2024 as the director of v1.0 to v3.0 had it.

    It took the readings from the daemon's log, compared the clocks before each run only, and
    stopped the daemon once more at the end.
    """
    kept: list[str] = []
    position = 0
    while position < len(classes):
        text = classes[position]
        following = classes[position + 2] if position + 2 < len(classes) else ""
        is_question = text.removeprefix("Sending to ptd: '").startswith(ASKED_SINCE_2024)
        is_before_start = ",start," in following or "'new," in following
        is_dropped_comparison = text == CLOCK_COMPARISON and not is_before_start
        if text.startswith(("Trying to read", "maxAmps")):
            position += 2 if text.startswith("Trying") else 1
        elif is_question or is_dropped_comparison:
            position += 2
        else:
            kept.append(text)
            position += 1
    done = kept.index("Got command from the client 'session,SESSION,done'")
    return kept[: done + 1] + STOP_AT_THE_END + kept[done + 1 :]

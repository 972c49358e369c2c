"""Anchor the journals of a run outside while it goes on.

Once a minute the last link of each journal is appended to a file, best on another machine's disk,
or sent to an address. A link binds everything that was written before it. Whoever changes a journal
later can make its chain anew, but not the anchors that others hold:

    {"at": "2026-03-01T10:00:00Z", "run": "run-1", "journal": "rapl.csv", "link": "9f0c..."}

The first anchor is that of the plan, made before the first run; its link is the plan's hash. An
authority by RFC 3161 can stamp each link: its response is then kept as `stamp`, in base64.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any

from harness.core.errors import JoulemarkError, shorten
from harness.core.timestamps import to_iso
from harness.signing.time_stamps import request_stamp
from harness.traces.journal.chain import LINK
from harness.traces.journal.reader import segment_paths

INTERVAL_S = 60.0
TAIL_BYTES = 1 << 16
"""The last link lies in this part of a journal: the sampler writes one each second."""
TIMEOUT_S = 5.0


class AnchorFailed(JoulemarkError):
    """An anchor cannot be set; the run would not be anchored as it was asked to be."""


class Anchor:
    """Sets the anchors of one run.

    Args:
        target: A file to append to, or an http or https address to post to; "" for no anchors.
        run: Id of the run.
        journals: The journals, by their first segments.
        authority: Address of a time-stamp authority; "" for none.
    """

    def __init__(
        self, target: str, run: str, journals: Sequence[Path], authority: str = ""
    ) -> None:
        self._is_set = bool(target or authority)
        self._set = _setter(target) if target else None
        self._run, self._journals, self._authority = run, journals, authority
        self._next_s = 0.0
        self.lines: list[dict[str, Any]] = []

    def check(self) -> None:
        """Set the anchors, if a minute has passed since the last.

        Raises:
            AnchorFailed: The target does not take them.
        """
        if self._is_set and time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + INTERVAL_S
            self.set()

    def set(self) -> None:
        """Set the anchors now."""
        if not self._is_set:
            return
        for journal in self._journals:
            link = last_link(journal)
            if link:
                self.add(journal.name, link)

    def add(self, file_name: str, link: str) -> None:
        """Set one anchor."""
        if not self._is_set:
            return
        at = to_iso(time.time_ns())
        line = {"at": at, "run": self._run, "journal": file_name, "link": link}
        if self._authority:
            line["stamp"] = request_stamp(self._authority, link)
        if self._set is not None:
            self._set(json.dumps(line))
        self.lines.append(line)


def last_link(journal: Path) -> str:
    """Return the last link of a journal, in hexadecimal; "" where there is none yet."""
    try:
        with segment_paths(journal)[-1].open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            tail = file.read()
    except OSError:
        return ""
    _, separator, after = tail.rpartition(b"\n" + LINK.encode())
    link, newline, _ = after.partition(b"\n")
    return link.decode("ascii", "replace") if separator and newline else ""


def _setter(target: str) -> Callable[[str], None]:
    if target.startswith(("http://", "https://")):
        return lambda line: _post(target, line)
    return lambda line: _append(Path(target), line)


def _append(path: Path, line: str) -> None:
    try:
        with path.open("a", encoding="ascii") as file:
            file.write(line + "\n")
    except OSError as error:
        raise AnchorFailed(
            f"the anchor cannot be written: {error.strerror}",
            where=str(path),
            fix="Choose another --anchor.",
        ) from None


def _post(address: str, line: str) -> None:
    headers = {"Content-Type": "application/json"}
    try:
        request = urllib.request.Request(address, line.encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):
            pass
    except (OSError, ValueError, HTTPException) as error:  # or no address, or no HTTP
        raise AnchorFailed(
            "the anchor was not taken", where=address, got=shorten(error), fix="See that server."
        ) from None

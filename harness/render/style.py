"""Width and colour of text for a terminal."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from harness.render.escape import plain

WIDTH = 80
"""Columns, where nothing else is known of the terminal."""

_COLOURS = {
    "invalid": 31,
    "fail": 31,
    "questioned": 35,
    "question": 35,
    "unjudged": 33,
    "error": 33,
    "warn": 33,
    "valid": 32,
}
"""Colour codes of verdicts, severities and statuses."""


@dataclass(frozen=True, slots=True)
class Style:
    """How text is laid out.

    Attributes:
        width: Columns of the terminal.
        wraps: Whether findings that are listed one by one are wrapped to the width. Where the
            output is no terminal they stay on one line each, for tools that read lines.
        colour: Whether to colour verdicts and statuses.
    """

    width: int = WIDTH
    wraps: bool = True
    colour: bool = False

    def paint(self, text: str, name: str) -> str:
        """Return a text in the colour of a verdict or status."""
        if not self.colour or name not in _COLOURS:
            return text
        return f"\x1b[{_COLOURS[name]}m{text}\x1b[0m"

    def line(self, text: str, indent: int = 0) -> str:
        """Return one line that fits the width, cut where it is longer."""
        room = max(20, self.width - indent)
        clean = plain(text)
        if len(clean) > room:
            clean = clean[: room - 3].rstrip() + "..."
        return " " * indent + clean

    def path(self, text: str, indent: int = 0) -> str:
        """Return a path in one line that fits the width; the end tells entries apart."""
        room = max(20, self.width - indent)
        clean = plain(text)
        if len(clean) > room:
            clean = "..." + clean[len(clean) - room + 3 :]
        return " " * indent + clean

    def wrap(self, text: str, indent: int, hanging: int | None = None) -> str:
        """Return a text wrapped to the width, indented."""
        if not self.wraps:
            return " " * indent + plain(text)
        return textwrap.fill(
            plain(text),
            self.width,
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent if hanging is None else hanging),
            break_long_words=False,
            break_on_hyphens=False,
        )

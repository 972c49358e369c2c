"""What meters of accelerator boards share: an energy counter where it lives, else power.

A subclass talks to the maker's library: it finds boards, reads energy and power of one, and
describes its channel. Which of the two is read is decided here, once, when the meter is probed:

1. A board that answers neither is named in a note; the others are measured.
2. A counter that stands still for a quarter of a second while the board draws power is dead. Power
   is read instead, with a note that becomes a finding of the record.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.meters.base import Note, NoteKind, Reading, whole_read
from harness.meters.context import Context
from harness.traces.channel import Channel

SETTLE_S = 0.25
"""Longer than any board takes to update its counter: 20 to 100 ms (Yang et al. 2024) [s]."""
MIN_LIVE_W = 1.0
"""Every board that is switched on draws more; its counter then moves by a thousand steps [W]."""


@dataclass(frozen=True, slots=True)
class Board:
    """One board.

    Attributes:
        id: Name of its channel.
        handle: The library's handle of it.
        pci: PCI address; empty where the driver does not state it.
        identity: What tells it from all others; only a pseudonym of it leaves the meter.
        counter: Whether its energy counter is read; else its power.
    """

    id: str
    handle: Any
    pci: str
    identity: str
    counter: bool = True


class BoardFailed(Exception):
    """The library does not give a value of a board; the text says why."""


def refuse(fault: str) -> None:
    """Raise BoardFailed if there is a fault."""
    if fault:
        raise BoardFailed(fault)


class BoardMeter:
    """A meter of boards.

    Attributes:
        notes: Boards that cannot be measured, and other remarks; valid once probed.
    """

    simulated = False
    pause: Callable[[float], None] = staticmethod(time.sleep)
    """Waits so many seconds between two looks at the counters."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self._boards: tuple[Board, ...] = ()

    # What a subclass does

    def find(self) -> Sequence[Board]:
        """Load the library and return all boards that answer; add a note for each that does not.

        Raises:
            Unavailable: The driver or the package is missing.
        """
        raise NotImplementedError

    def energy_j(self, board: Board) -> float:
        """Return the energy counter [J].

        Raises:
            BoardFailed: There is none, or it gives no number.
        """
        raise NotImplementedError

    def power_w(self, board: Board) -> float:
        """Return the power [W].

        Raises:
            BoardFailed: The board does not report it, or gives no number.
        """
        raise NotImplementedError

    def describe(self, board: Board) -> Channel:
        """Return the channel of a board."""
        raise NotImplementedError

    def context_of(self, board: Board) -> Iterator[tuple[str, float]]:
        """Yield names and values of a board's context; what it does not support is left out."""
        raise NotImplementedError

    # What all share

    def choose(self) -> Sequence[Channel]:
        """Find the boards, and decide what is read of each; return their channels."""
        self.notes = []
        candidates = [self._with_source(board) for board in self.find()]
        self._boards = tuple(self._without_dead_counters([c for c in candidates if c is not None]))
        return [self.describe(board) for board in self._boards]

    def read(self) -> Sequence[Reading]:
        """Return the energy [J] or power [W] of each board.

        Raises:
            ReadFailed: No board could be read.
        """
        return whole_read([self._read(board) for board in self._boards])

    def context(self) -> Context:
        """Return temperature, clock, power limit and throttling of each board."""
        return {board.id: dict(self.context_of(board)) for board in self._boards}

    def unmeasured(self, board: Board, reason: str) -> Note:
        """Return the note about a board that reports neither energy nor power."""
        return Note(NoteKind.UNMEASURED, board.id, f"reports neither energy nor power ({reason})")

    def _read(self, board: Board) -> Reading:
        try:
            value = self.energy_j(board) if board.counter else self.power_w(board)
        except BoardFailed as error:
            return Reading(board.id, math.nan, fault=str(error))
        return Reading(board.id, value)

    def _with_source(self, board: Board) -> Board | None:
        """Return a board with the source that answers; None, with a note, where none does."""
        try:
            self.energy_j(board)
        except BoardFailed:
            pass
        else:
            return board
        try:
            self.power_w(board)
        except BoardFailed as error:
            self.notes.append(self.unmeasured(board, str(error)))
            return None
        return replace(board, counter=False)

    def _without_dead_counters(self, boards: Sequence[Board]) -> Iterator[Board]:
        """Yield the boards; those whose counter stands still while they draw power without it."""
        before_j = {board.id: self._read(board).value for board in boards if board.counter}
        if before_j:
            self.pause(SETTLE_S)
        for board in boards:
            if not board.counter or self._read(board).value != before_j[board.id]:
                yield board
                continue
            power_w = self._power_or_zero(board)
            if power_w < MIN_LIVE_W:
                yield board  # nothing says that it should have moved
                continue
            message = (
                f"its energy counter stands still at {before_j[board.id]:g} J while it draws "
                f"{power_w:g} W; power is read instead"
            )
            self.notes.append(Note(NoteKind.LEFT_OUT, board.id, message))
            yield replace(board, counter=False)

    def _power_or_zero(self, board: Board) -> float:
        try:
            return self.power_w(board)
        except BoardFailed:
            return 0.0

"""Readings change from one to the next, and do not come again."""

from collections.abc import Iterator

import numpy as np

from harness.auditing.rules.base import Rule, RuleContext, Violation, for_session
from harness.formats.ptdaemon.power_session import FOLDERS, MODES, Session

BLOCK = 5
"""So many readings in a row make a block: that many do not come again by chance."""


@for_session
def check(case: RuleContext, session: Session) -> Iterator[Violation]:
    for mode in MODES:
        electric = session.electric.get(mode)
        if electric is None or len(electric.same) < 2 * BLOCK:
            continue
        if np.sum(np.diff(np.sort(electric.same)) == 0) < min(BLOCK, case.limits["same_max"]):
            continue  # the usual: too few readings came before to make a block, or a long run
        where = f"performance/{FOLDERS[mode]}/spl.txt"
        start, length = _longest_run(electric.same)
        if length > case.limits["same_max"]:
            yield Violation(
                f"{where}, line {start + 1}",
                f"{length} readings in a row equal in every column",
                f"at most {case.limits['same_max']:g}",
                "Find out why the analyzer stood still.",
                "readings",
                "warn",
            )
        start, again = _blocks(electric.same)
        if again > case.limits["repeated_max"]:
            yield Violation(
                f"{where}, line {start + 1}",
                f"{again} times {BLOCK} readings in a row that came before",
                f"at most {case.limits['repeated_max']:g}",
                "Submit the trace the analyzer wrote.",
                "blocks",
                "warn",
            )


def _longest_run(same: np.ndarray) -> tuple[int, int]:
    """Where the longest run of equal readings begins, and its length."""
    edges = np.concatenate([[0], np.flatnonzero(np.diff(same)) + 1, [len(same)]])
    longest = int(np.argmax(np.diff(edges)))
    return int(edges[longest]), int(edges[longest + 1] - edges[longest])


def _blocks(same: np.ndarray) -> tuple[int, int]:
    """The first block of readings that came before, and how many do; equal readings in a row are the other test's."""
    mixed = same.astype(np.uint64)
    block = np.zeros(len(same) - BLOCK + 1, np.uint64)
    for shift in range(BLOCK):
        block = (
            block * np.uint64(6364136223846793005) + mixed[shift : len(same) - BLOCK + 1 + shift]
        )
    changes = np.concatenate([[0], np.cumsum(np.diff(same) != 0)])
    moving = changes[BLOCK - 1 :] - changes[: len(same) - BLOCK + 1] >= BLOCK - 2
    order = np.argsort(block, kind="stable")
    again = np.zeros(len(block), bool)
    again[order[1:]] = np.diff(block[order]) == 0
    again &= moving
    return (int(np.argmax(again)), int(again.sum())) if again.any() else (0, 0)


RULE = Rule(
    id="frozen-readings",
    title="Readings change, and do not come again",
    why="An analyzer that stands still repeats its last reading; who fills a gap, or hides a peak, repeats low ones.",
    evidence="The longest run of readings that are equal in all columns; blocks of five readings in a row that came "
    "before. Both are statistical, and so warnings. False alarms: none in 8 real results, by which the limits were "
    "chosen, and none in 200 simulated sessions, by which they were not (docs/reference/peers.md).",
    remedy="Submit the trace the analyzer wrote, and say why it stood still.",
    limits=("same_max", "repeated_max"),
    check=check,
)

"""Readings change from one to the next, and sequences of them do not recur."""

from collections.abc import Iterator

import numpy as np

from harness.auditing.report import Location
from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.formats.ptdaemon.power_session import FOLDERS, MODES, Session
from harness.traces.trace import Ints

BLOCK_LENGTH = 5
"""Readings in a row that make a block; that many do not recur by chance."""
HASH_FACTOR = np.uint64(6364136223846793005)
"""Multiplier of the polynomial hash of a block (Knuth's MMIX generator)."""


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:
    """Warn of long runs of equal readings and of blocks that were there before."""
    same_max, repeated_max = context.limits["same_max"], context.limits["repeated_max"]
    for mode in MODES:
        electric = session.electric.get(mode)
        if electric is None or not _may_repeat(electric.fingerprints, same_max):
            continue
        where = f"performance/{FOLDERS[mode]}/spl.txt"
        start, length = _longest_run(electric.fingerprints)
        if length > same_max:
            yield Violation(
                Location(file=where, line=start + 1),
                f"{length} readings in a row equal in every column",
                f"at most {same_max:g}",
                "Find out why the analyzer stood still.",
                "readings",
                "warn",
            )
        start, count = _repeated_blocks(electric.fingerprints)
        if count > repeated_max:
            yield Violation(
                Location(file=where, line=start + 1),
                f"{count} times {BLOCK_LENGTH} readings in a row that came before",
                f"at most {repeated_max:g}",
                "Submit the trace the analyzer wrote.",
                "blocks",
                "warn",
            )


def _may_repeat(reading_ids: Ints, same_max: float) -> bool:
    """Return whether enough readings recur to make a block or a long run; usually none do."""
    if len(reading_ids) < 2 * BLOCK_LENGTH:
        return False
    recurring = np.sum(np.diff(np.sort(reading_ids)) == 0)
    return bool(recurring >= min(BLOCK_LENGTH, same_max))


def _longest_run(reading_ids: Ints) -> tuple[int, int]:
    """Return where the longest run of equal readings begins, and its length."""
    changes = np.flatnonzero(np.diff(reading_ids)) + 1
    edges = np.concatenate([[0], changes, [len(reading_ids)]])
    longest = int(np.argmax(np.diff(edges)))
    return int(edges[longest]), int(edges[longest + 1] - edges[longest])


def _repeated_blocks(reading_ids: Ints) -> tuple[int, int]:
    """Return where the first block begins that was there before, and how many there are.

    Blocks of nearly equal readings do not count: they are a run of equal readings.
    """
    block_count = len(reading_ids) - BLOCK_LENGTH + 1
    unsigned_ids = reading_ids.astype(np.uint64)
    block_hashes = np.zeros(block_count, np.uint64)
    for offset in range(BLOCK_LENGTH):
        block_hashes = block_hashes * HASH_FACTOR + unsigned_ids[offset : offset + block_count]

    changes_before = np.concatenate([[0], np.cumsum(np.diff(reading_ids) != 0)])
    changes_within = changes_before[BLOCK_LENGTH - 1 :] - changes_before[:block_count]
    varies = changes_within >= BLOCK_LENGTH - 2

    order = np.argsort(block_hashes, kind="stable")
    is_repeated = np.zeros(block_count, bool)
    is_repeated[order[1:]] = np.diff(block_hashes[order]) == 0
    is_repeated &= varies
    if not is_repeated.any():
        return 0, 0
    return int(np.argmax(is_repeated)), int(is_repeated.sum())


RULE = Rule(
    id="frozen-readings",
    title="Readings change and do not recur",
    why="An analyzer that stands still repeats its last reading; an edit that fills a gap or hides "
    "a peak repeats low ones.",
    evidence="The longest run of readings that are equal in all columns; blocks of five readings "
    "in a row that occurred before. Both are statistical tests and therefore only warn. False "
    "alarms: none in 8 real results, by which the limits were chosen, and none in 200 simulated "
    "sessions, by which they were not (docs/reference/peers.md).",
    remedy="Submit the trace the analyzer wrote, and explain why it stood still.",
    limits=("same_max", "repeated_max"),
    applies_to=POWER_SESSION,
    check=check,
)

"""Does a server answer like another one? A test of the distribution of its completions.

Model Equality Testing (Gao, Liang, Guestrin 2024): completions of two servers to the same prompts
are compared by maximum mean discrepancy (MMD) with a Hamming kernel over their first characters,
prompt by prompt. How large it is by chance is found by permuting completions between the two sides,
within each prompt. Beside it stands a null of its own: the reference against itself, in halves, so
that the rate of false alarms is known.

Both sides need several completions of each prompt, drawn at a temperature above 0: at temperature 0
a completion is one value, and any difference at all is a difference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import UnreadableError
from harness.core.files import read_bytes
from harness.runners.endpoint.events import EVENTS, read_events
from harness.runners.endpoint.questions import parse_questions
from harness.runners.endpoint.runner import QUESTIONS

LENGTH = 256
"""Characters of a completion that the kernel looks at; shorter ones are padded."""
MIN_COMPLETIONS = 2
"""Completions of a prompt that each side needs."""
PERMUTATIONS = 999
NULL_SPLITS = 200
"""Halvings of the reference that show the rate of false alarms."""
NULL_PERMUTATIONS = 199
LEVEL = 0.05
TOLERANCE = 1e-12
"""Rounding of a distance: a permutation that changes nothing reaches it."""
MAX_COMPLETIONS = 200
"""Completions of a prompt on each side that are compared; the memory grows with their square."""

Completions = Mapping[str, Sequence[str]]
"""Completions by prompt."""
Codes = NDArray[np.int32]
Kernel = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """What the test says.

    Attributes:
        prompts: Prompts that both sides completed often enough.
        completions: Completions of both sides to them.
        distance: MMD squared, mean over the prompts; about 0 for equal servers.
        p_value: Share of permutations with a distance at least as large.
        differs: Whether `p_value` is below the level.
        false_alarms: Share of halvings of the reference that the same test calls different.
        halvings: Halvings that were made; 0 where the reference has too few completions.
    """

    prompts: int
    completions: int
    distance: float
    p_value: float
    differs: bool
    false_alarms: float | None
    halvings: int


def compare_completions(
    reference: Completions,
    candidate: Completions,
    *,
    level: float = LEVEL,
    seed: int = 1,
    null: bool = True,
) -> Fidelity:
    """Test whether two servers complete the same prompts alike.

    Args:
        reference: Completions of the reference, by prompt.
        candidate: Completions of the candidate server.
        level: Rate of false alarms that the test allows.
        seed: Seed of permutations and halvings.
        null: Whether to test the reference against itself, too.

    Raises:
        UnreadableError: No prompt has enough completions on both sides.
    """
    random = np.random.default_rng(seed)
    reference, candidate = _bounded(reference), _bounded(candidate)
    shared = sorted(reference.keys() & candidate.keys())
    if not shared:
        raise UnreadableError(
            "no prompt was completed often enough by both servers",
            expected=f"at least {MIN_COMPLETIONS} completions of a prompt on each side",
            fix="Load both with the same questions, several rounds, at a temperature above 0.",
        )
    blocks = [
        _Block(_kernel([*reference[prompt], *candidate[prompt]]), len(reference[prompt]))
        for prompt in shared
    ]
    distance, p_value = _permutation_test(blocks, PERMUTATIONS, random)
    alarms: list[bool] = []
    if null:
        alarms = _null_alarms([reference[prompt] for prompt in shared], level, random)
    return Fidelity(
        prompts=len(shared),
        completions=sum(len(block.kernel) for block in blocks),
        distance=distance,
        p_value=p_value,
        differs=p_value < level,
        false_alarms=None if not alarms else sum(alarms) / len(alarms),
        halvings=len(alarms),
    )


def _bounded(completions: Completions) -> dict[str, Sequence[str]]:
    """Return the prompts with enough completions, each with the first of them."""
    return {
        prompt: texts[:MAX_COMPLETIONS]
        for prompt, texts in completions.items()
        if len(texts) >= MIN_COMPLETIONS
    }


class _Block:
    """Completions of one prompt by both sides, and the kernel between all of them.

    Attributes:
        kernel: Share of equal characters of each pair, shape (n, n), 0 on the diagonal.
        first_count: Completions of the first side; they stand first.
    """

    def __init__(self, kernel: Kernel, first_count: int) -> None:
        self.kernel, self.first_count = kernel, first_count

    def observed(self) -> float:
        """Return the unbiased MMD squared of both sides."""
        sides = (np.arange(len(self.kernel)) < self.first_count).astype(np.float64)
        return float(self._distances(sides[None])[0])

    def permuted(self, count: int, random: np.random.Generator) -> NDArray[np.float64]:
        """Return the distances after permutations of the sides, shape (count,)."""
        order = random.random((count, len(self.kernel))).argsort(axis=1)
        return self._distances((order < self.first_count).astype(np.float64))

    def _distances(self, sides: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the distance for each row of sides: 1 for the first, 0 for the second."""
        n, m = self.first_count, len(self.kernel) - self.first_count
        others = 1 - sides
        weighted = sides @ self.kernel
        within_first = (weighted * sides).sum(axis=1) / (n * (n - 1))
        within_second = ((others @ self.kernel) * others).sum(axis=1) / (m * (m - 1))
        between = (weighted * others).sum(axis=1) / (n * m)
        distances: NDArray[np.float64] = within_first + within_second - 2 * between
        return distances


def _kernel(texts: Sequence[str]) -> Kernel:
    """Return the share of equal characters of each pair, 0 on the diagonal, shape (n, n)."""
    codes = _codes(texts)
    kernel: Kernel = (codes[:, None, :] == codes[None, :, :]).mean(axis=2)
    np.fill_diagonal(kernel, 0.0)
    return kernel


def _codes(texts: Sequence[str]) -> Codes:
    codes = np.zeros((len(texts), LENGTH), np.int32)
    for row, text in enumerate(texts):
        letters = [ord(letter) for letter in text[:LENGTH]]
        codes[row, : len(letters)] = letters
    return codes


def _permutation_test(
    blocks: Sequence[_Block], permutations: int, random: np.random.Generator
) -> tuple[float, float]:
    """Return the mean distance over prompts, and the share of permutations that reach it."""
    observed = math.fsum(block.observed() for block in blocks) / len(blocks)
    permuted = sum(block.permuted(permutations, random) for block in blocks) / len(blocks)
    reached = int(np.count_nonzero(permuted >= observed - TOLERANCE))
    return observed, (1 + reached) / (1 + permutations)


def _null_alarms(
    completions: Sequence[Sequence[str]], level: float, random: np.random.Generator
) -> list[bool]:
    """Return for each halving of the reference whether the test calls the halves different."""
    kernels = [_kernel(texts) for texts in completions if len(texts) >= 2 * MIN_COMPLETIONS]
    alarms = []
    for _ in range(NULL_SPLITS if kernels else 0):
        blocks = []
        for kernel in kernels:
            order = random.permutation(len(kernel))
            blocks.append(_Block(kernel[np.ix_(order, order)], len(kernel) // 2))
        alarms.append(_permutation_test(blocks, NULL_PERMUTATIONS, random)[1] < level)
    return alarms


def completions_below(folder: Path) -> dict[str, list[str]]:
    """Return the complete replies of all loads below a folder, by prompt.

    Args:
        folder: A run directory, or a folder of several.

    Raises:
        UnreadableError: There is no graded load, or one cannot be read.
    """
    completions: dict[str, list[str]] = {}
    for path in sorted(folder.rglob(EVENTS)):
        questions_path = path.with_name(QUESTIONS)
        if path.is_symlink() or not questions_path.is_file():
            continue
        questions = parse_questions(read_bytes(questions_path), str(questions_path))
        for request in read_events(read_bytes(path)).requests:
            index = request.question
            if request.completed and index is not None and index < len(questions):
                completions.setdefault(questions[index].prompt, []).append(request.text)
    if not completions:
        raise UnreadableError(
            "holds no answered load on an LLM endpoint",
            where=str(folder),
            expected=f"a run directory with {EVENTS} and {QUESTIONS}",
        )
    return completions

"""Find traces whose course is that of another trace times a factor.

The steps between readings are correlated for all traces of equal length. This finds readings that
were scaled and rounded again, so that no window of them is equal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from harness.auditing.similarity import Pair, Similarity
from harness.core.timestamps import NS
from harness.traces.trace import Floats, Trace

MIN_CORRELATION = 0.99995
"""Correlation of steps from which two traces are one.

Of 459 honest pairs of one length in real MLPerf results the most similar two, nodes of one
synchronous run, correlate at 0.9992. Honest nodes that run together come nearest to a copy: an
exponential tail, fitted to the 25 (33) largest of 165 such pairs on the scale of Fisher's z, puts
6e-6 (3e-4) of them above this limit. A copy that was scaled and rounded to whole watts lies above
it where steps have a standard deviation of 40 W or more.
"""
NOISY_CORRELATION = 0.7
"""Correlation of usual steps from which two traces of different times are one with noise added.

Steps are cut at MAX_STEP, so that work which begins and ends alike does not count. Of 906 honest
pairs of one benchmark in real MLPerf results, of 200 readings or more and nearly one length,
measured at different times and shifted against each other by up to three readings, the most similar
two correlate at 0.68. Of 100 copies of such traces with 1 % of noise, half lie above this limit:
those whose load swings by more than the noise.
"""
MIN_NOISY_READINGS = 200
"""Shorter traces of a regular load may be alike by chance."""
MAX_STEP = 3.0
"""Largest step that counts for a copy with noise, in medians of the trace's own steps."""
CORRELATION_BLOCK = 2048
"""Traces of one length that are correlated at once, at most."""
BLOCK_READINGS = 2**22
"""Readings in the traces that are correlated at once, which bounds memory to 64 MiB."""
MAX_COURSE_READINGS = 2**20
"""Readings at the start of a trace that are correlated; a course of that length is no chance."""


def scaled_courses(traces: Sequence[Trace]) -> dict[Pair, Similarity]:
    """Return pairs of traces of one length whose steps correlate."""
    indices_by_length: dict[int, list[int]] = defaultdict(list)
    for index, trace in enumerate(traces):
        indices_by_length[len(trace)].append(index)
    similarities: dict[Pair, Similarity] = {}
    for indices in indices_by_length.values():
        for first, second, correlation in _correlated_pairs(traces, indices):
            similarity = _scale_similarity(traces[first], traces[second], correlation)
            similarities[first, second] = similarity
        if len(traces[indices[0]]) < MIN_NOISY_READINGS:
            continue
        for first, second, correlation in _correlated_pairs(traces, indices, noisy=True):
            if (first, second) in similarities or _overlap(traces[first], traces[second]):
                continue  # nodes that run together are alike
            similarity = _scale_similarity(traces[first], traces[second], correlation)
            similarities[first, second] = replace(similarity, kind="noise")
    return similarities


def _correlated_pairs(
    traces: Sequence[Trace], indices: Sequence[int], *, noisy: bool = False
) -> Iterator[tuple[int, int, float]]:
    """Yield the pairs of some traces of one length whose steps correlate, block by block.

    Args:
        traces: All traces.
        indices: Those of one length.
        noisy: Whether noise may have been added: then only usual steps count, and less is needed.
    """
    least = NOISY_CORRELATION if noisy else MIN_CORRELATION
    if len(indices) < 2:
        return
    readings = max(1, min(len(traces[indices[0]]), MAX_COURSE_READINGS))
    size = max(1, min(CORRELATION_BLOCK, BLOCK_READINGS // readings))
    for first_block in range(0, len(indices), size):
        rows = indices[first_block : first_block + size]
        steps = _normalised_steps(traces, rows, noisy)
        for second_block in range(first_block, len(indices), size):
            columns = indices[second_block : second_block + size]
            column_steps = (
                steps if second_block == first_block else _normalised_steps(traces, columns, noisy)
            )
            candidates = np.argwhere(steps @ column_steps.T >= least - 1e-9)
            for i, j in candidates.tolist():
                correlation = float(np.dot(steps[i], column_steps[j]))
                if rows[i] < columns[j] and correlation >= least:
                    yield rows[i], columns[j], correlation


def _normalised_steps(traces: Sequence[Trace], indices: Sequence[int], noisy: bool) -> Floats:
    """Return the steps between readings, each trace to mean 0 and norm 1.

    Returns:
        An array of shape (traces, readings - 1).
    """
    steps: Floats = np.stack(
        [np.diff(traces[index].value[:MAX_COURSE_READINGS]) for index in indices]
    )
    return normalised(clipped_steps(steps) if noisy else steps)


def clipped_steps(steps: Floats) -> Floats:
    """Return steps cut at `MAX_STEP` medians of each trace, shape (traces, steps)."""
    largest = MAX_STEP * np.median(np.abs(steps), axis=1, keepdims=True)
    return np.clip(steps, -largest, largest)


def normalised(steps: Floats) -> Floats:
    """Return the steps of each trace with mean 0 and norm 1; flat traces stay 0."""
    steps = steps - steps.mean(axis=1, keepdims=True)
    norm: Floats = np.sqrt((steps**2).sum(axis=1, keepdims=True))
    result: Floats = steps / np.where(norm > 0, norm, 1.0)
    return result


def _overlap(first: Trace, second: Trace) -> bool:
    """Return whether two traces have a time in common."""
    return bool(first.t_ns[0] <= second.t_ns[-1] and second.t_ns[0] <= first.t_ns[-1])


def _scale_similarity(first: Trace, second: Trace, correlation: float) -> Similarity:
    course, compared = first.value[:MAX_COURSE_READINGS], second.value[:MAX_COURSE_READINGS]
    if np.array_equal(course, compared):
        factor = 1.0
    else:
        factor = float(np.linalg.norm(np.diff(course)) / np.linalg.norm(np.diff(compared)))
    shift_s = float(first.t_ns[0] - second.t_ns[0]) / NS
    return Similarity("scale", shift_s, round(min(1.0, correlation), 6), factor)

"""A sketch of a trace: what shows whether it may be a near copy of another one.

1. Windows of readings as hashes, of every reading and of every second, third and fourth. Two traces
   that hold the same readings share windows, all at one lag.
2. The steps between readings, summed with fixed random signs into a few buckets. The sums keep the
   distance of two courses, so scaled copies are close, and copies with noise correlate.

Traces whose sketches are close are read again and compared exactly.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.auditing.repeats import (
    MAX_PLACES_OF_WINDOW,
    STRIDES,
    Windows,
    hash_windows,
    varied_windows,
)
from harness.auditing.scaled_courses import (
    MAX_COURSE_READINGS,
    MIN_NOISY_READINGS,
    clipped_steps,
    normalised,
)
from harness.traces.trace import Floats, Ints, Trace

BUCKETS = 128
"""Sums that stand for the usual steps of a course. The correlation of two sketches has a standard
deviation of (1 - c^2) / sqrt(BUCKETS) about that of the courses, c."""
SCALE_BUCKETS = 32
"""Sums that stand for all of its steps."""
SIGNS_SEED = 5
"""The signs and buckets must be the same in every process."""
WINDOW = np.dtype([("hash", "<u8"), ("begin", "<i4"), ("stride", "i1")])
"""A window: hash of its readings, index of the first, and the stride between them."""


@dataclass(frozen=True, slots=True)
class TraceSketch:
    """The sketch of a trace, as little-endian bytes.

    Attributes:
        steps: Sums of its steps, `SCALE_BUCKETS` of float32; empty where it is flat.
        usual_steps: Sums of its usual steps, `BUCKETS` of float16; empty where it is flat, or too
            short to be found with noise.
        windows: Windows of its readings, an array of `WINDOW`: varied ones of every reading, and
            all of every second, third and fourth.
    """

    steps: bytes
    usual_steps: bytes
    windows: bytes


def sketch_of(trace: Trace) -> TraceSketch:
    """Return the sketch of a trace."""
    steps = np.diff(trace.value[:MAX_COURSE_READINGS])[None, :]
    all_steps = _sums(normalised(steps)).reshape(-1, SCALE_BUCKETS).sum(axis=0)
    usual_steps = np.empty(0)
    if len(trace) >= MIN_NOISY_READINGS:
        usual_steps = _sums(normalised(clipped_steps(steps)))
    return TraceSketch(
        steps=all_steps.astype("<f4").tobytes() if all_steps.any() else b"",
        usual_steps=usual_steps.astype("<f2").tobytes() if usual_steps.any() else b"",
        windows=_hashed_windows(trace),
    )


def _hashed_windows(trace: Trace) -> bytes:
    """Return the windows of a trace, at every stride, as an array of `WINDOW`."""
    parts = []
    for stride in STRIDES:
        windows = varied_windows(trace.value) if stride == 1 else hash_windows(trace.value, stride)
        hashes, begins = _few_of_each(windows)
        part = np.empty(len(hashes), WINDOW)
        part["hash"], part["begin"], part["stride"] = hashes, begins, stride
        parts.append(part)
    return np.concatenate(parts).tobytes()


def _few_of_each(windows: Windows) -> Windows:
    """Return the first occurrences of each window: as many as are looked up."""
    order = np.argsort(windows.hashes, kind="stable")
    hashes = windows.hashes[order]
    is_few = np.ones(len(order), np.bool_)
    few = MAX_PLACES_OF_WINDOW
    is_few[few:] = hashes[few:] != hashes[:-few]
    return Windows(hashes[is_few], windows.begins[order][is_few])


def _sums(steps: Floats) -> Floats:
    """Return the signed sums of the steps of one trace, shape (BUCKETS,)."""
    buckets, signs = _buckets_and_signs()
    row = steps[0]
    signed = row * signs[: len(row)]
    return np.bincount(buckets[: len(row)], signed, minlength=BUCKETS).astype(np.float64)


@functools.cache
def _buckets_and_signs() -> tuple[Ints, NDArray[np.int8]]:
    """Return the bucket and the sign of the step at each place."""
    random = np.random.default_rng(SIGNS_SEED)
    buckets = random.integers(0, BUCKETS, MAX_COURSE_READINGS).astype(np.int64)
    signs = (2 * random.integers(0, 2, MAX_COURSE_READINGS) - 1).astype(np.int8)
    return buckets, signs

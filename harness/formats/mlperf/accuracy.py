"""Read ``accuracy.txt`` of MLPerf inference: what the accuracy scripts print."""

from __future__ import annotations

import re

from harness.formats.base import Quality
from harness.formats.reference.benchmarks import quality

_TAIL_BYTES = 65536
"""The result stands at the end of the file."""
_NUMBER = r"[\"']?([0-9.]+)"
"""A number, which may stand in quotes."""
_METRICS = (
    ("AUC", r"AUC=([0-9.]+)%"),
    ("f1", rf"[\"']f1[\"']: {_NUMBER}"),
    ("rouge1", rf"[\"']rouge1[\"']: {_NUMBER}"),
    ("mAP", r"mAP=([0-9.]+)%"),
    ("DICE of BraTS", r"Accuracy: mean = ([0-9.]+), whole tumor"),
    ("DICE", r"Accuracy: mean = ([0-9.]+)"),
    ("WER accuracy", r"Word Error Rate: .{0,200}accuracy=([0-9.]+)%"),
    ("FID", rf"FID_SCORE[\"']?: ?{_NUMBER}"),
    ("exact_match", rf"[\"']exact_match[\"']: {_NUMBER}"),
    ("accuracy", r"accuracy=([0-9.]+)%"),
)
"""Metrics and how each is printed; the first that is there counts."""


def read_accuracy(content: bytes, benchmark: str) -> Quality | None:
    """Return the quality in ``accuracy.txt``, in its own unit; ``None`` if there is none."""
    text = content[-_TAIL_BYTES:].decode("utf-8", "replace")
    for metric, pattern in _METRICS:
        values = re.findall(pattern, text)
        if values:
            try:
                value = float(values[-1])
            except ValueError:
                return None
            return quality("inference", benchmark, metric, value)
    return None

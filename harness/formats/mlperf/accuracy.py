"""What accuracy scripts print: `accuracy.txt` of MLPerf inference."""

from __future__ import annotations

import re

from harness.formats.base import Quality
from harness.formats.reference.benchmarks import quality

_NUMBER = r"[\"']?([\d.]+)"
_QUALITY = (
    ("AUC", r"AUC=([\d.]+)%"),
    ("f1", rf"[\"']f1[\"']: {_NUMBER}"),
    ("rouge1", rf"[\"']rouge1[\"']: {_NUMBER}"),
    ("mAP", r"mAP=([\d.]+)%"),
    ("DICE of BraTS", r"Accuracy: mean = ([\d.]+), whole tumor"),
    ("DICE", r"Accuracy: mean = ([\d.]+)"),
    ("WER accuracy", r"Word Error Rate: .{0,200}accuracy=([\d.]+)%"),
    ("FID", rf"FID_SCORE[\"']?: ?{_NUMBER}"),
    ("exact_match", rf"[\"']exact_match[\"']: {_NUMBER}"),
    ("accuracy", r"accuracy=([\d.]+)%"),
)
"""Metrics and how each is printed; the first that is there counts. A number may stand in quotes."""


def read_accuracy(content: bytes, benchmark: str) -> Quality | None:
    """The quality that `accuracy.txt` reports, in the unit it reports it in; None where it has another form."""
    text = content[-65536:].decode("utf-8", "replace")
    for metric, pattern in _QUALITY:
        found = re.findall(pattern, text)
        if found:
            try:
                return quality("inference", benchmark, metric, float(found[-1]))
            except ValueError:
                return None
    return None

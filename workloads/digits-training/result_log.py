"""The log of a training, in MLLOG lines: the form of mlcommons/logging."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, TextIO


class ResultLog:
    """Writer of MLLOG lines. file: where they go; None: nowhere, as of a rank that is not the
    first"""

    def __init__(self, file: TextIO | None) -> None:
        self.file = file

    def line(
        self, key: str, value: Any = None, event: str = "POINT_IN_TIME", **metadata: Any
    ) -> None:
        """One line, stamped now."""
        if self.file is None:
            return
        said = {
            "namespace": "",
            "time_ms": time.time_ns() // 1_000_000,
            "event_type": event,
            "key": key,
            "value": value,
        }
        print(
            ":::MLLOG " + json.dumps(said | {"metadata": metadata | _caller()}),
            file=self.file,
            flush=True,
        )

    def begin(self, key: str, **metadata: Any) -> None:
        """The begin of an interval."""
        self.line(key, event="INTERVAL_START", **metadata)

    def end(self, key: str, value: Any = None, **metadata: Any) -> None:
        """The end of an interval."""
        self.line(key, value, event="INTERVAL_END", **metadata)

    def header(self, benchmark: str, **values: Any) -> None:
        """What is run, by whose code, on how much."""
        self.line("submission_benchmark", benchmark)
        self.line("submission_division", "closed")
        self.line("submission_org", "joulemark")
        self.line("submission_platform", "reference")
        self.line("submission_status", "onprem")
        for key, value in values.items():
            self.line(key, value)


def progress(done: int, of: int) -> None:
    """Tell whoever runs us how far we are, where somebody does."""
    if folder := os.environ.get("JOULEMARK_LOG"):
        Path(folder, "progress").write_text(f"{done}/{of}", "ascii")


def _caller() -> dict[str, Any]:
    """File and line of the program that logs."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    return {"file": Path(frame.f_code.co_filename).name, "lineno": frame.f_lineno}

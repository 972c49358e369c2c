"""Write the log of a training as MLLOG lines, the format of mlcommons/logging."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, TextIO


class ResultLog:
    """Writer of MLLOG lines.

    Attributes:
        file: Where they go; None writes nothing, for ranks other than the first.
    """

    def __init__(self, file: TextIO | None) -> None:
        self.file = file

    def line(
        self, key: str, value: Any = None, event: str = "POINT_IN_TIME", **metadata: Any
    ) -> None:
        """Write one line, stamped now."""
        if self.file is None:
            return
        event_fields = {
            "namespace": "",
            "time_ms": time.time_ns() // 1_000_000,
            "event_type": event,
            "key": key,
            "value": value,
        }
        print(
            ":::MLLOG " + json.dumps(event_fields | {"metadata": metadata | _caller()}),
            file=self.file,
            flush=True,
        )

    def begin(self, key: str, **metadata: Any) -> None:
        """Write the start of an interval."""
        self.line(key, event="INTERVAL_START", **metadata)

    def end(self, key: str, value: Any = None, **metadata: Any) -> None:
        """Write the end of an interval."""
        self.line(key, value, event="INTERVAL_END", **metadata)

    def header(self, benchmark: str, **values: Any) -> None:
        """Write what is run, by whose code, and on how much data."""
        self.line("submission_benchmark", benchmark)
        self.line("submission_division", "closed")
        self.line("submission_org", "joulemark")
        self.line("submission_platform", "reference")
        self.line("submission_status", "onprem")
        for key, value in values.items():
            self.line(key, value)


def progress(done: int, total: int) -> None:
    """Report progress to the harness, if it runs this program."""
    if folder := os.environ.get("JOULEMARK_LOG"):
        Path(folder, "progress").write_text(f"{done}/{total}", "ascii")


def _caller() -> dict[str, Any]:
    """Return file and line of the code that logs."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    return {"file": Path(frame.f_code.co_filename).name, "lineno": frame.f_lineno}

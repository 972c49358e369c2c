"""Sessions in the harness's own plain CSV form: a declared header, then one reading a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .files import write_text
from .meter import Recording

HEADER_MARK = "# joulemark-trace: "
"""How the first line begins; a JSON object on the same line follows."""


def write_csv(path: Path, recording: Recording, header: Mapping[str, object]) -> None:
    """Write one channel: the header, the column names with their units, and the readings.

    The header is the caller's, as is. A failed reading is a row with an empty value. Stamps are
    ns, UTC.
    """
    unit = "energy_j" if recording.kind == "counter" else "power_w"
    lines = [HEADER_MARK + json.dumps(header), f"t_ns,{unit}"]
    for t_ns, value in zip(recording.t_ns.tolist(), recording.value.tolist(), strict=True):
        lines.append(f"{t_ns},{'' if np.isnan(value) else round(value, 6)}")
    write_text(path, "\n".join(lines) + "\n")

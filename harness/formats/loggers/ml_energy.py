"""Read a result of the ML.ENERGY benchmark: energies that its authors state, without readings.

A result is a JSON object with ``steady_state_energy`` [J], ``steady_state_duration`` [s] and
``steady_state_energy_per_token`` [J], of all GPU boards during the steady state. Where the object
holds ``timeline.power``, its readings are relative and are not used. The class is *declared*.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.core.documents import parse_json
from harness.formats.base import Work
from harness.formats.power_log.cells import missing, positive
from harness.formats.power_log.log import About, PowerLog
from harness.formats.power_log.reader import LoggerFormat


class MlEnergy(LoggerFormat):
    """Reader of results.json of the ML.ENERGY benchmark."""

    name = "ml-energy"
    suffixes = (".json",)

    def recognises(self, head: str) -> bool:
        """Tell by a field of its results; it may stand far behind the head of a long file."""
        fields = ("steady_state_energy", "entire_benchmark_measurement", "steady_state_measurement")
        return any(f'"{name}' in head for name in fields)

    def parse(self, text: str, about: About, where: str) -> PowerLog:  # noqa: ARG002
        """Read the stated energy, the length of the steady state, and its tokens."""
        document = parse_json(text.encode(), where=where)
        result: Mapping[str, Any] = document if isinstance(document, dict) else {}
        energy_j = positive(result.get("steady_state_energy"))
        if energy_j is None:
            raise missing(where, "energy", "steady_state_energy [J]", "Use results.json of a run.")
        per_token_j = positive(result.get("steady_state_energy_per_token"))
        measurement = result.get("steady_state_measurement")
        seconds = positive(result.get("steady_state_duration"))
        if seconds is None and isinstance(measurement, dict):
            seconds = positive(measurement.get("time"))
        return PowerLog(
            declared_energy_j=energy_j,
            seconds=seconds,
            work=Work(energy_j / per_token_j, "token") if per_token_j else None,
            system=str(result.get("gpu_model", "")),
            benchmark=str(result.get("model_id", "")),
        )


FORMAT = MlEnergy()

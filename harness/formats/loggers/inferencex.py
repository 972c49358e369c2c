"""Read a result of InferenceX (once InferenceMAX): energies that its authors state.

A result is a flat JSON object with ``total_gpu_energy_j`` [J], or ``joules_per_output_token`` and a
token throughput, of all GPU boards of one serving configuration. ``power_valid`` of 0 says that its
own check of the power readings failed. The class is *declared*.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.core.documents import parse_json
from harness.core.errors import UnreadableError
from harness.formats.base import Work
from harness.formats.power_log.cells import missing, positive
from harness.formats.power_log.log import About, PowerLog
from harness.formats.power_log.reader import LoggerFormat

ENERGY, PER_TOKEN, POWER = "total_gpu_energy_j", "joules_per_output_token", "avg_total_gpu_power_w"


class InferenceX(LoggerFormat):
    """Reader of one aggregated result of InferenceX."""

    name = "inferencex"
    suffixes = (".json",)

    def recognises(self, head: str) -> bool:
        """Tell by a field of energy beside one of the configuration."""
        has_energy = f'"{PER_TOKEN}"' in head or f'"{ENERGY}"' in head
        has_result = any(f'"{name}"' in head for name in ("conc", "isl", "hw", "tput_per_gpu"))
        return has_energy and has_result

    def parse(self, text: str, about: About, where: str) -> PowerLog:  # noqa: ARG002
        """Read the stated energy, the tokens and the length of the run."""
        document = parse_json(text.encode(), where=where)
        result: Mapping[str, Any] = document if isinstance(document, dict) else {}
        metrics = result.get("metrics")
        if isinstance(metrics, dict):
            result = {**result, **metrics}
        if result.get("power_valid") in (0, False):
            raise UnreadableError(
                "says of itself that its power readings are not valid",
                where=where,
                got="power_valid 0",
                expected="power_valid 1",
            )
        energy_j, per_token_j = positive(result.get(ENERGY)), positive(result.get(PER_TOKEN))
        power_w = positive(result.get(POWER))
        if energy_j is None:
            raise missing(
                where,
                "energy of a run",
                f"{ENERGY} [J]; {PER_TOKEN} alone is a ratio",
                "Use a result of metric schema version 2 or later.",
            )
        return PowerLog(
            declared_energy_j=energy_j,
            seconds=energy_j / power_w if power_w else None,
            work=Work(energy_j / per_token_j, "token") if per_token_j else None,
            system=str(result.get("hw", result.get("hardware", ""))),
            benchmark=str(result.get("model", result.get("infmax_model_prefix", ""))),
        )


FORMAT = InferenceX()

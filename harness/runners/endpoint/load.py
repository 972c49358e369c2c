"""What a load is: four kinds.

- ``concurrency``: at most C requests in flight. This is MLPerf Endpoints' convention.
- ``rate``: Poisson arrivals at a mean rate.
- ``offline``: everything at once.
- ``server``: the Server scenario of MLPerf's LoadGen, with token latencies.

Apart from ``schedule``, which plays loads, so that reading a result imports no event loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["concurrency", "rate", "offline", "server"]


@dataclass(frozen=True, slots=True)
class Load:
    """One load.

    Attributes:
        kind: Which of the four.
        value: Requests in flight, or arrivals per second; ignored for offline.
        count: Requests to send at least.
        min_duration_s: No request is the last before this much time has passed [s].
        block: Requests come in whole multiples of this, so that each question is asked equally
            often.
        ttft_limit_ms: Limit of the time to first token that LoadGen judges by [ms].
        tpot_limit_ms: Limit of the time per output token that LoadGen judges by [ms].
    """

    kind: Kind
    value: float
    count: int
    min_duration_s: float = 0.0
    block: int = 1
    ttft_limit_ms: float = 2000.0
    tpot_limit_ms: float = 200.0

    @property
    def concurrency(self) -> int:
        """Most requests in flight that this load needs connections for."""
        return int(self.value) if self.kind == "concurrency" else self.count

    @property
    def label(self) -> str:
        """Name of the point, as a scenario."""
        if self.kind == "offline":
            return "offline"
        return f"{self.kind}-{self.value:g}"

"""Show power and energy of a run once a second, while it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.live.monitor.live_power import LivePower
from harness.meters.arrangement import arrange
from harness.meters.sampler_process import SamplerGroup

INTERVAL_S = 1.0


class LiveDisplay:
    """Shows power and energy once a second.

    Args:
        samplers: The samplers, which have begun.
        watch: Called with the text.
    """

    def __init__(self, samplers: SamplerGroup, watch: Callable[[str], None]) -> None:
        roots = arrange(samplers.channels).top
        journals = {process.journal: process.channels for process in samplers.processes}
        self._power = LivePower(journals, roots)
        self._watch, self._next_s = watch, 0.0

    def update(self) -> None:
        """Read the journals and show, if a second has passed."""
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + INTERVAL_S
            self._power.update()
            self._watch(self._power.text())

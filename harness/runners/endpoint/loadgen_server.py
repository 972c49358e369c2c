"""MLPerf LoadGen's Server scenario as a load: LoadGen says when, this client sends.

LoadGen draws Poisson arrivals and questions, and judges time to first token and time per output
token by its early stopping. It runs in a thread of its own; its queries are handed to the event
loop, and first tokens and ends are reported back. LoadGen knows no failed request: one counts there
as a reply of one token, and in our event log as what it is.

Needs ``mlperf_loadgen``: ``pip install 'joulemark[loadgen]'``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness.runners.endpoint.load import Load
from harness.runners.endpoint.runner import LOADGEN_FOLDER

NS_PER_MS = 1_000_000

OnFirst = Callable[[], None]
Ask = Callable[[int, int, OnFirst], Awaitable[int]]
"""Asks a question as the n-th request, and returns the output tokens; 0 for a failed request."""


class Bridge:
    """Hand LoadGen's queries to the event loop, and what becomes of them back.

    Args:
        loadgen: The module `mlperf_loadgen`.
        ask: Sends one request.
        loop: The event loop of the client.
    """

    def __init__(self, loadgen: Any, ask: Ask, loop: asyncio.AbstractEventLoop) -> None:
        self._loadgen, self._ask, self._loop = loadgen, ask, loop
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        self._answer = np.zeros(1, np.int32)  # LoadGen copies it; its content means nothing

    def issue(self, samples: list[Any]) -> None:
        """Take queries (callback of LoadGen, in its thread)."""
        for sample in samples:
            self._loop.call_soon_threadsafe(self._start, sample.id, sample.index)

    def _start(self, query: int, question: int) -> None:
        task = self._loop.create_task(self._answer_query(query, self._count, question))
        self._count += 1
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_query(self, query: int, number: int, question: int) -> None:
        reported = False

        def first_token() -> None:
            nonlocal reported
            if not reported:
                self._loadgen.FirstTokenComplete([self._response(query, 1)])
            reported = True

        tokens = await self._ask(number, question, first_token)
        first_token()
        self._loadgen.QuerySamplesComplete([self._response(query, max(1, tokens))])

    def _response(self, query: int, tokens: int) -> Any:
        address, size = self._answer.ctypes.data, self._answer.nbytes
        return self._loadgen.QuerySampleResponse(query, address, size, tokens)


async def play_server(load: Load, ask: Ask, question_count: int, folder: Path, seed: int) -> None:
    """Play the Server scenario, and return when LoadGen has ended.

    Args:
        load: Rate, least count and duration, and the limits of both latencies.
        ask: Sends one request.
        question_count: Questions in the set.
        folder: Folder of the run's logs.
        seed: Seed of arrivals and questions.
    """
    import mlperf_loadgen as loadgen

    out = folder / LOADGEN_FOLDER
    out.mkdir()
    log = loadgen.LogSettings()
    log.log_output.outdir, log.log_output.copy_summary_to_stdout = str(out), False
    log.enable_trace = False
    loop = asyncio.get_running_loop()
    bridge = Bridge(loadgen, ask, loop)
    sut = loadgen.ConstructSUT(bridge.issue, lambda: None)
    library = loadgen.ConstructQSL(question_count, question_count, lambda _: None, lambda _: None)
    settings = _settings(loadgen, load, seed)
    await loop.run_in_executor(None, loadgen.StartTestWithLogSettings, sut, library, settings, log)
    loadgen.DestroyQSL(library)
    loadgen.DestroySUT(sut)
    (out / "mlperf_log_trace.json").unlink(missing_ok=True)  # empty: tracing is off


def _settings(loadgen: Any, load: Load, seed: int) -> Any:
    settings = loadgen.TestSettings()
    settings.scenario = loadgen.TestScenario.Server
    settings.mode = loadgen.TestMode.PerformanceOnly
    settings.server_target_qps = load.value
    settings.min_query_count = load.count
    settings.min_duration_ms = round(load.min_duration_s * 1000)
    settings.use_token_latencies = True
    settings.ttft_latency = round(load.ttft_limit_ms * NS_PER_MS)
    settings.tpot_latency = round(load.tpot_limit_ms * NS_PER_MS)
    settings.qsl_rng_seed = settings.sample_index_rng_seed = settings.schedule_rng_seed = seed
    return settings

"""The measured process of a point: start a server where one is to be started, warm it up, load it.

Started as ``python -m harness.runners.endpoint.load_process JOB``; the job is a JSON file that
``runner.Endpoint`` writes. It leaves ``events.jsonl`` and ``client.json`` beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from harness.core.errors import JoulemarkError
from harness.runners.endpoint.address import base_url
from harness.runners.endpoint.client import RequestFailed, Server, ask, connect
from harness.runners.endpoint.events import (
    ABANDONED,
    COMPLETE,
    ERROR,
    EVENTS,
    FIRST,
    ISSUED,
    LATER,
    START,
    STOP,
    EventLog,
)
from harness.runners.endpoint.load import Load
from harness.runners.endpoint.loadgen_server import play_server
from harness.runners.endpoint.outage import Outage
from harness.runners.endpoint.questions import Question, parse_questions
from harness.runners.endpoint.runner import CLIENT, KEY_VARIABLE
from harness.runners.endpoint.schedule import play

MAX_ATTEMPTS = 3
RETRY_WAIT_S = 0.5
START_TIMEOUT_S = 120.0


@dataclass(slots=True)
class Client:
    """Send questions and log what becomes of them.

    Attributes:
        session: Pool of connections.
        server: Where requests go.
        questions: The set.
        order: Indices of the questions, in the order in which they are asked.
        log: Where events go.
        prefix: Put before the number of a request to make its id.
        replies: Number of complete replies.
        failures: What the last attempt of each failed request met.
        outage: Whether the server is gone: then nothing more is sent.
    """

    session: aiohttp.ClientSession
    server: Server
    questions: Sequence[Question]
    order: Sequence[int]
    log: EventLog
    prefix: str = ""
    replies: int = 0
    failures: list[str] = field(default_factory=list)
    outage: Outage = field(default_factory=Outage)

    async def send(self, number: int) -> None:
        """Ask the question of this turn."""
        await self.ask(number, self.order[number % len(self.order)], _nothing)

    async def ask(self, number: int, index: int, on_first: Callable[[], None]) -> int:
        """Ask a question, again where the server is only busy; return its output tokens.

        Failed attempts and their time stay inside the request: their energy was spent. A request
        that is due when the server is gone is logged as failed, and not sent.

        Args:
            number: Number of the request.
            index: Index of the question.
            on_first: Called when the first fragment arrives.
        """
        question = self.questions[index]
        sample = f"{self.prefix}{number}"
        self.log.write(ISSUED, sample, {"question": index, "turn": number})
        for attempt in range(1, MAX_ATTEMPTS + 1):
            stamps: list[int] = []

            def on_fragment(stamp_ns: int, stamps: list[int] = stamps) -> None:
                stamps.append(stamp_ns)
                if len(stamps) == 1:
                    on_first()

            try:
                if self.outage.is_over():
                    raise RequestFailed("the server is gone", retry=False, connected=False)
                reply = await ask(
                    self.session, self.server, question.prompt, question.max_tokens, on_fragment
                )
            except RequestFailed as error:
                self._note_failure(error)
                final = not error.retry or attempt == MAX_ATTEMPTS
                self._log_fragments(sample, stamps)
                self.log.write(ERROR, sample, {"error": str(error), "final": final})
                if final:
                    self.failures.append(str(error))
                    self.log.write(COMPLETE, sample)
                    return 0
                await asyncio.sleep(RETRY_WAIT_S * 2 ** (attempt - 1))
            else:
                self.outage.reached()
                self._log_fragments(sample, stamps)
                self.log.write(COMPLETE, sample, _document(reply))
                self.replies += 1
                tokens = reply.completion_tokens
                return len(stamps) if tokens is None else tokens
        return 0

    def _note_failure(self, error: RequestFailed) -> None:
        """Follow whether the server can be reached at all."""
        if error.connected:
            self.outage.reached()
        else:
            self.outage.missed(str(error))

    def _log_fragments(self, sample: str, stamps: Sequence[int]) -> None:
        """Log the fragments of one attempt once it is over: writing must not delay reading."""
        for position, stamp_ns in enumerate(stamps):
            self.log.write(LATER if position else FIRST, sample, at_ns=stamp_ns)


def _nothing() -> None:
    """Do nothing: a callback for results that nobody needs."""


def _document(reply: Any) -> dict[str, Any]:
    fields = ("text", "finish_reason", "completion_tokens", "prompt_tokens", "cached_tokens")
    values = {name: getattr(reply, name) for name in fields}
    return {name: value for name, value in values.items() if value is not None}


async def load_server(job: Mapping[str, Any], folder: Path, url: str) -> None:
    """Warm up, then play the load of a job, logging into ``folder``."""
    server = Server(
        url=url,
        model=job["model"],
        api=job["api"],
        key=os.environ.get(KEY_VARIABLE, ""),
        timeout_s=job["timeout_s"],
        parameters=job["parameters"],
        verify_tls=job["verify_tls"],
    )
    questions = parse_questions((folder / job["questions"]).read_bytes(), job["questions"])
    load = Load(**job["load"])
    order = list(range(len(questions)))
    random.Random(job["seed"]).shuffle(order)
    with EventLog(folder / EVENTS) as log:
        async with connect(load.concurrency) as session:
            warm_up = Client(session, server, questions, order[::-1], log, "warm-up-")
            await play(_warm_up(load, job["warm_up"]), warm_up.send, job["seed"])
            if warm_up.failures and not warm_up.replies:
                raise JoulemarkError(
                    "no request was answered",
                    where=url,
                    got=f"{warm_up.failures[0]}, in a warm-up of {len(warm_up.failures)} requests",
                    expected="a server that answers",
                )
            outage = Outage(job["give_up_after_s"])
            client = Client(session, server, questions, order, log, outage=outage)
            log.write(START)
            began_s, cpu_s = time.monotonic(), _cpu_seconds()
            if load.kind == "server":
                await play_server(load, client.ask, len(questions), folder, job["seed"])
            else:
                await play(load, client.send, job["seed"], outage.is_over)
            if outage.is_over():
                log.write(ABANDONED, data={"reason": outage.reason})
            log.write(STOP)
    used = {"cpu_s": _cpu_seconds() - cpu_s, "wall_s": time.monotonic() - began_s}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    document = used | {"max_rss_bytes": memory, "url": url}
    (folder / CLIENT).write_text(json.dumps(document) + "\n", "utf-8")


def _warm_up(load: Load, count: int) -> Load:
    """Send the requests of the warm-up, at the concurrency of the load where it has one."""
    if load.kind == "concurrency":
        return Load("concurrency", load.value, max(count, int(load.value)) if count else 0)
    return Load("concurrency", 1, count)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@contextlib.contextmanager
def serving(command: Sequence[str], folder: Path) -> Iterator[str]:
    """Start a server of the workload; its first line of output is its URL.

    Raises:
        JoulemarkError: if it ends, or says nothing in time.
    """
    with (folder / "server.log").open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith("http"):
                raise JoulemarkError(
                    "the server did not start",
                    where=str(folder / "server.log"),
                    got=line.strip() or f"exit status {process.poll()}",
                    expected="its URL as the first line of output",
                )
            yield line.strip()
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()


async def wait_until_ready(url: str, timeout_s: float = START_TIMEOUT_S) -> None:
    """Wait until the server lists its models.

    Raises:
        JoulemarkError: if it does not in time.
    """
    models = base_url(url) + "/models"
    deadline_s = time.monotonic() + timeout_s
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline_s:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with session.get(models) as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.1)
    raise JoulemarkError("the server is not ready", where=url, got=f"nothing in {timeout_s:g} s")


def main(path: str) -> int:
    """Do a job. Exit status 0, or 1 with one line on standard error."""
    file = Path(path)
    job = json.loads(file.read_text("utf-8"))
    try:
        if job["server"]:
            with serving(job["server"], file.parent) as url:
                asyncio.run(wait_until_ready(url))
                asyncio.run(load_server(job, file.parent, url))
        else:
            asyncio.run(load_server(job, file.parent, job["url"]))
    except JoulemarkError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

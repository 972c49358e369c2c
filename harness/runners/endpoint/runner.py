"""One point on an LLM server as a runner: the command that loads it, and what its event log says.

Everything in the outcome is derived from ``events.jsonl`` and ``questions.jsonl``, which lie in the
run directory; ``derive`` is the same function that the audit calls.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.core.errors import UnreadableError
from harness.core.files import read_bytes, sha256, write_text
from harness.formats.base import Quality, Quantity, Work
from harness.formats.mlperf.loadgen_log import read_detail
from harness.runners.base import CommandResult, Job, Outcome, Step, WorkloadFailed
from harness.runners.endpoint.address import base_url
from harness.runners.endpoint.events import EVENTS, Events, Request, align, clock_pairs, read_events
from harness.runners.endpoint.load import Load
from harness.runners.endpoint.metrics import PointMetrics, SteadyPart, point_metrics
from harness.runners.endpoint.outage import GIVE_UP_AFTER_S
from harness.runners.endpoint.questions import Question, is_correct, parse_questions
from harness.runners.endpoint.replies.reference_tokens import ReferenceTokenizer

JOB, QUESTIONS, CLIENT = "job.json", "questions.jsonl", "client.json"
LOAD_PROCESS = "harness.runners.endpoint.load_process"
KEY_VARIABLE = "JOULEMARK_ENDPOINT_KEY"
LOADGEN_FOLDER, DETAIL = "loadgen", "mlperf_log_detail.txt"
"""Where LoadGen's logs of a Server load lie, and its log of all details."""
MAX_FAILED_SHARE = 0.01
"""A point of which a larger share of requests failed is not valid."""
MAX_CLIENT_SHARE = 0.8
"""Share of one core above which the client, not the server, may have set the pace."""


@dataclass(frozen=True, slots=True)
class Grading:
    """How the questions of a point were answered.

    Attributes:
        correct: Requests answered correctly.
        asked: Requests that were sent; a failed one counts as wrong.
        questions: Distinct questions among them.
        chance: Mean probability of a right answer by guessing.
        marks: By the position of a question in its set, the share of right answers to it.
    """

    correct: int
    asked: int
    questions: int
    chance: float
    marks: Mapping[int, float] = field(default_factory=dict)

    @property
    def accuracy(self) -> float:
        """Share of the requests that were answered correctly."""
        return self.correct / self.asked


@dataclass(frozen=True, slots=True)
class Point:
    """What the files of one run say.

    Attributes:
        events: The event log.
        metrics: Figures that follow from it.
        grading: How the questions were answered; None where nothing was graded.
        beyond_limit: Complete replies with more tokens, as the server counts, than were asked for.
    """

    events: Events
    metrics: PointMetrics
    grading: Grading | None
    beyond_limit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A load on a server.

    Attributes:
        url: Base URL; ignored if ``server`` is given.
        model: Name of the model, as the server knows it.
        questions: What to ask.
        load: When to ask it.
        server: Command that starts a server and prints its URL, for a workload that brings one.
        tokenizer: ``tokenizer.json`` of a reference tokenizer; None for none.
        key: API key, "" for none; it reaches the process by its environment and is in no file.
        parameters: Further fields of each request.
        give_up_after_s: Time without any connection after which the load ends early [s].
    """

    url: str
    model: str
    questions: Sequence[Question]
    load: Load
    server: Sequence[str] = ()
    api: str = "chat"
    key: str = ""
    warm_up: int = 4
    timeout_s: float = 300.0
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"temperature": 0})
    verify_tls: bool = True
    question_set: str = ""
    tokenizer: Path | None = None
    give_up_after_s: float = GIVE_UP_AFTER_S

    def __post_init__(self) -> None:
        if not self.server:
            base_url(self.url)  # a wrong address is reported before anything is written

    @property
    def environment(self) -> Mapping[str, str]:
        """The API key, if there is one."""
        return {KEY_VARIABLE: self.key} if self.key else {}

    def steps(self, folder: Path) -> Iterator[Step]:  # noqa: ARG002 - nothing to prepare
        """Nothing: the warm-up is part of each run, before its window."""
        return iter(())

    def command(self, job: Job) -> Sequence[str]:
        """Write the job into the folder of the run, and return the command that does it."""
        job.log.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(question.document()) + "\n" for question in self.questions]
        write_text(job.log / QUESTIONS, "".join(lines))
        document = {
            "url": "" if self.server else self.url,
            "model": self.model,
            "api": self.api,
            "server": list(self.server),
            "questions": QUESTIONS,
            "load": asdict(self.load),
            "warm_up": self.warm_up,
            "timeout_s": self.timeout_s,
            "give_up_after_s": self.give_up_after_s,
            "parameters": dict(self.parameters),
            "verify_tls": self.verify_tls,
            "seed": job.seed,
        }
        path = job.log / JOB
        write_text(path, json.dumps(document, indent=1) + "\n")
        return [sys.executable, "-P", "-m", LOAD_PROCESS, str(path.absolute())]

    def outcome(self, job: Job, result: CommandResult) -> Outcome:  # noqa: ARG002 - the log says more
        """Derive every figure from the event log.

        Raises:
            WorkloadFailed: if no request was answered, or a file is missing.
        """
        facts: dict[str, Any] = {
            "model": self.model,
            "api": self.api,
            "host": urlsplit(self.url).hostname or "" if not self.server else "127.0.0.1",
            "question_set": self.question_set,
            "questions_sha256": sha256(read_bytes(job.log / QUESTIONS)),
            "load": {"kind": self.load.kind, "value": self.load.value},
        }
        point = _derive_or_fail(job.log)
        client = _client(job.log / CLIENT)
        if self.tokenizer is not None:
            facts |= _reference_facts(point, self.tokenizer)
        if self.load.kind == "server":
            facts["loadgen"] = _loadgen_results(job.log / LOADGEN_FOLDER / DETAIL)
        return _outcome(point, {**facts, "client": client}, client)


def endpoint_outcome(folder: Path, journals: Path) -> Outcome:
    """Return what the event log of another client says, such as MLPerf's.

    Args:
        folder: The folder with its ``events.jsonl``.
        journals: Folder of the run's journals, whose clocks align the log with the traces.

    Raises:
        WorkloadFailed: if no request was answered.
    """
    point = _derive_or_fail(folder, journals)
    return _outcome(point, {"model": "", "load": {}}, client={})


def _derive_or_fail(folder: Path, journals: Path | None = None) -> Point:
    try:
        return derive(folder, journals)
    except UnreadableError as error:
        raise WorkloadFailed(error.message, where=str(folder / EVENTS), got=error.got) from None


def _outcome(point: Point, facts: Mapping[str, Any], client: Mapping[str, Any]) -> Outcome:
    """Return the outcome of a point, with facts beside those that are derived from it."""
    return Outcome(
        window=point.metrics.window,
        seconds=point.metrics.window.seconds,
        success=is_valid(point),
        work=work(point),
        performance=performance(point),
        quality=quality(point),
        advice=tuple(_advice(point, client, facts.get("loadgen", {}))),
        facts={"endpoint": {**endpoint_facts(point), **facts}},
    )


def derive(folder: Path, journals: Path | None = None) -> Point:
    """Read the files of one run and compute its figures.

    Args:
        folder: The folder with ``events.jsonl`` and, where answers were graded,
            ``questions.jsonl``.
        journals: Folder of the run's journals, whose clocks align a log without wall time.

    Raises:
        UnreadableError: if the log cannot be used.
    """
    events = read_events(read_bytes(folder / EVENTS))
    if not events.has_wall_time and journals is not None:
        clocks = clock_pairs(journals)
        if len(clocks):
            events = align(events, clocks)
    metrics = point_metrics(events)
    path = folder / QUESTIONS
    if not path.is_file():
        return Point(events, metrics, None)
    questions = parse_questions(read_bytes(path), str(path))
    beyond_limit = sum(_is_beyond_limit(request, questions) for request in events.requests)
    return Point(events, metrics, grade(events.requests, questions), beyond_limit)


def _is_beyond_limit(request: Request, questions: Sequence[Question]) -> bool:
    """Return whether a server counts more tokens in a reply than its question allows."""
    index, count = request.question, request.usage_tokens
    if index is None or index >= len(questions) or count is None or not request.completed:
        return False
    return count > questions[index].max_tokens


def grade(requests: Sequence[Request], questions: Sequence[Question]) -> Grading | None:
    """Grade all replies; None if the log does not say which question was asked."""
    results: dict[int, list[bool]] = {}
    for request in requests:
        index = request.question
        if index is None or index >= len(questions):
            return None
        right = request.completed and is_correct(questions[index], request.text)
        results.setdefault(index, []).append(right)
    if not results:
        return None
    request_count = sum(len(marks) for marks in results.values())
    chance = (
        sum(questions[index].chance * len(marks) for index, marks in results.items())
        / request_count
    )
    return Grading(
        correct=sum(sum(marks) for marks in results.values()),
        asked=request_count,
        questions=len(results),
        chance=chance,
        marks={index: sum(marks) / len(marks) for index, marks in sorted(results.items())},
    )


def is_valid(point: Point) -> bool:
    """Whether the load ended, not early, and at most 1 % of its requests failed."""
    failed_share = point.metrics.failed / point.metrics.issued
    is_whole = point.events.ended and not point.events.abandoned
    return is_whole and failed_share <= MAX_FAILED_SHARE


def work(point: Point) -> Work:
    """Output tokens, or complete replies where the log does not count tokens."""
    if point.metrics.output_tokens is None:
        return Work(float(point.metrics.completed), "query")
    return Work(float(point.metrics.output_tokens), "token")


def performance(point: Point) -> Quantity:
    """Output tokens per second over the window, or complete replies where no token was counted."""
    rate = point.metrics.tokens_per_second
    if rate is None:
        return Quantity(point.metrics.requests_per_second, "queries/s", "replies per second")
    return Quantity(rate, "tokens/s", "output tokens per second")


def quality(point: Point) -> Quality | None:
    """Share of right answers; None if nothing was graded."""
    return None if point.grading is None else Quality("accuracy", point.grading.accuracy)


def endpoint_facts(point: Point) -> dict[str, Any]:
    """Return the figures of a point for the run record: those that the audit derives again."""
    metrics = point.metrics
    latencies = {
        name: None if value is None else asdict(value)
        for name, value in {
            "ttft_ms": metrics.ttft_ms,
            "tpot_ms": metrics.tpot_ms,
            "tpot_mlperf_ms": metrics.tpot_mlperf_ms,
            "itl_ms": metrics.itl_ms,
            "latency_ms": metrics.latency_ms,
        }.items()
    }
    return {
        "requests": {
            "issued": metrics.issued,
            "completed": metrics.completed,
            "failed": metrics.failed,
            "retries": metrics.retries,
        },
        "output_tokens": metrics.output_tokens,
        "token_source": metrics.token_source,
        "fragments": metrics.fragments,
        "prompt_tokens": metrics.prompt_tokens,
        "in_flight": metrics.in_flight,
        "waiting_share": metrics.waiting_share,
        "grading": None if point.grading is None else _grading_facts(point.grading),
        "steady": None if metrics.steady is None else _steady_facts(metrics.steady),
        **latencies,
        **({"beyond_limit": point.beyond_limit} if point.beyond_limit else {}),
    }


def _steady_facts(steady: SteadyPart) -> dict[str, Any]:
    window = steady.window
    return {
        "start_ns": window.start_ns,
        "stop_ns": window.stop_ns,
        "output_tokens": steady.output_tokens,
    }


def _grading_facts(grading: Grading) -> dict[str, Any]:
    marks = {str(index): share for index, share in grading.marks.items()}
    return asdict(grading) | {"marks": marks}


def _reference_facts(point: Point, path: Path) -> dict[str, Any]:
    """Return the tokens of all complete replies by a reference tokenizer, and its hash."""
    tokenizer = ReferenceTokenizer(path)
    texts = [request.text for request in point.events.requests if request.completed]
    return {"reference_tokens": tokenizer.count(texts), "tokenizer_sha256": tokenizer.sha256}


def _loadgen_results(path: Path) -> dict[str, Any]:
    """Return what LoadGen says of the run: its verdict, its percentiles, its early stopping."""
    try:
        values, _ = read_detail(read_bytes(path))
    except UnreadableError:
        return {}
    return {
        name: value
        for name, value in values.items()
        if name.startswith(("result_", "early_stopping_")) and isinstance(value, int | float | str)
    }


def _client(path: Path) -> dict[str, Any]:
    """Return what the client used; empty if it was killed before it could say."""
    try:
        document = json.loads(read_bytes(path))
    except (UnreadableError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _advice(point: Point, client: Mapping[str, Any], loadgen: Mapping[str, Any]) -> Iterator[str]:
    """List what a vendor should know about this point before submitting it."""
    metrics = point.metrics
    if not point.events.ended:
        yield "the event log stops before the load does: the client was killed"
    if point.events.abandoned:
        yield f"the load ended early, as the server was gone: {point.events.abandoned}"
    verdict = loadgen.get("result_validity")
    if verdict not in (None, "VALID"):
        yield f"LoadGen calls the run {verdict}; its reasons are in log/loadgen"
    if metrics.failed:
        first = next(error for request in point.events.requests for error in request.errors)
        yield (
            f"{metrics.failed} of {metrics.issued} requests failed; their energy counts, their"
            f" tokens do not; the first error: {first}"
        )
    if metrics.counts_disagree:
        yield (
            f"the server counts {metrics.output_tokens} tokens and sent {metrics.fragments}"
            " fragments: more than 1 % apart; the server's usage is taken"
        )
    if point.beyond_limit:
        yield (
            f"{point.beyond_limit} replies have more tokens, as the server counts them, than were"
            " asked for: the energy per token is doubtful"
        )
    share = _core_share(client)
    if share > MAX_CLIENT_SHARE:
        yield f"the client used {share:.0%} of one core: it, not the server, may have set the pace"


def _core_share(client: Mapping[str, Any]) -> float:
    """Processor time of the client over the time of the load; 0 if unknown."""
    wall_s, cpu_s = client.get("wall_s"), client.get("cpu_s")
    if not isinstance(wall_s, float) or not isinstance(cpu_s, float) or wall_s <= 0:
        return 0.0
    return cpu_s / wall_s

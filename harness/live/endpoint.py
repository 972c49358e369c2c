"""Plans for loads on an LLM endpoint: one plan per point, each an entry of its own."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.errors import UsageError, shorten
from harness.core.numbers import plain_number
from harness.live.measure import Plan
from harness.live.plan import Settings, make_entry, make_plan, require_packages
from harness.runners.endpoint.load import Load
from harness.runners.endpoint.questions import Question, load_questions
from harness.runners.endpoint.runner import Endpoint
from harness.runners.workload import Workload

MAX_THREADS = 1024
OPTIONS = ("model", "questions", "threads")
"""Settings of an endpoint workload that ``--set`` changes."""


def plan_points(
    endpoint: Endpoint,
    loads: Sequence[Load],
    settings: Settings,
    lengths: Sequence[int] = (),
) -> Iterator[Plan]:
    """Yield the plan of each load on one server.

    Args:
        endpoint: The server and its questions; its load is replaced.
        loads: The points.
        settings: Meters, repeats, and where the runs go.
        lengths: Longest replies [tokens], each a point of its own; empty for those of the set.
    """
    benchmark = benchmark_name(endpoint.model, endpoint.question_set)
    for load in loads:
        for length in lengths or (None,):
            label = load.label if length is None else f"{load.label}-length-{length}"
            entry = make_entry(settings, benchmark, label, "inference")
            point = replace(endpoint, load=load, questions=_shortened(endpoint, length))
            yield make_plan(entry, point, settings, settings.repeat or 1)


def _shortened(endpoint: Endpoint, length: int | None) -> Sequence[Question]:
    """Return the questions with replies of another greatest length."""
    if length is None:
        return endpoint.questions
    return [replace(question, max_tokens=length) for question in endpoint.questions]


def workload_points(
    chosen: Workload, settings: Settings, scenario: str | None = None
) -> Iterator[Plan]:
    """Yield a plan for each scenario of an endpoint workload, or for the one that is named.

    Raises:
        Unavailable: if a package it needs is missing.
    """
    require_packages(chosen)
    scenarios = [chosen.scenario(scenario)] if scenario else chosen.spec["scenarios"]
    runner, model = chosen.spec["runner"], chosen.spec["model"]
    weights = _weights(settings)
    unknown = sorted(set(settings.options) - set(OPTIONS))
    if unknown:
        raise UsageError(
            "no such setting", where="--set", got=unknown[0], expected=", ".join(OPTIONS)
        )
    question_set = str(settings.options.get("questions", runner["questions"]))
    local_file = chosen.folder / question_set
    name = str(local_file) if local_file.is_file() else question_set
    questions = load_questions(name, option="--set questions")
    command = [sys.executable, str(chosen.folder / runner["server"])]
    model_name = model["name"] if model else chosen.name
    if weights is not None:
        model_name = weights.stem
        command += ["--model", str(weights.absolute())]
        settings = replace(settings, system=f"{settings.system}, {model_name}")
    elif model and model.get("sha256"):
        command += ["--sha256", model["sha256"]]
    if "threads" in settings.options:
        command += ["--threads", str(_threads(settings.options["threads"]))]
    for item in scenarios:
        load = parse_load(item["name"], len(questions), float(item.get("min_duration_s") or 0))
        endpoint = Endpoint(
            url="",
            model=model_name,
            questions=questions,
            load=load,
            server=[*command, "--parallel", str(min(load.concurrency, 64))],
            question_set=question_set,
        )
        entry = make_entry(settings, chosen.name, item["name"], chosen.spec["task"])
        repeats = settings.repeat or int(chosen.spec.get("repeats", 1))
        yield make_plan(entry, endpoint, settings, repeats)


def _threads(stated: object) -> int:
    """Return the threads that `--set threads=N` gives the server.

    Raises:
        UsageError: It is no such number.
    """
    number = plain_number(str(stated))
    if number is None or not number.is_integer() or not 1 <= number <= MAX_THREADS:
        raise UsageError(
            "is no number of threads",
            where="--set threads",
            got=shorten(str(stated), 40),
            expected=f"a whole number, 1 to {MAX_THREADS}",
        )
    return int(number)


def _weights(settings: Settings) -> Path | None:
    """Return the weights that `--set model=FILE` names in place of the workload's own.

    Raises:
        UsageError: There is no such file.
    """
    stated = settings.options.get("model")
    if stated is None:
        return None
    path = Path(str(stated))
    if not path.is_file():
        raise UsageError(
            "is no file of weights",
            where="--set model",
            got=shorten(str(stated), 60),
            expected="a GGUF file",
        )
    return path


def parse_load(label: str, count: int, min_duration_s: float) -> Load:
    """Return the load that the name of a scenario states, such as ``concurrency-4``.

    Raises:
        UsageError: if the label names no load.
    """
    if label == "offline":
        return Load("offline", 0, count, 0.0, count)
    match = re.fullmatch(r"(concurrency|rate|server)-(\d+(?:\.\d+)?)", label, re.ASCII)
    value = float(match[2]) if match else 0.0
    if match and match[1] == "concurrency" and value.is_integer() and 1 <= value <= 100_000:
        return Load("concurrency", value, count, min_duration_s, count)
    if match and match[1] == "rate" and 0 < value <= 100_000:
        return Load("rate", value, count, min_duration_s, count)
    if match and match[1] == "server" and 0 < value <= 100_000:
        return Load("server", value, count, min_duration_s)
    raise UsageError(
        "is not a load",
        got=shorten(label, 60),
        expected="concurrency-N, rate-R, server-R or offline",
    )


def benchmark_name(model: str, question_set: str) -> str:
    """Name what a point is compared by: the model and its questions."""
    parts = (Path(model).name, Path(question_set).stem)
    return "-".join(re.sub(r"[^A-Za-z0-9._]+", "-", part).strip("-") or "x" for part in parts)

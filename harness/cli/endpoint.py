"""The command that loads an LLM server: endpoint."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from harness.cli.base import JSON, Number, cli, emit, note
from harness.cli.common.prices import priced, prices_of
from harness.cli.live.options import IDLE, INTERVAL, METERS, OUT, SUBMITTER, SYSTEM
from harness.cli.live.run import perform
from harness.core.errors import UsageError, shorten
from harness.core.files import refuse_shared
from harness.core.numbers import plain_number

MAX_LOAD = 100_000
"""More requests in flight, or arrivals per second, are no load of one client."""
LOADS = (
    ("concurrency", "--concurrency", "concurrency", f"a whole number of requests, 1 to {MAX_LOAD}"),
    ("rate", "--rate", "rate", f"requests per second, above 0 and at most {MAX_LOAD}"),
    (
        "loadgen_server",
        "--loadgen-server",
        "server",
        f"queries per second, above 0 and at most {MAX_LOAD}",
    ),
)
"""Options that name loads: parameter, option, kind of the load, and what each number of it is."""


@cli.command()
@click.argument("url", metavar="URL")
@click.option("--model", required=True, help="Name of the model, as the server knows it.")
@click.option(
    "--questions",
    default="mixed:40",
    show_default=True,
    metavar="SET",
    help="Questions: mixed, capitals, arithmetic, letters, comparisons or reasoning-gym/TASK, each "
    "with :COUNT, or a JSONL file.",
)
@click.option("--concurrency", default="", metavar="N,...", help="Requests to keep in flight.")
@click.option("--rate", default="", metavar="R,...", help="Poisson arrivals per second.")
@click.option(
    "--loadgen-server",
    default="",
    metavar="R,...",
    help="Queries per second of MLPerf LoadGen's Server scenario, with token latencies.",
)
@click.option(
    "--token-limits",
    default="2000,200",
    show_default=True,
    metavar="TTFT,TPOT",
    help="Limits of both latencies that LoadGen judges by [ms].",
)
@click.option("--offline", is_flag=True, help="Also send all questions at once.")
@click.option(
    "--min-duration",
    default=30.0,
    show_default=True,
    type=Number(0, 86400),
    help="Shortest window of a point [s].",
)
@click.option(
    "--rounds",
    default=1,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="Least times that each question is asked.",
)
@click.option(
    "--lengths",
    default="",
    metavar="N,...",
    help="Longest replies [tokens], each a point: apart enough, they tell prefill from decode.",
)
@click.option(
    "--temperature",
    default=0.0,
    show_default=True,
    type=Number(0, 10),
    help="Temperature of the replies.",
)
@click.option(
    "--warm-up",
    default=4,
    show_default=True,
    type=click.IntRange(0, 10_000),
    help="Requests before the window.",
)
@click.option(
    "--timeout",
    default=300.0,
    show_default=True,
    type=Number(0.1, 86400),
    help="Longest time for one request [s].",
)
@click.option(
    "--give-up-after",
    default=20.0,
    show_default=True,
    type=Number(1, 86400),
    help="Time without any connection after which the server is gone and the load ends [s].",
)
@click.option(
    "--api",
    default="chat",
    show_default=True,
    type=click.Choice(["chat", "completions"]),
    help="Interface of the server.",
)
@click.option(
    "--key-env",
    default="OPENAI_API_KEY",
    show_default=True,
    metavar="NAME",
    help="Environment variable with the API key.",
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="File with the API key, readable by its owner only.",
)
@click.option(
    "--tokenizer",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="tokenizer.json of the model: counts the tokens of all replies once more.",
)
@click.option("--insecure", is_flag=True, help="Accept any TLS certificate.")
@METERS
@click.option(
    "-n",
    "--repeat",
    default=1,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Runs of each point.",
)
@INTERVAL
@IDLE
@click.option(
    "--seed",
    default=1,
    show_default=True,
    type=click.IntRange(0),
    help="Seed of questions and arrivals.",
)
@click.option(
    "--nodes",
    type=click.IntRange(1, 1_000_000),
    help="Machines of the served system; with fewer meters an estimate over all stands apart.",
)
@click.option(
    "--nodes-used",
    type=click.IntRange(1, 1_000_000),
    help="How many of them serve; by default all.",
)
@click.option(
    "--node-power",
    type=Number(0, 1_000_000, min_open=True),
    metavar="W",
    help="Rated power of a machine, for those without a meter.",
)
@click.option(
    "--power-cap",
    type=Number(0, 1_000_000, min_open=True),
    metavar="W",
    help="Power limit that is set on each accelerator; compared with what the meters saw.",
)
@priced
@SYSTEM
@SUBMITTER
@JSON
@OUT
def endpoint(url: str, out: Path, as_json: bool, **options: Any) -> int:
    """Load an OpenAI-compatible LLM server under meters.

    Each load is a point: an entry with energy per output token, per request and per correct
    answer, and with latencies. The meters must see the machine that serves.

    \b
        joulemark endpoint http://127.0.0.1:8000 --model llama-3.1-8b \\
            --concurrency 1,4,16 --meter nvml --meter rapl --out runs
    """
    from harness.live.endpoint import benchmark_name, parse_load, plan_points
    from harness.live.plan import Settings
    from harness.runners.endpoint.questions import load_questions
    from harness.runners.endpoint.replies.reference_tokens import ReferenceTokenizer
    from harness.runners.endpoint.runner import Endpoint

    _require_usable(url)
    prices = prices_of(options["price"], options["tariff"])
    if options["tokenizer"] is not None:
        ReferenceTokenizer(options["tokenizer"])  # a wrong file is reported before anything starts
    questions = load_questions(options["questions"], options["seed"])
    labels = _labels(options)
    stated = [parse_load(label, len(questions), options["min_duration"]) for label in labels]
    rounds, lengths = options["rounds"], _lengths(options["lengths"])
    if options["loadgen_server"]:
        _require_loadgen()
    ttft_ms, tpot_ms = _limits(options["token_limits"])
    limited = [
        replace(load, count=rounds * load.count, ttft_limit_ms=ttft_ms, tpot_limit_ms=tpot_ms)
        for load in stated
    ]
    loads = list(dict.fromkeys(limited))  # 4 and 4.0 are one load
    target = Endpoint(
        url=url,
        model=options["model"],
        questions=questions,
        load=loads[0],
        api=options["api"],
        key=_key(options["key_env"], options["key_file"]),
        warm_up=options["warm_up"],
        timeout_s=options["timeout"],
        give_up_after_s=options["give_up_after"],
        parameters={"temperature": options["temperature"]},
        verify_tls=not options["insecure"],
        question_set=options["questions"],
        tokenizer=options["tokenizer"],
    )
    settings = Settings(
        out=out,
        meters=options["meters"],
        interval_s=options["interval"],
        idle_s=(options["idle"], options["idle"]),
        repeat=options["repeat"],
        seed=options["seed"],
        system=options["system"],
        submitter=options["submitter"],
        described=_described(options),
    )
    status = perform(list(plan_points(target, loads, settings, lengths)), as_json=False)
    report_points(out / benchmark_name(target.model, target.question_set), as_json, prices)
    return status


def _described(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the user states of the served system, as its description names it.

    Raises:
        UsageError: More nodes are to serve than there are, or nothing is said of how many.
    """
    from harness.scoring.endpoint.nodes import NODE_POWER, NODES_USED, POWER_CAP

    nodes, used = options["nodes"], options["nodes_used"]
    if nodes is None and (used is not None or options["node_power"] is not None):
        stated = "--nodes-used" if used is not None else "--node-power"
        raise UsageError(
            "says nothing without the number of nodes", where=stated, expected="--nodes N"
        )
    if used is not None and used > nodes:
        raise UsageError(
            "is more than there are",
            where="--nodes-used",
            got=str(used),
            expected=f"at most {nodes}",
        )
    fields = {
        "number_of_nodes": nodes,
        NODES_USED: used,
        NODE_POWER: options["node_power"],
        POWER_CAP: options["power_cap"],
    }
    return {name: value for name, value in fields.items() if value is not None}


def report_points(folder: Path, as_json: bool, prices: Any = None) -> None:
    """Print the table of all points below a folder, or its JSON document."""
    from harness import api
    from harness.render.endpoint import endpoint_document, endpoint_text

    results = api.score(folder)
    if as_json:
        emit("endpoint", endpoint_document(results, prices))
    else:
        click.echo(endpoint_text(results, prices), nl=False)


def _require_usable(url: str) -> None:
    """Check before anything is written that the client is installed and the URL can be one."""
    try:
        from harness.runners.endpoint.client import Server
    except ImportError:
        raise UsageError(
            "the client needs a package that is not installed",
            got="no aiohttp",
            fix="pip install 'joulemark[endpoint]'",
        ) from None
    _ = Server(url=url, model="").endpoint


def _require_loadgen() -> None:
    """Check before anything is written that LoadGen is installed."""
    if importlib.util.find_spec("mlperf_loadgen") is None:
        raise UsageError(
            "the Server scenario needs a package that is not installed",
            got="no mlperf_loadgen",
            fix="pip install 'joulemark[loadgen]'",
        )


def _limits(text: str) -> tuple[float, float]:
    """Return the limits of both latencies [ms]."""
    limits = [plain_number(part) for part in text.split(",")]
    numbers = [limit for limit in limits if limit is not None and 0 < limit < 1e9]
    if len(limits) != 2 or len(numbers) != 2:
        raise UsageError(
            "is no pair of limits",
            where="--token-limits",
            got=text[:40],
            expected="TTFT,TPOT in ms",
        )
    return numbers[0], numbers[1]


def _lengths(text: str) -> list[int]:
    """Return the lengths of replies that an option states, each once."""
    numbers = [plain_number(part) for part in text.split(",")] if text else []
    lengths = [
        int(number)
        for number in numbers
        if number is not None and 1 <= number <= 1e6 and number.is_integer()
    ]
    if len(lengths) < len(numbers):
        raise UsageError(
            "is no list of lengths", where="--lengths", got=text[:40], expected="counts of tokens"
        )
    return list(dict.fromkeys(lengths))


def _labels(options: Mapping[str, Any]) -> list[str]:
    """Return the names of all points that are asked for; concurrency 1 if none is.

    Raises:
        UsageError: An option states something else than loads.
    """
    labels = []
    for name, option, kind, wanted in LOADS:
        for text in options[name].split(",") if options[name] else ():
            value = plain_number(text)
            is_load = value is not None and 0 < value <= MAX_LOAD
            if kind == "concurrency":
                is_load = is_load and value is not None and value.is_integer()
            if not is_load:
                raise UsageError(
                    "names what is no load",
                    where=option,
                    got=shorten(text.strip() or "nothing", 40),
                    expected=wanted,
                )
            labels.append(f"{kind}-{value:.15g}")
    if options["offline"]:
        labels.append("offline")
    return labels or ["concurrency-1"]


def _key(variable: str, path: Path | None) -> str:
    """Return the API key, "" if there is none.

    Raises:
        UsageError: if others may read the file, or it holds no key.
    """
    if path is None:
        return os.environ.get(variable, "")
    refuse_shared(path)
    note(f"API key from {path}")
    key = path.read_bytes().strip()
    if not key.isascii() or not key.decode("ascii", "replace").isprintable() or not key:
        raise UsageError(
            "holds no API key", where=str(path), expected="one line of printable ASCII"
        )
    return key.decode("ascii")

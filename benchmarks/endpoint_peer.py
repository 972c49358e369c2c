"""One point by joulemark and by a peer, in turn, on one server: do both say the same?

    python -m benchmarks.endpoint_peer --guidellm PATH [--url URL --model M]
    python -m benchmarks.endpoint_peer --aiperf PATH [--url URL --model M]

Without a URL a paced server is started, whose rate is known: 30 fragments of one token (or what
`--fragments` says), one each 20 ms. The peer lives in an environment of its own: guidellm brings
PyTorch, aiperf a hundred packages. Throughput, latencies, and the processor time of each client for
a request are printed, with ratios.

Both state output tokens over the time from the first request to the last reply. A client that lets
time pass between a reply and the next request keeps fewer requests in flight than it was told, and
sees fewer tokens per second of the same server; the rate for each request in flight does not depend
on that. guidellm cuts off the requests that its time ends in, and counts their tokens.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web

FRAGMENTS, STEP_S, FIRST_S = 30, 0.02, 0.05
PROMPTS = 40
WORD_TOKENIZER = {
    "config.json": {"model_type": "llama"},
    "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"},
    "tokenizer.json": {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "Whitespace"},
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "word": 1}, "unk_token": "[UNK]"},
    },
}
"""Files of a tokenizer that knows one word."""
FRAGMENT_COUNT = web.AppKey("fragments", int)
REPOSITORY = Path(__file__).resolve().parents[1]


class Point(NamedTuple):
    """What both clients do.

    Attributes:
        url: Where the server is.
        model: Name of the model, as the server knows it.
        streams: Requests in flight.
        fragments: Fragments of a reply, one token each.
    """

    url: str
    model: str
    streams: int
    fragments: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What a client says of a point.

    Attributes:
        tokens_per_s: Output tokens per second, those of the last requests included.
        ttft_ms: Median time to first token [ms].
        tpot_ms: Median time per output token after the first [ms].
        requests: Requests that ended.
        in_flight: Mean number of requests in flight: the sum of their latencies over the window.
        cpu_s: Processor time of the client's processes, start-up included [s].
    """

    tokens_per_s: float
    ttft_ms: float
    tpot_ms: float
    requests: int
    in_flight: float
    cpu_s: float

    @property
    def tokens_per_s_each(self) -> float:
        """Output tokens per second for each request in flight."""
        return self.tokens_per_s / self.in_flight


async def _answer(request: web.Request) -> web.StreamResponse:
    """Send fragments at fixed times."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    loop = asyncio.get_running_loop()
    begin_s = loop.time()

    async def send(choices: list[Any], **more: Any) -> None:
        chunk = {"id": "x", "object": "chat.completion.chunk", "model": "m", "choices": choices}
        await response.write(b"data: " + json.dumps(chunk | more).encode() + b"\n\n")

    fragments = request.app[FRAGMENT_COUNT]
    for number in range(fragments):
        due_s = begin_s + FIRST_S + number * STEP_S
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        await send([{"index": 0, "delta": {"content": " word"}, "finish_reason": None}])
    await send([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    usage = {"prompt_tokens": 5, "completion_tokens": fragments, "total_tokens": 5 + fragments}
    await send([], usage=usage)
    await response.write(b"data: [DONE]\n\n")
    return response


@contextmanager
def paced_server(fragments: int) -> Iterator[str]:
    """Serve replies of so many fragments on 127.0.0.1, and yield the URL."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    urls: list[str] = []

    async def start() -> None:
        app = web.Application()
        app[FRAGMENT_COUNT] = fragments
        app.router.add_post("/v1/chat/completions", _answer)
        listing = {"object": "list", "data": [{"id": "m", "object": "model"}]}

        async def models(_: web.Request) -> web.Response:
            return web.json_response(listing)

        app.router.add_get("/v1/models", models)
        app.router.add_get("/health", models)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        urls.append(f"http://127.0.0.1:{port}")
        ready.set()

    def serve() -> None:
        loop.run_until_complete(start())
        loop.run_forever()

    threading.Thread(target=serve, daemon=True).start()
    ready.wait(10)
    yield urls[0]
    loop.call_soon_threadsafe(loop.stop)


def by_joulemark(point: Point, seconds: float, folder: Path) -> Figures:
    """Load the server with our client."""
    questions = folder / "set.jsonl"
    items = [
        {"id": str(n), "prompt": f"Question {n}?", "answer": "x", "max_tokens": point.fragments}
        for n in range(PROMPTS)
    ]
    questions.write_text("\n".join(map(json.dumps, items)))
    words = ["endpoint", point.url, "--model", point.model, "--questions", str(questions)]
    words += [
        "--concurrency",
        str(point.streams),
        "--min-duration",
        str(seconds),
        "-m",
        "estimator",
    ]
    words += ["--idle", "0.2", "--json", "--out", str(folder / "runs")]
    command = [sys.executable, "-m", "harness", *words]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False, timeout=600
    )
    (result,) = json.loads(done.stdout)["points"]
    (client,) = (folder / "runs").rglob("client.json")
    return Figures(
        tokens_per_s=result["tokens_per_second"],
        ttft_ms=result["ttft_ms"]["p50"],
        tpot_ms=result["tpot_ms"]["p50"],
        requests=result["requests"]["completed"],
        in_flight=result["latency_ms"]["mean"]
        / 1000
        * result["requests"]["completed"]
        / result["duration_s"],
        cpu_s=json.loads(client.read_text())["cpu_s"],
    )


def by_guidellm(program: Path, point: Point, seconds: float, folder: Path) -> Figures:
    """Load the server with guidellm."""
    prompts = folder / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"prompt": f"Question {n}?"}) + "\n" for n in range(400)))
    out = folder / "guidellm.json"
    backend = f"kind=openai_http,target={point.url},model={point.model}"
    command = [str(program), "run", "--backend", backend]
    command += ["--profile", f"kind=concurrent,streams={point.streams}"]
    command += ["--constraint", f"kind=max_duration,seconds={seconds:g}"]
    command += ["--data", f"kind=json_file,path={prompts}"]
    command += ["--output", f"kind=json,path={out}", "--disable-console"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, env=environment, check=True, timeout=600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    (benchmark,) = json.loads(out.read_text())["benchmarks"]
    metrics = benchmark["metrics"]
    return Figures(
        tokens_per_s=metrics["output_tokens_per_second"]["total"]["mean"],
        ttft_ms=metrics["time_to_first_token_ms"]["successful"]["median"],
        tpot_ms=metrics["inter_token_latency_ms"]["successful"]["median"],
        requests=metrics["request_totals"]["successful"],
        in_flight=metrics["request_concurrency"]["total"]["mean"],
        cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    )


def by_aiperf(program: Path, point: Point, seconds: float, folder: Path) -> Figures:
    """Load the server with aiperf, which needs a tokenizer at hand even where the server counts."""
    prompts, out = folder / "texts.jsonl", folder / f"aiperf-{seconds:g}"
    prompts.write_text("".join(json.dumps({"text": f"Question {n}?"}) + "\n" for n in range(400)))
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir(exist_ok=True)
    for name, document in WORD_TOKENIZER.items():
        (tokenizer / name).write_text(json.dumps(document))
    command = [
        str(program),
        "profile",
        "-m",
        point.model,
        "--url",
        point.url,
        "--endpoint-type",
        "chat",
    ]
    command += ["--streaming", "--concurrency", str(point.streams)]
    command += ["--benchmark-duration", f"{seconds:g}", "--use-server-token-count"]
    command += ["--input-file", str(prompts), "--custom-dataset-type", "single_turn"]
    command += ["--tokenizer", str(tokenizer), "--ui", "none", "--artifact-dir", str(out)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=True, timeout=600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    metrics = json.loads((out / "profile_export_aiperf.json").read_text())
    return Figures(
        tokens_per_s=metrics["output_token_throughput"]["avg"],
        ttft_ms=metrics["time_to_first_token"]["p50"],
        tpot_ms=metrics["inter_token_latency"]["p50"],
        requests=int(metrics["request_count"]["avg"]),
        in_flight=metrics["request_latency"]["avg"] / 1000 * metrics["request_throughput"]["avg"],
        cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endpoint_peer")
    peer = parser.add_mutually_exclusive_group(required=True)
    peer.add_argument("--guidellm", type=Path, help="the program guidellm")
    peer.add_argument("--aiperf", type=Path, help="the program aiperf")
    parser.add_argument("--url", help="a server of your own")
    parser.add_argument("--model", default="m")
    parser.add_argument("--streams", type=int, default=4)
    parser.add_argument("--fragments", type=int, default=FRAGMENTS, help="tokens of a reply")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.url:
        _compare(options, options.url)
        return
    with paced_server(options.fragments) as url:
        _compare(options, url)


def _compare(options: argparse.Namespace, url: str) -> None:
    ours, theirs, startups = [], [], []
    point = Point(url, options.model, options.streams, options.fragments)
    name, by_peer = ("aiperf", by_aiperf) if options.aiperf else ("guidellm", by_guidellm)
    program = options.aiperf or options.guidellm
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            ours.append(by_joulemark(point, options.seconds, folder))
            theirs.append(by_peer(program, point, options.seconds, folder))
            startups.append(by_peer(program, point, 3.0, folder))
    print(f"| figure | joulemark | {name} | ratio |\n|---|---|---|---|")
    for label, field in (
        ("tokens/s", "tokens_per_s"),
        ("mean requests in flight", "in_flight"),
        ("tokens/s for each request in flight", "tokens_per_s_each"),
        ("TTFT median, ms", "ttft_ms"),
        ("TPOT median, (last - first)/(n - 1), ms", "tpot_ms"),
    ):
        first, second = (
            statistics.median(getattr(item, field) for item in items) for items in (ours, theirs)
        )
        print(f"| {label} | {first:.4g} | {second:.4g} | {first / second:.4f} |")
    mine = statistics.median(1000 * item.cpu_s / item.requests for item in ours)
    peer = statistics.median(
        1000 * (long.cpu_s - short.cpu_s) / max(1, long.requests - short.requests)
        for long, short in zip(theirs, startups, strict=True)
    )
    label = "client's processor time for a request, ms"
    print(f"| {label} | {mine:.3g} | {peer:.3g} | {mine / peer:.2f} |")


if __name__ == "__main__":
    main()

"""Text of a submission is shown, never acted on: no markup, formula or command comes of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import JoulemarkError
from harness.core.schemas import check
from tests.hostile import trees
from tests.hostile.paths import whole

PAYLOADS = {
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><svg onload=alert(1)><a "
    "href=javascript:x>",
    "html comment": "<!-- --><!DOCTYPE "
    "x><style>*{}</style></td></table></section></script><iframe>",
    "markdown": "[x](javascript:alert(1)) ![i](http://e.example) | a | `b` <b> \\| \\` &lt;b&gt;",
    "addresses": "https://e.example www.e.example WWW.e.example @e e@e.example",
    "latex": "\\input{/etc/passwd}\\write18{id}\\def\\x{} $x^2$ % & # _ ~ { } \\\\ \\begin{x}",
    "formula =": "=cmd|' /C calc'!A0",
    "formula +": "+1+1",
    "formula -": "-1+1",
    "formula @": "@SUM(1+1)",
    "formula tab": "\t=1+1",
    "formula return": "\r=1+1",
    "formula wide": "\uff1d1+1",
    "formula quoted": '"=1+1","',
    "terminal": "\x1b[31m\x1b]0;x\x07\x9b31m\x08\x7f",
    "direction": "\u202egnp.exe\u2066\u200f\u200b\ufeff\u2028\u2029\xad",
    "lines": "a\nb\r\nc\x0bd\x85e",
    "xml": "]]></failure><x>&#0;&#x1b;&amp;<![CDATA[",
    "invisible": "\u3164\u115f\u2800\ufe0f\U000e0041",
    "format": "%s%n{0}{x.__class__}${x}",
}


def leaves(document: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Places of all texts in a document."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from leaves(value, (*place, key))
        elif isinstance(value, str):
            yield (*place, key)


def poisoned(document: Any, payload: str, valid: Callable[[Any], bool]) -> Any:
    """A document with the payload in every text that may be any text, and under a key of its
    own."""
    found = copy.deepcopy(document)
    for *way, key in leaves(document):
        at = found
        for step in way:
            at = at[step]
        before, at[key] = at[key], payload
        if not valid(found):
            at[key] = before
    return found | {payload: payload}


def any_text(document: Any) -> bool:  # noqa: ARG001 - foreign documents have no schema
    return True


def by_schema(kind: str) -> Callable[[Any], bool]:
    def valid(document: Any) -> bool:
        try:
            check(kind, document)
        except JoulemarkError:
            return False
        return True

    return valid


def poison(path: Path, payload: str, valid: Callable[[Any], bool] = any_text) -> None:
    path.write_text(json.dumps(poisoned(json.loads(path.read_bytes()), payload, valid)), "utf-8")


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_a_native_run(payload: str, tmp_path: Path) -> None:
    trees.native(tmp_path / "in")
    for name in ("run_1/run.json", "run_2/incomplete.json", "ranging/run.json"):
        poison(tmp_path / "in" / name, payload, by_schema("run"))
    poison(tmp_path / "in/system.json", payload, by_schema("system"))
    assert (
        json.loads((tmp_path / "in/run_1/run.json").read_bytes())["entry"]["submitter"] == payload
    )
    whole(tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_a_declared_trace(payload: str, tmp_path: Path) -> None:
    trees.declared(tmp_path / "in")
    path = tmp_path / "in/a.csv"
    head, _, rest = path.read_text("utf-8").partition("\n")
    document = poisoned(json.loads(head.partition(": ")[2]), payload, by_schema("power-trace"))
    assert document["calibration_id"] == payload
    path.write_text("# joulemark-trace: " + json.dumps(document) + "\n" + rest, "utf-8")
    whole(tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_an_inference_result(payload: str, tmp_path: Path) -> None:
    trees.inference(tmp_path / "in")
    folder = tmp_path / "in" / trees.INFERENCE
    for name in ("server.json", "client.json"):
        poison(folder / "performance/power" / name, payload)
    poison(tmp_path / "in/closed/s/systems/m.json", payload)
    for name in ("run_1", "ranging"):
        detail = folder / "performance" / name / "mlperf_log_detail.txt"
        texts = (
            "loadgen_version",
            "effective_scenario",
            "effective_test_mode",
            "result_invalid_reason",
            "test_datetime",
        )
        lines = [":::MLLOG " + json.dumps({"key": key, "value": payload}) for key in texts]
        detail.write_text(detail.read_text("utf-8") + "\n".join(lines) + "\n", "utf-8")
        summary = folder / "performance" / name / "mlperf_log_summary.txt"
        summary.write_text(summary.read_text("utf-8").replace(" : ", f" : {payload}"), "utf-8")
        spl = folder / "performance" / name / "spl.txt"
        spl.write_text(spl.read_text("utf-8").replace("Mark,", f"Mark,{payload}"), "utf-8")
    for name in ("client.log", "server.log", "ptd_logs.txt"):
        log = folder / "performance/power" / name
        log.write_text(
            log.read_text("utf-8").replace(": ", f": {payload} ERROR: {payload}"), "utf-8"
        )
    whole(tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_a_training_result(payload: str, tmp_path: Path) -> None:
    trees.training(tmp_path / "in")
    folder = tmp_path / "in" / trees.TRAINING
    poison(tmp_path / "in/t/systems/m.json", payload)
    (folder / "scaling.json").write_text(json.dumps({"scaling_factor": payload}))
    for path in sorted(folder.rglob("*.txt")):
        stated = [
            {
                "key": key,
                "value": payload,
                "metadata": {"status": payload, "measurement_type": payload},
            }
            for key in (
                "seed",
                "submission_benchmark",
                "submission_org",
                "submission_platform",
                "conversion_eff",
            )
        ]
        lines = path.read_text("utf-8").splitlines()
        lines[1:1] = [":::MLLOG " + json.dumps(line) for line in stated]
        lines.append(
            ":::MLLOG " + json.dumps({"key": "power_reading", "value": payload, "time_ms": payload})
        )
        path.write_text("\n".join(lines) + "\n", "utf-8")
    whole(tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_names_of_folders_and_files(payload: str, tmp_path: Path) -> None:
    name = payload.replace("/", "\N{DIVISION SLASH}")[:80]
    trees.training(tmp_path / "in")
    trees.inference(tmp_path / "in")
    (tmp_path / "in/t/results/m/bert/power/result_0" / name).write_text("")
    (tmp_path / "in/t/results/m/bert/result_1.txt").rename(
        tmp_path / f"in/t/results/m/bert/result_{name}.txt"
    )
    for way in (
        "t/results/m/bert",
        "t/results/m",
        "t",
        trees.INFERENCE,
        "closed/s/results/m",
        "closed/s",
    ):
        path = tmp_path / "in" / way
        path.rename(path.with_name(name + path.name[:1]))
    whole(tmp_path / "in", tmp_path / "out")

"""Documents: good ones pass, bad ones name their fault, and unknown fields survive."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from harness.core.documents import canonical, dump_document, read_document, write_document
from harness.core.errors import SchemaError, UnreadableError, UsageError
from harness.core.resources import resource
from harness.core.schemas import KINDS, SCHEMA_VERSION, check, schema
from harness.formats.base import Entry, Run
from harness.formats.evidence import Evidence
from harness.formats.run_directory import NativeFormat
from harness.formats.run_directory_writer import write_entry
from harness.traces.channel import Accuracy, Channel
from harness.traces.csv_store import read_csv, write_csv
from harness.traces.header import header_document
from harness.traces.trace import Trace, Window
from harness.uncertainty.closed_form import BudgetRow
from harness.uncertainty.estimate import Estimate

DOCUMENTS = Path(__file__).parents[1] / "samples"
GOOD = sorted(DOCUMENTS.glob("*/good-*.json"))
BAD = sorted(DOCUMENTS.glob("*/bad-*.json"))
EXPECTED: dict[str, dict[str, str]] = json.loads((DOCUMENTS / "expected.json").read_text("utf-8"))

TIMES = np.array([1_720_740_919_963_000_000, 1_720_740_920_964_000_000], np.int64)


def _name(path: Path) -> str:
    return path.relative_to(DOCUMENTS).as_posix()


def _load(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _good(kind: str, name: str) -> Any:
    return _load(DOCUMENTS / kind / f"good-{name}.json")


def _differences(a: Any, b: Any, at: str = "") -> list[str]:
    """Pointers of the places where two documents differ."""
    if type(a) is type(b) and isinstance(a, dict):
        only = [f"{at}/{key}" for key in a.keys() ^ b.keys()]
        return only + [
            place
            for key in a.keys() & b.keys()
            for place in _differences(a[key], b[key], f"{at}/{key}")
        ]
    if type(a) is type(b) and isinstance(a, list) and len(a) == len(b):
        return [
            place
            for i, pair in enumerate(zip(a, b, strict=True))
            for place in _differences(*pair, f"{at}/{i}")
        ]
    return [] if type(a) is type(b) and a == b else [at]


def _subschemas(node: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield at, node
        for key, inner in node.items():
            yield from _subschemas(inner, f"{at}/{key}")
    elif isinstance(node, list):
        for index, inner in enumerate(node):
            yield from _subschemas(inner, f"{at}/{index}")


# Examples


@pytest.mark.parametrize("path", GOOD, ids=_name)
def test_good_document_passes_and_survives_writing(path: Path, tmp_path: Path) -> None:
    kind = path.parent.name
    document = read_document(kind, path)
    write_document(kind, document, tmp_path / "copy.json")
    assert read_document(kind, tmp_path / "copy.json") == document == _load(path)


@pytest.mark.parametrize("path", BAD, ids=_name)
def test_bad_document_is_refused_by_place_got_expected_and_remedy(path: Path) -> None:
    wanted = EXPECTED[_name(path)]
    with pytest.raises(SchemaError) as caught:
        read_document(path.parent.name, path)
    error = caught.value
    assert error.where == f"{path}#{wanted['pointer']}"
    assert error.got == wanted["got"]
    assert error.expected.startswith(wanted["expected"])
    assert len(error.fix) > 20
    for part in (error.where, error.got, error.expected, error.fix):
        assert part in str(error)


@pytest.mark.parametrize("path", BAD, ids=_name)
def test_bad_document_differs_from_a_good_one_in_the_place_it_names(path: Path) -> None:
    wanted = EXPECTED[_name(path)]
    (place,) = _differences(_load(path), _load(path.with_name(wanted["of"])))
    assert place.startswith(wanted["pointer"])


def test_every_kind_has_good_and_bad_examples_and_every_bad_one_is_expected() -> None:
    for kind in KINDS:
        assert len([path for path in GOOD if path.parent.name == kind]) >= 2
        assert len([path for path in BAD if path.parent.name == kind]) >= 4
    assert EXPECTED.keys() == {_name(path) for path in BAD}


# Schemas


def test_every_kind_has_its_schema_and_no_schema_lacks_a_kind() -> None:
    files = {path.name for path in resource("schemas").glob("*")}
    assert files == {f"{kind}.schema.json" for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_schema_is_valid_and_needs_no_resolver(kind: str) -> None:
    document = schema(kind)
    jsonschema.Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"] == f"urn:joulemark:schema:{kind}:{SCHEMA_VERSION}"
    assert document["properties"]["schema_version"]["const"] == SCHEMA_VERSION
    assert "schema_version" in document["required"]
    for _, node in _subschemas(document):
        assert str(node.get("$ref", "#/$defs/")).startswith("#/$defs/")


@pytest.mark.parametrize("kind", KINDS)
def test_schema_describes_every_property_and_says_what_null_means(kind: str) -> None:
    for at, node in _subschemas(schema(kind)):
        properties = node.get("properties", {})
        if not isinstance(properties, dict) or at.endswith("/properties"):
            continue
        for name, field in properties.items():
            assert len(field.get("description", "")) >= 8, (
                f"{kind}{at}/properties/{name} has no description"
            )
            if "null" in field.get("type", ""):
                assert "null" in field["description"], (
                    f"{kind}{at}/properties/{name} does not say what null means"
                )


@pytest.mark.parametrize("kind", KINDS)
def test_schema_lets_unknown_fields_through(kind: str) -> None:
    for at, node in _subschemas(schema(kind)):
        assert node.get("additionalProperties") is not False, f"{kind}{at}"
        assert node.get("unevaluatedProperties") is not False, f"{kind}{at}"


@pytest.mark.parametrize("kind", KINDS)
def test_schema_has_no_alternatives_because_their_errors_name_no_place(kind: str) -> None:
    for at, node in _subschemas(schema(kind)):
        assert not {"anyOf", "oneOf", "not"} & node.keys(), f"{kind}{at}"
        assert "$ref" not in node or "type" in node, (
            f"{kind}{at}: a reference says beside it whether null is allowed"
        )


@pytest.mark.parametrize("kind", KINDS)
def test_schema_patterns_refuse_a_trailing_line_feed(kind: str) -> None:
    for at, node in _subschemas(schema(kind)):
        if isinstance(node.get("pattern"), str):
            assert node["pattern"].endswith(r"$(?!\n)"), (
                f"{kind}{at}: in Python $ also matches before a line feed"
            )


@pytest.mark.parametrize("name", ["a\n", ".", "..", "a/b", "a\\b", "a\0", ""])
def test_names_of_runs_and_channels_cannot_leave_their_folder(name: str) -> None:
    for kind, example in (("run", "inference"), ("power-trace", "least-by-hand")):
        with pytest.raises(SchemaError, match="#/id:"):
            check(kind, _good(kind, example) | {"id": name})


@pytest.mark.parametrize(
    "path",
    ["a/./b", "./a", "a//b", "/a", "a/", "a\n", "a\n/../b", "..", "a/..", "a\u2028/../b", ""],
)
def test_paths_cannot_leave_their_folder(path: str) -> None:
    document = _good("manifest", "two-files")
    document["files"][0]["path"] = path
    with pytest.raises(SchemaError, match="#/files/0/path"):
        check("manifest", document)


@pytest.mark.parametrize("path", ["a", ".a", "a..b", "...", "a/b c/d.txt", "ä/..b/c.."])
def test_odd_but_harmless_paths_are_allowed(path: str) -> None:
    document = _good("manifest", "two-files")
    document["files"][0]["path"] = path
    check("manifest", document)


# The schemas and the code name the same fields


def test_power_trace_schema_names_the_fields_of_the_header() -> None:
    header = header_document(_trace())
    properties = schema("power-trace")["properties"]
    assert header.keys() <= properties.keys()
    assert header["accuracy"].keys() == properties["accuracy"]["properties"].keys()


def test_result_schema_names_the_fields_of_estimate_and_budget() -> None:
    document = schema("result")
    estimate = {field.name for field in dataclasses.fields(Estimate)}
    budget = {field.name for field in dataclasses.fields(BudgetRow)}
    entry = document["properties"]["entries"]["items"]["properties"]
    assert document["$defs"]["estimate"]["properties"].keys() == estimate
    assert schema("leaderboard")["$defs"]["estimate"] == document["$defs"]["estimate"]
    assert entry["budget"]["items"]["properties"].keys() == budget


def test_run_schema_names_the_fields_of_the_record(tmp_path: Path) -> None:
    write_entry(_entry(tmp_path), tmp_path / "out")
    record = _load(tmp_path / "out" / "run_1" / "run.json")
    properties = schema("run")["properties"]
    assert record.keys() == properties.keys()
    assert record["entry"].keys() == properties["entry"]["properties"].keys()


# Unknown fields survive


def _trace(**extra: Any) -> Trace:
    channel = Channel(
        id="total",
        kind="mean",
        boundary="wall",
        calibration_id="x/1",
        accuracy=Accuracy(reading_limit_pct=0.1, source="data sheet"),
        extra=extra,
    )
    return Trace(channel, TIMES.copy(), np.array([100.0, 0.1 + 0.2]))


def _entry(directory: Path, trace: Trace | None = None, **fields: Any) -> Entry:
    run = Run(
        id="run_1",
        window=Window(int(TIMES[0]), int(TIMES[1])),
        traces=(trace or _trace(),),
        evidence=Evidence(extra={"odd": {"a": [1]}}),
    )
    entry = Entry(
        id="a/b",
        directory=directory,
        format="csv",
        round="",
        task="inference",
        submitter="",
        system="",
        benchmark="b",
        scenario="",
        runs=(run,),
    )
    return dataclasses.replace(entry, **fields)


def test_unknown_header_fields_survive_the_channel() -> None:
    document = _good("power-trace", "declared-run")
    again = Channel.from_header(document).header()
    check("power-trace", again)
    assert document["unknown_to_this_release"] == again["unknown_to_this_release"]
    assert document["run"] == again["run"]
    assert Channel.from_header(again) == Channel.from_header(document)


def test_unknown_header_fields_survive_the_store(tmp_path: Path) -> None:
    write_csv(_trace(later={"x": None}), tmp_path / "a.csv")
    write_csv(read_csv(tmp_path / "a.csv"), tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert read_csv(tmp_path / "b.csv").channel.extra == {"later": {"x": None}}


def test_run_directory_round_trip_keeps_foreign_fields(tmp_path: Path) -> None:
    foreign = _good("system", "mlperf-inference") | {"a_field_of_theirs": ["x", {"y": None}]}
    write_entry(_entry(tmp_path, _trace(later=1), system_description=foreign), tmp_path / "one")
    read = NativeFormat().read(tmp_path / "one", "a/b")
    write_entry(read, tmp_path / "two")
    assert _load(tmp_path / "two" / "system.json") == foreign
    assert read.runs[0].traces[0].channel.extra == {"later": 1}
    assert read.runs[0].evidence.extra == {"odd": {"a": [1]}}
    for name in ("system.json", "run_1/traces/total.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_unknown_accuracy_fields_survive_the_channel() -> None:
    document = _good("power-trace", "least-by-hand")
    document["accuracy"]["later"] = 1
    assert Channel.from_header(document).header()["accuracy"]["later"] == 1


def test_unknown_fields_of_a_run_record_survive_a_round_trip(tmp_path: Path) -> None:
    write_entry(_entry(tmp_path), tmp_path / "one")
    record = tmp_path / "one" / "run_1" / "run.json"
    record.write_text(json.dumps(_load(record) | {"later": 1}), "utf-8")
    write_entry(NativeFormat().read(tmp_path / "one", "a/b"), tmp_path / "two")
    assert _load(tmp_path / "two" / "run_1" / "run.json")["later"] == 1


# Another version


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        ("1.1", "release that wrote it"),
        ("0.9", "release that wrote it"),
        (1.0, "in quotes"),
        ({}, "in quotes"),
    ],
)
def test_another_schema_version_is_refused_before_anything_else(
    version: object, remedy: str
) -> None:
    with pytest.raises(SchemaError) as caught:
        check("run", {"schema_version": version, "id": 7}, where="x.json")
    assert caught.value.where == "x.json#/schema_version"
    assert caught.value.expected == '"1.0"'
    assert remedy in caught.value.fix


# Errors


def test_error_counts_the_other_faults() -> None:
    document = _good("manifest", "two-files")
    del document["round"], document["files"][1]["bytes"]
    with pytest.raises(SchemaError, match=r"#/round: .* 1 more fault in this document"):
        check("manifest", document)


def test_first_fault_in_document_order_is_named() -> None:
    document = _good("manifest", "two-files")
    document["files"] = [copy.deepcopy(document["files"][0]) for _ in range(12)]
    document["files"][10]["bytes"] = document["files"][2]["bytes"] = -1
    with pytest.raises(SchemaError, match="#/files/2/bytes"):
        check("manifest", document)


def test_pointer_escapes_its_steps() -> None:
    with pytest.raises(SchemaError, match=re.escape("#/facts/b~1~0:")):
        check("run", _good("run", "nothing-known") | {"facts": {"b/~": float("nan")}})


@pytest.mark.parametrize("name", ["Min Duration", "b/~", "1s", ""])
def test_name_of_a_limit_is_refused_at_its_table(name: str) -> None:
    document = _good("rulebook", "inference")
    document["rules"]["duration"]["limits"] = {name: {"value": 1, "unit": "s"}}
    with pytest.raises(SchemaError, match=re.escape("#/rules/duration/limits:")):
        check("rulebook", document)


def test_unknown_kind_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no such kind of document"):
        check("invoice", {})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), 10**400])
def test_number_that_json_cannot_carry_is_refused_anywhere(number: float) -> None:
    for document, pointer in (
        (_good("result", "one-entry") | {"later": [0, {"x": number}]}, "/later/1/x"),
        (_good("result", "one-entry") | {"schema_version": number}, "/schema_version"),
    ):
        with pytest.raises(SchemaError) as caught:
            dump_document("result", document, where="out.json")
        assert caught.value.where == f"out.json#{pointer}"
        assert "null" in caught.value.fix


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    deep: Any = []
    for _ in range(200_000):
        deep = [deep]
    for document in ({"schema_version": deep}, _good("run", "inference") | {"window": deep}):
        with pytest.raises(SchemaError):
            check("run", document)


# What is not data


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "[" * 100_000,
        "{",
        "",
        "'a'",
        "\ufeff{}",
        '{"a": 1,}',
    ],
)
def test_json_that_is_not_strict_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(
        f'{{"schema_version": "1.0", "x": {text}}}'
        if len(text) < 50 and text not in ("{", "")
        else text,
        "utf-8",
    )
    with pytest.raises(UnreadableError, match=r"x\.json: is not JSON"):
        read_document("system", path)


def test_json_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b'{"schema_version": "1.0", "x": "\xff"}')
    with pytest.raises(UnreadableError, match=r"x\.json: is not JSON"):
        read_document("system", tmp_path / "x.json")


YAML = """\
schema_version: "1.0"
round: mlperf-inference-v4.1
title: MLPerf Inference v4.1, power
source: power_measurement.adoc
formats: [mlperf-inference-power]
rules:
  duration: {severity: fail, clause: Duration, limits: {min_duration_s: {value: 60, unit: s}}}
"""


def test_yaml_is_read_as_the_same_document(tmp_path: Path) -> None:
    path = tmp_path / "v4.1.yaml"
    path.write_text(YAML, "utf-8")
    document = read_document("rulebook", path)
    assert document["rules"]["duration"]["limits"]["min_duration_s"] == {"value": 60, "unit": "s"}
    assert canonical(document) == canonical(json.loads(json.dumps(document)))


@pytest.mark.parametrize(
    ("line", "got"),
    [
        ("a: &x [1]\nb: *x\n", "got x"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "got x"),
        ("a: !!python/object/apply:os.system [true]\n", "got !!python/object/apply:os.system"),
        ("a: !!binary aGk=\n", "got !!binary"),
        ("a: !own 1\n", "got !own"),
    ],
)
def test_yaml_aliases_and_tags_are_refused_with_their_line(
    line: str, got: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(YAML + line, "utf-8")
    with pytest.raises(
        UnreadableError,
        match=rf"x\.yaml:\d+: YAML aliases and tags.*{re.escape(got)}\. Write the values out",
    ):
        read_document("rulebook", path)


@pytest.mark.parametrize(
    ("old", "new", "pointer"),
    [
        ('"1.0"', "1.0", "/schema_version"),
        ("severity: fail", "severity: off", "/rules/duration/severity"),
        ("value: 60", "value: .nan", "/rules/duration/limits/min_duration_s/value"),
        ("value: 60", "value: .inf", "/rules/duration/limits/min_duration_s/value"),
        ("  duration:", "  7:", "/rules"),
        ("title: MLPerf Inference v4.1, power", "title: 2024-07-11", "/title"),
        ("title:", "2024-07-11:", "/title"),
    ],
)
def test_yaml_surprises_are_named_by_their_place(
    old: str, new: str, pointer: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(YAML.replace(old, new), "utf-8")
    with pytest.raises(SchemaError) as caught:
        read_document("rulebook", path)
    assert caught.value.where == f"{path}#{pointer}"


@pytest.mark.parametrize(
    "text", ["[" * 60, "a: b: c", "\t- x", "a: 2024-99-99", "{[1]: 2}", "- \0"]
)
def test_yaml_that_is_broken_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(UnreadableError, match=r"x\.yaml: is not YAML"):
        read_document("rulebook", path)


@pytest.mark.parametrize(
    "text",
    ["[" * 500_000, "{a: " * 100_000, "".join(" " * i + "a:\n" for i in range(500)), "- " * 9999],
)
def test_yaml_nested_too_deeply_is_refused_without_delay(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(text, "utf-8")
    with pytest.raises(UnreadableError, match=r"x\.yaml:\d+: is nested too deeply"):
        read_document("rulebook", tmp_path / "x.yaml")

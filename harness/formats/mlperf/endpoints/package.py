"""Read one point of an MLPerf Endpoints package.

Two layouts::

    <org>/<submission>/results/<system>/<model>/r<N>/result_summary.json   a point of a submission
    <run>/performance/result_summary.json                                  what the client leaves

A submission has ``point.yaml``, ``system_desc.json`` and ``accuracy_results.json`` beside the
summary, and ``system_power.json`` in the folder of the system. A client's folder has
``accuracy/accuracy_results.json`` and ``metrics/final_snapshot.json``; results of MLPerf Inference
from v6.1 on have this layout too.

Nothing in a package was measured: an entry has no traces, and its class is *declared*.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.documents import parse_yaml
from harness.core.errors import JoulemarkError, UnreadableError, shorten
from harness.formats.base import Entry, Format, Quality, Quantity, Run, Work
from harness.formats.defects import DefectCode
from harness.formats.entry_reader import Reader, natural
from harness.formats.evidence import Evidence, PackageEvidence
from harness.formats.mlperf import inference_path
from harness.formats.mlperf.endpoints.accuracy import Score, read_scores
from harness.formats.mlperf.endpoints.curve import Curve, CurvePoint
from harness.formats.mlperf.endpoints.defects import note_defects
from harness.formats.mlperf.endpoints.fields import count_in, mapping_in, text_in, value_in
from harness.formats.mlperf.endpoints.power import provisioned_power
from harness.formats.mlperf.endpoints.provisioned import ProvisionedPower
from harness.formats.mlperf.endpoints.summary import Summary

FAMILY = "mlperf-endpoints"
SUMMARY, ACCURACY = "result_summary.json", "accuracy_results.json"
POINT, SYSTEM, POWER = "point.yaml", "system_desc.json", "system_power.json"
SNAPSHOT = "final_snapshot.json"
MAX_POINTS = 64
"""More points of a curve are not read; the rules allow 32."""
_POINT_FOLDER = re.compile(r"r\d{1,9}", re.ASCII)


class MlperfEndpoints(Format):
    """Reader of one point of an MLPerf Endpoints package."""

    name = "mlperf-endpoints"
    family = FAMILY
    priority = 22

    def sniff(self, directory: Path, names: frozenset[str]) -> bool:
        """Tell whether this is the folder of a point, or what the client left of a run."""
        if is_point(directory.name, names):
            return True
        performance = directory / "performance"
        return "performance" in names and os.path.isfile(performance / SUMMARY)

    def reason_to_skip(self, directory: Path, names: frozenset[str]) -> str:
        """Say that a system declares its power and has no point."""
        if POWER not in names:
            return ""
        has_point = any(_POINT_FOLDER.fullmatch(path.name) for path in directory.glob("*/r*"))
        return "" if has_point else "a provisioned power without a point"

    def surroundings(self, directory: Path) -> tuple[Path, ...]:
        """Return the other points of the curve, and the shared folders of the submission."""
        path = Path(os.path.abspath(directory))
        root = path.parents[3] if len(path.parents) > 3 else path.parents[-1]
        points = sorted(path.parent.glob("r*"))
        system = _system_of_round(directory)
        stated = _shared_paths(_yaml(directory / POINT, Reader(directory)))
        shared = [root / name for name in ("src", "docs", *stated) if _is_plain(name)]
        return (path.parents[1] / POWER, path.parent, *points, root, system, *shared)

    def read(self, directory: Path, entry_id: str) -> Entry:
        """Read the point.

        Raises:
            UnreadableError: Neither summary, point nor accuracy can be read.
        """
        reader = Reader(directory)
        names = frozenset(os.listdir(directory))
        layout = "submission" if is_point(directory.name, names) else "client"
        files = _read_files(directory, layout, reader)
        if not (files.summary.document or files.point or files.scores):
            raise UnreadableError(
                "holds no result that can be read",
                where=str(directory),
                expected=f"{SUMMARY}, {POINT} or {ACCURACY}",
            )
        evidence = _evidence(directory, layout, files)
        note_defects(files.summary, files.scores, files.power, files.snapshot, reader)
        names_of_entry: dict[str, Any] = _names(directory, layout, files)
        return Entry(
            id=entry_id,
            directory=directory,
            format=self.name,
            family=self.family,
            round=inference_path.round_of(directory) if layout == "client" else "",
            task="inference",
            runs=(_run(directory, evidence, files),),
            system_description=files.system or None,
            defects=tuple(reader.defects),
            **names_of_entry,
        )


def is_point(folder: str, names: frozenset[str]) -> bool:
    """Return whether a folder of a name, which holds some names, is a point of a submission."""
    named_like_one = _POINT_FOLDER.fullmatch(folder) is not None
    return SUMMARY in names or POINT in names or (ACCURACY in names and named_like_one)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """The documents of a point; empty where a file is missing or cannot be read."""

    summary: Summary
    point: Mapping[str, Any]
    system: Mapping[str, Any]
    power: ProvisionedPower | None
    scores: tuple[Score, ...]
    has_accuracy: bool
    snapshot: Mapping[str, Any]
    sources: tuple[str, ...]


def _read_files(directory: Path, layout: str, reader: Reader) -> _Files:
    """Read the files of a point in either layout."""
    is_client = layout == "client"
    summary = directory / "performance" / SUMMARY if is_client else directory / SUMMARY
    accuracy = directory / "accuracy" / ACCURACY if is_client else directory / ACCURACY
    snapshot = directory / "metrics" / SNAPSHOT if is_client else directory / SNAPSHOT
    system_path = directory / SYSTEM
    if is_client and not system_path.exists():
        system_path = _system_of_round(directory)
    system = _document(system_path, reader)
    power_document = _document(directory.parent.parent / POWER, reader)
    accuracy_document = _document(accuracy, reader)
    present = [path for path in (summary, accuracy, directory / POINT) if path.is_file()]
    return _Files(
        summary=Summary(_document(summary, reader)),
        point=_yaml(directory / POINT, reader),
        system=system,
        power=provisioned_power(power_document, _cooling(system)) if power_document else None,
        scores=read_scores(accuracy_document),
        has_accuracy=accuracy.is_file(),
        snapshot=_document(snapshot, reader),
        sources=tuple(path.relative_to(directory).as_posix() for path in present),
    )


def _system_of_round(directory: Path) -> Path:
    """Return where a round of MLPerf Inference describes the system of a result."""
    system, parents = directory.absolute().parent.parent.name, directory.absolute().parents
    submitter = parents[3] if len(parents) > 3 else parents[-1]
    return submitter / "systems" / f"{system}.json"


def _document(path: Path, reader: Reader) -> Mapping[str, Any]:
    """Return a JSON object; an empty one without the file, which the rules report."""
    return reader.document(path) if path.exists() else {}


def _yaml(path: Path, reader: Reader) -> Mapping[str, Any]:
    """Return a YAML mapping; an empty one and a defect where it cannot be read."""
    content = reader.optional(path, quiet=True)
    if not content:
        return {}
    try:
        document = parse_yaml(content, where=str(path))
    except JoulemarkError as error:
        reader.note(DefectCode.FILE_UNREADABLE, path, shorten(error.message))
        return {}
    if not isinstance(document, dict):
        reader.note(DefectCode.FILE_UNREADABLE, path, "no mapping")
        return {}
    return document


def _cooling(system: Mapping[str, Any]) -> str:
    """Return the cooling that a description of a system states, in free text."""
    nodes = value_in(system, "node_types")
    first = nodes[0] if isinstance(nodes, list) and nodes else None
    return text_in(system, "cooling") or text_in(first, "cooling")


def _evidence(directory: Path, layout: str, files: _Files) -> PackageEvidence:
    curve = _curve(directory) if layout == "submission" else None
    return PackageEvidence(
        figures=figures(files.summary, files.power, files.point),
        layout=layout,
        folder=directory.name,
        summary=files.summary if files.summary.document else None,
        point=files.point,
        system=files.system,
        power=files.power,
        scores=files.scores,
        has_accuracy=files.has_accuracy,
        curve=curve,
        tree=_tree(directory, files.point) if layout == "submission" else frozenset(),
    )


def figures(
    summary: Summary, power: ProvisionedPower | None, point: Mapping[str, Any]
) -> dict[str, float]:
    """Return the figures of a point under the names of the rules; those that can be had."""
    tps = summary.tokens_per_second
    power_kw = power.point_kw(point.get("nodes_used")) if power is not None else None
    drained = summary.tokens_per_second_drained
    values = {
        "tps": tps,
        "qps": summary.requests_per_second,
        "tps_drained": drained,
        "tps_per_user": summary.tokens_per_second_per_user,
        "ttft_p90_ms": summary.ttft_p90_ms,
        "tpot_p90_ms": summary.tpot_p90_ms,
        "in_flight": summary.in_flight,
        "provisioned_power_kw": power.total_kw if power is not None else None,
        "point_power_kw": power_kw,
        "system_tps_per_kw": tps / power_kw if tps is not None and power_kw else None,
        "joules_per_token_provisioned": 1000 * power_kw / drained if power_kw and drained else None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _curve(directory: Path) -> Curve:
    """Read all points beside this one; their own defects are those of their own entries."""
    folders = sorted(directory.absolute().parent.glob("r*"), key=lambda path: natural(path.name))
    points = [
        _curve_point(path)
        for path in folders[:MAX_POINTS]
        if _POINT_FOLDER.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    ]
    declared = [count_in(point.point, "max_supported_concurrency") for point in points]
    c_max = max((count for count in declared if count is not None), default=None)
    return Curve(points, c_max)


def _curve_point(path: Path) -> CurvePoint:
    reader = Reader(path)
    return CurvePoint(
        folder=path.name,
        point=_yaml(path / POINT, reader),
        summary=Summary(_document(path / SUMMARY, reader)),
        has_accuracy=(path / ACCURACY).is_file(),
    )


def _tree(directory: Path, point: Mapping[str, Any]) -> frozenset[str]:
    """Return which of the shared folders of a submission exist."""
    parents = directory.absolute().parents
    root = parents[3] if len(parents) > 3 else parents[-1]
    names = {"src", "docs", *_shared_paths(point)}
    present = {name for name in names if _is_folder_inside(root, name)}
    if any(path.name.casefold().startswith("readme") for path in (root / "src").glob("*")):
        present.add("src/README")
    return frozenset(present)


def _shared_paths(point: Mapping[str, Any]) -> Iterator[str]:
    for name in ("shared_src", "shared_docs"):
        path = text_in(point, name)
        if path:
            yield path


def _is_folder_inside(root: Path, name: str) -> bool:
    """Return whether a name is a folder below a root, without a way out of it."""
    return _is_plain(name) and (root / name).is_dir()


def _is_plain(name: str) -> bool:
    """Return whether a name leads to nothing outside of the folder that it is joined to."""
    is_inside = not os.path.isabs(name) and ".." not in Path(name).parts
    return is_inside and "\0" not in name and len(name) < 1000


def _run(directory: Path, evidence: PackageEvidence, files: _Files) -> Run:
    summary, scores = files.summary, files.scores
    tokens, rate = summary.output_tokens, summary.tokens_per_second
    qualities = [Quality(score.metric, score.value) for score in scores]
    quality = None
    if qualities:
        quality = Quality(qualities[0].metric, qualities[0].value, None, tuple(qualities[1:]))
    return Run(
        id=directory.absolute().name,
        window=None,
        work=Work(float(tokens), "token") if tokens else None,
        performance=None
        if rate is None
        else Quantity(rate, "tokens/s", "output tokens per second"),
        quality=quality,
        seconds=summary.duration_s,
        success=_success(summary),
        evidence=Evidence(package=evidence),
        sources=files.sources,
    )


def _success(summary: Summary) -> bool | None:
    """Return whether the client says that it came to its end; ``None`` where it does not say."""
    complete = value_in(summary.document, "complete")
    return complete if isinstance(complete, bool) else None


def _names(directory: Path, layout: str, files: _Files) -> dict[str, str]:
    """Return submitter, system, benchmark, scenario and division."""
    place = inference_path.place(directory)
    if layout == "client":
        in_round = bool(place["submitter"])
        pattern = text_in(mapping_in(files.summary.document, "run_config"), "load_pattern", "type")
        return {
            "submitter": place["submitter"],
            "system": place["system"] if in_round else text_in(files.system, "system_name"),
            "benchmark": place["benchmark"] if in_round else "",
            "scenario": place["scenario"] if in_round else pattern,
            "division": place["division"],
        }
    point = CurvePoint(folder=directory.absolute().name, point=files.point, summary=files.summary)
    is_offline = point.offline == "dedicated"
    organisation = text_in(files.system, "submitter_org_names")
    return {
        "submitter": organisation or place["submitter"],
        "system": place["system"],
        "benchmark": text_in(files.point, "model_name") or place["benchmark"],
        "scenario": "offline" if is_offline else f"concurrency-{point.concurrency}",
        "division": text_in(files.point, "division"),
    }


FORMAT = MlperfEndpoints()

"""Declared footprints and CO2e on the command line, as a new user meets them."""

from __future__ import annotations

import io
import json
import math
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.carbon.catalogue import catalogue, entry, names
from harness.carbon.co2e import Inputs
from harness.carbon.footprint.compute import account, with_grid
from harness.carbon.footprint.document import Footprint, from_document
from harness.carbon.footprint.intervals import intervals
from harness.carbon.footprint.totals import common_convention
from harness.cli import main
from harness.core.documents import read_document
from harness.core.errors import UsageError
from harness.core.schemas import check

REPOSITORY = Path(__file__).resolve().parents[3]
ALDER = REPOSITORY / "submissions" / "lab-2026" / "inference" / "closed" / "SimulatedAlder"
DOCUMENT: dict[str, Any] = {
    "schema_version": "1.0",
    "id": "mine",
    "model": "m",
    "source": {"citation": "me", "licence": "own"},
    "date": "2026",
    "convention": {"power": "measured system", "pue": "stated", "accounting": "gross"},
    "inputs": {
        "processors": {"value": 8, "unit": "1", "u_ln": 0},
        "hours": {"value": 100, "unit": "h", "u_ln": 0.01},
        "power": {"value": 500, "unit": "W", "u_ln": 0.03},
        "pue": {"value": 1.2, "unit": "1", "u_ln": 0.02},
        "location_intensity": {
            "value": 0.4,
            "unit": "kg/kWh",
            "u_ln": 0.1,
            "zone": "Z",
            "dataset": "d",
        },
    },
}


def joulemark(*args: object) -> subprocess.CompletedProcess[str]:
    """The command in this process: its exit code and what it prints."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as done:
        main([str(arg) for arg in args])
    code = done.value.code
    return subprocess.CompletedProcess(
        args, code if isinstance(code, int) else 1, out.getvalue(), err.getvalue()
    )


def document(done: subprocess.CompletedProcess[str], kind: str) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    check(kind, found)
    return found


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stdout
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def mine(**inputs: Any) -> Footprint:
    return from_document(DOCUMENT | {"inputs": DOCUMENT["inputs"] | inputs})


# One account


def test_account_by_hand() -> None:
    found = account(mine())
    assert found.it_energy.value == pytest.approx(400)
    assert found.energy.value == pytest.approx(480)
    assert found.gross.value == pytest.approx(192)
    assert found.net.value is None
    assert found.gross.low < 192 < found.gross.high  # type: ignore[operator]
    assert {row.term for row in found.rows} == {"hours", "power", "pue", "location_intensity"}
    assert found.rows[0].term == "location_intensity"
    assert sum(row.share for row in found.rows) == pytest.approx(1)


def test_queries_add_to_training() -> None:
    found = account(
        mine(queries={"value": 1e6, "unit": "1"}, query_energy={"value": 360, "unit": "J"})
    )
    assert found.energy.value == pytest.approx(480 + 1.2 * 100)


def test_lines_beside_never_lower_emissions() -> None:
    plain = account(mine())
    found = account(
        mine(
            heat_reused={"value": 100, "unit": "kWh"},
            carbon_removed={"value": 1000, "unit": "kg"},
            idle_energy={"value": 120, "unit": "kWh"},
        )
    )
    assert found.gross == plain.gross
    assert found.removed.value == 1000
    assert found.energy_reuse_factor.value == pytest.approx(100 / 480)
    assert found.idle_share.value == pytest.approx(120 / 600)


def test_factor_of_unknown_uncertainty_leaves_no_interval() -> None:
    found = account(mine(power={"value": 500, "unit": "W"}))
    assert (found.gross.value, found.gross.low) == (pytest.approx(192), None)
    assert "power" in found.gross.note


def test_another_grid_takes_both_bases_along() -> None:
    item = entry("gpt-3")
    from harness.carbon.grid.annual import annual

    found = account(with_grid(item, Inputs(location=annual("FR"))))
    assert found.gross.value == pytest.approx(1289376 * 0.0442, rel=1e-4)
    assert found.net.value is None
    assert found.energy == account(item).energy


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("location_intensity", {"value": 400, "unit": "kg/kWh"}, "Likely meant: 400 g/kWh"),
        ("location_intensity", {"value": 0.4, "unit": "g/kWh"}, "Likely meant: 0.4 kg/kWh"),
        ("power", {"value": 0.5, "unit": "kW"}, "another unit; got kW, expected W"),
        ("pue", {"value": 0.8, "unit": "1"}, "PUE is out of range"),
        ("colour", {"value": 1, "unit": "1"}, "not an input of a footprint"),
        ("hours", {"value": float("inf"), "unit": "h"}, "not a finite number"),
    ],
)
def test_bad_factor_is_refused_by_name(name: str, given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        mine(**{name: given})
    assert words in str(caught.value)
    assert f"mine: {name}" in caught.value.where


def test_footprint_without_energy_is_refused() -> None:
    item = from_document(DOCUMENT | {"inputs": {"pue": {"value": 1.1, "unit": "1"}}})
    with pytest.raises(UsageError, match="holds no energy"):
        account(item)


# Catalogue


def test_every_document_of_the_catalogue_is_valid_and_carries_provenance() -> None:
    folder = REPOSITORY / "harness" / "carbon" / "catalogue"
    assert len(names()) == 43
    for name in names():
        read_document("footprint", folder / f"{name}.json")
        item = entry(name)
        assert item.id == name
        assert item.note
        for factor in (*item.inputs.values(), *item.common.values()):
            assert factor.source
            assert factor.date
            assert factor.licence
            assert factor.u_ln is not None


def test_unverified_figures_are_marked() -> None:
    unverified = {item.id.split("/")[1] for item in catalogue() if not item.verified}
    assert {
        "palm-540b",
        "gopher-280b",
        "glam-600b-tokens",
        "starcoderbase-15.5b",
        "st-moe-32b",
    } <= unverified
    assert "gpt-3" not in unverified


def test_intervals_of_rated_power_are_wider_than_of_measured() -> None:
    rated, measured = (intervals(entry(name))["energy"] for name in ("llama-65b", "gpt-3"))
    assert rated.high / rated.low > 2 > measured.high / measured.low  # type: ignore[operator]


def test_common_convention_names_what_is_not_known() -> None:
    found, missing = common_convention(entry("palm-540b"))
    assert found["energy_mwh"] == pytest.approx(3436, abs=1)
    assert found["location_based_tco2e"] is None
    assert missing == "not known: a location-based intensity"


def test_name_that_is_not_there_names_near_ones() -> None:
    with pytest.raises(UsageError, match="gpt-3"):
        entry("gpt3")


# Command line


def test_published_is_one_document_of_the_declared_class() -> None:
    found = document(joulemark("footprint", "published", "--json"), "published")
    assert len(found["entries"]) == 43
    assert {item["measurement_class"] for item in found["entries"]} == {"declared"}
    bloom = next(item for item in found["entries"] if item["id"] == "luccioni-2022/bloom-176b")
    assert bloom["published"]["gross_tco2e"] == 24.69
    assert bloom["recomputed"]["gross_tco2e"] == pytest.approx(24.69, abs=0.01)
    assert bloom["convention"] == {"power": "rated", "pue": "none", "accounting": "gross"}
    assert bloom["common_convention"]["location_based_tco2e"] == pytest.approx(29.63, abs=0.01)
    assert max(row["tco2e"] for row in bloom["alternatives"]) == pytest.approx(183.5, abs=0.1)


def test_published_in_words_marks_what_is_unverified_and_declared() -> None:
    done = joulemark("footprint", "published")
    assert done.returncode == 0, done.stderr
    palm = next(line for line in done.stdout.splitlines() if line.startswith("PaLM"))
    assert "(u)" in palm
    assert "none is measured by joulemark" in done.stdout
    assert "BLOOM" in joulemark("footprint", "published", "bloom-176b").stdout


def test_compute_from_numbers() -> None:
    numbers = ("--hours", 355.2, "--processors", 10000, "--watts", 330, "--pue", 1.1)
    grid = (
        "--intensity-g-per-kwh",
        429,
        "--intensity-source",
        "arXiv:2104.10350",
        "--market-g-per-kwh",
        300,
    )
    more = ("--embodied", 150, 355.2, 26280, "--functional-units", 10, "--carbon-removed", 5)
    found = document(joulemark("footprint", "compute", *numbers, *grid, *more, "--json"), "account")
    assert found["energy"]["value"] == pytest.approx(1_289_376)
    assert found["gross"]["value"] == pytest.approx(553_142, rel=1e-5)
    assert found["net"]["value"] == pytest.approx(1_289_376 * 0.3)
    assert found["removed"]["value"] == 5
    assert found["embodied"]["value"] == pytest.approx(150 * 355.2 / 26280)
    sources = {factor["name"]: factor["source"] for factor in found["factors"]}
    assert sources["location_intensity"] == "arXiv:2104.10350"


def test_compute_from_a_document(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(DOCUMENT), "utf-8")
    done = joulemark("footprint", "compute", tmp_path / "mine.json")
    assert done.returncode == 0, done.stderr
    assert "192 kg" in done.stdout


def test_clean_matching_by_hand(tmp_path: Path) -> None:
    (tmp_path / "hours.csv").write_text(
        "energy_kwh,clean_kwh,g_per_kwh\n10,4,400\n10,20,300\n", "utf-8"
    )
    found = document(joulemark("footprint", "clean", tmp_path / "hours.csv", "--json"), "clean")
    assert (found["gross_g"], found["hourly_g"], found["annual_g"]) == (7000, 2400, 0)


def test_compare_reproduces_the_papers_ratio() -> None:
    a, b = "transformer-big-p100-us-average", "evolved-transformer-medium-tpu-v2-iowa"
    found = document(joulemark("footprint", "compare", a, b, "--json"), "factors")
    assert found["ratios"]["net"]["value"] == pytest.approx(56.5, abs=0.1)
    terms = found["net"]["factors"]
    total = sum(terms[name]["value"] for name in ("model", "machine", "mechanization", "map"))
    assert total == pytest.approx(found["net"]["log_ratio"]["value"], abs=1e-12)


def test_score_with_a_zone_carries_co2e_and_every_factor() -> None:
    entry_ = document(
        joulemark("score", ALDER, "--zone", "US-IA", "--pue", 1.11, "--json"), "result"
    )["entries"][0]
    estimate = entry_["co2e"]["location_based"]
    assert estimate["unit"] == "g"
    joules = entry_["energy"]["value"]
    assert estimate["value"] == pytest.approx(joules / 3.6e6 * 1.11 * 287.65, rel=1e-4)
    assert estimate["low"] < estimate["value"] < estimate["high"]
    assert entry_["co2e"]["market_based"] is None
    factors = entry_["co2e_details"]["location_based"]["factors"]
    assert {factor["name"] for factor in factors} == {"location_intensity", "pue"}


def test_leaderboard_says_which_intensity_and_ranks_on_it_only() -> None:
    found = document(
        joulemark("leaderboard", ALDER.parent, "--zone", "US", "--rank-by", "co2e", "--json"),
        "leaderboard",
    )
    for table in found["tables"]:
        assert table["rank_by"] == "co2e"
        for row in table["rows"]:
            assert row["co2e_intensity"].startswith("reference, gross: US 2024")
    done = joulemark("leaderboard", ALDER.parent, "--zone", "US")
    assert "CO2e per unit, gross" in done.stdout
    assert "intensity reference, gross: US 2024, 383.5 g/kWh (owid-ember)" in done.stdout
    assert "Energy ranks" in done.stdout
    assert_refused(
        joulemark("leaderboard", ALDER.parent, "--rank-by", "co2e"), "common reference intensity"
    )


def test_compare_of_results_names_the_factors() -> None:
    sides = (ALDER, ALDER.parent / "SimulatedCedar")
    found = document(
        joulemark("compare", *sides, "--zone", "US", "--pue", 1.2, "--json"), "comparison"
    )
    terms = {name: item["value"] for name, item in found["factors"].items()}
    wanted = {
        "model": 0.0,
        "machine": found["log_ratio"]["value"],
        "mechanization": 0.0,
        "map": 0.0,
    }
    # the comparison states the mean of logarithms, the terms the logarithm of means
    assert terms == pytest.approx(wanted, abs=1e-4)
    assert document(joulemark("compare", *sides, "--json"), "comparison")["factors"] is None
    moved = ("--zone", "US-WY", "--b-zone", "US-VT", "--pue", 1.5, "--b-pue", 1.1)
    terms = document(joulemark("compare", *sides, *moved, "--json"), "comparison")["factors"]
    assert math.exp(terms["map"]["value"]) == pytest.approx(831.55 / 23.7, rel=1e-3)
    assert math.exp(terms["mechanization"]["value"]) == pytest.approx(1.5 / 1.1)
    assert terms["mechanization"]["low"] < terms["mechanization"]["value"]
    assert "intensity of the grid" in joulemark("compare", *sides, *moved).stdout
    assert_refused(
        joulemark("compare", *sides, "--zone", "US", "--b-zone", "nowhere"), "no such grid zone"
    )
    assert_refused(joulemark("compare", *sides, "--b-zone", "US"), "the grid of B without one of A")


def test_leaderboard_without_a_grid_has_no_column_of_co2e() -> None:
    assert "CO2e" not in joulemark("leaderboard", ALDER.parent).stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--zone", "Germny"), ("no such grid zone", "Germany (DE)")),
        (("--zone", ""), ("no such grid zone",)),
        (("--hourly", "."), ("is a folder",)),
        (("--zone", "DE", "--intensity-g-per-kwh", 300), ("one location-based intensity",)),
        (
            ("--intensity-g-per-kwh", 0.429, "--intensity-source", "x"),
            ("Likely meant: 0.429 kg/kWh",),
        ),
        (("--intensity-g-per-kwh", 429), ("has no source", "--intensity-source")),
        (("--intensity-g-per-kwh", -429, "--intensity-source", "x"), ("is negative",)),
        (("--zone", "DE", "--pue", 0.9), ("PUE is out of range",)),
        (("--pue", 1.1), ("no grid was named",)),
        (("--hourly", "nowhere.csv"), ("is not there",)),
        (("--zone", "DE", "--source", "electricity-maps"), ("share-alike",)),
    ],
)
def test_bad_options_are_refused_with_the_remedy(
    options: tuple[object, ...], words: tuple[str, ...]
) -> None:
    assert_refused(joulemark("score", ALDER, *options), *words)


def test_zones_list_sources_and_licences() -> None:
    done = joulemark("footprint", "zones")
    assert done.returncode == 0, done.stderr
    for word in ("Germany", "egrid2023", "public domain", "ODbL"):
        assert word in done.stdout


@pytest.mark.parametrize("form", ["svg", "png"])
def test_pictures_are_drawn(tmp_path: Path, form: str) -> None:
    pytest.importorskip("matplotlib")
    for command in (("published",), ("compare", "gpt-3", "gshard-600b")):
        path = tmp_path / f"{command[0]}.{form}"
        done = joulemark("footprint", *command, "--picture", path)
        assert done.returncode == 0, done.stderr
        assert path.read_bytes()[:5] in (b"<?xml", b"\x89PNG\r")
    assert_refused(
        joulemark("footprint", "published", "--picture", tmp_path / "x.gif"), ".svg or .png"
    )


# What if, as a command


@pytest.fixture
def hours(tmp_path: Path) -> Path:
    """A year of hours around the example's run, in a file with its document."""
    stamps = np.arange("2026-01-01T00", "2026-02-01T00", dtype="datetime64[h]").astype(str)
    values = [300 - 200 * (10 <= i % 24 < 14) for i in range(len(stamps))]
    rows = "\n".join(f"{stamp}:00Z,{value}" for stamp, value in zip(stamps, values, strict=True))
    (tmp_path / "z.csv").write_text(f"time,ci\n{rows}\n", "utf-8")
    about = {
        "schema_version": "1.0",
        "zone": "Z",
        "unit": "g/kWh",
        "time_zone": "UTC",
        "kind": "average",
        "basis": "production",
        "source": "operator",
        "file": "z.csv",
    }
    (tmp_path / "z.grid.json").write_text(json.dumps(about), "utf-8")
    return tmp_path / "z.csv"


def test_whatif_finds_the_clean_hours(hours: Path, tmp_path: Path) -> None:
    picture = tmp_path / "x.svg"
    options = ("--hourly", hours, "--deferrable", "24h", "--picture", picture, "--pue", 1.1)
    found = document(joulemark("whatif", ALDER, *options, "--json"), "whatif")
    place = found["places"][0]
    assert place["actual"]["co2e"]["value"] == pytest.approx(
        found["energy"]["value"] / 3.6e6 * 1.1 * 300
    )
    assert place["deferred"]["start"] == "2026-01-01T10:00:00.000000000Z"
    assert found["savings"]["deferred"]["value"] == pytest.approx(2 / 3)
    assert picture.read_bytes().startswith(b"<?xml")
    assert "in time" in joulemark("whatif", ALDER, "--hourly", hours).stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), ("zones are named either by year or by hour",)),
        (("--zone", "DE", "--zone", "US-CA"), ("two sources",)),
        (("--zone", "DE", "--start", "soon"), ("--start: is not a time",)),
        (("--zone", "DE", "--deferrable", "long"), ("not a span of time",)),
        (("--zone", "DE", "--picture", "x.pdf"), (".svg or .png",)),
    ],
)
def test_bad_whatif_is_refused(options: tuple[str, ...], words: tuple[str, ...]) -> None:
    assert_refused(joulemark("whatif", ALDER, *options), *words)


def test_whatif_moves_one_result_at_a_time() -> None:
    assert_refused(
        joulemark("whatif", ALDER.parent, "--zone", "DE"), "one result is moved at a time"
    )


def test_score_joins_the_hours_of_a_file(hours: Path) -> None:
    found = document(joulemark("score", ALDER, "--hourly", hours, "--json"), "result")["entries"][0]
    assert found["co2e_details"]["location_based"]["mean_g_per_kwh"] == pytest.approx(300)
    assert found["co2e_details"]["intensity"].startswith("as run, gross: Z")
    about = json.loads(hours.with_suffix(".grid.json").read_text("utf-8")) | {
        "accounting": "market"
    }
    net = hours.with_name("net.yaml")
    net.write_text(json.dumps(about), "utf-8")
    report = joulemark("score", ALDER, "--hourly", hours, "--market-hourly", net).stdout
    assert "CO2e gross (location-based)" in report
    assert "CO2e net (market-based)" in report
    assert_refused(
        joulemark("score", ALDER, "--hourly", net), "series of another kind", "accounting: market"
    )


def test_notes_of_an_account_are_there_only_where_they_apply() -> None:
    """The building, and heat that is given away: each by itself, or neither."""
    plain = entry("t5")
    assert account(plain).notes == ("declared, not measured",)
    bare = entry("luccioni-2022/bloom-176b")
    assert [note for note in account(bare).notes if "without PUE" in note]
    assert not [note for note in account(bare).notes if "heat" in note]


@pytest.mark.parametrize(
    ("basis", "u_ln"), [("measured", 0.05 / math.sqrt(3)), ("borrowed", 0.1), ("rated", 0.22)]
)
def test_the_basis_of_the_power_is_the_width_of_the_energy(basis: str, u_ln: float) -> None:
    """Sensors of 5 %, four models of one chip, ten rated powers: half a width of 1.96 u."""
    text = "--hours 100 --processors 8 --watts 300 --pue 1.1 --intensity-g-per-kwh 300"
    done = joulemark(
        *("footprint", "compute", "--json", "--power-basis", basis, *text.split()),
        *("--intensity-source", "supplier statement"),
    )
    assert done.returncode == 0, done.stderr
    energy = json.loads(done.stdout)["it_energy"]
    assert math.log(energy["high"] / energy["low"]) / 2 == pytest.approx(1.96 * u_ln, rel=0.03)

"""Each meter has a row in the overview of the docs, and its page states what a reader needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from harness.meters import MeterSpec, built_in, make, parse
from harness.meters.network import adapters
from harness.meters.network.device_map import read_map

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
PAGES = sorted(path for path in (REFERENCE / "meters").glob("*.md") if path.stem in built_in())


@pytest.mark.parametrize("name", built_in())
def test_a_built_in_meter_has_a_row(name: str) -> None:
    overview = (REFERENCE / "meters.md").read_text("utf-8")
    assert re.search(rf"^\| \[?`{name}`", overview, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_states_boundary_kind_averaging_and_accuracy(page: Path) -> None:
    text = page.read_text("utf-8")
    for row in ("boundary", "kind", "averaging", "accuracy", "options"):
        assert f"| {row} | " in text


SPEC = re.compile(r"--(?:probe|meter) (\S+:\S+)")
SNIPPET = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
NETWORK = {path.stem for path in Path(adapters.__path__[0]).glob("[a-z]*.py")}
NETWORK_PAGES = [page for page in PAGES if page.stem in NETWORK]
FIELDS = {"kind": "instant", "boundary": "wall", "refresh_s": 1, "source": "its manual"}
ACCURACY = {"reading_limit_pct": 1, "source": "its manual"}
KEY_OPTIONS = {"fingerprint": "0" * 64}


@pytest.mark.parametrize("page", NETWORK_PAGES, ids=lambda page: page.stem)
def test_each_example_names_a_meter_that_can_be_made(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REDFISH_PASSWORD", "IPMI_PASSWORD", "SNMP_AUTH_KEY", "SNMP_PRIVACY_KEY"):
        monkeypatch.setenv(f"JOULEMARK_{name}", "a secret of a test")
    specs = SPEC.findall(page.read_text("utf-8"))
    assert specs
    for text in specs:
        spec = parse(text)
        options = dict(spec.options)
        options |= {name: KEY_OPTIONS[name] for name in KEY_OPTIONS if name in options}
        if "map" in options:
            own = tmp_path / options["map"]
            own.write_text(_whole_map(page, _snippets(page)[0]))
            options["map"] = str(own)
        make(MeterSpec(spec.name, options))


@pytest.mark.parametrize("page", NETWORK_PAGES, ids=lambda page: page.stem)
def test_each_map_of_a_page_is_valid_once_it_is_whole(page: Path, tmp_path: Path) -> None:
    for number, snippet in enumerate(_snippets(page)):
        path = tmp_path / f"{number}.yaml"
        path.write_text(_whole_map(page, snippet))
        assert read_map(path).channels


def _snippets(page: Path) -> list[str]:
    return SNIPPET.findall(page.read_text("utf-8"))


def _whole_map(page: Path, snippet: str) -> str:
    """Return a snippet with the head of a map, and the fields that each channel must have."""
    document = yaml.safe_load(snippet)
    head = {"schema_version": "1.0", "name": "own", "protocol": page.stem, "title": "a device"}
    for channel in document["channels"]:
        for name, value in FIELDS.items():
            channel.setdefault(name, value)
        if "instrument" not in channel:
            channel.setdefault("accuracy", ACCURACY)
    return yaml.safe_dump({**head, "source": "its manual", **document})

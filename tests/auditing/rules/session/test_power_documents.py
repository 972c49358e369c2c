"""power-documents: the analyzer and the power settings are described beside the result."""

from pathlib import Path

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "power-documents"
TABLE = "| Vendor | Model |\n|---|---|\n| Yokogawa | WT210, WT310, WT330 |\n"


def described(root: Path, level: int = 3, tree: str = "measurements", table: str = TABLE) -> Path:
    """A clean session and the two files; level: parts of system/benchmark/scenario below the
    tree that hold them."""
    folder = b.inference(root)
    place = folder.parents[3].joinpath(tree, *folder.parts[-3:][:level])
    place.mkdir(parents=True, exist_ok=True)
    (place / "analyzer_table.md").write_text(table, "utf-8")
    (place / "power_settings.adoc").write_text("Governor: performance\n", "utf-8")
    return folder


@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize("tree", ["measurements", "results"])
def test_pass_at_each_level_of_either_tree(tmp_path: Path, level: int, tree: str) -> None:
    b.assert_pass(b.report(described(tmp_path, level, tree)), RULE)


@pytest.mark.parametrize("name", ["analyzer_table", "power_settings"])
def test_fail_one_is_missing(tmp_path: Path, name: str) -> None:
    folder = described(tmp_path)
    (lost,) = folder.parents[3].glob(f"measurements/**/{name}.*")
    lost.unlink()
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="measurements",
        got=f"no {name}.*",
        expected="above it",
    )


def test_fail_empty_settings(tmp_path: Path) -> None:
    folder = described(tmp_path)
    next(folder.parents[3].glob("measurements/**/power_settings.*")).write_text("\n")
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="power_settings.adoc",
        got="empty",
        expected="describe",
    )


def test_fail_a_link_is_not_the_file(tmp_path: Path) -> None:
    folder = described(tmp_path)
    table = next(folder.parents[3].glob("measurements/**/analyzer_table.*"))
    table.rename(tmp_path / "elsewhere.md")
    table.symlink_to(tmp_path / "elsewhere.md")
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="measurements",
        got="no analyzer_table.*",
        expected="one",
    )


def test_warn_table_of_another_analyzer(tmp_path: Path) -> None:
    folder = described(tmp_path, table="| Yokogawa | WT5000 |")
    b.assert_found(
        b.report(folder),
        RULE,
        "warn",
        where="analyzer_table.md",
        got="another",
        expected="as Identify",
    )


def test_fail_table_too_large_to_read(tmp_path: Path) -> None:
    folder = described(tmp_path, table="x" * (2**20 + 1))
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="analyzer_table.md",
        got="too large",
        expected="can be read",
    )


def test_skip_part_of_a_submission(tmp_path: Path) -> None:
    found = b.report(b.inference(tmp_path))
    b.assert_found(
        found, RULE, "skip", where="measurements", got="no such folder", expected="analyzer_table.*"
    )
    assert found.verdict == "valid"


def test_skip_imported_run() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(
        found, RULE, "skip", where="result", got="no foreign files", expected="submission"
    )


@pytest.mark.parametrize("name", ["powersetting.adoc", "powersettings.md", "power_settings.txt"])
def test_pass_settings_by_either_name(tmp_path: Path, name: str) -> None:
    folder = described(tmp_path)
    settings = next(folder.parents[3].glob("measurements/**/power_settings.adoc"))
    settings.rename(settings.with_name(name))
    b.assert_pass(b.report(folder), RULE)


IDENTITY = (
    "YokogawaWT310{0},1000,1,1,1,1,0,1,1,mode=power,1,1,1,0,0,no_cal_date,YOKOGAWA;"
    "WT310{0};C2SF14004V;F1.01{1}"
)


@pytest.mark.parametrize(
    ("table", "series", "firmware", "fits"),
    [
        ("Yokogawa,WT-310E,F1.04,single channel,USB,,1,1", "E", "", True),
        ("| Yokogawa | WT 310E |", "E", "", True),
        ("| Yokogawa | WT310EH |", "E", "", True),
        ("| Yokogawa | WT310 |", "E", "", False),
        ("Yokogawa,WT-310E,F1.04,single channel,USB,,1,1", "", "", False),
        ("Yokogawa,WT-310E,F1.04,single channel,USB,,1,1", "", "EM", True),
        ("| Yokogawa | WT_310 | Ethernet |", "", "", True),
        ("| Yokogawa | WT3100 |", "", "", False),
    ],
)
def test_pass_model_in_any_spelling_and_fail_another(
    tmp_path: Path, table: str, series: str, firmware: str, fits: bool
) -> None:
    """A WT310E that emulates a WT310 has firmware `EM`: one device, of one serial number,
    answered in both ways."""
    folder = described(tmp_path, table=table)
    t.say(folder, "Identify", lambda _: IDENTITY.format(series, firmware))
    found = b.of(b.report(folder), RULE)
    assert [hit.got for hit in found] == ([] if fits else ["another analyzer"])


@pytest.mark.parametrize(
    ("table", "settings"),
    [
        ("analyzer_table.md", "power_settings.md"),
        ("Analyzer_Table.pdf", "PowerSettings.txt"),
        ("WT333_analyzer_table.adoc", "XE2420_T4x4_power_settings.adoc"),
        ("analyser-tables.txt", "power-setting.txt"),
    ],
)
def test_pass_in_the_submitters_folder_power_under_names_of_real_trees(
    table: str, settings: str, tmp_path: Path
) -> None:
    folder = b.inference(tmp_path)
    (folder.parents[3] / "measurements").mkdir()
    power = folder.parents[3] / "power"
    power.mkdir()
    (power / table).write_text(TABLE, "utf-8")
    (power / settings).write_text("Governor: performance\n", "utf-8")
    b.assert_pass(b.report(folder), RULE)


@pytest.mark.parametrize(
    ("number", "version", "outcome"),
    [
        ("1.1", "1.9.2", None),
        ("2.0", "1.9.2", "warn"),
        ("2.1", "1.9.2", "question"),
        ("3.0", "1.10.0", "question"),
        ("3.1", "1.10.0", "fail"),
    ],
)
def test_fail_missing_documents_only_where_the_round_checked_them(
    number: str, version: str, outcome: str | None, tmp_path: Path
) -> None:
    def edit(folder: Path) -> None:
        (folder.parents[3] / "measurements").mkdir()
        t.of_round(folder, number, version)

    found = t.judged(tmp_path, edit)
    assert found.round == f"mlperf-inference-v{number}"
    assert {b.outcome(f) for f in b.of(found, RULE)} == ({outcome} if outcome else set())

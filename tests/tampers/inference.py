"""What a cheat or a careless vendor might do to an inference result, one small function each.

Each takes the scenario folder of a clean session. `TAMPERS` names the rule that must catch it and
the status of the finding. Afterwards the hashes are recomputed, as a cheat would do, except where
the edit is of the hashes themselves.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from harness import api
from harness.auditing.report import EntryReport
from harness.formats.base import Entry, Run
from harness.formats.evidence import Evidence
from tests.auditing.rules import builders as b

Edit = Callable[[Path], None]
STAMP = re.compile(r"\d\d-\d\d-\d{4} \d\d:\d\d:\d\d\.\d{3}")


@dataclass(frozen=True)
class Tamper:
    """An edit and the rule that must catch it.

    Attributes:
        edit: Changes a scenario folder.
        rule: Id of the rule.
        status: Status of its finding.
        given: How the session is made.
        rehash: Whether the hashes are stated anew afterwards.
    """

    edit: Edit
    rule: str
    status: str = "fail"
    given: dict[str, Any] = field(default_factory=dict)
    rehash: bool = True


# Tools


def power(folder: Path, name: str) -> Path:
    return folder / "performance" / "power" / name


def spl(folder: Path, run: str = "run_1") -> Path:
    return folder / "performance" / run / "spl.txt"


def detail(folder: Path, run: str = "run_1") -> Path:
    return folder / "performance" / run / "mlperf_log_detail.txt"


def summary(folder: Path, run: str = "run_1") -> Path:
    return folder / "performance" / run / "mlperf_log_summary.txt"


def document(folder: Path, side: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Edit client.json or server.json."""
    path = power(folder, f"{side}.json")
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")


def both(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    for side in ("client", "server"):
        document(folder, side, change)


def say(folder: Path, cmd: str, change: Callable[[str], str], last: bool = True) -> None:
    """Edit the reply to a command of the PTDaemon in server.json, the last or the first of its
    kind."""

    def set_reply(content: dict[str, Any]) -> None:
        found = [m for m in content["ptd_messages"] if m["cmd"] == cmd]
        message = found[-1 if last else 0]
        message["reply"] = change(message["reply"])

    document(folder, "server", set_reply)


def everywhere(
    folder: Path, old: str, new: str, names: tuple[str, ...] = ("server.json", "server.log")
) -> None:
    """Replace a text in several files, in the PTDaemon's log too."""
    for name in (*names, "ptd_logs.txt"):
        path = power(folder, name)
        path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))


def rows(folder: Path, change: Callable[[int, str], str | None], run: str = "run_1") -> None:
    """Edit each reading of spl.txt: its number and line; None drops it."""
    b.edit_lines(spl(folder, run), change, "Time,")


def window(folder: Path, run: str = "run_1") -> tuple[datetime, datetime]:
    text = detail(folder, run).read_text("utf-8")
    found = [
        re.search(rf'"{key}", "value": "([^"]+)"', text) for key in ("power_begin", "power_end")
    ]
    begin, end = (datetime.strptime(match[1], "%m-%d-%Y %H:%M:%S.%f") for match in found if match)
    return begin, end


def stamp(time: datetime) -> str:
    return time.strftime("%m-%d-%Y %H:%M:%S.") + f"{time.microsecond // 1000:03d}"


def time_of(line: str) -> datetime:
    match = STAMP.search(line)
    assert match
    return datetime.strptime(match[0], "%m-%d-%Y %H:%M:%S.%f")


def shift(path: Path, seconds: float, having: str = "") -> None:
    """Move all stamps of a file."""

    def moved(match: re.Match[str]) -> str:
        return stamp(
            datetime.strptime(match[0], "%m-%d-%Y %H:%M:%S.%f") + timedelta(seconds=seconds)
        )

    text = path.read_text("utf-8")
    lines = [
        STAMP.sub(moved, line) if having in line else line
        for line in text.splitlines(keepends=True)
    ]
    path.write_text("".join(lines), "utf-8")


def set_window(folder: Path, begin: datetime, end: datetime) -> None:
    for key, value in (("power_begin", begin), ("power_end", end)):
        b.edit_lines(
            detail(folder), lambda _, line, v=value: b.set_mllog(line, value=stamp(v)), f'"{key}"'
        )


def log(
    folder: Path, text: str, *, after: str, times: int = 1, start: datetime | None = None
) -> None:
    """Put lines into ptd_logs.txt after the first line with a text, one a second from the begin
    of the window."""
    first = start or window(folder)[0] + timedelta(seconds=20)
    lines = "".join(f"{stamp(first + timedelta(seconds=n))}: {text}\n" for n in range(times))
    path = power(folder, "ptd_logs.txt")
    content = path.read_bytes().decode()
    at = content.index("\n", content.index(after)) + 1
    path.write_bytes((content[:at] + lines + content[at:]).encode())


def scaled(factor: float) -> Callable[[int, str], str]:
    return lambda _, line: b.set_watts(line, f"{b.watts(line) * factor:.6f}")


def coherent(factor: float) -> Callable[[int, str], str]:
    """Power and current of a single-channel reading, so that its arithmetic stays right."""

    def change(_: int, line: str) -> str:
        cells = line.split(",")
        cells[3], cells[7] = f"{float(cells[3]) * factor:.6f}", f"{float(cells[7]) * factor:.6f}"
        return ",".join(cells)

    return change


def raw_scaled(folder: Path, factor: float) -> None:
    """Scale power and current in the RL replies of both logs too."""

    def change(match: re.Match[bytes]) -> bytes:
        watts, volts, amps = (float(match[k]) for k in (1, 2, 3))
        return b"Watts,%.6f,Volts,%.6f,Amps,%.6f" % (watts * factor, volts, amps * factor)

    for name in ("ptd_logs.txt", "server.log"):
        path = power(folder, name)
        path.write_bytes(
            re.sub(rb"Watts,([\d.]+),Volts,([\d.]+),Amps,([\d.]+)", change, path.read_bytes())
        )


def judged(root: Path, edit: Edit, **given: Any) -> EntryReport:
    """Audit a session after one edit."""
    folder = b.inference(root, **given)
    edit(folder)
    b.rehash(folder)
    return b.report(folder)


def of_round(folder: Path, number: str, ptd_version: str = "1.10.0") -> None:
    """Make of a session of v4.1 one of v1.1 to v3.0: neither readings nor figures were asked
    for, nor any margin."""
    if float(number) < 4:
        for run in ("ranging", "run_1"):
            path = spl(folder, run)
            path.write_bytes(path.read_bytes().rstrip() + b"\n")  # a blank line ended the check
    not_asked = ("RL", "Watts", "Uncertainty")

    def change(content: dict[str, Any]) -> None:
        said = [m for m in content["ptd_messages"] if not m["cmd"].startswith(not_asked)]
        said.insert(-2, {"cmd": "Stop", "reply": "Error: no measurement to stop"})
        content["ptd_messages"] = said

    document(folder, "server", change)
    content = json.loads(power(folder, "server.json").read_text("utf-8"))
    (asked,) = [
        m["cmd"]
        for m in content["ptd_messages"]
        if m["cmd"].startswith("SR,A,") and "Auto" not in m["cmd"]
    ]
    everywhere(folder, asked, f"SR,A,{float(asked[5:]) / 1.1:.6f}")
    everywhere(folder, "version=1.10.0", f"version={ptd_version}")
    replies = r"Last \d+ samples|Invalid number|Watts,|Uncertainty,|Time,"
    path = power(folder, "ptd_logs.txt")
    lines = path.read_bytes().decode().splitlines(keepends=True)
    kept = [
        line
        for line in lines
        if not re.match(rf"(?:{STAMP.pattern}: Response to client sent: )?(?:{replies})", line)
    ]
    path.write_bytes("".join(kept).encode())
    b.edit_lines(
        power(folder, "server.log"),
        lambda _, line: None if re.search(r"ptd: '(?:RL|" + replies + ")", line) else line,
        " ptd: ",
    )
    for run in ("ranging", "run_1"):
        b.edit_lines(
            detail(folder, run),
            lambda _, line: b.set_mllog(line, value=f"{number} @ abc"),
            '"loadgen_version"',
        )
    b.rehash(folder)


def without_last(folder: Path, count: int = 1, run: str = "run_1") -> None:
    """The last readings, which the server of v1.0 to v3.0 had not seen yet when it cut spl.txt
    out."""
    of = spl(folder, run).read_text("utf-8").count("Time,")
    rows(folder, lambda n, line: None if n >= of - count else line, run)
    b.rehash(folder)


def cut_log(folder: Path, lacks: int, *, analyzer: int = 1, of: int = 1) -> None:
    """ptd_logs.txt as the server merges it while each PTDaemon holds a buffer: a part ends in its
    last readings.

    lacks: bytes of the readings that are not there, and with them all that follows
    """
    path = power(folder, "ptd_logs.txt")
    text = path.read_bytes().decode()
    starts = [match.start() for match in re.finditer("Selected power ", text)]
    parts = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    assert len(parts) == of
    part = parts[analyzer - 1]
    end = part.index("\r\n", part.rindex("Time,")) + 2
    parts[analyzer - 1] = part[: end - lacks]
    path.write_bytes("".join(f"Analyzer {n}\n{part}" for n, part in enumerate(parts, 1)).encode())
    b.rehash(folder)


def local_time(folder: Path, hours: int) -> Entry:
    """Return a session stamped in local time, as in v1.0, read with the shift to UTC."""
    for run in ("ranging", "run_1"):
        shift(spl(folder, run), 3600 * hours)
        shift(detail(folder, run), 3600 * hours, '"power_')
    shift(power(folder, "ptd_logs.txt"), 3600 * hours)
    b.rehash(folder)
    (entry,) = api.read(folder).entries

    def utc(run: Run) -> Run:
        return replace(run, traces=tuple(b.shifted(trace, -3600 * hours) for trace in run.traces))

    run = utc(entry.runs[0])
    session = replace(run.evidence.session, utc_shift_ns=-3600 * hours * b.NS)
    run = replace(
        run,
        window=session.window("testing"),
        evidence=Evidence(inference=replace(run.evidence.inference, session=session)),
    )
    assert entry.ranging is not None
    return replace(entry, runs=(run,), ranging=utc(entry.ranging))


# The table of the reference


def edit_without_rehash(folder: Path) -> None:
    rows(folder, lambda n, line: line if n else b.set_watts(line, "1.000000"))


def scale_testing_a_little(folder: Path) -> None:
    rows(folder, scaled(0.955))


def scale_testing_more(folder: Path) -> None:
    rows(folder, coherent(0.94))


def halve_both_traces(folder: Path) -> None:
    for run in ("ranging", "run_1"):
        rows(folder, scaled(0.5), run)


def drop_the_peaks(folder: Path) -> None:
    rows(folder, lambda _, line: None if b.watts(line) > 430 else line)


def leave_one_reading(folder: Path) -> None:
    begin, end = window(folder)
    rows(folder, lambda n, line: line if not begin < time_of(line) < end or n == 300 else None)


def peaks_to_minus_one(folder: Path) -> None:
    rows(folder, lambda _, line: b.set_watts(line, "-1.000000") if b.watts(line) > 440 else line)


def repeat_low_readings(folder: Path) -> None:
    """The same 20 low readings again and again, each with the stamp that stood there."""
    lines = [
        line for line in spl(folder).read_text("utf-8").splitlines(keepends=True) if "Time," in line
    ]
    low = lines[100:120]

    def change(n: int, line: str) -> str:
        return line if n < 120 or n > 500 else line[:29] + low[n % 20][29:]

    rows(folder, change)


def window_into_idle(folder: Path) -> None:
    """The window begins 62 s before the work, in readings of rest that are put in front."""
    begin, end = window(folder)
    set_window(folder, begin - timedelta(seconds=62), end - timedelta(seconds=62))


def uncertain_readings(folder: Path) -> None:
    log(
        folder,
        "WARNING: Uncertainty 9.99%, which is above 1.00% limit for the last sample!",
        after="_testing'\n",
        times=500,
    )


def usb_error_before_others(folder: Path) -> None:
    log(folder, "ERROR: Bad watts reading nan from WT210", after="_testing'\n", times=5)
    log(folder, "ERROR: USB.", after="_testing'\n")


def short_and_halved(folder: Path) -> None:
    """240 s against 600 s, and half the power: the duration must not hide the power."""
    begin, _ = window(folder)
    set_window(folder, begin, begin + timedelta(seconds=240))
    rows(folder, coherent(0.5))


def uncertainty_reply_of_a_quarter(folder: Path) -> None:
    say(
        folder,
        "Uncertainty",
        lambda reply: re.sub(r"^Uncertainty,[\d.]+", "Uncertainty,0.25", reply),
    )


def watts_reply_of_another_run(folder: Path) -> None:
    say(folder, "Watts", lambda reply: re.sub(r"^Watts,[\d.]+", "Watts,9999.000000", reply))


def config_of_another_meter(folder: Path) -> None:
    document(folder, "server", lambda content: content["ptd_config"].update(device_type=52))


def mark_of_another_session(folder: Path) -> None:
    rows(
        folder,
        lambda _, line: re.sub(r"Mark,[\d_-]+_testing", "Mark,2025-01-01_00-00-00_testing", line),
    )


def hour_later(folder: Path) -> None:
    """Window and readings one hour later, in the hole that check.py leaves for summer time."""
    for run in ("ranging", "run_1"):
        shift(spl(folder, run), 3600, "Time,")
        shift(detail(folder, run), 3600, '"power_')


def ntp_offset_of_nine_seconds(folder: Path) -> None:
    b.edit(
        power(folder, "client.log"),
        lambda text: text.replace("NTP:offset = 0.000 s", "NTP:offset = 9.000 s"),
    )


def skew_of_nine_tenths(folder: Path) -> None:
    b.edit(
        power(folder, "client.log"),
        lambda text: re.sub(r"range \S+ ms\.\.\S+ ms", "range 900.1 ms..901.2 ms", text),
    )


def summary_says_invalid(folder: Path) -> None:
    b.edit(summary(folder), lambda text: text.replace("Result is : VALID", "Result is : INVALID"))


REFERENCE = (
    Tamper(edit_without_rehash, "declared-hashes", rehash=False),
    Tamper(scale_testing_a_little, "ptd-raw-readings"),
    Tamper(scale_testing_more, "ranging-matches-testing"),
    Tamper(halve_both_traces, "ptd-raw-readings"),
    Tamper(drop_the_peaks, "ptd-raw-readings"),
    Tamper(leave_one_reading, "coverage"),
    Tamper(peaks_to_minus_one, "reading-values"),
    Tamper(repeat_low_readings, "frozen-readings", "warn"),
    Tamper(window_into_idle, "loadgen-summary"),
    Tamper(uncertain_readings, "ptd-uncertainty"),
    Tamper(usb_error_before_others, "ptd-errors"),
    Tamper(short_and_halved, "ranging-matches-testing"),
    Tamper(uncertainty_reply_of_a_quarter, "ptd-uncertainty"),
    Tamper(watts_reply_of_another_run, "ptd-replies"),
    Tamper(config_of_another_meter, "meter-identity"),
    Tamper(mark_of_another_session, "session-identity"),
    Tamper(hour_later, "phases-and-clocks"),
    Tamper(ntp_offset_of_nine_seconds, "phases-and-clocks"),
    Tamper(skew_of_nine_tenths, "phases-and-clocks"),
    Tamper(summary_says_invalid, "loadgen-summary"),
)
"""Tampers that MLPerf's power check accepts, all but one."""


# More of them


def halve_all_the_readings_there_are(folder: Path) -> None:
    """Halve the readings in all three places; only PTDaemon's own figures remain."""
    for run in ("ranging", "run_1"):
        rows(folder, coherent(0.5), run)
    raw_scaled(folder, 0.5)


def halve_readings_and_figures(folder: Path) -> None:
    """Halve PTDaemon's figures as well; only the current of the ranges remains."""
    halve_all_the_readings_there_are(folder)
    content = json.loads(power(folder, "server.json").read_text("utf-8"))
    for message in content["ptd_messages"]:
        if message["cmd"] == "Watts":
            name, *cells = message["reply"].split(",")
            new = ",".join([name, *(f"{float(cell) / 2:.6f}" for cell in cells[:3]), *cells[3:]])
            everywhere(folder, message["reply"], new)


def power_of_a_line_only(folder: Path) -> None:
    rows(folder, lambda n, line: b.set_watts(line, "300.000000") if n == 300 else line)


def cut_the_last_minute(folder: Path) -> None:
    _, end = window(folder)
    rows(folder, lambda _, line: line if time_of(line) < end - timedelta(seconds=60) else None)


def swap_two_readings(folder: Path) -> None:
    """The power of two readings exchanged: mean and number stay."""
    lines = [
        line for line in spl(folder).read_text("utf-8").splitlines(keepends=True) if "Time," in line
    ]
    pair = {300: lines[310], 310: lines[300]}
    rows(folder, lambda n, line: line[:29] + pair[n][29:] if n in pair else line)


def readings_of_the_ranging_run(folder: Path) -> None:
    """The trace of the ranging run, scaled and stamped anew, in place of the one that counts."""
    ranging = [
        line for line in spl(folder, "ranging").read_text("utf-8").splitlines() if "Time," in line
    ]
    begin, first = window(folder)[0], window(folder, "ranging")[0]
    lines = []
    for line in ranging:
        new = line.replace(STAMP.search(line)[0], stamp(time_of(line) + (begin - first)))  # type: ignore[index]
        lines.append(coherent(0.98)(0, new.replace("_ranging", "_testing")))
    spl(folder).write_text("\n".join(lines) + "\n\n", "utf-8")


def empty_raw_log(folder: Path) -> None:
    b.edit(power(folder, "ptd_logs.txt"), lambda text: text[: text.index("Time,")])


def raw_reply_left_out(folder: Path) -> None:
    b.edit_lines(power(folder, "server.log"), lambda _, __: None, "from ptd: 'Time,")


def server_log_of_another_run(folder: Path) -> None:
    b.edit(
        power(folder, "server.log"), lambda text: re.sub(r"Watts,4(\d\d\.\d)", r"Watts,5\1", text)
    )


def replies_left_out(folder: Path) -> None:
    """Remove all replies about the readings, as if the workflow of v3.0 had run."""
    of_round(folder, "4.1")


def other_round_stated(folder: Path) -> None:
    """State a round whose workflow kept no second copy of the readings."""
    scale_testing_a_little(folder)
    for run in ("ranging", "run_1"):
        b.edit_lines(
            detail(folder, run),
            lambda _, line: b.set_mllog(line, value="3.0 @ abc"),
            '"loadgen_version"',
        )


def cut_far_too_early(folder: Path) -> None:
    """Cut more than the 8 KiB that an unwritten buffer can hold."""
    cut_log(folder, 12_000)


def cut_after_an_edit(folder: Path) -> None:
    """The last readings are cut off in ptd_logs.txt, and one before them is another in spl.txt
    and server.log."""
    cut_log(folder, 30)
    line = [line for line in spl(folder).read_text("utf-8").splitlines() if "Time," in line][300]
    other = b.set_watts(line, f"{b.watts(line) + 1:.6f}").partition(",Mark,")[0]
    b.edit(
        power(folder, "server.log"), lambda text: text.replace(line.partition(",Mark,")[0], other)
    )
    rows(
        folder,
        lambda n, line: line.replace(line.partition(",Mark,")[0], other) if n == 300 else line,
    )


def cut_without_a_copy(folder: Path) -> None:
    cut_log(folder, 30)
    raw_reply_left_out(folder)


def ranges_without_the_margin(folder: Path) -> None:
    """As until v3.0: the range of the largest current itself."""

    def change(content: dict[str, Any]) -> None:
        (asked,) = [
            m
            for m in content["ptd_messages"]
            if m["cmd"].startswith("SR,A") and "Auto" not in m["cmd"]
        ]
        asked["cmd"] = f"SR,A,{float(asked['cmd'][5:]) / 1.1:.6f}"

    document(folder, "server", change)


def uncertain_readings_in_old_words(folder: Path) -> None:
    """As PTDaemon 1.9.2 words it, a line for each channel."""
    text = "WARNING: Uncertainty 1.12% above 1.00% limit for the last measurement sample!"
    for _ in range(3):
        log(folder, text, after="_testing'\n", times=8)


def frozen_meter(folder: Path) -> None:
    lines = [
        line for line in spl(folder).read_text("utf-8").splitlines(keepends=True) if "Time," in line
    ]
    rows(folder, lambda n, line: line[:29] + lines[200][29:] if 200 <= n < 230 else line)


def uncertainty_check_off(folder: Path) -> None:
    b.edit_lines(power(folder, "ptd_logs.txt"), lambda _, __: None, "is activated")


def unknown_uncertainty(folder: Path) -> None:
    log(
        folder,
        "WARNING: Uncertainty unknown for the last measurement sample!",
        after="_testing'\n",
        times=3,
    )


def error_after_testing(folder: Path) -> None:
    log(folder, "ERROR: Lost connection to the meter", after="Avg watts")


def strange_error_in_ranging(folder: Path) -> None:
    log(folder, "ERROR: Checksum of the meter is wrong", after="_ranging'\n")


def missed_samples_in_the_window(folder: Path) -> None:
    log(folder, "WARNING: Missed 1 samples", after="_testing'\n", times=2)


def ranges_by_hand(folder: Path) -> None:
    """A smaller current range than the ranging run asks for: peaks are cut off."""

    def change(content: dict[str, Any]) -> None:
        asked = [
            m
            for m in content["ptd_messages"]
            if m["cmd"].startswith("SR,A") and "Auto" not in m["cmd"]
        ]
        asked[0]["cmd"] = "SR,A,1.0"

    document(folder, "server", change)


def automatic_ranges_in_testing(folder: Path) -> None:
    path = power(folder, "ptd_logs.txt")
    path.write_bytes(re.sub(rb"range set to [\d.]+[AV]", b"range set to Auto", path.read_bytes()))


def overloaded_range(folder: Path) -> None:
    path = power(folder, "ptd_logs.txt")
    path.write_bytes(
        re.sub(rb"Amp range set to [\d.]+A", b"Amp range set to 2.000000A", path.read_bytes())
    )


def far_too_wide_a_range(folder: Path) -> None:
    path = power(folder, "ptd_logs.txt")
    path.write_bytes(
        re.sub(rb"Amp range set to [\d.]+A", b"Amp range set to 20.000000A", path.read_bytes())
    )


def ranges_not_restored(folder: Path) -> None:
    document(
        folder, "server", lambda content: content["ptd_messages"][-1].update(cmd="SR,A,5.000000")
    )


def slow_sampling(folder: Path) -> None:
    everywhere(folder, "Go,1000,0", "Go,5000,0")


def refused_range(folder: Path) -> None:
    say(folder, "SR,V,Auto", lambda _: "Error: range not available")


def second_go(folder: Path) -> None:
    """Measure the testing run twice and keep the better one."""

    def change(content: dict[str, Any]) -> None:
        said = content["ptd_messages"]
        go = next(i for i, m in enumerate(said) if m["cmd"].endswith("_testing"))
        said.insert(go, dict(said[go]))

    document(folder, "server", change)


def other_ptdaemon(folder: Path) -> None:
    everywhere(folder, "version=1.10.0", "version=1.9.2")


def meter_that_is_not_accepted(folder: Path) -> None:
    everywhere(folder, "YokogawaWT210", "PlugMeter9000")


def identity_of_another_meter(folder: Path) -> None:
    say(
        folder, "Identify", lambda reply: reply.replace("YOKOGAWA;760401;0", "YOKOGAWA;WT310E;C3XX")
    )


def one_channel_of_three(folder: Path) -> None:
    document(folder, "server", lambda content: content["ptd_config"].update(channel=None))


def total_without_a_channel(folder: Path) -> None:
    """One of three channels is taken out of the total and of its line."""

    def change(_: int, line: str) -> str:
        whole, _, third = line.rstrip("\n").partition(",Ch3,")
        return b.set_watts(whole, f"{b.watts(whole) - float(third.split(',')[1]):.6f}") + "\n"

    rows(folder, change)


def uuid_of_another_client(folder: Path) -> None:
    document(
        folder,
        "client",
        lambda content: content["uuid"].update(client="00000000-0000-4000-8000-000000000000"),
    )


def session_named_anew(folder: Path) -> None:
    document(folder, "client", lambda content: content.update(session_name="2025-01-01_00-00-00"))


def session_of_another_day(folder: Path) -> None:
    """The whole session under another name, on both sides and in all files."""
    name = json.loads(power(folder, "server.json").read_text("utf-8"))["session_name"]
    for path in (folder / "performance").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(name.encode(), b"2025-11-30_04-05-06"))


def message_left_out(folder: Path) -> None:
    document(folder, "client", lambda content: content["messages"].pop(4))


def message_reworded(folder: Path) -> None:
    document(folder, "client", lambda content: content["messages"][-2].update(reply="Error"))


def old_server(folder: Path) -> None:
    both(folder, lambda content: content["messages"][0].update(reply="mlcommons/power server v1"))


def changed_software(folder: Path) -> None:
    document(
        folder, "client", lambda content: content["sources"].update({"lib/client.py": "0" * 40})
    )


def debug_mode(folder: Path) -> None:
    document(folder, "server", lambda content: content.update(debug=True))


def document_without_phases(folder: Path) -> None:
    both(folder, lambda content: content.pop("phases"))


def clock_two_seconds_off(folder: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["phases"]["testing"] = [
            [wall + 2.0, mono] for wall, mono in content["phases"]["testing"]
        ]

    document(folder, "client", change)


def clock_moved_in_the_run(folder: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        for pair in content["phases"]["testing"][2:]:
            pair[1] += 30.0

    both(folder, change)


def readings_an_hour_later(folder: Path) -> None:
    shift(spl(folder), 3600, "Time,")


def window_five_seconds_early(folder: Path) -> None:
    """All of the window a little earlier than LoadGen's own clock: less of the work, more of the
    rest before."""
    begin, end = window(folder)
    set_window(folder, begin - timedelta(seconds=11), end - timedelta(seconds=11))


def window_longer_than_the_work(folder: Path) -> None:
    """Energy per query of a longer window at rest is another; power is lower."""
    begin, end = window(folder)
    set_window(folder, begin - timedelta(seconds=4), end)


def faster_in_the_summary(folder: Path) -> None:
    b.edit(
        summary(folder), lambda text: text.replace("Samples per second: ", "Samples per second: 9")
    )


def faster_in_the_detail_log(folder: Path) -> None:
    b.edit_lines(
        detail(folder),
        lambda _, line: b.set_mllog(line, value=2000.0),
        '"result_samples_per_second"',
    )


def faster_in_both(folder: Path) -> None:
    """Rate and summary raised alike: the count of samples and the window remain."""
    faster_in_the_detail_log(folder)
    b.edit(
        summary(folder),
        lambda text: re.sub(r"Samples per second *: *[\d.]+", "Samples per second: 2000", text),
    )


def more_queries_than_time(folder: Path) -> None:
    b.edit_lines(
        detail(folder),
        lambda _, line: b.set_mllog(
            line, value=2 * json.loads(line.partition(":::MLLOG ")[2])["value"]
        ),
        '"result_query_count"',
    )


def accuracy_run_for_power(folder: Path) -> None:
    b.edit(summary(folder), lambda text: text.replace("PerformanceOnly", "AccuracyOnly"))


def other_scenario(folder: Path) -> None:
    b.edit(summary(folder), lambda text: text.replace("Scenario : Offline", "Scenario : Server"))


def summary_of_another_run(folder: Path) -> None:
    shutil.copy(summary(folder, "ranging"), summary(folder))
    b.edit(summary(folder), lambda text: re.sub(r"(Mean latency \(ns\) *: )\d", r"\g<1>9", text))


def hash_of_the_trace_left_out(folder: Path) -> None:
    document(folder, "server", lambda content: content["results"].pop("run_1/spl.txt"))


def testing_run_that_draws_more(folder: Path) -> None:
    rows(folder, coherent(1.2))


def long_rest_in_the_window(folder: Path) -> None:
    """A rest of 90 s inside the window, as of a system that waits."""
    begin, _ = window(folder)
    stop = begin + timedelta(seconds=90)
    rows(
        folder,
        lambda _, line: b.set_watts(line, "150.000000") if begin < time_of(line) < stop else line,
    )


def work_before_the_window(folder: Path) -> None:
    """The window begins late: two minutes of the work are left out."""
    begin, end = window(folder)
    set_window(folder, begin + timedelta(seconds=120), end)


MORE = (
    Tamper(halve_all_the_readings_there_are, "ptd-replies"),
    Tamper(halve_readings_and_figures, "ptd-commands"),
    Tamper(power_of_a_line_only, "power-arithmetic"),
    Tamper(cut_the_last_minute, "ptd-raw-readings"),
    Tamper(swap_two_readings, "ptd-raw-readings"),
    Tamper(readings_of_the_ranging_run, "ranging-matches-testing", "warn"),
    Tamper(empty_raw_log, "ptd-raw-readings"),
    Tamper(raw_reply_left_out, "ptd-raw-readings"),
    Tamper(server_log_of_another_run, "ptd-raw-readings"),
    Tamper(replies_left_out, "ptd-raw-readings"),
    Tamper(other_round_stated, "ptd-raw-readings"),
    Tamper(cut_far_too_early, "ptd-raw-readings", "question"),
    Tamper(cut_after_an_edit, "ptd-raw-readings"),
    Tamper(cut_without_a_copy, "ptd-raw-readings"),
    Tamper(ranges_without_the_margin, "ptd-commands"),
    Tamper(uncertain_readings_in_old_words, "ptd-uncertainty"),
    Tamper(frozen_meter, "frozen-readings", "warn"),
    Tamper(uncertainty_check_off, "ptd-uncertainty-check"),
    Tamper(unknown_uncertainty, "ptd-uncertainty", "warn"),
    Tamper(error_after_testing, "ptd-errors"),
    Tamper(strange_error_in_ranging, "ptd-errors", "warn"),
    Tamper(missed_samples_in_the_window, "ptd-errors", "warn"),
    Tamper(ranges_by_hand, "ptd-commands"),
    Tamper(automatic_ranges_in_testing, "meter-range", "warn"),
    Tamper(overloaded_range, "meter-range", "warn"),
    Tamper(far_too_wide_a_range, "meter-range", "warn"),
    Tamper(ranges_not_restored, "ptd-commands"),
    Tamper(slow_sampling, "ptd-commands"),
    Tamper(refused_range, "ptd-commands"),
    Tamper(second_go, "ptd-commands"),
    Tamper(other_ptdaemon, "meter-identity"),
    Tamper(meter_that_is_not_accepted, "meter-identity"),
    Tamper(identity_of_another_meter, "meter-identity"),
    Tamper(one_channel_of_three, "meter-identity", given={"analyzers": "WT333E"}),
    Tamper(total_without_a_channel, "ptd-raw-readings", given={"analyzers": "WT333E"}),
    Tamper(uuid_of_another_client, "session-identity"),
    Tamper(session_named_anew, "session-identity"),
    Tamper(session_of_another_day, "session-identity", "warn"),
    Tamper(message_left_out, "session-identity"),
    Tamper(message_reworded, "session-identity"),
    Tamper(old_server, "session-identity"),
    Tamper(changed_software, "session-identity"),
    Tamper(debug_mode, "session-identity"),
    Tamper(document_without_phases, "session-identity"),
    Tamper(clock_two_seconds_off, "phases-and-clocks"),
    Tamper(clock_moved_in_the_run, "phases-and-clocks", "warn"),
    Tamper(readings_an_hour_later, "phases-and-clocks"),
    Tamper(window_five_seconds_early, "loadgen-summary"),
    Tamper(window_longer_than_the_work, "loadgen-summary"),
    Tamper(faster_in_the_summary, "loadgen-summary"),
    Tamper(faster_in_the_detail_log, "loadgen-summary"),
    Tamper(faster_in_both, "loadgen-summary"),
    Tamper(more_queries_than_time, "loadgen-summary", given={"scenario": "SingleStream"}),
    Tamper(accuracy_run_for_power, "loadgen-summary"),
    Tamper(other_scenario, "loadgen-summary"),
    Tamper(summary_of_another_run, "loadgen-summary"),
    Tamper(hash_of_the_trace_left_out, "declared-hashes"),
    Tamper(testing_run_that_draws_more, "ranging-matches-testing", "warn"),
    Tamper(long_rest_in_the_window, "window-matches-load", "warn"),
    Tamper(work_before_the_window, "window-matches-load", "warn"),
)
"""More that a cheat or a careless vendor might do."""
TAMPERS = REFERENCE + MORE

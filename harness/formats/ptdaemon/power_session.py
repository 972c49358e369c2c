"""One power session of MLPerf: its two documents, and its logs, which are opened for an audit only.

The logs are large, and the RL reply in them is the trace once more. So they are searched as bytes, never line by line,
and only those of one session are held at a time.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from harness.core.content_cache import cached_by_content
from harness.core.errors import UnreadableError
from harness.core.files import read_bytes
from harness.core.timestamps import from_mlperf
from harness.formats.entry_reader import Reader
from harness.formats.ptdaemon.analyzer import goes
from harness.formats.ptdaemon.spl import Electric
from harness.traces.trace import Window

Mode = Literal["ranging", "testing"]
MODES: tuple[Mode, Mode] = ("ranging", "testing")
FOLDERS: Mapping[Mode, str] = {"ranging": "ranging", "testing": "run_1"}

SENT = b": Response to client sent: "
STAMP = len("07-23-2024 15:47:16.858")
KEPT = frozenset(
    {
        "power/client.log",
        "power/server.log",
        "power/ptd_logs.txt",
        *(
            f"{folder}/{name}"
            for folder in FOLDERS.values()
            for name in ("spl.txt", "mlperf_log_summary.txt")
        ),
    }
)
"""Logs that several rules look at."""
LOG_BYTES = 128 * 2**20
"""A log beyond this size is not compared [bytes]: a session of a day has about a third of it."""
MOST_MESSAGES, MOST_ANALYZERS = 10_000, 64
"""So many messages to PTDaemons, and PTDaemons, are looked at; real sessions have some dozens, and six."""
MOST_LINES = 10_000
"""So many lines of one kind are looked at; all of them are counted."""
UNCERTAIN = re.compile(rb"WARNING: Uncertainty [\d.]{1,12}%(?:, which is)? above ")
"""A reading whose uncertainty is above the limit, as PTDaemon 1.9 and 1.10 word it; one for each channel."""
UNKNOWN = b"WARNING: Uncertainty unknown"
OTHER = re.compile(rb"WARNING: (?!Uncertainty (?:unknown|[\d.]{1,12}%(?:, which is)? above ))")
"""Any other warning."""
BANNER = re.compile(
    rb"(?:Analyzer \d{1,2}\s{1,8})?(?:[A-Z][A-Za-z/ ]{1,40} interface specified\.\s{1,8})?\Z"
)
"""What stands before `Selected power` where the log of one more analyzer begins."""


class Exchange(NamedTuple):
    """A command to the PTDaemon and its reply."""

    cmd: str
    reply: str


class Reply(NamedTuple):
    """The reply to RL in ptd_logs.txt, one reading a line; cut: the analyzer's log ends before its next reply."""

    text: bytes
    cut: bool


class Line(NamedTuple):
    """A line of ptd_logs.txt with a text that was looked for: its place, its stamp [ns] or None, the text after it."""

    at: int
    t_ns: int | None
    text: str


@dataclass(frozen=True, eq=False)
class Session:
    """A session, kept small. `open` reads its logs.

    directory: the folder `performance`; values: of LoadGen's detail log, by mode; electric: of spl.txt, by mode
    utc_shift_ns: what makes UTC of the stamps of LoadGen and of the PTDaemon, which were local time in v1.0 [ns]
    """

    directory: Path
    server: Mapping[str, Any]
    client: Mapping[str, Any]
    values: Mapping[Mode, Mapping[str, Any]]
    electric: Mapping[Mode, Electric]
    utc_shift_ns: int = 0

    def open(self) -> Logs:
        """Its logs; those of the session before are let go."""
        return _open(self)

    @property
    def name(self) -> str:
        """Its name, as server.json states it; "" where it does not."""
        return str(self.server.get("session_name") or "")

    def mark(self, mode: Mode) -> str:
        """What each reading of a mode is marked with."""
        return f"{self.name}_{mode}"

    def window(self, mode: Mode) -> Window | None:
        """power_begin to power_end of a mode, in UTC; None where either is missing or no time."""
        return self._windows[mode]

    @functools.cached_property
    def _windows(self) -> Mapping[Mode, Window | None]:
        return {mode: self._window(mode) for mode in MODES}

    def _window(self, mode: Mode) -> Window | None:
        values, shift = self.values.get(mode, {}), self.utc_shift_ns
        try:
            return Window(
                from_mlperf(values.get("power_begin")) + shift,
                from_mlperf(values.get("power_end")) + shift,
            )
        except UnreadableError:
            return None

    @functools.cached_property
    def exchanges(self) -> list[list[Exchange]]:
        """What was said to each PTDaemon, from Hello on: one list for each analyzer."""
        given = self.server.get("ptd_messages")
        items = (
            list(given.values())
            if isinstance(given, Mapping)
            else given
            if isinstance(given, list)
            else []
        )
        each = (
            m
            for item in items
            for m in (item if isinstance(item, list) else [item])
            if isinstance(m, Mapping)
        )
        flat = list(itertools.islice(each, MOST_MESSAGES))
        found: list[list[Exchange]] = []
        for message in flat:
            said = Exchange(str(message.get("cmd", "")), str(message.get("reply", "")))
            if said.cmd == "Hello" or not found:
                found.append([])
            found[-1].append(said)
        return found[:MOST_ANALYZERS]

    def configs(self) -> list[Mapping[str, Any]]:
        """How each PTDaemon was run: a dict until 2024, a list since."""
        given = self.server.get("ptd_config")
        items = given if isinstance(given, list) else [given]
        return [item for item in items[:MOST_ANALYZERS] if isinstance(item, Mapping)]

    def phases(self, side: Literal["client", "server"], mode: Mode) -> list[tuple[float, float]]:
        """The stamps (wall, monotonic) [s] of a phase; empty where they are not four pairs of numbers."""
        try:
            stamps = [
                (float(wall), float(mono)) for wall, mono in getattr(self, side)["phases"][mode]
            ]
        except (KeyError, TypeError, ValueError, OverflowError):
            return []
        return stamps if all(abs(x) < 1e12 for pair in stamps for x in pair) else []


def part(dialogue: Sequence[Exchange], mode: Mode) -> list[Exchange]:
    """What was said from the Go of a mode to the next Go, or to the end."""
    goes = [i for i, said in enumerate(dialogue) if said.cmd.startswith("Go,")]
    first = next((i for i in goes if dialogue[i].cmd.endswith(f"_{mode}")), None)
    if first is None:
        return []
    return list(dialogue[first : next((i for i in goes if i > first), len(dialogue))])


@functools.lru_cache(maxsize=1)
def _open(session: Session) -> Logs:
    return Logs(session)


class Logs:
    """The logs of a session as bytes; a file that cannot be read is empty here, and a finding of evidence-readable."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._files: dict[str, bytes] = {}
        self._behind_link = os.path.islink(session.directory)
        self._inside = Reader(session.directory).inside

    def read(self, name: str) -> bytes:
        """A file below `performance`, by a path without `.`, `..` and empty parts; a log is read once.

        Raises UnreadableError.
        """
        if kept := self._files.get(name):
            return kept
        path = os.path.join(self._session.directory, name)
        if self._behind_link or not self._inside(os.path.dirname(path)):
            raise UnreadableError("lies behind a symbolic link; links are not followed", where=path)
        content = read_bytes(path)
        if name in KEPT and len(content) <= LOG_BYTES:
            self._files[name] = content
        return content

    def file(self, name: str) -> bytes:
        """The file's bytes; none where it cannot be read, or is larger than a log may be."""
        if name not in self._files:
            with contextlib.suppress(UnreadableError, OSError):
                self.read(name)
            self._files.setdefault(name, b"")
        return self._files[name]

    @property
    def ptd(self) -> bytes:
        return self.file("power/ptd_logs.txt")

    def spl(self, mode: Mode) -> bytes:
        return self.file(f"{FOLDERS[mode]}/spl.txt")

    def summary(self, mode: Mode) -> str:
        """The first 64 KiB of mlperf_log_summary.txt."""
        return self.file(f"{FOLDERS[mode]}/mlperf_log_summary.txt")[:65536].decode(
            "utf-8", "replace"
        )

    @functools.cached_property
    def goes(self) -> Sequence[tuple[int, str]]:
        """Where its PTDaemons began to measure, and the marks."""
        return goes(self.ptd)

    def spans(self, mode: Mode) -> list[tuple[int, int, int]]:
        """Of each analyzer: where its Go of a mode stands, where `Completed test`, and where its next Go or its end."""
        return self._spans[mode]

    @functools.cached_property
    def _spans(self) -> dict[Mode, list[tuple[int, int, int]]]:
        found: dict[Mode, list[tuple[int, int, int]]] = {mode: [] for mode in MODES}
        for (at, mark), (end, following) in itertools.pairwise(
            [*self.goes, (len(self.ptd), "_ranging")]
        ):
            if following.endswith("_ranging"):
                end = self._end(at, end)
            done = self.ptd.find(b": Completed test", at, end)
            for mode in MODES:
                if mark.endswith(f"_{mode}"):
                    found[mode].append((at, done if done >= 0 else end, end))
        return found

    def _end(self, start: int, end: int) -> int:
        """Where the log of an analyzer ends: the next one's begins with its banner, in the middle of a line maybe."""
        at = self.ptd.find(b"Selected power ", start, end)
        banner = BANNER.search(self.ptd[max(start, at - 100) : at]) if at >= 0 else None
        return at - len(banner[0]) if banner else end

    def is_last(self, span: tuple[int, int, int]) -> bool:
        """Whether an analyzer's log ends with this span, so that its end may not have been written yet."""
        return all(at != span[2] for at, _ in self.goes)

    def readings_in_ptd_log(self, mode: Mode) -> list[Reply]:
        """The reply to RL of each analyzer in ptd_logs.txt.

        The prefix of each socket chunk is cut out: it stands wherever a chunk begins, in a long line in its middle.
        A line that the end of the log cuts is left out.
        """
        found = []
        for span in self.spans(mode):
            _, done, end = span
            head = self.ptd.find(SENT + b"Last ", done, end)
            start = self.ptd.find(b"\n", head, end) + 1 if head >= 0 else done
            stop = self.ptd.find(SENT + b"Uncertainty,", start, end)
            cut = stop < 0 and self.is_last(span)
            pieces = self.ptd[start : stop if stop >= 0 else end].split(SENT)
            last = pieces.pop()
            text = b"".join(
                [*[piece[:-STAMP] for piece in pieces], last[:-STAMP] if stop >= 0 else last]
            )
            found.append(Reply(_unix(text[: text.rfind(b"\n") + 1] if cut else text), cut))
        return found

    def raw_of_server(self, mode: Mode) -> list[bytes]:
        """The reply to RL of each analyzer in server.log: one line with a literal `\\n` after each reading."""
        text, middle = self.file("power/server.log"), self._middle
        start, end = (0, middle) if mode == "ranging" else (middle, len(text))
        found: list[bytes] = []
        if middle < 0:
            return found
        token = b" from ptd: 'Time,"
        while (start := text.find(token, start, end)) >= 0 and len(found) < 64:
            stop = text.find(b"\n", start, end)
            stop = stop if stop >= 0 else end
            found.append(text[start + len(token) - 5 : stop].rstrip(b"'\r").removesuffix(b"\\n"))
            start = stop
        return found

    @functools.cached_property
    def _middle(self) -> int:
        """Where server.log begins to tell of the testing run; -1 where it does not."""
        return self.file("power/server.log").find(b"_testing'")

    def raw_of_spl(self, mode: Mode) -> list[bytes]:
        """What each PTDaemon must have sent, by spl.txt: its readings without mark and channel names."""
        text = _unix(self.spl(mode))
        electric = self._session.electric.get(mode)
        if electric is None or not text:
            return []
        mark = b",Mark," + (electric.marks[0][0] if electric.marks else "").encode(
            "ascii", "replace"
        )
        if any(name.startswith("Analyzer") for name in electric.parts):
            text = text.replace(mark, b"")
            return [self._of_analyzer(text, number) for number in range(1, len(electric.parts) + 1)]
        return [bare(text, mark, [f",{name}".encode() for name in electric.parts])]

    @staticmethod
    def _of_analyzer(text: bytes, number: int) -> bytes:
        mine, following = f",Analyzer{number},".encode(), f",Analyzer{number + 1},".encode()
        rows = (line.partition(mine)[2].partition(following)[0] for line in text.split(b"\n"))
        return re.sub(rb",Ch\d+,Watts", b",Watts", b"\n".join(rows))

    def lines(
        self, token: bytes | re.Pattern[bytes], start: int = 0, end: int | None = None
    ) -> Iterator[Line]:
        """Lines of ptd_logs.txt that hold a text, at most MOST_LINES of them."""
        stop = len(self.ptd) if end is None else end
        for _ in range(MOST_LINES):
            at = self._find(token, start, stop)
            if at < 0:
                return
            begin = max(self.ptd.rfind(b"\n", max(0, at - 4096), at) + 1, 0)
            over = self.ptd.find(b"\n", at, at + 4096)
            line = self.ptd[begin : over if over >= 0 else at + 4096].strip()
            try:
                t_ns: int | None = (
                    from_mlperf(line[:STAMP].decode("ascii", "replace"))
                    + self._session.utc_shift_ns
                )
            except UnreadableError:
                t_ns = None
            yield Line(
                at,
                t_ns,
                self.ptd[at : over if over >= 0 else at + 200][:200]
                .strip()
                .decode("ascii", "replace"),
            )
            start = over if over >= 0 else at + 1

    def _find(self, token: bytes | re.Pattern[bytes], start: int, end: int) -> int:
        if isinstance(token, bytes):
            return self.ptd.find(token, start, end)
        found = token.search(self.ptd, start, end)
        return found.start() if found else -1


@cached_by_content
def bare(text: bytes, mark: bytes, names: Sequence[bytes]) -> bytes:
    """A text without a mark, and without the names of channels, as `,Ch1`, that stand before `,Watts`."""
    if names:  # the mark stands before the first name, so both are found at once
        found = _without([mark + names[0], *names[1:]], text)
        if b"C" not in found and mark not in found:
            return found
    return _without(names, text.replace(mark, b""))


def _without(words: Sequence[bytes], text: bytes) -> bytes:
    for word in words:
        text = text.replace(word + b",Watts", b",Watts")
    return text


def _unix(text: bytes) -> bytes:
    """Without carriage returns and blank lines, which a Windows director puts after each line: then also the first."""
    text = (text.replace(b"\r", b"") if b"\r" in text else text).strip()
    while text.startswith(b"\n\n", text.find(b"\n")):
        text = text.replace(b"\n\n", b"\n")
    return text

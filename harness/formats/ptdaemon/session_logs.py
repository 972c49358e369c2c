"""Search the logs of a power session, which are opened for an audit only.

The logs are large, and the reply to ``RL`` (read log) in them is the trace once more. So they are
searched as bytes, never split into lines, and only those of one session are held at a time.

The readings of a mode stand in three places that must agree:

- spl.txt, which the director writes: `SessionLogs.readings_in_spl`
- ptd_logs.txt, which the PTDaemon writes: `SessionLogs.readings_in_ptd_log`
- server.log, which the director's server writes: `SessionLogs.readings_in_server_log`
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from harness.core.content_cache import cached_by_content
from harness.core.errors import UnreadableError
from harness.core.files import read_bytes
from harness.core.timestamps import from_mlperf
from harness.formats.entry_reader import Reader
from harness.formats.ptdaemon.analyzer import go_commands
from harness.formats.ptdaemon.electric import Electric
from harness.formats.ptdaemon.power_session import FOLDERS, MAX_ANALYZERS, MODES, Mode, Session

SENT = b": Response to client sent: "
"""What ptd_logs.txt writes before a reply, behind a stamp."""
STAMP_LENGTH = len("07-23-2024 15:47:16.858")
SHARED_LOGS = frozenset(
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
"""Logs that several rules look at, and that are read once."""
MAX_LOG_BYTES = 128 * 2**20
"""A larger log is not compared: a session of a day has about a third of it."""
MAX_LINES = 10_000
"""At most so many lines of one kind are looked at; all of them are counted."""
SUMMARY_BYTES = 65536
LINE_BYTES = 4096
"""A line of ptd_logs.txt is looked at up to so many bytes before and behind a text."""
TEXT_BYTES = 200
"""What is shown of a line."""

UNCERTAINTY_WARNING = re.compile(rb"WARNING: Uncertainty [\d.]{1,12}%(?:, which is)? above ")
"""A reading whose uncertainty is above the limit, as PTDaemon 1.9 and 1.10 word it; one for
each channel."""
UNCERTAINTY_UNKNOWN = b"WARNING: Uncertainty unknown"
OTHER_WARNING = re.compile(
    rb"WARNING: (?!Uncertainty (?:unknown|[\d.]{1,12}%(?:, which is)? above ))"
)
BANNER = re.compile(
    rb"(?:Analyzer \d{1,2}\s{1,8})?(?:[A-Z][A-Za-z/ ]{1,40} interface specified\.\s{1,8})?\Z"
)
"""What stands before ``Selected power`` where the log of one more analyzer begins."""


class Reply(NamedTuple):
    """The reply to RL in a log.

    Attributes:
        text: One reading a line.
        cut: Whether the log ends before the reply does, as when its last buffer was not written.
    """

    text: bytes
    cut: bool


class LogLine(NamedTuple):
    """A line of ptd_logs.txt that holds a text that was searched for.

    Attributes:
        at: Where the text stands.
        t_ns: Stamp of the line [ns, UTC]; ``None`` if it has none.
        text: The text and what follows it.
    """

    at: int
    t_ns: int | None
    text: str


class Span(NamedTuple):
    """Where ptd_logs.txt tells of one mode of one analyzer.

    Attributes:
        go: Where its ``Go`` stands.
        completed: Where ``Completed test`` stands; the end if it does not.
        end: Where the next ``Go`` stands, or the log of the analyzer ends.
    """

    go: int
    completed: int
    end: int


class SessionLogs:
    """The logs of a session as bytes.

    A file that cannot be read is empty here, and a finding of evidence-readable.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._files: dict[str, bytes] = {}
        self._is_behind_link = os.path.islink(session.directory)
        self._is_inside = Reader(session.directory).inside

    # --- Files

    def read(self, name: str) -> bytes:
        """Return a file below ``performance``; a log is read once.

        Args:
            name: Its path, without ``.``, ``..`` and empty parts.

        Raises:
            UnreadableError: It cannot be read.
        """
        kept = self._files.get(name)
        if kept:
            return kept
        path = os.path.join(self._session.directory, name)
        if self._is_behind_link or not self._is_inside(os.path.dirname(path)):
            raise UnreadableError("lies behind a symbolic link; links are not followed", where=path)
        content = read_bytes(path)
        if name in SHARED_LOGS and len(content) <= MAX_LOG_BYTES:
            self._files[name] = content
        return content

    def file(self, name: str) -> bytes:
        """Return a log; nothing if it cannot be read, or is larger than a log may be."""
        if name not in self._files:
            with contextlib.suppress(UnreadableError, OSError):
                self.read(name)
            self._files.setdefault(name, b"")
        return self._files[name]

    @property
    def ptd(self) -> bytes:
        """The log of all PTDaemons."""
        return self.file("power/ptd_logs.txt")

    def spl(self, mode: Mode) -> bytes:
        """Return the readings of a mode."""
        return self.file(f"{FOLDERS[mode]}/spl.txt")

    def summary(self, mode: Mode) -> str:
        """Return the first 64 KiB of mlperf_log_summary.txt."""
        content = self.file(f"{FOLDERS[mode]}/mlperf_log_summary.txt")
        return content[:SUMMARY_BYTES].decode("utf-8", "replace")

    # --- Parts of ptd_logs.txt

    @functools.cached_property
    def go_commands(self) -> Sequence[tuple[int, str]]:
        """Where its PTDaemons began to measure, and the marks."""
        return go_commands(self.ptd)

    def spans(self, mode: Mode) -> list[Span]:
        """Return where the log tells of a mode, one span for each analyzer."""
        return self._spans[mode]

    @functools.cached_property
    def _spans(self) -> Mapping[Mode, list[Span]]:
        spans: dict[Mode, list[Span]] = {mode: [] for mode in MODES}
        following = [*self.go_commands[1:], (len(self.ptd), "_ranging")]
        for (go, mark), (end, next_mark) in zip(self.go_commands, following, strict=False):
            # The next analyzer begins with its own ranging, and with its banner before it.
            if next_mark.endswith("_ranging"):
                end = self._end_of_analyzer(go, end)
            completed = self.ptd.find(b": Completed test", go, end)
            for mode in MODES:
                if mark.endswith(f"_{mode}"):
                    spans[mode].append(Span(go, completed if completed >= 0 else end, end))
        return spans

    def _end_of_analyzer(self, start: int, end: int) -> int:
        """Return where the log of the next analyzer begins, which may be amid a line."""
        selected = self.ptd.find(b"Selected power ", start, end)
        if selected < 0:
            return end
        banner = BANNER.search(self.ptd[max(start, selected - 100) : selected])
        return selected - len(banner[0]) if banner else end

    def is_last(self, span: Span) -> bool:
        """Tell whether an analyzer's log ends with a span, so that it may have been cut."""
        return all(position != span.end for position, _ in self.go_commands)

    def lines(
        self, token: bytes | re.Pattern[bytes], start: int = 0, end: int | None = None
    ) -> Iterator[LogLine]:
        """Yield lines of ptd_logs.txt that hold a text, at most ``MAX_LINES`` of them."""
        stop = len(self.ptd) if end is None else end
        for _ in range(MAX_LINES):
            at = self._find(token, start, stop)
            if at < 0:
                return
            begin = max(self.ptd.rfind(b"\n", max(0, at - LINE_BYTES), at) + 1, 0)
            line_end = self.ptd.find(b"\n", at, at + LINE_BYTES)
            has_end = line_end >= 0
            line = self.ptd[begin : line_end if has_end else at + LINE_BYTES].strip()
            text = self.ptd[at : line_end if has_end else at + TEXT_BYTES][:TEXT_BYTES].strip()
            yield LogLine(at, self._stamp_ns(line), text.decode("ascii", "replace"))
            start = line_end if has_end else at + 1

    def _find(self, token: bytes | re.Pattern[bytes], start: int, end: int) -> int:
        if isinstance(token, bytes):
            return self.ptd.find(token, start, end)
        match = token.search(self.ptd, start, end)
        return match.start() if match else -1

    def _stamp_ns(self, line: bytes) -> int | None:
        stamp = line[:STAMP_LENGTH].decode("ascii", "replace")
        try:
            return from_mlperf(stamp) + self._session.utc_shift_ns
        except UnreadableError:
            return None

    # --- The readings, three times

    def readings_in_ptd_log(self, mode: Mode) -> list[Reply]:
        """Return the reply to RL of each analyzer in ptd_logs.txt.

        The prefix of each socket chunk is cut out: it stands wherever a chunk begins, in a long
        line in its middle. A line that the end of the log cuts is left out.
        """
        replies = []
        for span in self.spans(mode):
            # 1. The reply begins behind the line "Last ... readings" and ends at the next reply.
            head = self.ptd.find(SENT + b"Last ", span.completed, span.end)
            start = self.ptd.find(b"\n", head, span.end) + 1 if head >= 0 else span.completed
            stop = self.ptd.find(SENT + b"Uncertainty,", start, span.end)
            has_end = stop >= 0
            is_cut = not has_end and self.is_last(span)

            # 2. Each chunk but the first begins with a stamp and SENT.
            chunks = self.ptd[start : stop if has_end else span.end].split(SENT)
            last = chunks.pop()
            whole = [chunk[:-STAMP_LENGTH] for chunk in chunks]
            whole.append(last[:-STAMP_LENGTH] if has_end else last)
            text = b"".join(whole)
            if is_cut:
                text = text[: text.rfind(b"\n") + 1]
            replies.append(Reply(_unix_lines(text), is_cut))
        return replies

    def readings_in_server_log(self, mode: Mode) -> list[bytes]:
        r"""Return the reply to RL of each analyzer in server.log.

        It is one line there, with a literal ``\n`` after each reading.
        """
        text, testing = self.file("power/server.log"), self._start_of_testing
        replies: list[bytes] = []
        if testing < 0:
            return replies
        start, end = (0, testing) if mode == "ranging" else (testing, len(text))
        token = b" from ptd: 'Time,"
        while (at := text.find(token, start, end)) >= 0 and len(replies) < MAX_ANALYZERS:
            line_end = text.find(b"\n", at, end)
            start = line_end if line_end >= 0 else end
            reply = text[at + len(token) - len(b"Time,") : start]
            replies.append(reply.rstrip(b"'\r").removesuffix(b"\\n"))
        return replies

    @functools.cached_property
    def _start_of_testing(self) -> int:
        """Where server.log begins to tell of the testing run; -1 if it does not."""
        return self.file("power/server.log").find(b"_testing'")

    def readings_in_spl(self, mode: Mode) -> list[bytes]:
        """Return what each PTDaemon must have sent, by spl.txt.

        These are its readings without the mark and the names of channels.
        """
        text = _unix_lines(self.spl(mode))
        electric = self._session.electric.get(mode)
        if electric is None or not text:
            return []
        mark = _mark_in_line(electric)
        if any(name.startswith("Analyzer") for name in electric.parts):
            text = text.replace(mark, b"")
            return [_readings_of_analyzer(text, k + 1) for k in range(len(electric.parts))]
        names = [f",{name}".encode() for name in electric.parts]
        return [without_marks(text, mark, names)]


def _mark_in_line(electric: Electric) -> bytes:
    mark = electric.marks[0][0] if electric.marks else ""
    return b",Mark," + mark.encode("ascii", "replace")


def _readings_of_analyzer(text: bytes, number: int) -> bytes:
    """Return what stands between the names of an analyzer and of the next one in each line."""
    name, next_name = f",Analyzer{number},".encode(), f",Analyzer{number + 1},".encode()
    rows = [line.partition(name)[2].partition(next_name)[0] for line in text.split(b"\n")]
    return re.sub(rb",Ch\d+,Watts", b",Watts", b"\n".join(rows))


@cached_by_content
def without_marks(text: bytes, mark: bytes, names: Sequence[bytes]) -> bytes:
    """Return a text without a mark, and without the names of channels before ``,Watts``.

    Args:
        text: Lines of spl.txt.
        mark: The mark with its name, as ``,Mark,s_testing``.
        names: The names, as ``,Ch1``.
    """
    if names:
        # In the usual file the mark stands before the first name: both are found at once.
        result = _without_names(text, [mark + names[0], *names[1:]])
        if b"C" not in result and mark not in result:
            return result
    return _without_names(text.replace(mark, b""), names)


def _without_names(text: bytes, names: Sequence[bytes]) -> bytes:
    for name in names:
        text = text.replace(name + b",Watts", b",Watts")
    return text


def _unix_lines(text: bytes) -> bytes:
    """Return a text without carriage returns and blank lines.

    A Windows director puts a blank line behind every line, so also behind the first.
    """
    if b"\r" in text:
        text = text.replace(b"\r", b"")
    text = text.strip()
    while text.startswith(b"\n\n", text.find(b"\n")):
        text = text.replace(b"\n\n", b"\n")
    return text

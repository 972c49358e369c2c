r"""Bring declared CSV traces, as people write them, into the form of the store.

Spreadsheets and loggers write CSV in many ways. This module turns the text of a file with a
declared header into the store's own form (comma, decimal point, ``t_ns``), or says exactly what it
is:

- a byte order mark in front is removed; UTF-16 is refused by name
- semicolons or tabs between cells, and a decimal comma, are rewritten
- times under ``t_us``, ``t_ms`` or ``t_s`` become nanoseconds, exactly; ``t_s`` may have decimals
- times under ``t_ns`` that are floats (``1.7676e+18``) or count milliseconds are refused: nothing
  says what they were, and a float has lost the last digits

Example:
    >>> body = b"t_s;power_w\n1767607200,5;60,25\n"
    >>> text, note = standard_form(b"# joulemark-trace: {}\n" + body, "a.csv")
    >>> text
    b'# joulemark-trace: {}\nt_ns,power_w\n1767607200500000000,60.25\n'
    >>> note
    'written with semicolons and a decimal comma and times in a column t_s; read so'
"""

from __future__ import annotations

import re
from decimal import Decimal

from harness.core.errors import UnreadableError, shorten
from harness.traces.csv_store import MAGIC

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NS_PER = {"t_ns": 1, "t_us": 10**3, "t_ms": 10**6, "t_s": 10**9}
_NUMBER = re.compile(rb"-?\d{1,30}(?:\.\d{1,30})?")
_FLOAT_TIME = re.compile(rb"\d+(?:\.\d*)?[eE][-+]?\d+|\d+\.\d+")
FIRST_NS = 10**17
"""The first valid stamp is after March 1973; a smaller count of nanoseconds is of another unit."""
SAMPLE_LINES = 20
"""So many lines show which separator a file uses."""


def is_declared_trace(head: bytes) -> bool:
    """Tell whether the first bytes of a file are those of a declared trace, in any encoding."""
    if head.startswith(UTF_16_MARKS):
        return head[2:].replace(b"\x00", b"").startswith(MAGIC[: len(head) // 2 - 1])
    return head.removeprefix(BYTE_ORDER_MARK).startswith(MAGIC)


def without_byte_order_mark(content: bytes, where: str) -> bytes:
    """Return the bytes of a UTF-8 text without the mark that some editors put in front.

    Raises:
        UnreadableError: It is UTF-16.
    """
    if content.startswith(UTF_16_MARKS):
        raise UnreadableError(
            "is UTF-16 text", where=where, expected="UTF-8", fix="Save the file as UTF-8."
        )
    return content.removeprefix(BYTE_ORDER_MARK)


def standard_form(content: bytes, where: str) -> tuple[bytes, str]:
    """Return the text of a declared trace as the store writes it.

    Args:
        content: The file.
        where: Its path, for messages.

    Returns:
        The text, and what was rewritten, for a note; empty if nothing was.

    Raises:
        UnreadableError: It is not clear what its numbers are.
    """
    # 1. The encoding.
    content = without_byte_order_mark(content, where)

    # 2. The separator of cells, and the decimal sign.
    header, _, rest = content.partition(b"\n")
    names, _, body = rest.partition(b"\n")
    separator = _separator(body)
    has_decimal_comma = separator != b"," and _has_decimal_comma(body)
    columns = [_unquoted(name) for name in re.split(rb"[,;\t]", names.strip())]

    # 3. The unit of times.
    unit = columns[0].decode("utf-8", "replace").lower() if columns else ""
    ns_per_unit = _NS_PER.get(unit)
    if ns_per_unit == 1:
        _require_nanoseconds(body, separator, where)

    is_standard = separator == b"," and ns_per_unit in (1, None) and b'"' not in names
    if is_standard:
        return content, ""
    rows = [
        _standard_row(line, separator, ns_per_unit or 1, has_decimal_comma)
        for line in body.splitlines()
    ]
    columns[0] = b"t_ns" if ns_per_unit else columns[0]
    note = _note(separator, has_decimal_comma, unit if ns_per_unit != 1 else "")
    return b"\n".join([header, b",".join(columns), *rows, b""]), note


def _separator(body: bytes) -> bytes:
    """Return the separator that every one of the first lines has; a comma if in doubt."""
    lines = [line for line in body.splitlines()[:SAMPLE_LINES] if line and line[:1] != b"#"]
    for separator in (b";", b"\t"):
        if lines and all(separator in line for line in lines):
            return separator
    return b","


def _has_decimal_comma(body: bytes) -> bool:
    lines = body.splitlines()[:SAMPLE_LINES]
    return any(re.search(rb"\d,\d", line) for line in lines) and not any(
        re.search(rb"\d\.\d", line) for line in lines
    )


def _require_nanoseconds(body: bytes, separator: bytes, where: str) -> None:
    """Refuse times that are declared to be nanoseconds and are not."""
    for number, line in enumerate(body.splitlines()[:SAMPLE_LINES], 3):
        cell = _unquoted(line.split(separator)[0])
        if not cell or cell[:1] == b"#":
            continue
        text = shorten(cell.decode("utf-8", "replace"), 40)
        if _FLOAT_TIME.fullmatch(cell):
            raise UnreadableError(
                "times are no whole numbers; a float has lost the last digits of nanoseconds",
                where=f"{where}:{number}",
                got=text,
                expected="whole nanoseconds, as 1767607200000000000",
                fix="Write times as whole numbers, or as seconds with decimals in a column t_s.",
            )
        if cell.isdigit() and 0 < int(cell[:30]) < FIRST_NS:
            unit, column = _likely_unit(int(cell[:30]))
            raise UnreadableError(
                f"times look like {unit}; as nanoseconds they would be of the year "
                f"{1970 + int(cell[:30]) // 31_556_952_000_000_000}",
                where=f"{where}:{number}",
                got=text,
                expected="nanoseconds since 1970 in a column t_ns",
                fix=f"Name the column {column}, or multiply its times.",
            )
        return


def _likely_unit(stamp: int) -> tuple[str, str]:
    if stamp < 10**11:
        return "seconds", "t_s"
    return ("milliseconds", "t_ms") if stamp < 10**14 else ("microseconds", "t_us")


def _standard_row(
    line: bytes, separator: bytes, ns_per_unit: int, has_decimal_comma: bool
) -> bytes:
    if not line or line[:1] == b"#":
        return line
    cells = [_unquoted(cell) for cell in line.split(separator)]
    if has_decimal_comma:
        cells = [cell.replace(b",", b".") for cell in cells]
    if ns_per_unit != 1 and _NUMBER.fullmatch(cells[0]):
        t_ns = Decimal(cells[0].decode("ascii")) * ns_per_unit
        cells[0] = b"%d" % round(t_ns)
    return b",".join(cells)


def _unquoted(cell: bytes) -> bytes:
    return cell.strip().strip(b'"').strip()


def _note(separator: bytes, has_decimal_comma: bool, unit: str) -> str:
    parts = []
    if separator != b",":
        parts.append("semicolons" if separator == b";" else "tabs")
    if has_decimal_comma:
        parts.append("a decimal comma")
    if unit:
        parts.append(f"times in a column {unit}")
    return f"written with {' and '.join(parts)}; read so" if parts else ""

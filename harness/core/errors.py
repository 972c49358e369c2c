"""One error tree. Each error says where, what was got, what was expected and how to mend it."""

from __future__ import annotations

from harness.core.printable import printable


class JoulemarkError(Exception):
    """Base of all errors meant for a person; caught only by the command line."""

    exit_code = 2

    def __init__(
        self, message: str, *, where: str = "", got: str = "", expected: str = "", fix: str = ""
    ) -> None:
        super().__init__(message)
        self.message, self.where, self.got, self.expected, self.fix = (
            message,
            where,
            got,
            expected,
            fix,
        )

    def __str__(self) -> str:
        text = f"{printable(self.where)}: {self.message}" if self.where else self.message
        if self.got:
            text += f"; got {shorten(self.got, 400)}"
        if self.expected:
            text += f", expected {self.expected}"
        return f"{text}. {self.fix}" if self.fix else text


class UnreadableError(JoulemarkError):
    """A file or folder cannot be read as what it should be."""


class SchemaError(JoulemarkError):
    """A document does not satisfy its schema."""


class UsageError(JoulemarkError):
    """The command was asked for something that makes no sense."""


class MissingExtraError(JoulemarkError):
    """An optional package is needed for this and is not installed."""


def shorten(value: object, limit: int = 120) -> str:
    """`value` as one printable line of at most `limit` characters, safe for a terminal."""
    text = printable(str(value)[: 4 * limit])
    return text if len(text) <= limit else text[: limit - 3] + "..."

"""One error tree: each error states where, what was got, what was expected, and the remedy."""

from __future__ import annotations

from harness.core.printable import printable


class JoulemarkError(Exception):
    """Base of all errors meant for a person; caught only by the command line.

    Attributes:
        message: What is wrong, as a predicate of `where` or a sentence of its own.
        where: File, JSON pointer or option.
        got: What was there.
        expected: What should have been there.
        fix: The remedy, as full sentences.
    """

    exit_code = 2

    def __init__(
        self, message: str, *, where: str = "", got: str = "", expected: str = "", fix: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.got = got
        self.expected = expected
        self.fix = fix

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
    """A command was given arguments that cannot be used together or at all."""


class MissingExtraError(JoulemarkError):
    """An optional package is needed and not installed."""


def shorten(value: object, limit: int = 120) -> str:
    """Return a value as one printable line of at most `limit` characters, safe for a terminal."""
    text = printable(str(value)[: 4 * limit])
    return text if len(text) <= limit else text[: limit - 3] + "..."

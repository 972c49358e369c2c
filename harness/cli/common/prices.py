"""The options that state what tokens and electricity cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from harness.cli.base import Number
from harness.core.errors import UsageError
from harness.core.numbers import plain_number

MAX_PRICE = 1e6


def priced(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--price` and `--tariff` to a command."""
    price = click.option(
        "--price",
        metavar="IN,OUT",
        help="Declared price of a million input and output tokens [$].",
    )
    tariff = click.option(
        "--tariff", type=Number(0, MAX_PRICE), help="Price of a kilowatt-hour [$]."
    )
    return price(tariff(command))


def prices_of(price: str | None, tariff: float | None) -> Any:
    """Return the prices that the options state; ``None`` where they state none.

    Raises:
        UsageError: `price` is no pair of prices.
    """
    from harness.scoring.endpoint.answer_costs import Prices

    if price is None:
        return None if tariff is None else Prices(tariff_per_kwh=tariff)
    stated = [plain_number(part) for part in price.split(",")]
    amounts = [amount for amount in stated if amount is not None and 0 <= amount <= MAX_PRICE]
    if len(stated) != 2 or len(amounts) != 2:
        raise UsageError(
            "is no pair of prices",
            where="--price",
            got=price[:40],
            expected="IN,OUT in dollars for a million tokens",
        )
    return Prices(
        input_per_million=amounts[0], output_per_million=amounts[1], tariff_per_kwh=tariff
    )

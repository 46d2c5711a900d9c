"""Amounts to the cent as people read them, with their currency."""

from __future__ import annotations

from decimal import Decimal

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "CAD": "CA$", "AUD": "A$"}


def currency_sign(currency: str) -> str:
    """What stands before an amount: the sign of the currency, else its code; "" where it is unknown.

    >>> currency_sign("USD"), currency_sign("CHF"), currency_sign("")
    ('$', 'CHF ', '')
    """
    return SYMBOLS.get(currency, f"{currency} " if currency else "")


def exact(value: str | Decimal, currency: str = "", count: bool = False) -> str:
    """An amount to the cent, and beyond where it goes beyond; ``count``: a number of things.

    >>> exact("1234.5", "USD"), exact("-0.1234", "CHF"), exact("12345", count=True)
    ('$1,234.50', '-CHF 0.1234', '12,345')
    """
    amount = Decimal(value)
    if count:
        return f"{amount:,.0f}"
    exponent = amount.normalize().as_tuple().exponent
    digits = max(2, -exponent) if isinstance(exponent, int) else 2
    return f"{'-' if amount < 0 else ''}{currency_sign(currency)}{abs(amount):,.{digits}f}"

"""A purchase weighed before money is spent, and followed afterwards, with the numbers of the practice that it is for."""

from __future__ import annotations

from contextlib import closing
from datetime import date, timedelta
from importlib import resources
from pathlib import Path

from carewheel.journeys.look_at_the_wheel import Looked, MoneyUnknown, look
from carewheel.wheel.investments import (
    Described,
    Followed,
    PurchaseRefused,
    Weighed,
    case_of,
    described,
    follow,
    month_of_purchase,
    spent,
    weigh,
    with_results,
)

# Bytes; a purchase with twenty effects has a third of it. A longer file could keep its reader busy for minutes.
LARGEST = 30_000


def purchase_template() -> str:
    """The file to fill in, with its comments.

    >>> purchase_template().splitlines()[0]
    '# A purchase to be weighed before money is spent:  carewheel wheel invest purchase.toml'
    """
    return resources.files("carewheel.wheel").joinpath("data", "purchase.toml").read_text("utf-8")


def read_purchase(file: Path) -> Described:
    """Raises `PurchaseRefused`: ``purchase.file`` for what cannot be read, else as `described` does."""
    try:
        if file.stat().st_size > LARGEST:
            raise PurchaseRefused("purchase.file", f"{file} is too large to be a purchase.", "Begin with: carewheel template purchase")  # fmt: skip
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PurchaseRefused("purchase.file", f"{file} cannot be read as text.", "Begin with: carewheel template purchase") from error  # fmt: skip
    return described(text)


def weigh_a_purchase(looked: Looked, what: Described) -> Weighed:
    """What it is worth at this practice. Raises `MoneyUnknown`; `PurchaseRefused` as `case_of` and `weigh` do."""
    looked.need_money()
    return weigh(case_of(what, looked.learnt, looked.standing.sizes, looked.places))


def before_the_purchase(looked: Looked, what: Described, today: date) -> tuple[Looked, str]:
    """The practice on the last day before the month of the purchase, as which it was planned; or as it is now, and why.

    Raises `PurchaseRefused` (``purchase.bought``) where no month is given, or none since then is over.
    """
    first = month_of_purchase(what, looked.as_of)
    then = look(looked.workspace, today, first - timedelta(days=1))
    try:
        then.need_money()
    except MoneyUnknown:
        return looked, "The practice before the purchase is not known well enough: the plan is of the practice as it is now."  # fmt: skip
    return then, ""


def follow_a_purchase(looked: Looked, weighed: Weighed) -> Followed:
    """Planned (``weighed``, as of before) against actual, up to the last full month of ``looked``. Raises `PurchaseRefused` as `spent` does."""
    case = weighed.case
    with closing(looked.workspace.connect(looked.sources)) as connection:
        paid = spent(connection, case, looked.as_of)
    results = {measure: looked.result(measure) for measure in with_results(case)}
    return follow(case, paid, results, looked.changes, looked.ledger.plans(looked.plans_on), looked.as_of)

"""A purchase as its file describes it: what it costs, how it is paid and introduced, what it shall move, and when it may be bought."""

from __future__ import annotations

import math
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from carewheel.catalog.measures import measures
from carewheel.catalog.play_guesses import play_guesses
from carewheel.science.flywheel.practice_model.practice import LEVERS, OUTCOMES
from carewheel.wheel.investments.refusals import PurchaseRefused
from carewheel.wheel.plans.months import month_of
from carewheel.wheel.plans.refusals import PlanRefused

LONGEST = 120
MOST_EFFECTS = 20
MOST_PLACES = 1_000
# What a seller says counts half, as everywhere in the house.
VENDOR_WEIGHT = 0.5
WRITE_OFFS = ("none", "straight-line", "macrs-5", "macrs-7", "at-once")
KEYS: Mapping[str, tuple[str, ...]] = {
    "": ("title", "places", "bought", "months", "rate", "currency", "play", "price", "introduction", "upkeep", "tax", "effect", "gate",
         "facts"),
    "price": ("amount", "financed", "loan_rate", "loan_months", "sold_for"),
    "introduction": ("training", "downtime_share", "downtime_months", "starts", "uptake_months", "adoption"),
    "upkeep": ("a_month", "growth"),
    "tax": ("rate", "write_off", "years", "limit"),
    "effect": ("measure", "change", "ratio", "vendor", "source"),
    "gate": ("loss_at_most", "payback_at_most", "integrated"),
    "facts": ("component", "investment", "expense"),
}  # fmt: skip
PARTS = ("C1", "C2a", "C2b", "C3", "C4", "C5", "C6")


@dataclass(frozen=True, slots=True)
class Doubt:
    """A figure with its doubt: in one case of twenty it is below ``low``, in one above ``high``; the middle case is ``expected``."""

    low: float
    expected: float
    high: float

    @property
    def certain(self) -> bool:
        return self.low == self.high

    def times(self, factor: float) -> Doubt:
        low, high = sorted((self.low * factor, self.high * factor))
        return Doubt(low, self.expected * factor, high)


@dataclass(frozen=True, slots=True)
class Promise:
    """What the purchase shall do to ``measure`` (or a lever) at full use: a "difference" in its unit, or a "ratio". ``source``: who says so."""

    measure: str
    kind: str
    size: Doubt
    source: str
    vendor: bool


@dataclass(frozen=True, slots=True)
class Described:
    """A purchase for ``places`` (() = all). Money is of all of them together, ``promises`` are of one place and month.

    ``rate``: what money costs, a year; ``sold_for`` at the end; ``downtime_share``: of a place's visits for ``downtime_months``;
    ``adoption``: share of the full use that is reached; ``play``: whose believed effects it has, or "".
    """

    title: str
    places: tuple[str, ...]
    bought: date | None
    months: int
    rate: float
    currency: str
    play: str
    price: Doubt
    financed: float
    loan_rate: float
    loan_months: int
    sold_for: float
    training: Doubt
    downtime_share: Doubt
    downtime_months: float
    starts: int
    uptake_months: Doubt
    adoption: Doubt
    upkeep: Doubt
    upkeep_growth: float
    tax_rate: float
    write_off: str
    write_off_years: int
    write_off_limit: float
    promises: tuple[Promise, ...]
    loss_at_most: float
    payback_at_most: int
    integrated: bool | None
    component: str
    investment: str
    expense: str


def content_of(text: str) -> dict[str, Any]:
    """Keys and tables of a file, as they stand in it and unjudged. Raises `PurchaseRefused` (``purchase.file``)."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PurchaseRefused("purchase.file", f"The file is no TOML: {error}.", "Begin with: carewheel template purchase") from error  # fmt: skip
    except (ValueError, RecursionError) as error:
        raise PurchaseRefused("purchase.file", "The file is no TOML of a purchase: a number is too long, or tables are too deep.", "Begin with: carewheel template purchase") from error  # fmt: skip


def described(text: str) -> Described:
    """Read the text of a purchase's file. Raises `PurchaseRefused`: ``purchase.file``, ``purchase.unknown``, ``purchase.figure``,
    ``purchase.effect``.

    >>> found = described('title = "Portal"\\n[price]\\namount = 9000\\n[[effect]]\\nmeasure = "experience.nps"\\nchange = [0, 3, 6]')
    >>> found.price, found.promises[0].size, found.months
    (Doubt(low=9000.0, expected=9000.0, high=9000.0), Doubt(low=0.0, expected=3.0, high=6.0), 60)
    """
    top = content_of(text)
    rows = _Rows(top)
    price, start, upkeep, tax, gate, facts = (
        rows.table(name) for name in ("price", "introduction", "upkeep", "tax", "gate", "facts")
    )
    play = rows.text(top, "", "play")
    if play and (play not in play_guesses() or not play_guesses()[play].moves):
        fit = ", ".join(name for name, guess in play_guesses().items() if guess.moves)
        raise PurchaseRefused("purchase.effect", f"There is no play {play!r} with a guessed effect.", f"Plays are: {fit}.")  # fmt: skip
    promises = tuple(_numbered(rows, i, row) for i, row in enumerate(rows.list_of_tables("effect")))
    if len(promises) > MOST_EFFECTS:
        raise PurchaseRefused("purchase.effect", f"It has {len(promises)} effects.", f"Give at most {MOST_EFFECTS}, the largest.")  # fmt: skip
    if bool(play) == bool(promises):
        raise PurchaseRefused(
            "purchase.effect",
            "It says twice what the purchase shall do." if play else "It does not say what the purchase shall do.",
            "Give either a play, or one [[effect]] for each measure that it moves.",
        )  # fmt: skip
    if "amount" not in price:
        raise PurchaseRefused("purchase.figure", "It has no price.", "Give [price] amount: what all of it costs, or [low, expected, high].", at="price amount")  # fmt: skip
    bought = rows.text(top, "", "bought")
    try:
        month = month_of(bought) if bought else None
    except PlanRefused as error:
        raise PurchaseRefused("purchase.figure", error.what, error.remedy, at="bought") from error
    if tax.get("write_off") == "at-once" and "limit" not in tax:
        raise rows.wrong("tax", "limit", "the limit of the tax year with at-once")
    integrated = gate.get("integrated")
    if integrated is not None and not isinstance(integrated, bool):
        raise rows.wrong("gate", "integrated", "true or false")
    return Described(
        title=rows.text(top, "", "title") or "A purchase", places=rows.texts(top, "places"), bought=month,
        months=rows.whole(top, "", "months", 60, 1, LONGEST), rate=rows.number(top, "", "rate", 0.08, 0.0, 1.0),
        currency=rows.text(top, "", "currency"), play=play,
        price=rows.doubt(price, "price", "amount", 0.0, 0.0), financed=rows.number(price, "price", "financed", 0.0, 0.0, 1.0),
        loan_rate=rows.number(price, "price", "loan_rate", 0.0, 0.0, 1.0), loan_months=rows.whole(price, "price", "loan_months", 36, 1, 600),
        sold_for=rows.number(price, "price", "sold_for", 0.0, 0.0, math.inf),
        training=rows.doubt(start, "introduction", "training", 0.0, 0.0), downtime_share=rows.doubt(start, "introduction", "downtime_share", 0.0, 0.0, 0.9),
        downtime_months=rows.number(start, "introduction", "downtime_months", 1.0, 0.0, 24.0), starts=rows.whole(start, "introduction", "starts", 0, 0, LONGEST - 1),
        uptake_months=rows.doubt(start, "introduction", "uptake_months", 6.0, 0.0, LONGEST), adoption=rows.doubt(start, "introduction", "adoption", 1.0, 0.0, 1.0),
        upkeep=rows.doubt(upkeep, "upkeep", "a_month", 0.0, 0.0), upkeep_growth=rows.number(upkeep, "upkeep", "growth", 0.0, -0.5, 1.0),
        tax_rate=rows.number(tax, "tax", "rate", 0.0, 0.0, 0.95), write_off=rows.choice(tax, "tax", "write_off", WRITE_OFFS),
        write_off_years=rows.whole(tax, "tax", "years", 5, 1, 40), write_off_limit=rows.number(tax, "tax", "limit", math.inf, 0.0, math.inf),
        promises=promises, loss_at_most=rows.number(gate, "gate", "loss_at_most", 0.25, 0.0, 1.0),
        payback_at_most=rows.whole(gate, "gate", "payback_at_most", 36, 1, LONGEST), integrated=integrated,
        component=rows.choice(facts, "facts", "component", ("", *PARTS)), investment=rows.text(facts, "facts", "investment"), expense=rows.text(facts, "facts", "expense"),
    )  # fmt: skip


def _numbered(rows: _Rows, number: int, row: Mapping[str, Any]) -> Promise:
    """One effect; what is refused of it says which one it is."""
    try:
        return _promise(rows, row)
    except PurchaseRefused as refused:
        refused.at = f"effect {number}"
        raise


def _promise(rows: _Rows, row: Mapping[str, Any]) -> Promise:
    measure = rows.text(row, "effect", "measure")
    known = [name for name, card in measures().items() if not card.dimension and name not in OUTCOMES]
    if measure in OUTCOMES:
        raise PurchaseRefused(
            "purchase.effect",
            f"{measure} is the outcome of visits and people, not something that is bought.",
            f"Say what drives it: {', '.join(LEVERS)}, or a measure such as operations.no_show_rate.",
        )
    if measure not in (*known, *LEVERS):
        raise PurchaseRefused(
            "purchase.effect",
            f"There is no measure {measure!r}." if measure else "An [[effect]] names no measure.",
            f"Name one of `carewheel measures list`, or a lever: {', '.join(LEVERS)}.",
        )
    kinds = [kind for kind in ("change", "ratio") if kind in row]
    if len(kinds) != 1:
        raise PurchaseRefused("purchase.effect", f"The effect on {measure} needs either change or ratio.", "Give one of them, as [low, expected, high].")  # fmt: skip
    size = rows.doubt(row, "effect", kinds[0], 0.0, -math.inf if kinds[0] == "change" else 0.0)
    if size.certain:
        raise PurchaseRefused(
            "purchase.certain",
            f"The effect on {measure} is one number, as if it were certain.",
            "Give [low, expected, high]: in one case of twenty it is below low, in one above high.",
        )
    if kinds[0] == "ratio" and measure in LEVERS:
        raise PurchaseRefused("purchase.effect", f"{measure} is a lever: it has no present value to multiply.", "Give change, in its own unit.")  # fmt: skip
    vendor = row.get("vendor", False)
    if not isinstance(vendor, bool):
        raise rows.wrong("effect", "vendor", "true or false")
    return Promise(measure, "difference" if kinds[0] == "change" else "ratio", size, rows.text(row, "effect", "source"), vendor)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Rows:
    """The tables of a file, each key looked at once and held to its kind and bounds."""

    top: Mapping[str, Any]

    def __post_init__(self) -> None:
        self._known(self.top, "")

    def table(self, name: str) -> Mapping[str, Any]:
        row = self.top.get(name, {})
        if not isinstance(row, dict):
            raise PurchaseRefused(
                "purchase.unknown", f"{name} is a table.", f"Write [{name}] and its keys below it."
            )
        self._known(row, name)
        return row

    def list_of_tables(self, name: str) -> list[Mapping[str, Any]]:
        rows = self.top.get(name, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise PurchaseRefused(
                "purchase.unknown", f"{name} is a list of tables.", f"Write [[{name}]] for each."
            )
        for row in rows:
            self._known(row, name)
        return rows

    def _known(self, row: Mapping[str, Any], name: str) -> None:
        if unknown := [key for key in row if key not in KEYS[name]]:
            where = f" in [{name}]" if name else ""
            raise PurchaseRefused("purchase.unknown", f"There is no key {unknown[0]!r}{where}.", f"Keys are: {', '.join(KEYS[name])}.")  # fmt: skip

    def wrong(
        self, table: str, key: str, what: str, bounds: tuple[float, float] | None = None
    ) -> PurchaseRefused:
        where, at = (f"[{table}] {key}", f"{table} {key}") if table else (key, key)
        return PurchaseRefused(
            "purchase.figure", f"{where} cannot be that.", f"Give {what}.", at=at, bounds=bounds
        )

    def text(self, row: Mapping[str, Any], table: str, key: str) -> str:
        found = row.get(key, "")
        if not isinstance(found, str) or len(found) > 200 or any(ord(c) < 32 for c in found):
            raise self.wrong(table, key, "a text of one line")
        return found

    def texts(self, row: Mapping[str, Any], key: str) -> tuple[str, ...]:
        found = row.get(key, [])
        fine = isinstance(found, list) and len(found) <= MOST_PLACES
        if not fine or not all(isinstance(x, str) and x for x in found):
            raise self.wrong("", key, 'a list of texts, such as ["loc1", "loc2"]')
        return tuple(dict.fromkeys(found))

    def choice(self, row: Mapping[str, Any], table: str, key: str, among: tuple[str, ...]) -> str:
        found = row.get(key, among[0])
        if found not in among:
            raise self.wrong(table, key, f"one of: {', '.join(filter(None, among))}")
        return str(found)

    def number(
        self, row: Mapping[str, Any], table: str, key: str, otherwise: float, least: float, most: float
    ) -> float:
        found = row.get(key, otherwise)
        if not _is_number(found) or not least <= found <= most or (key in row and not math.isfinite(found)):
            raise self.wrong(table, key, _between(least, most), (least, most))
        return float(found)

    def whole(
        self, row: Mapping[str, Any], table: str, key: str, otherwise: int, least: int, most: int
    ) -> int:
        found = row.get(key, otherwise)
        if not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most:
            raise self.wrong(table, key, f"a whole {_between(least, most)[2:]}", (least, most))
        return found

    def doubt(
        self, row: Mapping[str, Any], table: str, key: str, otherwise: float, least: float, most: float = math.inf
    ) -> Doubt:  # fmt: skip
        found = row.get(key, otherwise)
        parts = found if isinstance(found, list) else [found] * 3
        fine = len(parts) == 3 and all(
            _is_number(x) and math.isfinite(x) and least <= x <= most for x in parts
        )
        if not fine or not parts[0] <= parts[1] <= parts[2]:
            said = f"{_between(least, most)}, or three in order: [low, expected, high]"
            raise self.wrong(table, key, said, (least, most))
        return Doubt(*(float(x) for x in parts))


def _is_number(x: Any) -> bool:
    whole = isinstance(x, int) and not isinstance(x, bool)
    return isinstance(x, float) or (whole and abs(x) <= sys.float_info.max)


def _between(least: float, most: float) -> str:
    if math.isinf(least):
        return "a number"
    return f"a number of {least:g} or more" if math.isinf(most) else f"a number from {least:g} to {most:g}"

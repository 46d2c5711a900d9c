"""The guided form of a purchase: the field's words and help over the keys of its file, and back. Figures are judged by the hub alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict

from carewheel.catalog.components import components
from carewheel.catalog.links import links
from carewheel.catalog.measures import measures
from carewheel.catalog.play_guesses import play_guesses
from carewheel.catalog.plays import plays
from carewheel.practice.access import Refused
from carewheel.science.flywheel.practice_model.practice import OUTCOMES
from carewheel.wheel.investments.described import MOST_EFFECTS, PARTS, WRITE_OFFS

TEXT, NUMBER, WHOLE, SHARE, THREE, THREE_SHARE, CHOICE, TICK, PLACES, MONTH = range(10)
DOUBTS = (THREE, THREE_SHARE)
ENDS = ("low", "expected", "high")
EFFECTS = 3
LEVER_WORDS = {
    "capacity": "Lever: visits a month that can be held", "seats": "Lever: people who hold visits", "marketing": "Lever: money a month for marketing",
}  # fmt: skip
WRITE_OFF_WORDS = dict(zip(WRITE_OFFS, ("not at all", "in equal parts over its years", "MACRS, 5 years (US)", "MACRS, 7 years (US)", "at once, up to a limit (US, Section 179)"), strict=True))  # fmt: skip
KIND_WORDS = (("change", "changes by"), ("ratio", "is multiplied by"))


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of the form: the ``key`` of the file ("price amount"; "months" stands at its top), in the field's words."""

    key: str
    kind: int
    label: str
    help: str = ""
    usual: str = ""

    @property
    def name(self) -> str:
        return self.key.replace(" ", "-")


GROUPS: tuple[tuple[str, str, tuple[Asked, ...]], ...] = (
    ("What and where", "", (
        Asked("title", TEXT, "What is bought", "Its name in your own words. No patient's name."),
        Asked("places", PLACES, "Where", "None chosen: everywhere. Money below is of all these places together."),
        Asked("months", WHOLE, "How many months it is used", "Up to 120.", "60"),
        Asked("bought", MONTH, "Month in which it is bought", "Empty until it is. Then it is held against this plan once a month has passed."),
    )),
    ("Price and financing", "In the currency of your practice.", (
        Asked("price amount", THREE, "Price of all of it"),
        Asked("rate", SHARE, "What money costs a year, %", "Your bank's rate, or what it would earn elsewhere.", "8"),
        Asked("price financed", SHARE, "On a loan, % of the price", "", "0"),
        Asked("price loan_rate", SHARE, "Interest of the loan a year, %", "", "0"),
        Asked("price loan_months", WHOLE, "Months of the loan", "", "36"),
        Asked("price sold_for", NUMBER, "What it is worth at the end", "", "0"),
        Asked("currency", TEXT, "Currency", "Only as a check: USD, EUR …; empty: your practice's."),
    )),
    ("Introduction", "What purchases fail by. Ask somebody who has introduced it.", (
        Asked("introduction training", THREE, "Training", "Courses, and the paid hours of those who attend.", "0"),
        Asked("introduction downtime_share", THREE_SHARE, "Visits that cannot be held meanwhile, %", "", "0"),
        Asked("introduction downtime_months", NUMBER, "For how many months", "", "1"),
        Asked("introduction starts", WHOLE, "Months from the purchase to the first use", "", "0"),
        Asked("introduction uptake_months", THREE, "Months from the first to the full use", "", "6"),
        Asked("introduction adoption", THREE_SHARE, "Share of the full use that is reached, %", "Give a range: nobody knows it for certain.", "100"),
    )),
    ("Upkeep", "", (
        Asked("upkeep a_month", THREE, "Upkeep a month", "Licences, service, supplies.", "0"),
        Asked("upkeep growth", SHARE, "It grows a year by, %", "", "0"),
    )),
    ("Tax and depreciation", "Arithmetic, no advice on tax. Leave it empty to leave tax out.", (
        Asked("tax rate", SHARE, "Tax on the gain, %", "", "0"),
        Asked("tax write_off", CHOICE, "Written off"),
        Asked("tax years", WHOLE, "Years, in equal parts", "", "5"),
        Asked("tax limit", NUMBER, "Limit of the tax year, at once"),
    )),
    ("When it may be bought", "The gate that it has to pass.", (
        Asked("gate loss_at_most", SHARE, "Chance of loss at most, %", "", "25"),
        Asked("gate payback_at_most", WHOLE, "Money back within months", "", "36"),
        Asked("gate integrated", TICK, "Tried with the systems that you have"),
    )),
    ("How it is booked", "Needed afterwards: which of your facts are of this purchase.", (
        Asked("facts component", CHOICE, "Part of the wheel that investments name"),
        Asked("facts investment", TEXT, "Category among the investments"),
        Asked("facts expense", TEXT, "Category among the expenses"),
    )),
)  # fmt: skip
ASKED = {one.key: one for _, _, group in GROUPS for one in group}


class PurchaseForm(forms.Form):
    """Every key of a purchase's file. ``places``: those that the practice has; ``content``: what is filled in at first."""

    def __init__(self, data: QueryDict | None, places: Sequence[tuple[str, str]], content: Mapping[str, Any]) -> None:  # fmt: skip
        super().__init__(data)
        self.rows = EFFECTS
        self._filled: list[int] = []
        # Before the first turn no place is known.
        self._choosable = bool(places or content.get("places"))
        for asked in ASKED.values():
            self._ask(asked, places, content)
        self.fields["play"] = forms.ChoiceField(choices=[("", "None: I say below what it moves"), *_plays()], required=False, label="A play of the catalog", help_text="It brings what is thought of this play here: the house's guess, or what your own verified changes made of it.")  # fmt: skip
        self.initial["play"] = content.get("play", "")
        effects = content.get("effect", ())
        wanted = data.get("effects", "") if data else str(len(effects) + 1)
        self.rows = min(max(EFFECTS, int(wanted) if wanted.isdecimal() and len(wanted) < 4 else 0), MOST_EFFECTS)  # fmt: skip
        for number in range(self.rows):
            self._effect(number, effects[number] if number < len(effects) else {})

    def clean(self) -> dict[str, Any]:
        """A figure in doubt has a middle."""
        for names in self._figures():
            given = [self.cleaned_data.get(name) for name in names]
            if given[1] is None and given != [None] * 3 and not self.errors.get(names[1]):
                self.add_error(names[1], "Say what is expected, too.")
        return self.cleaned_data

    def content(self) -> dict[str, Any]:
        """Keys and tables of the file, of a form that is valid; what was left empty stays away."""
        found: dict[str, Any] = {}
        for asked in ASKED.values():
            value = self._value(asked)
            if value not in (None, "", []):
                table, _, key = asked.key.rpartition(" ")
                (found.setdefault(table, {}) if table else found)[key] = value
        if self.cleaned_data["play"]:
            found["play"] = self.cleaned_data["play"]
        rows = {number: row for number in range(self.rows) if (row := self._effect_content(number))}
        effects, self._filled = list(rows.values()), list(rows)
        return {**found, **({"effect": effects} if effects else {})}

    def groups(self) -> Iterator[dict[str, Any]]:
        """The questions in their groups, each with its bound fields: one, or three of a figure in doubt. ``more`` may stay closed."""
        for title, words, group in GROUPS:
            rows = [
                {"asked": asked, "fields": [self[name] for name in _names(asked)], "three": asked.kind in DOUBTS}
                for asked in group if asked.kind != PLACES or self._choosable
            ]  # fmt: skip
            filled = self.is_bound or any(
                self.initial.get(name) not in (None, "") for one in group for name in _names(one)
            )
            more = title in ("Tax and depreciation", "How it is booked")
            yield {"title": title, "words": words, "rows": rows, "more": more, "open": filled}

    def effects(self) -> Iterator[dict[str, Any]]:
        """What it moves, row by row."""
        for number in range(self.rows):
            fields = {
                name: self[f"effect-{number}-{name}"]
                for name in ("measure", "kind", *ENDS, "vendor", "source")
            }
            yield {"number": number + 1, **fields}

    def refuse(self, refused: Refused) -> bool:
        """Put a refusal of the hub beside the figure that it is about; False where it is about none alone."""
        at, bounds = str(refused.data.get("at", "")), refused.data.get("bounds")
        if at.startswith("effect "):
            field = f"effect-{self._filled[int(at.partition(' ')[2])]}-measure"
            named = self.cleaned_data[field]
            said = f"{refused.what} {_in_words(refused.remedy)}".replace(named, _measure(named))
            self.add_error(field, said if named else "Say what it moves.")
            return True
        asked = ASKED.get(at)
        if asked is None:
            return False
        words = _in_words(refused.remedy)
        if isinstance(bounds, tuple):
            words = _between(*bounds, by=100 if asked.kind in (SHARE, THREE_SHARE) else 1)
            if asked.kind in DOUBTS:
                words += " Low, expected and high in this order, or expected alone if it is certain."
        self.add_error(_names(asked)[1 if asked.kind in DOUBTS else 0], words)
        return True

    def _figures(self) -> Iterator[list[str]]:
        yield from (_names(asked) for asked in ASKED.values() if asked.kind in DOUBTS)
        yield from ([f"effect-{number}-{end}" for end in ENDS] for number in range(self.rows))

    def _ask(self, asked: Asked, places: Sequence[tuple[str, str]], content: Mapping[str, Any]) -> None:
        table, _, key = asked.key.rpartition(" ")
        value = (content.get(table, {}) if table else content).get(key)
        made: dict[int, Callable[[], forms.Field]] = {
            TEXT: lambda: forms.CharField(max_length=200, required=False),
            MONTH: lambda: forms.CharField(max_length=7, required=False, widget=forms.TextInput(attrs={"type": "month", "placeholder": "2026-02"})),
            WHOLE: lambda: forms.IntegerField(required=False, widget=_number(asked.usual, "1")),
            TICK: lambda: forms.BooleanField(required=False),
            CHOICE: lambda: forms.ChoiceField(required=False, choices=_choices(asked.key)),
            PLACES: lambda: forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple, choices=_with(places, value or ())),
        }  # fmt: skip
        for name, part in zip(_names(asked), _parts(asked, value), strict=True):
            field = made.get(asked.kind, lambda: forms.FloatField(required=False, widget=_number(asked.usual)))()  # fmt: skip
            field.label, field.help_text = asked.label, asked.help
            if asked.kind in DOUBTS:
                end = name.rpartition("-")[2]
                field.label, field.help_text = f"{asked.label}, {end}", ""
                if end != "expected":
                    field.widget.attrs.pop("placeholder", None)
            self.fields[name] = field
            self.initial[name] = part
        if asked.key in ("title", "price amount"):
            self.fields[_names(asked)[-2 if asked.kind == THREE else -1]].required = True

    def _value(self, asked: Asked) -> Any:
        given: list[Any] = [self.cleaned_data.get(name) for name in _names(asked)]
        if asked.kind in DOUBTS:
            return _three([None if x is None else _out(x, asked.kind) for x in given])
        if asked.kind == CHOICE:
            # The first choice is what it is without saying.
            return given[0] if given[0] != _choices(asked.key)[0][0] else None
        if asked.kind in (SHARE, NUMBER):
            return None if given[0] is None else _out(given[0], asked.kind)
        if asked.kind == TEXT:
            return " ".join((given[0] or "").split())
        return given[0]

    def _effect(self, number: int, row: Mapping[str, Any]) -> None:
        kind = "ratio" if "ratio" in row else "change"
        size = row.get(kind)
        ends = size if isinstance(size, list) else [size] * 3
        by = _by(row.get("measure", ""), kind)
        fields: dict[str, tuple[forms.Field, Any]] = {
            "measure": (forms.ChoiceField(required=False, label=f"Measure or lever {number + 1}", choices=[("", "Nothing"), *_with(_movable(), [row["measure"]] if row else [])]), row.get("measure", "")),
            "kind": (forms.ChoiceField(required=False, label="How", choices=KIND_WORDS), kind),
            **{end: (forms.FloatField(required=False, label=end.capitalize(), widget=_number("")), None if x is None else _trimmed(x * by)) for end, x in zip(ENDS, ends, strict=True)},
            "vendor": (forms.BooleanField(required=False, label="The seller says so: half of it is counted"), row.get("vendor", False)),
            "source": (forms.CharField(max_length=200, required=False, label="Who says so"), row.get("source", "")),
        }  # fmt: skip
        for name, (field, value) in fields.items():
            self.fields[f"effect-{number}-{name}"] = field
            self.initial[f"effect-{number}-{name}"] = value

    def _effect_content(self, number: int) -> dict[str, Any]:
        given = {name: self.cleaned_data.get(f"effect-{number}-{name}") for name in ("measure", "kind", *ENDS, "vendor", "source")}  # fmt: skip
        size = [given[end] for end in ENDS]
        if not given["measure"] and all(x is None for x in size):
            return {}
        kind = given["kind"] or "change"
        by = _by(given["measure"] or "", kind)
        told = _three([None if x is None else _trimmed(x / by) for x in size])
        row = {"measure": given["measure"], kind: told, "source": " ".join((given["source"] or "").split()), "vendor": given["vendor"]}  # fmt: skip
        return {key: value for key, value in row.items() if value not in (None, "", False)}


def _names(asked: Asked) -> list[str]:
    return [f"{asked.name}-{end}" for end in ENDS] if asked.kind in DOUBTS else [asked.name]


def _parts(asked: Asked, value: Any) -> list[Any]:
    """What stands in the fields of a value of the file."""
    if asked.kind in DOUBTS:
        by = 100 if asked.kind == THREE_SHARE else 1
        ends = value if isinstance(value, list) else [None, value, None]
        return [None if x is None else _trimmed(x * by) for x in ends]
    if asked.kind in (SHARE, NUMBER) and value is not None:
        return [_trimmed(value * 100 if asked.kind == SHARE else value)]
    return [value]


def _three(given: Sequence[float | None]) -> Any:
    """One number where only the expected one is given; else three, a missing end being the expected one."""
    low, expected, high = given
    return expected if low is None and high is None else [expected if x is None else x for x in (low, expected, high)]  # fmt: skip


def _out(value: float, kind: int) -> float:
    return _trimmed(value / 100 if kind in (SHARE, THREE_SHARE) else value)


def _trimmed(value: float) -> float:
    """Without the last digits that a hundredfold leaves behind; whole numbers as such.

    >>> _trimmed(0.07 * 100), _trimmed(12.5)
    (7, 12.5)
    """
    found = float(f"{value:.12g}")
    return int(found) if found.is_integer() and abs(found) < 1e15 else found


def _by(measure: str, kind: str) -> int:
    """Changes of shares are asked for in percentage points."""
    return 100 if kind == "change" and measure in measures() and measures()[measure].unit.startswith("share") else 1  # fmt: skip


def _number(usual: str, step: str = "any") -> forms.NumberInput:
    return forms.NumberInput(attrs={"step": step, "inputmode": "decimal"} | ({"placeholder": usual} if usual else {}))  # fmt: skip


def _choices(key: str) -> list[tuple[str, str]]:
    if key == "tax write_off":
        return list(WRITE_OFF_WORDS.items())
    return [("", "Any"), *((part, f"{part} {components()[part].name}") for part in PARTS)]


def _plays() -> list[tuple[str, str]]:
    return [(name, f"{name} {plays()[name].title}") for name, guess in play_guesses().items() if guess.moves]


def _movable() -> list[tuple[str, str]]:
    """What a purchase can move: measures at which an arrow begins or ends, but for outcomes; then the levers."""
    ends = {end for link in links().values() for end in (link.from_measure, link.to_measure)} - set(OUTCOMES)
    found = [(name, f"{card.title} ({_unit(card.unit)})") for name, card in measures().items() if name in ends and not card.dimension]  # fmt: skip
    return [*sorted(found, key=lambda one: one[1].lower()), *LEVER_WORDS.items()]


def _measure(name: str) -> str:
    return measures()[name].title.lower() if name in measures() else name


def _unit(unit: str) -> str:
    return unit.replace("share", "percentage points", 1) if unit.startswith("share") else unit


def _with(known: Sequence[tuple[str, str]], values: Sequence[str]) -> list[tuple[str, str]]:
    """What can be chosen, and what a file names besides."""
    return [*known, *((value, value) for value in values if value not in dict(known))]


def _between(least: float, most: float, *, by: int) -> str:
    if least == float("-inf"):
        return "Give a number."
    if most == float("inf"):
        return f"Give a number of {least * by:g} or more."
    return f"Give a number from {least * by:g} to {most * by:g}."


def _in_words(remedy: str) -> str:
    return remedy.replace("[low, expected, high]", "low, expected and high")

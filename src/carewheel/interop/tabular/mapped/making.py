"""Turning the cells of a row into records: the rules of a mapping, compiled once a file.

A value that cannot be read refuses the row if the field is required or is money (money is never repaired or dropped);
otherwise the value is left out with a doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

from carewheel.interop.files import FileRefused, FileSink, doubt, refused
from carewheel.interop.files.reading import Tally
from carewheel.interop.records import KEPT, Record
from carewheel.interop.tabular.mapped.fields import CODES, REQUIRED, Kind, fields_of, record_of
from carewheel.interop.tabular.mapped.specification import Block, Mapping, Rule
from carewheel.interop.tabular.rows import Rows
from carewheel.interop.tabular.values import (
    Remembered,
    ValueRefused,
    read_date,
    read_flag,
    read_moment,
    read_money,
    read_number,
    read_text,
)

Convert = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Step:
    """One field of a record: where it goes, which cell it comes from, how the cell is read."""

    field: str
    target: int
    cell: int
    convert: Convert
    strict: bool


# A score says nothing without its scale, and nothing outside it.
SCALE = ("score", "scale_min", "scale_max")


class Maker:
    """Makes the records of one block of a mapping for the columns of one file."""

    def __init__(self, mapping: Mapping, block: Block, rows: Rows) -> None:
        self.block = block
        self.record = record_of(block.table)
        kinds = fields_of(block.table)
        order = {name: index for index, name in enumerate(self.record._fields)}
        self._blank: list[object] = list(self.record())
        self._steps: list[Step] = []
        self._joins: list[tuple[Step, tuple[int, ...], str]] = []
        required = REQUIRED.get(block.table, ())
        for name, rule in block.rules.items():
            convert = Remembered(_converter(mapping, block.table, name, kinds[name], rule)).__getitem__
            strict = name in required or kinds[name] == "money"
            if not rule.names and not rule.join:
                # A value of the mapping itself: read once, by the same rules.
                self._blank[order[name]] = convert("")
                continue
            if rule.join:
                cells = tuple(_needed(rows, column) for column in rule.join)
                self._joins.append((Step(name, order[name], -1, convert, strict), cells, rule.join_with))
                continue
            cell = rows.position(*rule.names)
            if cell is None and name in required and not rule.default:
                cell = _needed(rows, rule.names[0])
            if cell is None:
                if rule.default:
                    self._blank[order[name]] = convert("")
                continue
            self._steps.append(Step(name, order[name], cell, convert, strict))
        if "currency" in order and mapping.currency and "currency" not in block.rules:
            self._blank[order["currency"]] = mapping.currency
        self._ids = tuple(_needed(rows, column) for column in block.source_id)
        named = self.record._fields
        self._scale = tuple(named.index(name) for name in SCALE) if set(SCALE) <= set(named) else ()
        self._wide: list[tuple[int, str]] = []
        if block.unpivot:
            into, named = block.unpivot.into, block.unpivot.name_into
            self._into, self._named = order[into], order[named]
            self._wide_kind = into
            self._wide_convert = Remembered(
                _converter(mapping, block.table, into, kinds[into], Rule())
            ).__getitem__
            self._wide = [
                (cell, label)
                for column, label in block.unpivot.columns.items()
                if (cell := rows.position(column)) is not None
            ]

    def identifier(self, row: Sequence[str]) -> str:
        """The row's own id from the mapping's source_id columns; "" if it has none or one is empty."""
        parts = [row[cell].strip() for cell in self._ids]
        return "|".join(parts) if parts and all(parts) else ""

    def make(self, row: Sequence[str]) -> list[Record]:
        """The records of a row. Raises `ValueRefused` at the first value that cannot be read."""
        values = self._blank.copy()
        for step in self._steps:
            values[step.target] = step.convert(row[step.cell])
        for step, cells, sign in self._joins:
            values[step.target] = step.convert(_joined(row, cells, sign))
        return self._finished(values, row)

    def make_carefully(self, row: Sequence[str], line: int, sink: FileSink) -> list[Record]:
        """As `make`, but optional values that cannot be read are left out with a doubt, and refusals name the field."""
        values = self._blank.copy()
        joined = [(step, _joined(row, cells, sign)) for step, cells, sign in self._joins]
        for step, text in [(step, row[step.cell]) for step in self._steps] + joined:
            try:
                values[step.target] = step.convert(text)
            except ValueRefused as refusal:
                where = f"{self.block.table}.{step.field}"
                if step.strict:
                    raise ValueRefused(refusal.code, f"{where}: {refusal.why}", refusal.remedy) from refusal
                sink.note(
                    doubt(
                        refusal.code,
                        f"A value of {where} was left out.",
                        line=line,
                        why=refusal.why,
                        remedy=refusal.remedy,
                    )
                )
        return self._finished(values, row)

    def stated(self, row: Sequence[str]) -> tuple[Tally, Decimal | int, str] | None:
        """What the source states for the tie-out (what, amount, currency); None: nothing, or unreadable."""
        table = self.block.table
        if table not in ("appointment", "charge", "payment"):
            return None
        wanted = "status" if table == "appointment" else "amount"
        for step in self._steps:
            if step.field == wanted:
                try:
                    value = step.convert(row[step.cell])
                except ValueRefused:
                    return None
                break
        else:
            value = self._blank[self.record._fields.index(wanted)]
        if table == "appointment":
            return ("visits", 1, "") if value in KEPT else None
        if value is None:
            return None
        currency = self._blank[self.record._fields.index("currency")]
        for step in self._steps:
            if step.field == "currency":
                currency = row[step.cell].strip()
        return "charges" if table == "charge" else "collections", cast(Decimal, value), str(currency)

    def _finished(self, values: list[object], row: Sequence[str]) -> list[Record]:
        if self._scale:
            score, low, high = (cast("float | None", values[i]) for i in self._scale)
            if score is not None and (
                (low is not None and score < low) or (high is not None and score > high)
            ):
                raise ValueRefused(
                    "csv.off-scale",
                    "The score lies outside its scale.",
                    "Correct the score, or scale_min and scale_max.",
                )
        if self._ids:
            values[0] = self.identifier(row)
        unpivot = self.block.unpivot
        if unpivot is None:
            return [self.record._make(values)]
        records: list[Record] = []
        for cell, label in self._wide:
            amount = self._wide_convert(row[cell])
            if amount is None or (unpivot.skip_zero and not amount):
                continue
            wide = values.copy()
            wide[self._into], wide[self._named] = amount, label
            if wide[0]:
                wide[0] = f"{wide[0]}|{label}"
            records.append(self.record._make(wide))
        return records


def _joined(row: Sequence[str], cells: Sequence[int], sign: str) -> str:
    parts = [row[cell].strip() for cell in cells]
    return sign.join(parts) if all(parts) else ""


def _needed(rows: Rows, column: str) -> int:
    cell = rows.position(column)
    if cell is None:
        raise FileRefused(
            refused(
                "csv.missing-column",
                f"The column {column} is missing.",
                line=1,
                remedy="Export it too, or change the mapping.",
            )
        )
    return cell


def _converter(mapping: Mapping, table: str, name: str, kind: Kind, rule: Rule) -> Convert:
    formats = (rule.format,) if rule.format else mapping.date_formats
    zone = ZoneInfo(mapping.zone) if mapping.zone else None
    codes = CODES.get((table, name))
    required = name in REQUIRED.get(table, ())

    def parsed(text: str) -> object:
        if kind == "text":
            found = read_text(text)
            if codes is not None and found and found not in codes:
                # Spreadsheets write Voluntary where voluntary is meant.
                meant = next((code for code in codes if code.lower() == found.lower()), None)
                if meant is None:
                    raise ValueRefused(
                        "csv.unknown-code",
                        "The code is not in the list of this field.",
                        f"Write one of {', '.join(sorted(codes))}; in a mapping file, add the code to map.",
                    )
                return meant
            return found
        if kind == "money":
            money = read_money(text, mapping.decimal)
            return None if money is None else (-money if rule.negate else money)
        if kind in ("number", "int"):
            number = read_number(text, mapping.decimal)
            if number is None:
                return None
            number *= rule.factor
            return int(number) if kind == "int" else number
        if kind == "flag":
            return read_flag(text)
        if kind == "date":
            day: date | None = read_date(text, formats)
            return day + timedelta(rule.add_days) if day and rule.add_days else day
        moment = read_moment(text, formats)
        if moment is None:
            return None
        if rule.add_days:
            moment += timedelta(rule.add_days)
        return moment.replace(tzinfo=zone) if zone and moment.tzinfo is None else moment

    def convert(text: str) -> object:
        given: Any = text.strip()
        if rule.value is not None:
            given = rule.value
        elif not given and rule.default:
            given = rule.default
        elif rule.values is not None:
            given = rule.values.get(given.lower(), given)
        value = given if isinstance(given, bool) and kind == "flag" else parsed(str(given))
        if required and (value is None or value == ""):
            raise ValueRefused(
                "csv.missing-value",
                "The value is missing, or is a date that stands for none.",
                "Fill it in the source.",
            )
        return value

    return convert

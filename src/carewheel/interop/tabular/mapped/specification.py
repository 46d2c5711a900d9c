"""Mapping files: what they may say, checked key by key before a row is read.

    name = "Our survey tool"        # shown to people; the part's name
    table = "survey_response"       # the fact table
    source = "surveys"              # the originating system
    source_id = ["Response ID"]     # columns that identify a row; none: rows have no id
    date_formats = ["%d/%m/%Y"]     # beside ISO, which needs none
    decimal = ","                   # the decimal sign, if not a point
    zone = "Europe/London"          # of moments without an offset; else the location's zone
    currency = "GBP"                # of the table's money
    sheet = "Answers"               # of a workbook; else its first
    comments = true                 # rows whose first cell begins with "# " are explanations
    undated = true                  # the table has no dates: one finding refuses its rows, no date is made up

    [recognise]
    columns = ["Response ID", "Score"]     # all must be there; else all columns that [columns] reads

    [columns]
    score = { from = "Score" }                          # or from = ["Score", "Rating"]: the first one present
    appointment_id = { join = ["Site", "Visit"], with = "-" }
    status = { from = "Came", map = { Yes = "fulfilled", No = "noshow" }, default = "booked" }
    answered_at = { from = "When", format = "%d/%m/%Y %H:%M" }
    ends_date = { from = "Week", add_days = 6 }
    minutes = { from = "Hours", factor = 60 }
    question = { value = "nps" }                        # the same for every row

    [skip_when]
    Test = ["Yes", "1"]                                 # rows to be ignored, by column

    [unpivot]                                           # a wide table: one record for each of these columns
    into = "amount"
    name_into = "channel"
    skip_zero = true
    columns = { spend_tv = "tv", spend_web = "web" }

    [person]                                            # who the patient of the row is: read by `carewheel import` alone, never a fact
    family_name = { from = "Last name" }
    birth_date = { from = "Born", format = "%d/%m/%Y" }

    [[also]]                                            # a second record from the same row
    table = "expense"
    [also.columns]
    …

`default` replaces an empty cell only. A value missing from `map` is taken as it is, unless the field has a closed list.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from carewheel.interop.tabular.mapped.fields import CODES, PERSON, RECORD_OF, REQUIRED, fields_of

TOP_KEYS = frozenset(
    [
        "name",
        "table",
        "source",
        "source_id",
        "date_formats",
        "decimal",
        "zone",
        "currency",
        "sheet",
        "comments",
        "undated",
        "recognise",
        "columns",
        "constants",
        "skip_when",
        "unpivot",
        "person",
        "also",
    ]
)
RULE_KEYS = frozenset(
    ["from", "join", "with", "map", "format", "default", "value", "add_days", "factor", "negate", "help"]
)
# Never read, whatever a mapping says: secrets, and numbers of the state.
FORBIDDEN = re.compile(
    r"\b(ssn|social.?security|password|passwort|passwd|pwd|secret|security.?answer)\b", re.I
)


class MappingRefused(Exception):
    """A mapping file that cannot be used: ``key`` says where, ``remedy`` what to do."""

    def __init__(self, file: str, key: str, why: str, remedy: str) -> None:
        super().__init__(f"{file}: {key}: {why} {remedy}".strip())
        self.code = "mapping.refused"
        self.file = file
        self.key = key
        self.why = why
        self.remedy = remedy


@dataclass(frozen=True)
class Rule:
    """How one field is filled: from the first present of ``names``, from all of ``join``, or with ``value``."""

    names: tuple[str, ...] = ()
    join: tuple[str, ...] = ()
    join_with: str = "-"
    values: Dict[str, Any] | None = None
    format: str = ""
    default: str = ""
    value: Any = None
    add_days: int = 0
    factor: float = 1.0
    negate: bool = False
    help: str = ""


@dataclass(frozen=True)
class Unpivot:
    """One record for each of ``columns`` (column → name): its value goes to ``into``, its name to ``name_into``."""

    columns: Dict[str, str]
    into: str
    name_into: str
    skip_zero: bool = True


@dataclass(frozen=True)
class Block:
    """One record of a row: its table and the rules of its fields."""

    table: str
    rules: Dict[str, Rule]
    source_id: tuple[str, ...] = ()
    unpivot: Unpivot | None = None


@dataclass(frozen=True)
class Mapping:
    """A whole mapping file, checked."""

    name: str
    source: str
    blocks: tuple[Block, ...]
    # Each entry is one column, by any of its names.
    recognised_by: tuple[tuple[str, ...], ...]
    date_formats: tuple[str, ...] = ()
    decimal: str = ""
    zone: str = ""
    currency: str = ""
    sheet: str = ""
    comments: bool = False
    undated: bool = False
    skip_when: Dict[str, tuple[str, ...]] = field(default_factory=dict)
    person: Block | None = None


def load_mapping(path: Path) -> Mapping:
    """The mapping of a file. Raises `MappingRefused` naming the key at fault and what to do."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MappingRefused(
            path.name, "(file)", "It cannot be read.", "Give a TOML file in UTF-8 that you may read."
        ) from error
    return parse_mapping(text, path.name)


def parse_mapping(text: str, file: str = "mapping") -> Mapping:
    """The mapping of a TOML text. Raises `MappingRefused`.

    >>> parse_mapping('name = "x"', "x.toml")
    Traceback (most recent call last):
    ...
    carewheel.interop.tabular.mapped.specification.MappingRefused: x.toml: table: It is missing. Name one of the fact tables.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingRefused(file, "(file)", f"It is not TOML: {error}.", "Mend that line.") from error
    check = _Check(file)
    check.keys(data, TOP_KEYS, "")
    name = check.text(data, "name") or Path(file).stem
    formats = tuple(check.texts(data, "date_formats"))
    zone = check.text(data, "zone")
    if zone:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise MappingRefused(
                file, "zone", "There is no such zone.", "Name one like Europe/London."
            ) from error
    currency = check.text(data, "currency")
    if currency and not re.fullmatch("[A-Z]{3}", currency):
        raise MappingRefused(file, "currency", "It is no currency code.", "Write three capitals, e.g. USD.")
    decimal = check.text(data, "decimal")
    if decimal not in ("", ".", ","):
        raise MappingRefused(file, "decimal", "It is no decimal sign.", 'Write "." or ",".')
    undated = bool(data.get("undated", False))
    blocks = [check.block(data, "", undated)]
    for number, more in enumerate(check.tables(data, "also")):
        where = f"also[{number}]."
        check.keys(more, frozenset(("table", "source_id", "columns", "constants", "unpivot")), where)
        blocks.append(check.block(more, where, undated))
    recognise = check.table(data, "recognise")
    check.keys(recognise, frozenset(("columns",)), "recognise.")
    columns: tuple[tuple[str, ...], ...] = tuple((name,) for name in check.texts(recognise, "columns"))
    if not columns:
        read = [
            names for b in blocks for r in b.rules.values() for names in (r.names, *((j,) for j in r.join))
        ]
        wide = [(name,) for b in blocks if b.unpivot for name in b.unpivot.columns]
        columns = tuple(dict.fromkeys(names for names in (*read, *wide) if names))
    if not columns:
        raise MappingRefused(file, "recognise.columns", "No column is read.", "Name the columns of the file.")
    skip = {key: tuple(str(v) for v in values) for key, values in check.table(data, "skip_when").items()}
    return Mapping(
        name=name,
        source=check.text(data, "source") or name,
        blocks=tuple(blocks),
        recognised_by=columns,
        date_formats=formats,
        decimal=decimal,
        zone=zone,
        currency=currency,
        sheet=check.text(data, "sheet"),
        comments=bool(data.get("comments", False)),
        undated=undated,
        skip_when=skip,
        person=check.person(data, blocks),
    )


class _Check:
    """Reads typed values out of TOML; each refusal names the file and the key."""

    def __init__(self, file: str) -> None:
        self.file = file

    def refuse(self, key: str, why: str, remedy: str) -> MappingRefused:
        return MappingRefused(self.file, key, why, remedy)

    def keys(self, data: Dict[str, Any], known: frozenset[str], where: str) -> None:
        for key in data:
            if key not in known:
                raise self.refuse(
                    f"{where}{key}", "There is no such key.", f"Known: {', '.join(sorted(known))}."
                )

    def text(self, data: Dict[str, Any], key: str) -> str:
        value = data.get(key, "")
        if not isinstance(value, str):
            raise self.refuse(key, "It must be text.", "Put it in quotes.")
        return value

    def texts(self, data: Dict[str, Any], key: str) -> list[str]:
        value = data.get(key, [])
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.refuse(key, "It must be a list of texts.", f'Write {key} = ["…"].')
        return value

    def table(self, data: Dict[str, Any], key: str) -> dict[str, Any]:
        value = data.get(key, {})
        if not isinstance(value, dict):
            raise self.refuse(key, "It must be a table.", f"Write [{key}].")
        return value

    def tables(self, data: Dict[str, Any], key: str) -> list[dict[str, Any]]:
        value = data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
            raise self.refuse(key, "It must be a list of tables.", f"Write [[{key}]].")
        return value

    def block(self, data: Dict[str, Any], where: str, undated: bool) -> Block:
        table = self.text(data, "table")
        if table not in RECORD_OF:
            why = "There is no such fact table." if table else "It is missing."
            raise self.refuse(f"{where}table", why, "Name one of the fact tables.")
        rules = {
            name: self.rule(table, name, value, f"{where}columns.{name}")
            for name, value in self.table(data, "columns").items()
        }
        for name, value in self.table(data, "constants").items():
            rules[name] = self.rule(table, name, {"value": value}, f"{where}constants.{name}")
        unpivot = self.unpivot(table, data, where)
        filled = set(rules) | ({unpivot.into, unpivot.name_into} if unpivot else set())
        for name in REQUIRED[table]:
            dated = fields_of(table)[name] in ("date", "moment")
            if name not in filled and not (undated and dated):
                raise self.refuse(
                    f"{where}columns.{name}",
                    f"A {table} needs it.",
                    "Say which column, or value = …, gives it.",
                )
        return Block(table, rules, tuple(self.texts(data, "source_id")), unpivot)

    def person(self, data: Dict[str, Any], blocks: list[Block]) -> Block | None:
        if "person" not in data:
            return None
        if not any("patient_key" in block.rules for block in blocks):
            raise self.refuse("person", "Nothing says whose name it is.", "Give patient_key a column.")
        given = self.table(data, "person").items()
        return Block(
            PERSON, {name: self.rule(PERSON, name, value, f"person.{name}") for name, value in given}
        )

    def rule(self, table: str, name: str, value: Any, where: str) -> Rule:
        if name not in fields_of(table) or name == "source_id":
            raise self.refuse(
                where, f"A {table} has no such field.", f"Fields: {', '.join(fields_of(table))}."
            )
        if isinstance(value, str):
            value = {"from": value}
        if not isinstance(value, dict):
            raise self.refuse(where, "It must say where the value comes from.", 'Write { from = "Column" }.')
        self.keys(value, RULE_KEYS, f"{where}.")
        names, join = tuple(self.texts(value, "from")), tuple(self.texts(value, "join"))
        if sum((bool(names), bool(join), "value" in value)) != 1:
            raise self.refuse(where, "It needs one of from, join and value.", "Keep exactly one.")
        for column in names + join:
            if FORBIDDEN.search(column.replace("_", " ")):
                raise self.refuse(where, "That column is never read.", "Use another identifier.")
        values = self.table(value, "map") if "map" in value else None
        constant = value.get("value")
        for code in [*(values or {}).values(), *([constant] if constant is not None else [])]:
            codes = CODES.get((table, name))
            if codes is not None and code != "" and code not in codes:
                raise self.refuse(
                    where, "It is not a code of this field.", f"Codes: {', '.join(sorted(codes))}."
                )
        try:
            return Rule(
                names=names,
                join=join,
                join_with=self.text(value, "with") or "-",
                values=None if values is None else {k.strip().lower(): v for k, v in values.items()},
                format=self.text(value, "format"),
                default=str(value.get("default", "")),
                value=constant,
                add_days=int(value.get("add_days", 0)),
                factor=float(value.get("factor", 1.0)),
                negate=bool(value.get("negate", False)),
                help=self.text(value, "help"),
            )
        except (TypeError, ValueError) as error:
            raise self.refuse(where, "A number is expected.", "Check add_days and factor.") from error

    def unpivot(self, table: str, data: Dict[str, Any], where: str) -> Unpivot | None:
        if "unpivot" not in data:
            return None
        given = self.table(data, "unpivot")
        self.keys(given, frozenset(("into", "name_into", "skip_zero", "columns")), f"{where}unpivot.")
        columns = self.table(given, "columns")
        into, name_into = self.text(given, "into"), self.text(given, "name_into")
        for key, name in (("into", into), ("name_into", name_into)):
            if name not in fields_of(table):
                raise self.refuse(f"{where}unpivot.{key}", f"A {table} has no such field.", "Name a field.")
        if not columns or not all(isinstance(v, str) for v in columns.values()):
            raise self.refuse(f"{where}unpivot.columns", "It names no columns.", 'Write { column = "name" }.')
        return Unpivot(columns, into, name_into, bool(given.get("skip_zero", True)))

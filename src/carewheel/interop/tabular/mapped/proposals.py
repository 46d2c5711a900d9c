"""Proposing a mapping for a table nobody has described: by the names of its columns and by what stands in them.

A proposal is looked over by a person before it is used. Columns that look like names, contacts, secrets or free text are
never proposed, and their values are never shown.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from carewheel.interop.files import Sample
from carewheel.interop.tabular.mapped.fields import REQUIRED, Kind, fields_of
from carewheel.interop.tabular.mapped.vocabulary import PRIVATE, PRIVATE_VALUES, STATUS_WORDS, WORDS, plain

LOOKED_AT = 300
MASK = "•••"
_ISO = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}([T ].*)?")
_BASIC = re.compile(r"(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])")
_LOCAL = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})( \d{1,2}:\d{2}(:\d{2})?)?")
_NUMBER = re.compile(r"[-+(]?[$£€]?\s?[-+]?[\d,.]*\d\)?")


@dataclass(frozen=True, slots=True)
class ProposedColumn:
    """A column of the file: the field it is proposed for ("" = none), how sure (0 to 1), why, and samples (or masks)."""

    column: str
    field: str
    confidence: float
    why: str
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProposedMapping:
    """A proposal: the fact table ("" = none fits), its columns, what must be decided by a person, and the TOML text."""

    table: str
    columns: tuple[ProposedColumn, ...]
    questions: tuple[str, ...]
    toml: str


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    values: tuple[str, ...]
    kind: str  # date moment money number code id text private empty
    format: str = ""

    @property
    def distinct(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.values))


def propose(sample: Sample) -> ProposedMapping:
    """A proposed mapping for the table that ``sample`` begins (CSV or XLSX); its table is "" if nothing fits."""
    header, rows = _table(sample)
    columns = [
        _profile(name, [row[i].strip() for row in rows if i < len(row) and row[i].strip()])
        for i, name in enumerate(header)
    ]
    best: tuple[float, str, dict[str, tuple[_Column, float]]] = (0.0, "", {})
    for table, words in WORDS.items():
        found = _match(table, words, columns)
        needed = [f for f in REQUIRED[table] if f in words]
        hit = sum(found[f][1] for f in needed if f in found) / max(1, len(needed))
        score = hit + 0.05 * sum(c for _, c in found.values())
        if hit >= 0.6 and score > best[0]:
            best = (score, table, found)
    _, table, found = best
    taken = {column.name: (field, sure) for field, (column, sure) in found.items()}
    shown = tuple(_shown(column, *taken.get(column.name, ("", 0.0))) for column in columns)
    questions: list[str] = []
    toml = _toml(table, found, questions) if table else ""
    if not table:
        questions.append("No fact table fits: write the mapping by hand (see the guide to mapping files).")
    return ProposedMapping(table, shown, tuple(questions), toml)


def _table(sample: Sample) -> tuple[list[str], list[list[str]]]:
    if sample.is_xlsx:
        from carewheel.interop.tabular.workbooks import workbook_rows

        rows = [list(row) for row in islice(workbook_rows(sample.file), LOOKED_AT)]
    else:
        lines = sample.text.splitlines(keepends=True)[: LOOKED_AT + 1]
        reader = csv.reader(lines, delimiter=sample.delimiter or ",")
        try:
            rows = [row for row in reader if row]
        except csv.Error:
            rows = [list(sample.header)]
    header = [name.strip().strip("\ufeff") for name in rows[0]] if rows else []
    # The sample may end inside a row: only whole rows are looked at.
    return header, [row for row in rows[1:] if len(row) == len(header)]


def _profile(name: str, values: list[str]) -> _Column:
    kept = tuple(values)
    if PRIVATE.search(plain(name)) or _private(values):
        return _Column(name, kept, "private")
    if not values:
        return _Column(name, kept, "empty")

    def most(pattern: re.Pattern[str]) -> bool:
        return sum(1 for v in values if pattern.fullmatch(v)) >= 0.95 * len(values)

    if most(_ISO):
        timed = any(len(v) > 10 for v in values)
        return _Column(name, kept, "moment" if timed else "date")
    if most(_BASIC):
        return _Column(name, kept, "date", "%Y%m%d")
    if most(_LOCAL):
        return _Column(name, kept, "date", _local_format(values))
    if most(_NUMBER):
        fraction = any("." in v or "$" in v for v in values)
        unique = len(set(values)) > 0.9 * len(values) and len(values) > 20
        return _Column(name, kept, "money" if fraction else "id" if unique else "number")
    if len(set(values)) <= max(10, len(values) // 10):
        return _Column(name, kept, "code")
    if sum(v.count(" ") for v in values) > 4 * len(values):
        return _Column(name, kept, "private")
    return _Column(name, kept, "text")


def _private(values: Sequence[str]) -> bool:
    dates = sum(1 for v in values if _ISO.fullmatch(v) or _BASIC.fullmatch(v) or _LOCAL.fullmatch(v))
    if dates > len(values) / 2:
        return False
    mail, number, phone = PRIVATE_VALUES
    hits = sum(1 for v in values if mail.fullmatch(v) or number.fullmatch(v))
    phones = sum(1 for v in values if phone.fullmatch(v) and re.search(r"[() +-]", v.strip("-")))
    return bool(values) and (hits > 0.2 * len(values) or phones > 0.5 * len(values))


def _local_format(values: list[str]) -> str:
    parts = [m for v in values if (m := _LOCAL.fullmatch(v))]
    sign, year = parts[0].group(2), "%Y" if len(parts[0].group(4)) == 4 else "%y"
    time = "" if not parts[0].group(5) else " %H:%M:%S" if parts[0].group(6) else " %H:%M"
    first, second = max(int(m.group(1)) for m in parts), max(int(m.group(3)) for m in parts)
    if first > 12 >= second:
        return f"%d{sign}%m{sign}{year}{time}"
    if second > 12 >= first:
        return f"%m{sign}%d{sign}{year}{time}"
    return "?"


_FITS: dict[Kind, frozenset[str]] = {
    "date": frozenset(("date", "moment")),
    "moment": frozenset(("date", "moment")),
    "money": frozenset(("money", "number", "id")),
    "number": frozenset(("money", "number", "id")),
    "int": frozenset(("number", "id")),
    "flag": frozenset(("code", "number")),
    "text": frozenset(("code", "text", "id", "number")),
}


def _match(table: str, words: dict[str, str], columns: list[_Column]) -> dict[str, tuple[_Column, float]]:
    kinds = fields_of(table)
    offers: list[tuple[float, int, str, _Column]] = []
    for order, (field, pattern) in enumerate(words.items()):
        for column in columns:
            if column.kind in ("private", "empty"):
                continue
            name = plain(column.name)
            sure = (
                0.9 if re.fullmatch(pattern, name) else 0.5 if re.search(rf"\b({pattern})\b", name) else 0.0
            )
            if sure and column.kind in _FITS[kinds[field]]:
                offers.append((sure, -order, field, column))
    found: dict[str, tuple[_Column, float]] = {}
    used: set[str] = set()
    for sure, _, field, column in sorted(offers, key=lambda offer: (offer[0], offer[1]), reverse=True):
        # A raw_ field may share the column of its canonical one.
        if field not in found and (column.name not in used or field.startswith("raw_")):
            found[field] = (column, sure)
            used.add(column.name)
    return found


def _shown(column: _Column, field: str, sure: float) -> ProposedColumn:
    if column.kind == "private":
        return ProposedColumn(
            column.name, "", 0.0, "looks like a name, contact, secret or free text", (MASK,)
        )
    masked = field.endswith("_key") or (not field and column.kind in ("text", "id", "code"))
    samples = (MASK,) if masked and column.values else column.distinct[:3]
    why = f"its name, and its values look like: {column.kind}" if field else "not used"
    return ProposedColumn(column.name, field, sure, why, samples)


def _toml(table: str, found: dict[str, tuple[_Column, float]], questions: list[str]) -> str:
    quote = json.dumps
    names = list(dict.fromkeys(column.name for column, _ in found.values()))
    lines = [
        "# Proposed by looking at names and values: look it over before use.",
        'name = "my-mapping"',
        f"table = {quote(table)}",
        'source = "my-source"',
    ]
    identifier = f"{table}_id"
    if identifier in found and len(found[identifier][0].distinct) == len(found[identifier][0].values):
        lines.append(f"source_id = [{quote(found[identifier][0].name)}]")
    if any(kind in ("moment",) and f in found for f, kind in fields_of(table).items()):
        lines.append('# zone = "Europe/London"  # of moments without an offset')
        questions.append("In which zone are the times? Set zone, or give --zone.")
    if any(kind == "money" for kind in fields_of(table).values()):
        lines.append('# currency = "USD"')
        questions.append("Which currency is it? Set currency, or give --currency.")
    if any(column.format == "?" for column, _ in found.values()):
        lines.append('# date_formats = ["%d/%m/%Y"]  # or ["%m/%d/%Y"]: decide')
        questions.append("Day or month first? No value tells: set date_formats.")
    lines += ["", "[recognise]", f"columns = [{', '.join(quote(name) for name in names)}]", "", "[columns]"]
    for field in fields_of(table):
        if field not in found:
            continue
        column, sure = found[field]
        rule = f"from = {quote(column.name)}"
        if column.format not in ("", "?"):
            rule += f", format = {quote(column.format)}"
        codes = _status_map(column) if (table, field) == ("appointment", "status") else {}
        if codes:
            pairs = ", ".join(f"{quote(value)} = {quote(code)}" for value, code in codes.items())
            rule += f", map = {{ {pairs} }}"
        lines.append(f"{field} = {{ {rule} }}  # {sure:.0%} sure")
    missing = [f for f in REQUIRED[table] if f not in found]
    constants = _constants(table, found)
    for field in missing:
        if field not in constants:
            questions.append(f"Which column gives {field}? A {table} needs it.")
            lines.append(f'# {field} = {{ from = "…" }}  # needed: decide')
    if constants:
        lines += ["", "[constants]", *(f"{field} = {quote(value)}" for field, value in constants.items())]
    return "\n".join(lines) + "\n"


def _status_map(column: _Column) -> dict[str, str]:
    if re.search(r"no show|noshow|dna", plain(column.name)):
        return {
            v: "noshow" if v.lower() in ("yes", "y", "1", "true") else "fulfilled"
            for v in column.distinct
            if v.lower() in ("yes", "no", "y", "n", "1", "0", "true", "false")
        }
    codes: dict[str, str] = {}
    for value in column.distinct[:30]:
        for pattern, code in STATUS_WORDS:
            if re.fullmatch(pattern, value.lower()):
                codes[value] = code
                break
    return codes


def _constants(table: str, found: dict[str, tuple[_Column, float]]) -> dict[str, str | int]:
    constants: dict[str, str | int] = {}
    if table == "appointment":
        constants["basis"] = "appointment"
    if table == "marketing_spend":
        constants["kind"] = "marketing"
    if table == "visit_event" and "event" not in found:
        constants["event"] = "other"
    if table == "survey_response" and "score" in found:
        column = found["score"][0]
        scores = [float(v) for v in column.values if re.fullmatch(r"-?\d+(\.\d+)?", v)]
        ten = bool(scores) and (max(scores) > 5 or min(scores) < 1)
        constants |= {"scale_min": 0 if ten else 1, "scale_max": 10 if ten else 5}
        if "question" not in found:
            constants["question"] = "nps" if ten and max(scores) <= 10 else "five_point"
    return constants

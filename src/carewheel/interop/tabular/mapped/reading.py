"""The reader of mapped tables: recognises a file by its columns and streams it through its mapping.

Of several mappings whose columns are all there, the operator's come first, then the one with the most columns.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files as package_files
from pathlib import Path

from carewheel.interop.files import (
    FileSink,
    ReadSettings,
    Sample,
    Sink,
    SourceFile,
    refused,
)
from carewheel.interop.records.persons import PersonRecord, TakesPersons
from carewheel.interop.tabular.mapped.making import Maker
from carewheel.interop.tabular.mapped.specification import Mapping, load_mapping, parse_mapping
from carewheel.interop.tabular.rows import Keys, Rows
from carewheel.interop.tabular.values import ValueRefused

KIND = "mapped"
PRECEDENCE = "practice"


@cache
def shipped_mappings() -> tuple[Mapping, ...]:
    """The ready mappings of the package, in a fixed order (the examples are not among them)."""
    folder = package_files("carewheel.interop.tabular") / "mappings"
    found = sorted((item for item in folder.iterdir() if item.name.endswith(".toml")), key=lambda i: i.name)
    return tuple(parse_mapping(item.read_text(encoding="utf-8"), item.name) for item in found)


def recognise(sample: Sample, settings: ReadSettings) -> str:
    """The name of the mapping that fits the table's columns, or "".

    Raises `MappingRefused` if one of the operator's mapping files is at fault.
    """
    given = _given(settings)
    header = header_of(sample)
    if not header:
        return ""
    for mappings in (given, shipped_mappings()):
        fitting = [m for m in mappings if all(_any_of(names, header) for names in m.recognised_by)]
        if fitting:
            return max(fitting, key=lambda m: len(m.recognised_by)).name
    return ""


def source_name(file: SourceFile, part: str, settings: ReadSettings) -> str:
    """The originating system: as the operator named it, else as the mapping does."""
    return file.given_source or _named(part, settings).source


def read(files: Sequence[tuple[SourceFile, str]], sink: Sink, settings: ReadSettings) -> None:
    """Stream each file through its mapping into ``sink``."""
    for file, part in files:
        with sink.file(file) as taker:
            _read_one(file, _named(part, settings), taker)


def header_of(sample: Sample) -> frozenset[str]:
    """The lower-case column names of a CSV's or workbook's first line; empty where the file is no table.

    Raises `FileRefused` if it is a damaged workbook.
    """
    if sample.is_xlsx:
        from carewheel.interop.tabular.workbooks import workbook_rows

        return frozenset(name.strip().lower() for name in next(workbook_rows(sample.file), []))
    return frozenset(name.lower() for name in sample.header)


def _any_of(names: Sequence[str], header: frozenset[str]) -> bool:
    return any(name.lower() in header for name in names)


def _read_one(file: SourceFile, mapping: Mapping, sink: FileSink) -> None:
    rows = Rows(file, sink, mapping.sheet)
    if mapping.undated:
        total = sum(1 for _ in rows)
        if total:
            sink.refuse(
                refused(
                    "csv.no-dates",
                    "The table has no dates, so its rows cannot be placed in time.",
                    remedy="Export it with the date of each row.",
                ),
                total,
            )
        return
    makers = [Maker(mapping, block, rows) for block in mapping.blocks]
    # Nobody is named to a sink that does not ask.
    people = sink if mapping.person and isinstance(sink, TakesPersons) else None
    namer = Maker(mapping, mapping.person, rows) if mapping.person and people else None
    skip = {
        cell: frozenset(v.lower() for v in values)
        for column, values in mapping.skip_when.items()
        if (cell := rows.position(column)) is not None
    }
    keys = Keys(sink)
    for row in rows:
        if mapping.comments and row[0].startswith("# "):
            sink.ignore("explanation")
            continue
        if skip and any(row[cell].strip().lower() in values for cell, values in skip.items()):
            sink.ignore("left out by the mapping (skip_when)")
            continue
        if keys.repeated(makers[0].identifier(row), row, rows.line):
            continue
        for maker in makers:
            stated = maker.stated(row)
            if stated is not None:
                sink.tally(*stated)
        try:
            try:
                records = [record for maker in makers for record in maker.make(row)]
            except ValueRefused:
                records = [
                    record for maker in makers for record in maker.make_carefully(row, rows.line, sink)
                ]
        except ValueRefused as refusal:
            sink.refuse(
                refused(
                    refusal.code,
                    "A value that the row needs cannot be read.",
                    line=rows.line,
                    why=refusal.why,
                    remedy=refusal.remedy,
                )
            )
            continue
        if not records:
            sink.ignore("every amount is zero or empty")
            continue
        for record in records:
            sink.add(record)
        if people and namer:
            key = next((found for one in records if (found := getattr(one, "patient_key", ""))), "")
            for person in namer.make_carefully(row, rows.line, sink) if key else ():
                people.add_person(PersonRecord(*person)._replace(source_id=key))
        sink.used()


def _named(part: str, settings: ReadSettings) -> Mapping:
    for mapping in (*_given(settings), *shipped_mappings()):
        if mapping.name == part:
            return mapping
    raise KeyError(part)


def _given(settings: ReadSettings) -> tuple[Mapping, ...]:
    return tuple(
        _loaded(path, os.stat(path).st_mtime_ns if path.exists() else 0) for path in settings.mappings
    )


@lru_cache(64)
def _loaded(path: Path, changed: int) -> Mapping:
    # ``changed`` is only part of the key: an edited mapping is read again.
    return load_mapping(path)

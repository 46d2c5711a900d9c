"""Examples in the pages are ones that the product takes: commands and options exist, TOML is accepted, SQL runs."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import click
import duckdb
import pytest

from carewheel.catalog.facts import fact_tables
from carewheel.catalog.measures import measures
from carewheel.cli.document import commands
from carewheel.interop.tabular.mapped.fields import PERSON_FIELDS
from carewheel.interop.tabular.mapped.specification import parse_mapping
from carewheel.journeys.import_sources import BESIDE_KEYS
from carewheel.warehouse.workspace import select_table

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(path: Path, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def invocations(path: Path) -> list[str]:
    """Every line of a shell block, and every piece of inline code, that calls carewheel."""
    lines = [
        line for kind in ("sh", "console") for block in blocks(path, kind) for line in block.splitlines()
    ]
    lines += re.findall(r"`((?:\.venv/bin/)?carewheel [^`\n]+)`", path.read_text("utf-8"))
    found = [re.sub(r"^\.venv/bin/", "", line.strip().partition(" #")[0]) for line in lines]
    return [line for line in found if line.startswith("carewheel ")]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_page_shows_exists_with_its_options(path: Path) -> None:
    known = dict(commands())
    groups = {name.rsplit(" ", 1)[0] for name in known if name.count(" ") == 2}
    for line in invocations(path):
        words = shlex.split(line)
        name = max((n for n in known if words[: n.count(" ") + 1] == n.split()), key=len, default="")
        if not name:
            assert " ".join(words[:2]) in groups | {"carewheel --version", "carewheel --help"}, line
            continue
        options = {form for p in known[name].params if isinstance(p, click.Option) for form in p.opts} | {
            "--help"
        }
        assert {word for word in words if word.startswith("--")} <= options, line


def test_the_pages_show_commands_at_all() -> None:
    assert sum(len(invocations(path)) for path in PAGES) > 30


def test_the_mappings_of_the_guide_are_accepted() -> None:
    example, wide, person = blocks(ROOT / "docs" / "guides" / "mapping-files.md", "toml")
    mapping = parse_mapping(example, "example.toml")
    assert (mapping.source, mapping.blocks[0].table, mapping.zone) == (
        "surveys",
        "survey_response",
        "Europe/London",
    )
    head = 'name = "w"\ntable = "marketing_spend"\n[columns]\nstarts_date = "Week"\nkind = { value = "marketing" }\n'
    unpivot = parse_mapping(head + wide, "wide.toml").blocks[0].unpivot
    assert unpivot is not None
    assert dict(unpivot.columns) == {"spend_tv": "tv", "spend_web": "web"}
    named = parse_mapping('name = "p"\ntable = "patient"\n' + person, "person.toml").person
    assert named is not None
    assert set(named.rules) == set(PERSON_FIELDS)


def test_the_carewheel_toml_of_the_guide_shows_every_key() -> None:
    (example,) = blocks(ROOT / "docs" / "guides" / "sources.md", "toml")
    assert set(tomllib.loads(example)) == set(BESIDE_KEYS)


def test_the_sql_of_the_guide_runs_over_the_fact_tables() -> None:
    (sql,) = blocks(ROOT / "docs" / "guides" / "workspace.md", "sql")
    plain = re.sub(r"'[^']*/(\w+)\.parquet'", r"\1", sql)
    connection = duckdb.connect()
    for table in fact_tables().values():
        connection.execute(f"CREATE VIEW {table.name} AS {select_table(table, None)}")
    assert connection.execute(plain).fetchall() == []


def test_the_example_of_wheel_json_has_only_keys_of_the_schema() -> None:
    schema = json.loads((ROOT / "src/carewheel/wheel/data/wheel.schema.json").read_text("utf-8"))
    (example,) = blocks(ROOT / "docs" / "reference" / "wheel-json.md", "json")
    found = json.loads(example)
    assert set(found) <= set(schema["properties"])
    (nps,) = found["measures"]
    assert set(nps) <= set(schema["$defs"]["measure"]["properties"])
    card = measures()[nps["id"]]
    assert (nps["title"], nps["component"], nps["unit"]) == (card.title, card.component, card.unit)
    assert nps["minimum_n"] == card.minimum_n

"""Pages that are written by commands are what the commands write today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from carewheel.catalog.facts import fact_tables
from carewheel.cli.document import commands

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("carewheel.cli.document", "cli.md"),
        ("carewheel.catalog.document", "measures.md"),
        ("carewheel.catalog.facts_page", "facts.md"),
    ],
)
def test_the_committed_page_is_what_the_command_writes(module: str, name: str) -> None:
    written = subprocess.run([sys.executable, "-m", module], capture_output=True, check=True).stdout.decode()
    committed = (REFERENCE / name).read_text("utf-8")
    assert committed == written, f"run: python -m {module} > docs/reference/{name}"


def test_the_page_of_roles_and_routes_is_what_they_are_today() -> None:
    from carewheel.web.document import page

    committed = (REFERENCE / "roles.md").read_text("utf-8")
    assert committed == page(), "run: python -m carewheel.web.document > docs/reference/roles.md"


def test_every_command_and_every_option_has_help() -> None:
    found = dict(commands())
    assert len(found) >= 8
    for name, command in found.items():
        assert command.help, name
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{name} --{option.name}"


def test_the_page_of_commands_names_every_command_and_every_option() -> None:
    page = (REFERENCE / "cli.md").read_text("utf-8")
    for name, command in commands():
        assert f"\n## {name}\n" in page
        part = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        for option in command.params:
            if isinstance(option, click.Option):
                assert f"`{option.opts[0]}" in part, f"{name} {option.opts[0]}"


def test_the_page_of_facts_names_every_table_and_every_column() -> None:
    page = (REFERENCE / "facts.md").read_text("utf-8")
    for table in fact_tables().values():
        part = page.partition(f"\n## {table.name}\n")[2].partition("\n## ")[0]
        for column in table.columns:
            assert f"{column.name} ({column.type})" in part, f"{table.name}.{column.name}"

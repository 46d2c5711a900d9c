"""The rules of the house, executed: who may import whom, names, sizes, and what each room says of itself."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from carewheel.catalog.facts import fact_tables
from carewheel.interop.records import TABLE_OF

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "carewheel"
ROOMS = (
    "catalog",
    "science",
    "interop",
    "practice",
    "warehouse",
    "spokes",
    "wheel",
    "journeys",
    "web",
    "cli",
)
BANNED = {"utils", "helpers", "misc", "common", "core", "base", "manager"}
TYPES = {
    "int": "int | None",
    "number": "float | None",
    "money": "Decimal | None",
    "moment": "datetime | None",
    "date": "date | None",
    "flag": "bool | None",
}


def _lint(source: Path) -> subprocess.CompletedProcess[str]:
    command = [
        str(Path(sys.executable).with_name("lint-imports")),
        "--no-cache",
        "--config",
        str(ROOT / "pyproject.toml"),
    ]
    program = f"import sys; sys.path.insert(0, {str(source)!r}); sys.argv[0] = 'lint-imports'; "
    program += "from importlinter.cli import lint_imports_command as c; c()"
    return subprocess.run(
        [sys.executable, "-c", program, *command[1:]], capture_output=True, text=True, cwd=source, check=False
    )


def test_rooms_import_downward_only() -> None:
    outcome = _lint(PACKAGE.parent)
    assert outcome.returncode == 0, outcome.stdout
    assert "0 broken" in outcome.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("catalog/components.py", "def bad():\n    from carewheel.warehouse import workspace\n"),
        ("science/intervals.py", "import carewheel.catalog.measures\n"),
        ("science/intervals.py", "def bad():\n    import duckdb\n"),
        ("interop/fhir/values.py", "from carewheel.catalog import facts\n"),
        ("warehouse/current.py", "def bad():\n    import carewheel.wheel.turn\n"),
        ("wheel/headline.py", "import carewheel.journeys.turn_the_wheel\n"),
        ("interop/x12/values.py", "import django\n"),
        ("spokes/operations/queries.py", "import carewheel.wheel.turn\n"),
        ("spokes/operations/rules/attendance.py", "def bad():\n    import django\n"),
        ("journeys/foresee_attendance.py", "import carewheel.spokes.operations.rules.attendance\n"),
        ("helpers/__init__.py", "THING = 1\n"),
    ],
)
def test_a_planted_bad_import_is_caught(tmp_path: Path, module: str, line: str) -> None:
    shutil.copytree(PACKAGE, tmp_path / "carewheel", ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "carewheel" / module
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write("\n" + line)
    outcome = _lint(tmp_path)
    assert outcome.returncode != 0, "the contracts let it through"


def test_every_file_is_small_and_named_for_what_it_holds() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert "migrations" in path.parts or len(path.read_text("utf-8").splitlines()) <= 400, (
            f"{path.relative_to(ROOT)} is over 400 lines"
        )
        assert path.stem not in BANNED, path
        assert path.parent.name not in BANNED, path


def test_every_room_says_what_it_is_and_who_may_call_it() -> None:
    for room in ROOMS:
        words = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text("utf-8")))
        assert words, room
        assert "Who may call" in words, room
        assert 4 <= len(words.splitlines()) <= 7, room


def test_no_room_reaches_another_behind_the_import_graph() -> None:
    behind = re.compile(r"apps\.get_model|django\.dispatch|Signal\(|import_string|import_module\(")
    for path in PACKAGE.rglob("*.py"):
        # The command line imports its own commands late, and forecasting the optional packages: each by a visible table.
        if path in (PACKAGE / "cli" / "__init__.py", PACKAGE / "science" / "forecasting" / "extras.py"):
            continue
        assert not behind.search(path.read_text("utf-8")), path


def test_neutral_records_have_the_columns_of_their_fact_tables() -> None:
    assert {TABLE_OF[kind] for kind in TABLE_OF} == set(fact_tables())
    for kind, table in TABLE_OF.items():
        fields = {name: str(hint) for name, hint in kind.__annotations__.items()}
        for common in ("source_id", "recorded_at", "location_id"):
            assert fields.pop(common), (table, common)
        has_money = any(column.type == "money" for column in fact_tables()[table].columns)
        if has_money or table == "location":
            assert fields.pop("currency").strip("'") in ("str", "ForwardRef('str')"), table
        fields.pop("zone", None)
        expected = {column.name: TYPES.get(column.type, "str") for column in fact_tables()[table].columns}
        plain = {
            name: hint.removeprefix("ForwardRef('").removesuffix("')").split("'")[0]
            for name, hint in fields.items()
        }
        assert plain == expected, table


def test_only_the_command_line_reads_the_clock() -> None:
    clock = re.compile(r"datetime\.now\(|date\.today\(|datetime\.today\(|time\.time\(")
    for path in PACKAGE.rglob("*.py"):
        if path != PACKAGE / "cli" / "terminal.py":
            assert not clock.search(path.read_text("utf-8")), path

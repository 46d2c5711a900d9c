"""`carewheel wheel` as a shell sees it, where there is nothing, little, or everything but money. With facts: tests/journeys."""

from __future__ import annotations

import ast
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.test_commands import Shell
from tests.forked import carewheel

import carewheel.cli as carewheel_cli

COMMANDS = ["links", "value", "simulate", "verify", "export-xmile", "plan", "plan propose", "plan accept", "plan start",
            "plan review", "plan stop", "plan list", "plan show", "invest"]  # fmt: skip


@pytest.fixture(scope="module")
def surveys(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell in a folder where 400 answers of two places and a year were turned: no visits, no money."""
    shell = Shell(tmp_path_factory.mktemp("wheel"))
    assert shell("turn surveys.csv").returncode == 0
    return shell


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_has_help(surveys: Shell, command: str) -> None:
    done = surveys(f"wheel {command} --help")
    assert done.returncode == 0
    assert "Usage: carewheel wheel" in done.stdout


def test_help_of_the_group_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom carewheel.cli import main\nsys.argv = ['carewheel', 'wheel', 'plan', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'duckdb', 'numpy', 'scipy', 'sqlglot', 'jinja2', 'orjson'} & set(sys.modules)\nassert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    # The command line reads what it may refuse with, after the help is printed.
    assert "Usage: carewheel wheel plan" in done.stdout, done.stderr


@pytest.mark.parametrize(
    "command", ["links", "value", "simulate", "export-xmile x.xml", "plan propose Q2", "verify Q2"]
)
def test_without_facts_there_is_nothing_to_say(surveys: Shell, command: str) -> None:
    done = surveys(f"wheel {command} --workspace empty")
    assert (done.returncode, done.stdout) == (3, "")
    assert "Begin with: carewheel turn FOLDER" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "value",
        "simulate",
        "simulate --json",
        "export-xmile x.xml",
        "invest purchase.toml",
        "invest purchase.toml --json",
    ],
)
def test_without_money_nothing_is_said_in_money(surveys: Shell, command: str) -> None:
    assert surveys("template purchase --force").returncode == 0
    done = surveys(f"wheel {command}")
    assert (done.returncode, done.stdout) == (3, "")
    assert "Worth in money needs" in done.stderr
    assert not (surveys.folder / "x.xml").exists()


def test_arrows_are_shown_with_what_is_not_measured(surveys: Shell) -> None:
    arrows = json.loads(surveys("wheel links --json").stdout)["links"]
    assert {arrow["evidence"] for arrow in arrows} <= {"data", "prior", "none"}
    assert all(arrow["strength"] is None for arrow in arrows if arrow["evidence"] == "none")
    page = surveys("wheel links", NO_COLOR="1")
    assert "not measured" in page.stdout
    assert "\x1b" not in page.stdout
    assert "Next: what they are worth." in page.stdout


def test_a_workspace_without_plans_says_how_to_begin(surveys: Shell) -> None:
    assert json.loads(surveys("wheel plan list --json").stdout) == []
    assert "carewheel wheel value" in surveys("wheel plan list").stdout


@pytest.mark.parametrize(
    ("command", "following"),
    [
        ("wheel links", "carewheel wheel value"),
        ("wheel plan list", "carewheel wheel value"),
        ("scorecard show", "carewheel scorecard ask"),
    ],
)
def test_the_next_step_stays_in_the_workspace_that_was_asked_for(
    surveys: Shell, command: str, following: str
) -> None:
    named = surveys.folder / "its facts"
    if not named.exists():
        assert carewheel(["turn", "surveys.csv", "--workspace", named.name], surveys.folder).returncode == 0
    told = carewheel([*command.split(), "--workspace", named.name], surveys.folder)
    assert told.stdout.rstrip().endswith(f"{following} --workspace 'its facts'"), told.stdout + told.stderr
    # Pasted into the same shell it finds what this command found.
    for words in ({}, {"CAREWHEEL_WORKSPACE": named.name}):
        assert surveys(command, **words).stdout.rstrip().endswith(following)


def test_every_next_step_is_said_in_the_one_way() -> None:
    """No command that knows `--workspace` prints a next command without asking `here` for it."""
    for file in Path(carewheel_cli.__file__).parent.glob("*.py"):
        text = file.read_text("utf-8")
        if "@workspace_option" not in text:
            continue
        said = [n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant)]
        for words in said:
            if isinstance(words, str) and "Next: " in words:
                assert "carewheel " not in words or "--workspace" in words, f"{file.name}: {words}"


@pytest.mark.parametrize(
    ("words", "saying"),
    [
        ("wheel nonsense", "No such command"),
        ("wheel plan nonsense", "No such command"),
        ("wheel plan propose Q9", "There is no play 'Q9'"),
        ("wheel plan propose Q2 --measure growth.retention", "looks back over a year"),
        ("wheel plan propose Q2", "has no month with data here"),
        ("wheel plan propose Q2 --start 2025-13", "is no month"),
        ("wheel plan propose Q2 --as-of tomorrow", "does not match"),
        ("wheel plan accept X", "Missing option"),
        ("wheel plan show ../../secret", "There is no plan"),
        ("wheel verify Q2", "no plan and no change"),
        ("wheel simulate --months many", "not a valid integer"),
        ("wheel simulate --policy staff=9", "PART=SHARE"),
        ("wheel invest nothing.toml", "does not exist"),
        ("wheel invest surveys.csv", "is no TOML"),
    ],
)
def test_wrong_usage_is_one_clear_line_and_exit_2(surveys: Shell, words: str, saying: str) -> None:
    surveys.refuses(words, saying)


def test_one_measure_is_enough_to_plan_with(tmp_path: Path) -> None:
    """Answers alone: a play is judged by NPS, at one of three places, and its plan is shown by the next turn."""
    shell, chance = Shell(tmp_path), random.Random(1)
    lines = ["response_id,answered_at,question,score,scale_min,scale_max,location_id"]
    for i in range(24 * 3 * 30):
        month, place = i % 24, i // 24 % 3
        day = f"{2024 + month // 12}-{month % 12 + 1:02d}-{i % 28 + 1:02d}"
        lines.append(f"{i},{day},nps,{chance.choice((5, 7, 8, 9, 10))},0,10,L{place}")
    (tmp_path / "surveys.csv").write_text("\n".join(lines) + "\n")
    assert shell("turn surveys.csv").returncode == 0
    said = shell("wheel plan propose Q1 --place L0 --start 2026-02 --as-of 2025-12-31 --json")
    assert said.returncode == 0, said.stderr
    plan = json.loads(said.stdout)
    assert (plan["measure"], plan["units"], plan["budget"]) == ("experience.nps", ["L0", "L1", "L2"], None)
    # Time is real here: what is dated back was written down today.
    assert plan["steps"][0]["on"] == "2025-12-31"
    assert plan["steps"][0]["recorded_on"] > "2025-12-31"
    assert shell("turn --as-of 2025-12-31").returncode == 0
    turned = json.loads((tmp_path / "carewheel-workspace/turns/2025-12-31/wheel.json").read_text())
    assert [p["id"] for p in turned["plans"]] == [plan["id"]]
    assert plan["id"] in (tmp_path / "carewheel-workspace/turns/2025-12-31/report.html").read_text()

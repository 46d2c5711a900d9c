"""Whatever a user can write or meet is documented: measures, findings, settings, keys of files. Nothing documented is dead."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

from carewheel.catalog.measures import measures
from carewheel.catalog.pitfalls import pitfalls
from carewheel.interop.tabular.mapped import TEMPLATES
from carewheel.interop.tabular.mapped.fields import CODES, REQUIRED
from carewheel.interop.tabular.mapped.specification import RULE_KEYS, TOP_KEYS
from carewheel.journeys.import_sources import BESIDE_KEYS
from carewheel.practice.access import Permission
from carewheel.warehouse.contradictions import _CHECKS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "carewheel"
DOCS = ROOT / "docs"
CODE = re.compile(r"[a-z][a-z0-9]*\.[a-z][a-z0-9]*(-[a-z0-9]+)*")
# What looks like a finding's code and is none: names of files and modules, keys of a mapping, permissions (they stand in roles.md).
SUFFIXES = (
    "toml",
    "json",
    "csv",
    "html",
    "css",
    "woff2",
    "key",
    "new",
    "parquet",
    "txt",
    "xml",
    "wheel",
    "sqlite3",
)
NO_CODES = {"recognise.columns", "unpivot.columns", "datetime.datetime", *Permission}
# Django names applications and tables so, and WSGI what a request has.
NOT_OURS = ("allauth.", "wsgi.")


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def texts_of(path: Path) -> Iterator[str]:
    """Every text constant of a module that is no docstring."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def codes_in_the_source() -> set[str]:
    ours = [path for path in PACKAGE.rglob("*.py") if path.parent.name != "migrations"]
    found = {text for path in ours for text in texts_of(path) if CODE.fullmatch(text)}
    # The invented world names parameters and columns the same way; of its own it only refuses what cannot be made.
    world = {
        text
        for path in (PACKAGE / "invented").rglob("*.py")
        for text in texts_of(path)
        if CODE.fullmatch(text) and not text.startswith("demo.")
    }
    elsewhere = {
        text for path in PACKAGE.rglob("*.py") if "invented" not in path.parts for text in texts_of(path)
    }
    found -= world - elsewhere
    return {
        code
        for code in found - set(measures()) - NO_CODES
        if code.partition(".")[2] not in SUFFIXES and not code.startswith(("carewheel.", *NOT_OURS))
    }


def documented_codes() -> set[str]:
    return {
        code
        for code in re.findall(r"^\| `([^`]+)` \|", page("reference/findings.md"), re.MULTILINE)
        if "." in code
    }


def test_every_finding_of_the_source_is_documented() -> None:
    found = codes_in_the_source()
    assert len(found) > 90
    assert found - documented_codes() == set()


def test_no_documented_finding_is_dead() -> None:
    assert documented_codes() - codes_in_the_source() == set()


def test_every_finding_says_what_and_what_to_do() -> None:
    for line in page("reference/findings.md").splitlines():
        if line.startswith("| `") and "." in line.split("`")[1]:
            code, severity, what, _, remedy = (cell.strip() for cell in line.strip("|").split(" | "))
            assert severity.split()[0].strip(",") in ("refused", "doubt", "note", "exit"), code
            assert what.endswith("."), code
            assert remedy.rstrip(" |").endswith("."), code


def test_every_contradiction_is_documented() -> None:
    for code, *_ in _CHECKS:
        assert f"| `{code}` |" in page("reference/findings.md")


def test_every_measure_is_documented() -> None:
    for name in measures():
        assert f"\n### {name}\n" in page("reference/measures.md"), name


def test_every_key_that_a_mapping_may_have_is_documented_and_no_other() -> None:
    text = page("guides/mapping-files.md")
    keys = {key.strip("[]") for key in re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)}
    assert TOP_KEYS | RULE_KEYS | {"into", "name_into", "skip_zero", "columns"} <= keys
    fields = {f"{table}.{field}" for table, field in CODES}
    assert keys - TOP_KEYS - RULE_KEYS - {"into", "name_into", "skip_zero"} == set(REQUIRED) | fields
    for table, needed in REQUIRED.items():
        assert f"| `{table}` | {', '.join(f'`{name}`' for name in needed)} |" in text
    for (table, field), codes in CODES.items():
        assert f"| `{table}.{field}` | {', '.join(f'`{code}`' for code in sorted(codes))} |" in text


def test_every_key_of_carewheel_toml_is_documented_and_no_other() -> None:
    keys = re.findall(r"^\| `\[?([a-z_]+)\]?` \|", page("guides/sources.md"), re.MULTILINE)
    assert set(keys) == set(BESIDE_KEYS)


def test_every_template_is_documented() -> None:
    for name in TEMPLATES:
        assert name in page("guides/sources.md"), name


def test_every_environment_variable_is_documented() -> None:
    everything = "\n".join(path.read_text("utf-8") for path in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
    used = {
        text
        for path in PACKAGE.rglob("*.py")
        for text in texts_of(path)
        if re.fullmatch(r"(CAREWHEEL_[A-Z]+|NO_COLOR|DATABASE_URL)", text)
    }
    assert {"CAREWHEEL_WORKSPACE", "NO_COLOR"} <= used
    for name in used | {"CAREWHEEL_DATA", "CAREWHEEL_CI"}:
        assert f"`{name}" in everything, name


def test_every_key_of_wheel_json_is_described_and_no_other() -> None:
    schema = json.loads((PACKAGE / "wheel" / "data" / "wheel.schema.json").read_text("utf-8"))
    text = page("reference/wheel-json.md")
    head, _, of_a_measure = text.partition("## Of a measure")
    described = set(re.findall(r"^\| `([a-z_]+)` \|", head, re.MULTILINE))
    assert described == set(schema["properties"])
    cells = re.findall(r"^\| (`[^|]+`) \|", of_a_measure, re.MULTILINE)
    keys = {key for cell in cells for key in re.findall(r"`([a-z_]+)`", cell)}
    assert keys | {"dimension"} == set(schema["$defs"]["measure"]["properties"])
    for name, definition in (("source", head), ("component", head), ("link", head), ("action", head)):
        for key in schema["$defs"][name]["properties"]:
            assert f"`{key}`" in definition, f"{name}.{key}"


def test_every_pitfall_stands_in_the_guide_to_the_report() -> None:
    for pitfall in pitfalls().values():
        assert f"| {pitfall.title} |" in page("guides/reading-the-report.md")


def test_the_guide_to_the_report_has_its_sections_in_their_order() -> None:
    report = (PACKAGE / "wheel" / "report" / "report.html").read_text("utf-8")
    # The page shows the practice's own sections after the tie-out and before the definitions.
    practice, _, whole = report.partition("<!doctype html>")
    heads = [re.findall(r"<h2[^>]*>([^<{]+)</h2>", part) for part in (whole, practice)]
    shown = [heads[0][0], *heads[1], *heads[0][1:]]
    assert len(shown) >= 9
    assert re.findall(r"^## (.+)$", page("guides/reading-the-report.md"), re.MULTILINE)[2:] == shown

"""The dictionary holds together: cards, arrows, plays, pitfalls and scorecard name only what exists."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import sqlglot
from sqlglot import exp

from carewheel.catalog import dictionary
from carewheel.catalog.components import components, missions
from carewheel.catalog.document import page
from carewheel.catalog.facts import fact_tables
from carewheel.catalog.links import links
from carewheel.catalog.measures import CARD_FILES, measures
from carewheel.catalog.pitfalls import pitfalls
from carewheel.catalog.plays import arithmetics, plays
from carewheel.catalog.scorecard import pillars, scorecard
from carewheel.practice.access import Permission

ROOT = Path(__file__).parents[2]
CARDS = list(measures().values())


@pytest.mark.parametrize("name", CARD_FILES)
def test_cards_follow_their_schema(name):
    schema = json.loads(dictionary.text("card.schema.json"))
    jsonschema.Draft202012Validator.check_schema(schema)
    for row in dictionary.load(f"measures/{name}.toml")["measure"]:
        jsonschema.validate(row, schema)


def test_the_page_of_measures_is_current() -> None:
    committed = (ROOT / "docs/reference/measures.md").read_text("utf-8")
    assert committed == page(), "run: python -m carewheel.catalog.document > docs/reference/measures.md"
    assert all(f"### {card.id}\n" in committed for card in CARDS)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_a_card_names_the_facts_missions_and_measures_that_exist(card):
    assert set(card.missions) <= set(missions())
    assert set(card.facts) <= set(fact_tables())
    assert card.target is None or card.target.only_if in {"", *measures()}
    if card.sql:
        tree = sqlglot.parse_one(card.sql, read="duckdb")
        named = {table.name for table in tree.find_all(exp.Table)} - {
            cte.alias for cte in tree.find_all(exp.CTE)
        }
        assert sorted(named) == sorted(card.facts)
        assert "APPROX" not in card.sql.upper()
    else:
        assert card.status == "not_yet"


def test_the_five_measures_of_the_wheel_have_their_targets() -> None:
    five = {card.id: (card.target.kind, card.target.value) for card in CARDS if card.wheel and card.target}
    assert five == {
        "experience.nps": ("level", 70),
        "growth.acquisition_cost": ("annual_change", -0.15),
        "finance.lifetime_value": ("annual_change", 0.10),
        "people.turnover": ("level", 0.15),
        "finance.days_in_ar": ("annual_change", -0.10),
    }


def test_every_arrow_of_the_mission_is_there() -> None:
    # The rows of the mission's table of arrows, those with several targets written out.
    expected = [
        "C1-C2a",
        "C1-C3",
        "C2a-C2b",
        "C2a-C3",
        "C2b-C3",
        "C3-C5",
        "C3-C6",
        "C3-C1",
        "C4-C1",
        "C4-C5",
        "C4-C3",
        "C4-C2b",
        "C4-C5-hours",
        "C4-C6-hours",
        "C4-C1-hours",
        "C5-C1",
        "C5-C4",
        "C6-C1",
        "C6-C4",
        "C6-C5",
        "C6-C3",
        "C2b-C4",
        "C2b-C5",
    ]
    assert sorted(links()) == sorted(expected)
    for link in links().values():
        assert {link.source, link.target} <= set(components())
        assert {link.from_measure, link.to_measure} <= {"", *measures()}
        assert link.prior_note
        assert link.strength is None or link.kind != "policy"


def test_every_play_of_the_mission_is_there_and_names_what_exists() -> None:
    assert sorted(plays()) == sorted(
        [
            f"{letter}{k}"
            for letter, last in zip("PFQML", (4, 5, 4, 4, 4), strict=True)
            for k in range(1, last + 1)
        ]
    )
    for play in plays().values():
        assert set(play.components) <= set(components())
        assert set(play.missions) <= set(missions())
        assert {effect.measure for effect in play.moves} <= set(measures())
        assert play.arithmetic in {"", *arithmetics()}
        assert bool(play.arithmetic) == any(effect.value is not None for effect in play.moves)
        for effect in play.moves:
            assert effect.value is None or (effect.source and effect.quality and effect.kind)
            assert effect.quality != "D" or effect.weight < 1
    for template in arithmetics().values():
        assert set(template.measures) <= set(measures())


def test_pitfalls_and_scorecard_name_what_exists() -> None:
    for pitfall in pitfalls().values():
        assert set(pitfall.measures) <= set(measures())
        assert set(pitfall.facts) <= set(fact_tables())
    assert len(scorecard()) == 12
    assert {code[:2] for code in scorecard()} <= set(pillars())
    for attribute in scorecard().values():
        assert attribute.score is None or 0 <= attribute.score <= 5
        assert set(attribute.components) <= set(components())
        assert set(attribute.plays) <= set(plays())
        assert set(attribute.measures) <= set(measures())


def test_measures_named_in_code_exist() -> None:
    rooms = "|".join(sorted({card.id.split(".")[0] for card in CARDS}))
    pattern = re.compile(rf"""["']((?:{rooms})\.[a-z_]+)["']""")
    spokes_and_files = re.compile(r"\.(toml|csv|json|html|py)$")
    for path in (ROOT / "src").rglob("*.py"):
        if "migrations" in path.parts:  # tables are named so as well
            continue
        named = {
            name for name in pattern.findall(path.read_text("utf-8")) if not spokes_and_files.search(name)
        }
        assert named <= set(measures()) | {one.value for one in Permission}, path

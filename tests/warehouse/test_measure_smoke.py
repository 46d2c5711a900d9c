"""Every card runs: on no facts at all, and its SQL returns what its interval method needs."""

from datetime import date

import pytest
from tests.warehouse.facts_in_memory import facts

from carewheel.catalog.measures import STATISTICS, measures
from carewheel.warehouse.measures import DuckDbEngine, bind, evaluate

COMPUTED = [card for card in measures().values() if card.status == "computed"]


@pytest.mark.parametrize("card", COMPUTED, ids=lambda card: card.id)
def test_a_card_without_facts_is_unmeasured(card):
    engine = DuckDbEngine(facts())
    columns = engine.query(bind(card.sql, date(2026, 6, 30)))
    wanted = {"location_id", "local_month", *STATISTICS[card.interval]}
    wanted |= {"currency"} if "currency" in columns else set()
    assert "currency" in columns or not card.unit.startswith("money")
    wanted |= {"dimension"} if card.dimension else set()
    assert set(columns) == wanted
    result = evaluate(card, engine, date(2026, 6, 30))
    assert result.total.status == "unmeasured"
    assert result.total.value is None

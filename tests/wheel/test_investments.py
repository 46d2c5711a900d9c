"""A purchase weighed: its file, the money that flows, the patients, the gate; and held against what the books and measures say."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import duckdb
import numpy as np
import pytest
from tests.validation.demo_groups import FIRST_SEED, demo_group
from tests.wheel.made_plans import MEASURE, PLACES, rates, result_of

from carewheel.catalog.measures import measures
from carewheel.catalog.play_guesses import play_guesses
from carewheel.journeys.weigh_a_purchase import purchase_template
from carewheel.science.finance import npv
from carewheel.science.flywheel.practice_model import Move, move_worth, practice_model
from carewheel.wheel.investments import (
    Case,
    Followed,
    PurchaseRefused,
    case_of,
    described,
    follow,
    spent,
    weigh,
    weighed_document,
)
from carewheel.wheel.investments.case import ADOPTION, DOWNTIME
from carewheel.wheel.learnt import Learnt, learn
from carewheel.wheel.present import model_links, model_scales
from carewheel.wheel.roadmap import moves_of
from carewheel.wheel.verification import Change

EFFECT = '[[effect]]\nmeasure = "operations.no_show_rate"\nchange = [-0.03, -0.02, -0.01]\n'
NOTHING = '[[effect]]\nmeasure = "operations.no_show_rate"\nchange = [0.0, 0.0, 1e-12]\n'


@pytest.fixture(scope="module")
def learnt() -> Learnt:
    found = learn({m.card.id: m for m in demo_group(FIRST_SEED, 2, months=30).measured})
    # 100 draws are as many as an appraisal needs.
    return replace(found, draws={name: draws[:100] for name, draws in found.draws.items()})


def case(learnt: Learnt, text: str) -> Case:
    return case_of(described(text), learnt, {}, ["loc1", "loc2"])


def bought(price: str = "20000", effect: str = EFFECT, more: str = "", top: str = "") -> str:
    return f"months = 24\n{top}\n[price]\namount = {price}\n{more}\n{effect}"


def test_the_template_is_a_purchase_that_can_be_weighed(learnt: Learnt) -> None:
    found = weigh(case(learnt, purchase_template()))
    assert found.answer in ("passes", "passes on conditions", "does not pass")
    document = weighed_document(found)
    assert (
        document["present_value"]["low"]
        < document["present_value"]["value"]
        < document["present_value"]["high"]
    )
    assert [row["measure"] for row in document["promises"] if row["vendor"]] == ["technology.online_booking"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("title = ", "purchase.file"),
        (bought(top='colour = "red"'), "purchase.unknown"),
        (bought(more="prize = 1"), "purchase.unknown"),
        ("price = 3\n" + EFFECT, "purchase.unknown"),
        ("effect = 3\n[price]\namount = 1", "purchase.unknown"),
        (EFFECT, "purchase.figure"),
        (bought("-1"), "purchase.figure"),
        (bought("nan"), "purchase.figure"),
        (bought("inf"), "purchase.figure"),
        (bought("true"), "purchase.figure"),
        (bought('"9"'), "purchase.figure"),
        (bought("[3, 2, 1]"), "purchase.figure"),
        (bought("[1, 2]"), "purchase.figure"),
        (bought(top="rate = 8"), "purchase.figure"),
        (bought(top='bought = "January"'), "purchase.figure"),
        (bought(top="places = [1]"), "purchase.figure"),
        (bought(top='title = "a\\u0007b"'), "purchase.figure"),
        (bought(more="financed = 1.5"), "purchase.figure"),
        (bought(more="loan_months = 1.5"), "purchase.figure"),
        (bought(more='[tax]\nwrite_off = "soon"'), "purchase.figure"),
        (bought(more='[tax]\nwrite_off = "at-once"'), "purchase.figure"),
        (bought(more="[gate]\nintegrated = 1"), "purchase.figure"),
        ("months = 121\n[price]\namount = 1\n" + EFFECT, "purchase.figure"),
        (bought(effect=""), "purchase.effect"),
        (bought(top='play = "Q2"'), "purchase.effect"),
        (bought(top='play = "F5"', effect=""), "purchase.effect"),
        (bought(effect=EFFECT.replace("operations.no_show_rate", "operations.nothing")), "purchase.effect"),
        (bought(effect=EFFECT.replace("operations.no_show_rate", "operations.utilisation")), "purchase.effect"),
        (bought(effect=EFFECT + "ratio = [0.8, 0.9, 1]"), "purchase.effect"),
        (bought(effect='[[effect]]\nmeasure = "capacity"\nratio = [0.8, 0.9, 1]'), "purchase.effect"),
        (bought(effect=EFFECT.replace("[-0.03, -0.02, -0.01]", "-0.02")), "purchase.certain"),
        (bought(effect=EFFECT + "vendor = 1"), "purchase.figure"),
        (bought("1" + "0" * 400), "purchase.figure"),
        (bought(top="rate = -1" + "0" * 400), "purchase.figure"),
        (bought("1" + "0" * 5000), "purchase.file"),
        ("x = " + "[" * 5000, "purchase.file"),
        (bought(top=f"places = {[str(i) for i in range(1001)]}"), "purchase.figure"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_is_refused_with_a_remedy(text: str, code: str) -> None:
    with pytest.raises(PurchaseRefused) as refusal:
        described(text)
    assert refusal.value.code == code
    assert refusal.value.remedy.endswith((".", "purchase", "measure"))


def test_figures_that_no_practice_could_run_with_are_refused(learnt: Learnt) -> None:
    with pytest.raises(PurchaseRefused, match="cannot be run with these figures"):
        weigh(case(learnt, bought(effect='[[effect]]\nmeasure = "capacity"\nchange = [-1e308, 0, 1e308]')))


def test_a_place_or_currency_of_others_is_refused(learnt: Learnt) -> None:
    for top, code in (('places = ["loc9"]', "purchase.place"), ('currency = "CHF"', "purchase.currency")):
        with pytest.raises(PurchaseRefused) as refusal:
            case(learnt, bought(top=top))
        assert refusal.value.code == code
    known = set(learnt.model.present) if learnt.model else set()
    strange = next(name for name, card in measures().items() if name not in known and not card.dimension)
    with pytest.raises(PurchaseRefused) as refusal:
        case(learnt, bought(effect=EFFECT.replace("operations.no_show_rate", strange)))
    assert refusal.value.code == "purchase.effect"


def test_a_purchase_that_does_nothing_costs_what_it_costs(learnt: Learnt) -> None:
    found = weigh(
        case(learnt, bought(effect=NOTHING, more="[upkeep]\na_month = 100\n[introduction]\ntraining = 500"))
    )
    monthly = 1.08 ** (1 / 12) - 1
    upkeep = 100 * (1 - (1 + monthly) ** -24) / monthly
    assert float(found.appraisal.value.value) == pytest.approx(-20_500 - upkeep, abs=0.01)
    assert float(found.appraisal.loss.value) == 1
    assert math.isinf(float(found.appraisal.payback_months.value))
    assert found.appraisal.yearly_return == ()
    assert found.pays_from is None
    assert found.answer == "does not pass"
    states = {condition.what: condition.state for condition in found.gate}
    assert states["Patients are not worse off"] == "met"
    assert states["It is worth its money"] == "not met"


def test_what_it_brings_is_the_worth_of_the_same_move(learnt: Learnt) -> None:
    """The gains of all months add up to what the model says of a move, at as many places as have it."""
    what = bought("0", EFFECT, "[introduction]\nuptake_months = 6\nadoption = 0.5\nstarts = 2")
    for places in (2, 1):
        top = "" if places == 2 else 'places = ["loc2"]'
        mine = case(learnt, f"{top}\n{what}")
        figures = mine.drawn(100)
        assert (figures[ADOPTION] == 0.5).all()
        size = figures["effect 0"] * 0.5
        found = weigh(mine)
        now = learnt.present
        assert now is not None
        changed = practice_model(
            now.practice, model_scales(), model_links(), moves=[Move(MEASURE, 0.0, 2, 6)]
        )
        worth = move_worth(mine.without, changed, dict(learnt.draws), {1: size})
        assert found.flows.sum(axis=1) == pytest.approx(worth.draws * places, rel=1e-9, abs=1e-6)


def test_figures_lie_where_the_file_says(learnt: Learnt) -> None:
    mine = case(
        learnt,
        bought(
            "[100, 200, 500]", more="[introduction]\nadoption = [0.2, 0.6, 0.7]\nuptake_months = [1, 2, 9]"
        ),
    )
    draws = mine.drawn(40_000)
    for name, ends in (
        ("price", (100, 200, 500)),
        ("adoption", (0.2, 0.6, 0.7)),
        ("effect 0", (-0.03, -0.02, -0.01)),
    ):
        assert np.quantile(draws[name], (0.05, 0.5, 0.95)) == pytest.approx(ends, rel=0.03)
    shares = {months: len(which) / 1000 for months, which in mine.ramps(1000)}
    assert shares == {1.0: 0.185, 2.0: 0.63, 9.0: 0.185}
    assert sorted(np.concatenate([which for _, which in mine.ramps(1000)])) == list(range(1000))


def test_a_loan_at_the_rate_of_money_changes_nothing(learnt: Learnt) -> None:
    rate = (1 + 0.06 / 12) ** 12 - 1
    cash = weigh(case(learnt, bought(top=f"rate = {rate!r}")))
    loan = weigh(
        case(
            learnt, bought(top=f"rate = {rate!r}", more="financed = 0.7\nloan_rate = 0.06\nloan_months = 20")
        )
    )
    assert float(loan.appraisal.value.value) == pytest.approx(float(cash.appraisal.value.value), abs=0.01)
    assert loan.flows[0, 0] == pytest.approx(0.3 * cash.flows[0, 0])


def test_tax_takes_its_share_and_write_offs_give_some_back(learnt: Learnt) -> None:
    plain, taxed, written = (
        weigh(case(learnt, bought(more=more)))
        for more in ("", "[tax]\nrate = 0.3", '[tax]\nrate = 0.3\nwrite_off = "straight-line"\nyears = 2')
    )
    gain = plain.flows[:, 1:].sum(axis=1)
    assert taxed.flows.sum(axis=1) == pytest.approx(0.7 * gain - 20_000, rel=1e-9)
    assert written.flows.sum(axis=1) - taxed.flows.sum(axis=1) == pytest.approx(np.full(100, 6_000.0))


def test_half_of_what_a_seller_says_counts(learnt: Learnt) -> None:
    said = case(learnt, bought(effect=EFFECT + "vendor = true\n"))
    half = case(learnt, bought(effect=EFFECT.replace("[-0.03, -0.02, -0.01]", "[-0.015, -0.01, -0.005]")))
    assert said.promises[0].size == half.promises[0].size
    ratio = case(
        learnt,
        bought(
            effect='[[effect]]\nmeasure = "operations.no_show_rate"\nratio = [0.6, 0.8, 1.0]\nvendor = true'
        ),
    )
    size = ratio.promises[0].size
    assert (size.low, size.expected, size.high) == pytest.approx((0.8, 0.9, 1.0))


def test_a_play_brings_what_is_thought_of_it_here(learnt: Learnt) -> None:
    guessed = case(learnt, bought(top='play = "Q2"', effect=""))
    believed = case_of(
        described(bought(top='play = "Q2"', effect="")), learnt, {("Q2", MEASURE): (0.98, 0.005)}, ["loc1"]
    )
    assert guessed.promises[0].measure == MEASURE
    assert guessed.promises[0].size.expected < 5 * believed.promises[0].size.expected < 0
    assert (guessed.promises[0].source, believed.promises[0].source) == (
        "play Q2, guessed",
        "play Q2, verified here",
    )
    assert learnt.model is not None
    moves, _ = moves_of(play_guesses()["Q2"], learnt.model.present, {}, priced=False)
    assert guessed.promises[0].size.expected == moves[0].size


def test_a_swing_is_the_worth_with_that_figure_alone_at_its_end(learnt: Learnt) -> None:
    doubts = {"price": "[10000, 20000, 26000]", "uptake": "[2, 6, 12]"}
    found = weigh(
        case(learnt, bought(doubts["price"], more=f"[introduction]\nuptake_months = {doubts['uptake']}"))
    )
    swings = {swing.name: swing for swing in found.swings}
    assert swings["price"].low - swings["price"].high == pytest.approx(16_000, abs=0.01)
    assert swings["price"].low - swings["price"].middle == pytest.approx(10_000, abs=0.01)
    slow = weigh(case(learnt, bought(more="[introduction]\nuptake_months = 12")))
    assert swings["uptake"].high == pytest.approx(slow.swings[0].middle, abs=0.01)
    widths = [swing.width for swing in found.swings]
    assert widths == sorted(widths, reverse=True)


def test_it_pays_from_the_use_at_which_its_worth_is_nought(learnt: Learnt) -> None:
    price = 0.5 * float(weigh(case(learnt, bought("0"))).flows.mean(axis=0).sum())
    found = weigh(case(learnt, bought(f"{price:.0f}", more="[introduction]\nadoption = [0.2, 0.9, 1.0]")))
    assert found.pays_from is not None
    assert 0.2 < found.pays_from < 0.9
    at = weigh(case(learnt, bought(f"{price:.0f}", more=f"[introduction]\nadoption = {found.pays_from!r}")))
    assert at.swings[0].middle == pytest.approx(0, abs=0.01 * price)
    use = next(condition for condition in found.gate if condition.what == "It will be used enough")
    assert use.state == "open"


def test_downtime_costs_visits_and_money(learnt: Learnt) -> None:
    quick = weigh(case(learnt, bought()))
    slow = weigh(
        case(learnt, bought(more="[introduction]\ndowntime_share = [0.1, 0.2, 0.4]\ndowntime_months = 2"))
    )
    assert float(slow.appraisal.value.value) < float(quick.appraisal.value.value)
    visits = [found.benefits[0].after_a_year[1] for found in (quick, slow)]
    assert visits[1] < visits[0]
    assert slow.case.drawn(100)[DOWNTIME].min() > 0


def test_a_measure_that_is_not_known_here_is_named(learnt: Learnt) -> None:
    now = learnt.present
    assert now is not None
    known = {name: value for name, value in now.practice.measures.items() if name != "experience.ease"}
    blind = replace(learnt, present=replace(now, practice=replace(now.practice, measures=known)))
    text = bought(effect=EFFECT + '[[effect]]\nmeasure = "experience.ease"\nchange = [0, 1, 2]\n')
    assert case(blind, text).unmeasured == ["experience.ease"]
    assert case(learnt, text).unmeasured == []


def test_what_harms_patients_does_not_pass_whatever_it_earns(learnt: Learnt) -> None:
    text = bought("0", '[[effect]]\nmeasure = "operations.wait_minutes"\nchange = [5, 10, 15]\n'
                       '[[effect]]\nmeasure = "finance.revenue_per_visit"\nchange = [40, 50, 60]')  # fmt: skip
    found = weigh(case(learnt, text + "\n[gate]\nintegrated = true"))
    assert float(found.appraisal.loss.value) == 0
    harm = next(condition for condition in found.gate if condition.what == "Patients are not worse off")
    assert harm.state == "not met"
    assert "wait" in harm.why
    assert found.answer == "does not pass"


def test_a_purchase_without_a_gap_passes(learnt: Learnt) -> None:
    more = "[introduction]\nadoption = [0.8, 0.9, 1.0]\n[gate]\nintegrated = true"
    assert weigh(case(learnt, bought("100", more=more))).answer == "passes"


def test_weighing_twice_gives_the_same_numbers(learnt: Learnt) -> None:
    text = purchase_template()
    assert weighed_document(weigh(case(learnt, text))) == weighed_document(weigh(case(learnt, text)))


# After the purchase.

AFTER = date(2025, 12, 31)


def books(*rows: tuple[str, str, str, float, str]) -> duckdb.DuckDBPyConnection:
    """Facts: (investment or expense, part or "", category, amount, day), at loc1."""
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE investment (component VARCHAR, category VARCHAR, amount DECIMAL(18,4), invested_date DATE, location_id VARCHAR)"
    )
    connection.execute(
        "CREATE TABLE expense (category VARCHAR, amount DECIMAL(18,4), expense_date DATE, location_id VARCHAR)"
    )
    for table, part, category, amount, day in rows:
        place = "loc2" if category == "elsewhere" else "loc1"
        values = (
            [part, category, amount, day, place] if table == "investment" else [category, amount, day, place]
        )
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)
    return connection


FACTS = '[facts]\ninvestment = "portal"\nexpense = "portal fee"'
BOUGHT = 'bought = "2025-01"'


def test_what_was_spent_is_taken_from_the_books(learnt: Learnt) -> None:
    connection = books(
        ("investment", "C6", "portal", 18_000, "2025-01-09"), ("investment", "C6", "portal", 3_000, "2025-03-31"),
        ("investment", "C6", "chairs", 9_999, "2025-01-09"), ("investment", "C6", "portal", 77, "2024-12-31"),
        ("expense", "", "portal fee", 200, "2025-01-31"), ("expense", "", "portal fee", 210, "2025-12-01"), ("expense", "", "rent", 5_000, "2025-02-01"),
    )  # fmt: skip
    found = spent(connection, case(learnt, bought(top=BOUGHT, more=FACTS)), AFTER)
    assert found.paid.tolist() == [18_000, 200, 0, 3_000, *[0.0] * 8, 210]
    assert found.rows == 4
    part = spent(
        connection,
        case(learnt, bought(top=f'{BOUGHT}\nplaces = ["loc1"]', more='[facts]\ncomponent = "C6"')),
        date(2025, 2, 27),
    )
    assert part.paid.tolist() == [27_999, 0.0]


@pytest.mark.parametrize(
    ("top", "facts", "as_of", "code"),
    [
        ("", FACTS, AFTER, "purchase.bought"),
        (BOUGHT, FACTS, date(2025, 1, 30), "purchase.bought"),
        (BOUGHT, "", AFTER, "purchase.facts"),
        (BOUGHT, '[facts]\nexpense = "elephants"', AFTER, "purchase.facts"),
        (f'{BOUGHT}\nplaces = ["loc2"]', FACTS, AFTER, "purchase.facts"),
    ],
)
def test_what_cannot_be_followed_is_refused(
    learnt: Learnt, top: str, facts: str, as_of: date, code: str
) -> None:
    connection = books(("investment", "C6", "portal", 18_000, "2025-01-09"))
    with pytest.raises(PurchaseRefused) as refusal:
        spent(connection, case(learnt, bought(top=top, more=facts)), as_of)
    assert refusal.value.code == code


def followed(
    learnt: Learnt, effect: float, paid: float = 20_000, changes: tuple[Change, ...] = ()
) -> Followed:
    """A purchase for three of nine places, whose no-show rate then fell by ``effect``."""
    values = rates()
    values[:3, 24:] -= effect
    text = bought(top=f'{BOUGHT}\ntitle = "Reminders"\nplaces = ["loc1", "loc2", "loc3"]', more="[introduction]\nuptake_months = 0\n" + FACTS)  # fmt: skip
    mine = case_of(described(text), learnt, {}, PLACES)
    books_say = spent(books(("investment", "C6", "portal", paid, "2025-01-09")), mine, AFTER)
    return follow(mine, books_say, {MEASURE: result_of(values, AFTER)}, changes, [], AFTER)


def test_a_purchase_that_did_what_it_promised_is_within_its_plan(learnt: Learnt) -> None:
    found = followed(learnt, 0.02)
    seen = found.seen[0]
    assert found.months == 12
    assert seen.found is not None
    assert seen.found[0] < -0.02 < seen.found[2]
    assert seen.belief.prior_weight < 1
    assert found.spending.standing == "within"
    assert found.money.standing == "within"
    assert found.brought_in[0] > 0


def test_a_purchase_that_did_nothing_falls_below_its_plan_and_its_worth_shrinks(learnt: Learnt) -> None:
    good, bad = followed(learnt, 0.02), followed(learnt, -0.02)
    assert bad.seen[0].belief.mean > good.seen[0].belief.mean
    assert bad.brought_in[1] < good.brought_in[1]
    assert float(bad.now.value.value) < float(good.now.value.value)


def test_what_was_paid_beyond_the_plan_shows(learnt: Learnt) -> None:
    found = followed(learnt, 0.02, paid=30_000)
    assert found.spending.standing == "below"
    assert float(found.spending.difference.value[-1]) == pytest.approx(-10_000)
    assert float(found.now.value.value) == pytest.approx(
        float(followed(learnt, 0.02).now.value.value) - 10_000, abs=0.01
    )


def test_the_purchase_on_record_as_a_change_is_no_other_change(learnt: Learnt) -> None:
    itself = tuple(Change(f"c{i}", "", "Reminders", f"loc{i}", date(2025, 1, 1)) for i in (1, 2, 3))
    other = (Change("c9", "", "New phones", "loc1", date(2025, 1, 1)),)
    assert followed(learnt, 0.02, changes=itself).seen[0].found == followed(learnt, 0.02).seen[0].found
    assert followed(learnt, 0.02, changes=other).seen[0] != followed(learnt, 0.02).seen[0]


def test_what_cannot_be_seen_says_why_and_the_plan_stays(learnt: Learnt) -> None:
    text = bought(
        top=BOUGHT, more=FACTS, effect='[[effect]]\nmeasure = "capacity"\nchange = [5, 10, 15]\n' + EFFECT
    )
    mine = case(learnt, text)
    books_say = spent(books(("investment", "C6", "portal", 20_000, "2025-01-09")), mine, AFTER)
    found = follow(mine, books_say, {MEASURE: None}, [], [], AFTER)
    assert [seen.found for seen in found.seen] == [None, None]
    assert "lever" in found.seen[0].why
    assert "no month with data" in found.seen[1].why
    assert found.money.standing == "within"


def test_money_through_the_months_is_the_same_as_the_flows(learnt: Learnt) -> None:
    found = weigh(case(learnt, bought()))
    monthly = 1.08 ** (1 / 12) - 1
    assert float(found.appraisal.value.value) == pytest.approx(float(npv(monthly, found.flows).mean()))

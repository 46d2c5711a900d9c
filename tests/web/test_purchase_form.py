"""The form of a purchase and its file say the same: whatever a file holds goes through the form unchanged, and no key is forgotten."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from carewheel.journeys.keep_purchases import troubles_of
from carewheel.journeys.weigh_a_purchase import purchase_template
from carewheel.web.pages.purchase_form import ASKED, PurchaseForm
from carewheel.wheel.investments import content_of, described, written
from carewheel.wheel.investments.described import KEYS, WRITE_OFFS

PLACES = [("loc1", "Lakeside"), ("loc2", "Hillside")]
words = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)


def figures(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda x: float(f"{x:.9g}"))


def doubts(low: float, high: float) -> st.SearchStrategy[Any]:
    return figures(low, high) | st.lists(figures(low, high), min_size=3, max_size=3).map(sorted)


def spread(low: float, high: float) -> st.SearchStrategy[list[float]]:
    """Three in order that differ, also after a hundredth of each."""
    return st.lists(st.integers(int(low * 100), int(high * 100)), min_size=3, max_size=3, unique=True).map(lambda x: [one / 100 for one in sorted(x)])  # fmt: skip


effect = st.one_of(
    st.fixed_dictionaries({"measure": st.sampled_from(("operations.no_show_rate", "experience.nps", "capacity")), "change": spread(-50, 50)}, optional={"vendor": st.just(True), "source": words}),
    st.fixed_dictionaries({"measure": st.just("operations.wait_minutes"), "ratio": spread(0, 3)}),
)  # fmt: skip
contents = st.fixed_dictionaries(
    {"title": words, "price": st.fixed_dictionaries({"amount": doubts(0, 1e6)}, optional={"financed": figures(0, 1), "loan_rate": figures(0, 1), "loan_months": st.integers(1, 600), "sold_for": figures(0, 1e6)}),
     "effect": st.lists(effect, min_size=1, max_size=5)},
    optional={
        "places": st.lists(st.sampled_from(("loc1", "loc2", "loc9")), unique=True, min_size=1), "bought": st.just("2026-02"), "months": st.integers(1, 120),
        "rate": figures(0, 1), "currency": st.just("USD"),
        "introduction": st.fixed_dictionaries({}, optional={"training": doubts(0, 1e5), "downtime_share": doubts(0, 0.9), "downtime_months": figures(0, 24), "starts": st.integers(0, 119), "uptake_months": doubts(0, 120), "adoption": doubts(0, 1)}),
        "upkeep": st.fixed_dictionaries({}, optional={"a_month": doubts(0, 1e4), "growth": figures(-0.5, 1)}),
        "tax": st.fixed_dictionaries({"limit": figures(0, 1e6)}, optional={"rate": figures(0, 0.95), "write_off": st.sampled_from(WRITE_OFFS), "years": st.integers(1, 40)}),
        "gate": st.fixed_dictionaries({"integrated": st.booleans()}, optional={"loss_at_most": figures(0, 1), "payback_at_most": st.integers(1, 120)}),
        "facts": st.fixed_dictionaries({}, optional={"component": st.just("C6"), "investment": words, "expense": words}),
    },
)  # fmt: skip


def sent(form: PurchaseForm, **changed: Any) -> PurchaseForm:
    """The form as a browser sends what it shows."""
    data = QueryDict(mutable=True)
    data["effects"] = str(form.rows)
    for name in form.fields:
        value = changed.pop(name, form[name].value())
        if isinstance(value, (list, tuple)):
            data.setlist(name, list(value))
        elif value is True:
            data[name] = "on"
        elif value is not None and value is not False:
            data[name] = str(value)
    assert not changed
    again = PurchaseForm(data, PLACES, {})
    # What a file names besides is offered where the page is made from that file.
    again.fields["places"].choices = form.fields["places"].choices
    return again


def nearly(one: Any, other: Any) -> bool:
    """Equal, numbers but for the last digits that percent lose."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(nearly(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(nearly, one, other))
    if isinstance(one, float):
        return bool(one == pytest.approx(other, rel=1e-9, abs=1e-15))
    return bool(one == other)


@settings(max_examples=40, deadline=None)
@given(contents)
def test_a_file_goes_through_the_form_unchanged(content: dict[str, Any]) -> None:
    text = written(content)
    assert content_of(text) == {key: value for key, value in content.items() if value != {}}
    form = sent(PurchaseForm(None, PLACES, content))
    assert form.is_valid(), form.errors
    before, after = described(text), described(written(form.content()))
    # Not said is not tried, once somebody has seen the question.
    for name in before.__slots__:
        if name == "integrated":
            assert bool(before.integrated) == after.integrated
        elif name == "promises":
            assert len(before.promises) == len(after.promises)
            for one, other in zip(before.promises, after.promises, strict=True):
                assert (one.measure, one.kind, one.source, one.vendor) == (
                    other.measure, other.kind, other.source, other.vendor,
                )  # fmt: skip
                assert nearly([one.size.low, one.size.expected, one.size.high], [other.size.low, other.size.expected, other.size.high])  # fmt: skip
        else:
            was, now = getattr(before, name), getattr(after, name)
            ends = ("low", "expected", "high")
            if hasattr(was, "low"):
                was, now = [getattr(was, end) for end in ends], [getattr(now, end) for end in ends]
            assert nearly(was, now), name


def test_the_form_asks_for_every_key_of_the_file() -> None:
    asked = {key.rpartition(" ")[::2] for key in ASKED}
    of_file = {(table, key) for table, keys in KEYS.items() for key in keys if key not in KEYS}
    assert of_file - asked == {("", "play")} | {("effect", key) for key in KEYS["effect"]}
    assert asked <= of_file


def test_every_refusal_stands_beside_its_figure() -> None:
    form = sent(
        PurchaseForm(None, PLACES, content_of(purchase_template())),
        **{"price-amount-low": 90_000, "introduction-adoption-high": 120, "months": 300, "effect-1-measure": "", "bought": "soon"},
    )  # fmt: skip
    assert form.is_valid()
    troubles = troubles_of(form.content())
    assert [form.refuse(one) for one in troubles] == [True] * 5
    assert form.errors.keys() == {"price-amount-expected", "introduction-adoption-expected", "months", "effect-1-measure", "bought"}  # fmt: skip
    assert "from 0 to 100" in form.errors["introduction-adoption-expected"][0]
    assert form.errors["effect-1-measure"] == ["Say what it moves."]


def test_one_number_for_an_effect_and_a_range_without_a_middle_are_refused() -> None:
    template = PurchaseForm(None, PLACES, content_of(purchase_template()))
    certain = sent(template, **{"effect-0-low": "", "effect-0-high": ""})
    assert certain.is_valid()
    (trouble,) = troubles_of(certain.content())
    assert (trouble.code, certain.refuse(trouble)) == ("purchase.certain", True)
    assert "no-show rate" in certain.errors["effect-0-measure"][0]
    assert not sent(template, **{"upkeep-a_month-expected": ""}).is_valid()


def test_neither_a_play_nor_an_effect_is_about_no_single_figure() -> None:
    form = sent(PurchaseForm(None, [], {"title": "Nothing", "price": {"amount": 3}}))
    assert form.is_valid()
    (trouble,) = troubles_of(form.content())
    assert not form.refuse(trouble)
    assert "play of the catalog" in trouble.remedy

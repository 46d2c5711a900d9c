"""The adjoint against central differences and against derivatives known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.science.flywheel.published_models import bass, every_operation

from carewheel.science.flywheel.stocks import (
    Auxiliary,
    Constant,
    Flow,
    Lookup,
    Model,
    Refusal,
    Stock,
    build,
    sensitivities,
    simulate,
)


def central(
    model: Model, outcome: str, name: str, values: dict[str, object], at: np.ndarray, order: int = 4
) -> np.ndarray:
    """Central differences of fourth order, at the step where rounding and cut-off are both small."""
    h = 1e-3 * np.maximum(np.abs(at), 1e-2)

    def end(x: np.ndarray) -> np.ndarray:
        return simulate(model, {**values, name: x}, record=[outcome], every=model.steps)[outcome][-1]  # type: ignore[dict-item]

    return (8 * (end(at + h) - end(at - h)) - (end(at + 2 * h) - end(at - 2 * h))) / (12 * h)


def test_derivatives_known_in_closed_form() -> None:
    model = build(
        "decay", [Stock("x", 5, (), ("f",)), Flow("f", "r * x"), Constant("r", 0.1)], start=0, stop=20, dt=0.5
    )
    r = np.array([0.05, 0.1, 0.4])
    found = sensitivities(model, "x", ["r", "x"], {"r": r})
    np.testing.assert_allclose(found.value, 5 * (1 - r / 2) ** 40, rtol=1e-12)
    np.testing.assert_allclose(found.by["x"], (1 - r / 2) ** 40, rtol=1e-12)
    np.testing.assert_allclose(found.by["r"], -5 * 40 * 0.5 * (1 - r / 2) ** 39, rtol=1e-12)


def test_an_outcome_that_is_an_auxiliary_counts_its_own_use_of_a_constant() -> None:
    model = build(
        "aux",
        [Stock("x", "3 * a", ("f",)), Flow("f", "a"), Constant("a", 2.0), Auxiliary("y", "a ^ 2 * x")],
        start=0,
        stop=4,
        dt=1,
    )
    found = sensitivities(model, "y", ["a"])
    np.testing.assert_allclose(found.value, [4 * 14])
    np.testing.assert_allclose(found.by["a"], [3 * 7 * 4])  # y = a^2 (3 a + 4 a)


def test_a_rich_model_equals_central_differences() -> None:
    """Every operation, away from kinks: draws whose path would cross one within the difference are not compared."""
    model, rng = every_operation(), np.random.default_rng(2)
    values = {"level": rng.uniform(0.8, 2.5, 40), "patience": rng.uniform(2, 5, 40)}
    for outcome in ("sink", "slow"):
        found = sensitivities(model, outcome, ["level", "patience"], values)
        for name in ("level", "patience"):
            wanted = central(model, outcome, name, dict(values), values[name])
            close = np.abs(found.by[name] - wanted) <= 1e-6 * np.maximum(np.abs(wanted), 1e-3)
            assert close.mean() >= 0.5, (outcome, name, found.by[name] - wanted)


@given(st.integers(0, 100_000))
@settings(max_examples=30, deadline=None)
def test_smooth_random_models_equal_central_differences(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = ["x", "y", "z"]
    parts: list[object] = [Constant(f"k{i}", float(rng.uniform(0.2, 1.5))) for i in range(4)]
    for i, name in enumerate(names):
        a, b = rng.choice(names, 2)
        rate = rng.choice(
            [
                f"k{i} * {a} / (1 + {b} ^ 2)",
                f"k3 * exp(-{a} ^ 2) * sqrt({b} ^ 2 + 1)",
                f"log(1 + k{i} ^ 2 + {a} ^ 2) - 0.3 * {name}",
            ]
        )
        parts += [
            Stock(name, f"{rng.uniform(0.5, 2):.3f} * k{i}", (f"d{name}",)),
            Flow(f"d{name}", str(rate)),
        ]
    model = build("random", parts, start=0, stop=3, dt=1 / 16)  # type: ignore[arg-type]
    by = [f"k{i}" for i in range(4)]
    found = sensitivities(model, "x", by)
    for i, name in enumerate(by):
        at = np.array([model.constants[i].value])
        np.testing.assert_allclose(found.by[name], central(model, "x", name, {}, at), rtol=1e-6, atol=1e-9)


def test_kinks_give_the_slope_of_the_branch_taken() -> None:
    parts = [
        Stock("x", 1, ("f",)),
        Flow("f", "min(a, 2) + max(a, 2) + abs(a - 2) + curve(a) + (if a > 2 then 3 * a else a)"),
        Constant("a", 1.0),
    ]
    model = build("kinks", [*parts, Lookup("curve", (0.0, 1.5, 4.0), (0.0, 3.0, 4.0))], start=0, stop=1, dt=1)
    found = sensitivities(model, "x", ["a"], {"a": [1.0, 3.0, 9.0]})
    np.testing.assert_allclose(found.by["a"], [1 - 1 + 2 + 1, 1 + 1 + 0.4 + 3, 1 + 1 + 0 + 3])


def test_many_draws_are_worked_through_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from carewheel.science.flywheel.stocks import sensitivity

    draws = np.linspace(60, 140, 23)
    whole = sensitivities(bass(), "adopters", ["contact_rate", "adopters"], {"contact_rate": draws})
    monkeypatch.setattr(sensitivity, "MEMORY", 40_000)
    parts = sensitivities(bass(), "adopters", ["contact_rate", "adopters"], {"contact_rate": draws})
    for name in ("contact_rate", "adopters"):
        np.testing.assert_allclose(parts.by[name], whole.by[name], rtol=1e-13)


@pytest.mark.parametrize(
    ("outcome", "by"), [("nothing", ["contact_rate"]), ("adopters", ["adopter_contacts"])]
)
def test_unknown_outcomes_and_names_are_refused(outcome: str, by: list[str]) -> None:
    with pytest.raises(Refusal) as refused:
        sensitivities(bass(), outcome, by)
    assert refused.value.code == "unknown"

"""The engine: equations, order, simulation, delays, limits, refusals, conservation."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.science.flywheel.published_models import backlog_and_workforce, bass, every_operation

from carewheel.science.flywheel.stocks import (
    Auxiliary,
    Constant,
    Flow,
    Lookup,
    Refusal,
    Stock,
    build,
    evaluate,
    parse,
    residuals,
    simulate,
    simulate_compiled,
    transfers,
)

numbers = st.floats(-9, 9).filter(lambda x: abs(x) > 1e-3).map(lambda x: round(x, 3))


def texts(depth: int) -> st.SearchStrategy[str]:
    leaf = numbers.map(lambda x: f"({x!r})") | st.sampled_from(["a", "b", "time"])
    if depth == 0:
        return leaf
    inner = texts(depth - 1)
    pair = st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(" ".join)
    return st.one_of(
        leaf,
        pair,
        pair.map(lambda t: f"-({t})"),
        st.tuples(inner, inner).map(lambda t: f"min({t[0]}, {t[1]})"),
        st.tuples(inner, inner, inner).map(lambda t: f"(max({t[0]}, {t[1]}, {t[2]}))"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]}) / (abs({t[1]}) + 0.5)"),
    )


@given(texts(3), numbers, numbers)
@settings(max_examples=60, deadline=None)
def test_an_equation_means_what_python_says_it_means(text: str, a: float, b: float) -> None:
    wanted = eval(text, {"min": min, "max": max, "abs": abs, "a": a, "b": b, "time": 2.0})
    names = {"a": np.array(a), "b": np.array(b), "time": np.array(2.0)}
    assert float(evaluate(parse(text), names)) == pytest.approx(wanted, rel=1e-12, abs=1e-9)
    model = build(
        "m",
        [Stock("a", a, ("f",)), Flow("f", 0), Constant("b", b), Auxiliary("x", text)],
        start=2,
        stop=3,
        dt=1,
    )
    assert float(simulate(model, record=["x"])["x"][0, 0]) == pytest.approx(wanted, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2-(6-3)", -1), ("2*(6/3)^1.5", 2 * 2**1.5), ("-2^2", -4), ("2^3^2", 512), ("2^-1", 0.5), ("1 - 2 - 3", -4),
        ("8/2/2", 2), ("if 1 < 2 and not (3 = 4) or 1 > 2 then 7 else 8", 7), ("exp(log(5))", 5), (".5e1", 5), ("sqrt(9)", 3),
    ],
)  # fmt: skip
def test_precedence(text: str, value: float) -> None:
    assert float(evaluate(parse(text), {})) == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["", "1 +", "(1", "1 2", "min(1)", "exp(1, 2)", "if 1 then 2", "1 $ 2", "then", "step(1)"]
)
def test_what_is_no_equation_is_refused_with_the_place(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse(text)
    assert refused.value.code == "syntax"
    assert 0 <= refused.value.data["at"] <= len(text)


def _pot(*more: object, dt: float = 1.0, flow: str = "water / 2") -> object:
    return build(
        "pot", [Stock("water", 8, outflows=("leak",)), Flow("leak", flow), *more], start=0, stop=4, dt=dt
    )  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("time_step", lambda: _pot(dt=-1)),
        ("time_step", lambda: _pot(dt=0)),
        ("time_step", lambda: _pot(dt=math.nan)),
        ("time_step", lambda: _pot(dt=0.3)),
        ("unknown", lambda: _pot(flow="wine / 2")),
        ("unknown", lambda: _pot(flow="sine(water)")),
        ("circular", lambda: _pot(Auxiliary("a", "b + 1"), Auxiliary("b", "a * water"))),
        ("duplicate", lambda: _pot(Constant("water", 1))),
        ("name", lambda: _pot(Constant("Water Level", 1))),
        ("name", lambda: _pot(Constant("time", 1))),
        ("flow", lambda: _pot(Flow("idle", 1))),
        ("flow", lambda: _pot(Stock("other", 0, outflows=("leak",)))),
        ("unknown", lambda: _pot(Stock("other", 0, inflows=("rain",)))),
        ("lookup", lambda: _pot(Lookup("curve", (0.0, 0.0), (1.0, 2.0)))),
        ("not_finite", lambda: _pot(Constant("c", math.inf))),
        ("unknown", lambda: simulate(_pot(), {"wine": 1})),  # type: ignore[arg-type]
        ("unknown", lambda: simulate(_pot(), record=["wine"])),  # type: ignore[arg-type]
        ("not_finite", lambda: simulate(_pot(), {"water": math.nan})),  # type: ignore[arg-type]
        ("shape", lambda: simulate(_pot(Constant("c", 1)), {"water": [1, 2], "c": [1, 2, 3]})),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_bad_models_and_values_are_refused_by_kind(code: str, make: object) -> None:
    with pytest.raises(Refusal) as refused:
        make()  # type: ignore[operator]
    assert refused.value.code == code
    assert refused.value.remedy


def test_a_circle_names_its_path() -> None:
    with pytest.raises(Refusal) as refused:
        _pot(Auxiliary("a", "b"), Auxiliary("b", "c"), Auxiliary("c", "a + water"))
    assert set(refused.value.data["path"].split(" -> ")) == {"a", "b", "c"}


def test_what_leaves_the_finite_numbers_is_named_with_its_moment_and_draw() -> None:
    model = build(
        "bomb", [Stock("x", 1, ("f",)), Flow("f", "y"), Auxiliary("y", "1 / (3 - time) ^ power"), Constant("power", 1)],
        start=0, stop=6, dt=1,
    )  # fmt: skip
    with pytest.raises(Refusal) as refused:
        simulate(model, {"x": [1, 2]})
    assert refused.value.code == "not_finite"
    assert refused.value.data["time"] == 3
    assert refused.value.data["name"] in {"y", "f"}


def test_eulers_rule_by_hand() -> None:
    model = build(
        "pot",
        [Stock("water", 8, ("tap",), ("leak",)), Flow("leak", "water / 2"), Flow("tap", 1)],
        start=0,
        stop=3,
        dt=1,
    )
    assert simulate(model)["water"][:, 0].tolist() == [8, 5, 3.5, 2.75]


def test_halving_the_step_halves_the_error_against_the_exact_solution() -> None:
    errors = []
    for dt in (0.1, 0.05, 0.025):
        model = build("decay", [Stock("x", 1, outflows=("f",)), Flow("f", "x / 3")], start=0, stop=3, dt=dt)
        errors.append(abs(float(simulate(model)["x"][-1, 0]) - math.exp(-1)))
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.05)
    assert errors[1] / errors[2] == pytest.approx(2, abs=0.05)


def test_draws_do_not_influence_one_another() -> None:
    model, rng = every_operation(), np.random.default_rng(3)
    draws = {"level": rng.uniform(0.2, 3, 50), "patience": rng.uniform(1, 5, 50)}
    together = simulate(model, draws, record=["tank", "slow"])
    for i in (0, 17, 49):
        alone = simulate(model, {name: values[i] for name, values in draws.items()}, record=["tank", "slow"])
        for name in ("tank", "slow"):
            np.testing.assert_array_equal(together[name][:, i], alone[name][:, 0])


def test_the_simulation_equals_a_plain_evaluation_of_the_equations() -> None:
    model = every_operation()
    values = {c.name: np.array(c.value) for c in model.constants}
    run = simulate(model, record=[*model.stock_names, *model.order])
    state = {name: run[name][0, 0] for name in model.stock_names}
    for k in range(model.steps + 1):
        here = {**values, **{n: np.array(v) for n, v in state.items()}, "time": np.array(run.times[k])}
        for name in model.order:
            here[name] = evaluate(model.equations[name], here, model.tables)
            assert float(here[name]) == pytest.approx(float(run[name][k, 0]), rel=1e-10, abs=1e-12)
        for stock in model.stocks:
            state[stock.name] += model.dt * float(evaluate(model.net_flow(stock), here))


def test_initial_values_follow_those_that_are_given() -> None:
    model = build(
        "chain", [Stock("a", 2, ("f",)), Stock("b", "2 * c", ("g",)), Flow("f", 0), Flow("g", 0), Auxiliary("c", "a + 1")], start=0, stop=1, dt=1
    )  # fmt: skip
    assert simulate(model)["b"][0, 0] == 6
    assert simulate(model, {"a": [2, 10]})["b"][0].tolist() == [6, 22]


def _answer(function: str, order: int, time: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    parts = [
        Stock("x", 0, ("f",)),
        Flow("f", "0 * y"),
        Auxiliary(
            "y",
            f"{function}(step(1, 0.0) , {time})"
            if function.startswith("delay")
            else f"{function}(1, {time}, 0)",
        ),
    ]
    run = simulate(build("answer", parts, start=0, stop=12, dt=1 / 256), record=["y"])
    return run.times, run["y"][:, 0]


@pytest.mark.parametrize(("function", "order"), [("smooth1", 1), ("smooth3", 3)])
def test_the_answer_of_a_smooth_to_a_step_is_the_erlang_distribution(function: str, order: int) -> None:
    times, answer = _answer(function, order)
    rate = order / 2.0
    exact = 1 - sum((rate * times) ** i / math.factorial(i) * np.exp(-rate * times) for i in range(order))
    assert np.abs(answer - exact).max() < 0.003


def test_a_delay_conserves_what_is_under_way() -> None:
    model = build(
        "post", [Stock("sent", 0, ("sending",)), Flow("sending", "2 + step(3, 1)"), Stock("got", 0, ("getting",)), Flow("getting", "delay3(sending, 4)")],
        start=0, stop=40, dt=1 / 8,
    )  # fmt: skip
    run = simulate(model)
    under_way = sum(run[name] for name in model.stock_names if "delay3" in name)
    assert under_way[0, 0] == pytest.approx(2 * 4)
    np.testing.assert_allclose(run["got"] + under_way - run["sent"], 8, rtol=1e-12)
    assert under_way[-1, 0] == pytest.approx(5 * 4, rel=1e-6)


def test_a_stock_that_must_not_go_below_nought_serves_its_outflows_in_order() -> None:
    model = build(
        "till", [Stock("till", 10, (), ("first", "second"), non_negative=True), Flow("first", 4), Flow("second", 3)], start=0, stop=3, dt=1
    )  # fmt: skip
    run = simulate(model, record=["till", "first", "second"])
    assert run["till"][:, 0].tolist() == [10, 3, 0, 0]
    assert run["first"][:, 0].tolist() == [4, 3, 0, 0]
    assert run["second"][:, 0].tolist() == [3, 0, 0, 0]


@given(st.integers(2, 6), st.integers(0, 10_000), st.booleans())
@settings(max_examples=25, deadline=None)
def test_nothing_is_made_or_lost_in_a_closed_system(size: int, seed: int, held: bool) -> None:
    """Random flows among stocks: each changes by what flows in and out, and the sum of all stays."""
    rng = np.random.default_rng(seed)
    flows, into, out = [], [[] for _ in range(size)], [[] for _ in range(size)]
    for k in range(2 * size):
        source, target = rng.choice(size, 2, replace=False)
        flows.append(
            Flow(
                f"f{k}",
                f"{rng.uniform(0, 0.6):.4f} * s{source} / (1 + 0.01 * s{target} ^ 2) + {rng.uniform(0, 2):.4f}",
                unit="l/month",
            )
        )
        out[source].append(f"f{k}")
        into[target].append(f"f{k}")
    stocks = [
        Stock(f"s{i}", float(rng.uniform(0, 50)), tuple(into[i]), tuple(out[i]), "l", "", held)
        for i in range(size)
    ]
    model = build("closed", [*stocks, *flows], start=0, stop=8, dt=0.25)
    assert len(transfers(model)) == 2 * size
    assert all((r < 1e-12).all() for r in residuals(model).values())
    run = simulate(model)
    total = sum(run[s.name] for s in stocks)
    np.testing.assert_allclose(total, total[0, 0], rtol=1e-12)
    if held:
        assert all((run[s.name] > -1e-9).all() for s in stocks)


def test_a_flow_between_unlike_units_is_refused() -> None:
    model = build(
        "odd",
        [
            Stock("a", 1, (), ("f",), "patients"),
            Stock("b", 1, ("f",), (), "money"),
            Flow("f", 1, "patients/month"),
        ],
        start=0,
        stop=1,
        dt=1,
    )
    with pytest.raises(Refusal, match="unit of its stock"):
        transfers(model)


@pytest.mark.needs_data
def test_reference_runs_of_published_models(shared_data: Path) -> None:
    expected = json.loads((shared_data / "flywheel" / "EXPECTED.json").read_text("utf-8"))[
        "sd reference runs (PySD 3.14.3)"
    ]
    wanted = expected["Backlog-workforce, Albany PAD624 (Euler dt 1/16, 80 months)"]
    run = simulate(backlog_and_workforce())
    at = [round(t * 16) for t in (6, 12, 24, 40, 80)]
    np.testing.assert_allclose(run["backlog"][at, 0], wanted["Backlog t=6,12,24,40,80"], atol=5e-5)
    np.testing.assert_allclose(run["workforce"][at, 0], wanted["Workforce"], atol=5e-5)
    assert [round(float(run["backlog"].max()), 4), float(run.times[run["backlog"].argmax()])] == wanted["max"]
    adopters = simulate(bass())["adopters"][[80, 152, 240], 0]
    np.testing.assert_allclose(adopters, expected["Bass adopters t=5,9.5,15"], atol=0.05)


@pytest.mark.parametrize("make", [every_operation, bass, backlog_and_workforce])
def test_the_compiled_run_equals_the_plain_one(speed: None, make: object) -> None:
    model, rng = make(), np.random.default_rng(5)  # type: ignore[operator]
    values = {c.name: c.value * rng.uniform(0.8, 1.2, 70) for c in model.constants[:2]}
    names = [*model.stock_names, *model.order]
    plain = simulate(model, values, record=names, every=3)
    fast = simulate_compiled(model, values, record=names, every=3)
    np.testing.assert_array_equal(plain.times, fast.times)
    for name in names:
        np.testing.assert_allclose(fast[name], plain[name], rtol=1e-10, atol=1e-10)


def test_without_numba_the_compiled_run_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(Refusal, match=r"carewheel\[speed\]") as refused:
        simulate_compiled(bass())
    assert refused.value.code == "missing_extra"

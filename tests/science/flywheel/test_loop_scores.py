"""Loops that Matter, against the figures printed in the papers and by Stella."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.science.flywheel.published_models import bass, logistic_growth

from carewheel.science.flywheel.stocks import (
    Auxiliary,
    Constant,
    Flow,
    Refusal,
    Stock,
    build,
    link_scores,
    loop_scores,
)
from carewheel.science.flywheel.stocks.loops import elementary_loops

# Schoenberg, Davidsen & Eberlein 2020, Bass model: by time, loop scores of B1 and R1 and relative score of B1.
PRINTED = {
    1.0: ("0", "1", "0"),
    9.5: ("-9.958", "11.46", "-0.465"),
    9.5625: ("-9358", "9806", "-0.488"),
    9.625: ("-10.91", "10.41", "-0.512"),
    15.0 - 1 / 16: ("-1", "0", "-1"),
}


def _digits(value: float, like: str) -> str:
    """``value`` with as many decimals as ``like`` has."""
    decimals = len(like.partition(".")[2])
    text = f"{value:.{decimals}f}"
    return text.replace("-0", "0", 1) if float(text) == 0 else text


def test_the_bass_table_to_every_printed_digit() -> None:
    found = loop_scores(bass())
    assert found.all_loops
    assert len(found.loops) == 2
    balancing = next(i for i, loop in enumerate(found.loops) if "potential_adopters" in loop)
    for time, (b1, r1, share) in PRINTED.items():
        k = round(time * 16)
        assert found.times[k] == time
        assert _digits(found.score[balancing, k], b1) == b1
        assert _digits(found.score[1 - balancing, k], r1) == r1
        assert _digits(found.relative[balancing, k], share) == share


@pytest.mark.needs_data
def test_the_table_in_the_data_is_the_one_above(shared_data: Path) -> None:
    expected = json.loads((shared_data / "flywheel" / "EXPECTED.json").read_text("utf-8"))["ltm"]
    table = next(value for key, value in expected.items() if key.startswith("Bass"))
    assert table["B1"] == [float(row[0]) for row in PRINTED.values()]
    assert table["R1"] == [float(row[1]) for row in PRINTED.values()]
    assert table["B1 relative"] == [float(row[2]) for row in PRINTED.values()]


@pytest.mark.needs_data
def test_logistic_growth_within_five_hundredths_of_a_point_of_stella(shared_data: Path) -> None:
    text = (shared_data / "flywheel" / "ltm_logistic_growth_expected.tsv").read_text("utf-8-sig")
    rows = {
        line.split("\t")[0]: np.array(line.split("\t")[1:], dtype=float) for line in text.splitlines()[1:]
    }
    found = loop_scores(logistic_growth())
    for loop, relative in zip(found.loops, found.relative, strict=True):
        name = "b1" if "fraction_used" in loop else "r1"
        # A score stamped t is of the step from t on; the table's first column has none and stands at nought.
        assert np.abs(100 * relative[1:] - rows[name][1:-1]).max() <= 0.05


def test_link_scores_of_the_papers_tables() -> None:
    flows = [Flow("dw", 3), Flow("dx", 2), Flow("dy", 2)]
    stocks = [Stock("w", 7, ("dw",)), Stock("x", 2, ("dx",)), Stock("y", 3, ("dy",))]
    model = build("table 2", [*stocks, *flows, Auxiliary("z", "(w + x) / y")], start=0, stop=1, dt=1)
    score = link_scores(model).score
    np.testing.assert_allclose([score[c, "z"][0] for c in "wxy"], [5, 10 / 3, -6], rtol=1e-12)


def test_flows_share_the_change_of_the_net_flow() -> None:
    """The correction of 2023: |change of flow / change of net flow|, with the side's sign."""
    model = build(
        "tank", [Stock("s", 10, ("a",), ("b",)), Flow("a", "2 * t"), Flow("b", "0.5 * t"), Stock("t", 1, ("c",)), Flow("c", "t")], start=0, stop=3, dt=1
    )  # fmt: skip
    score = link_scores(model).score
    np.testing.assert_allclose(score["a", "s"], 2 / 1.5)
    np.testing.assert_allclose(score["b", "s"], -0.5 / 1.5)


def test_what_stands_still_has_no_score() -> None:
    model = build(
        "still", [Stock("x", 5, ("f",), ("g",)), Flow("f", "x"), Flow("g", "x")], start=0, stop=3, dt=1
    )
    found = loop_scores(model)
    assert (found.score == 0).all()
    assert (found.relative == 0).all()


def test_scores_of_separate_parts_are_shared_out_separately() -> None:
    one = [Stock("x", 5, ("f",)), Flow("f", "0.1 * x")]
    two = [Stock("y", 5, (), ("g",)), Flow("g", "0.3 * y")]
    found = loop_scores(build("two", [*one, *two], start=0, stop=3, dt=1))
    np.testing.assert_allclose(np.abs(found.relative), 1)


@given(st.integers(2, 6), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_every_loop_is_found_once(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.random((size, size)) < 0.5
    graph = {str(i): [str(j) for j in range(size) if matrix[i, j]] for i in range(size)}
    wanted = set()
    for length in range(1, size + 1):
        for path in permutations(range(size), length):
            if path[0] == min(path) and all(
                matrix[a, b] for a, b in zip(path, (*path[1:], path[0]), strict=True)
            ):
                wanted.add(tuple(map(str, path)))
    found = elementary_loops(graph, most=10_000)
    assert len(found) == len(set(found))
    assert set(found) == wanted


def test_too_many_loops_are_refused_and_then_searched() -> None:
    names = [f"s{i}" for i in range(5)]
    stocks = [Stock(n, 1 + i, (f"f{i}",)) for i, n in enumerate(names)]
    flows = [Flow(f"f{i}", f"0.01 * ({' + '.join(names)})") for i in range(5)]
    model = build("tangle", [*stocks, *flows], start=0, stop=4, dt=1)
    with pytest.raises(Refusal) as refused:
        elementary_loops(dict.fromkeys(names, names), most=10)
    assert refused.value.code == "too_many_loops"
    whole, searched = loop_scores(model, most=10_000), loop_scores(model, most=10)
    assert whole.all_loops
    assert not searched.all_loops
    assert {frozenset(loop) for loop in searched.loops} <= {frozenset(loop) for loop in whole.loops}
    # The strongest loop of all is among those that the search found.
    strongest = whole.loops[int(np.abs(whole.score[:, 2]).argmax())]
    assert frozenset(strongest) in {frozenset(loop) for loop in searched.loops}


def test_several_draws_have_no_one_story() -> None:
    with pytest.raises(Refusal) as refused:
        loop_scores(
            build("x", [Stock("x", 5, ("f",)), Flow("f", "a * x"), Constant("a", 1)], start=0, stop=3, dt=1),
            {"a": [1, 2]},
        )
    assert refused.value.code == "shape"

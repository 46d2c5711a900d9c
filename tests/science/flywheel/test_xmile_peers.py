"""What is exported runs in PySD and pysimlin to the same numbers."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from benchmarks.peers.environment import HERE
from tests.science.flywheel.balanced_practice import assumed_strengths, practice, scales, wheel_links
from tests.science.flywheel.published_models import backlog_and_workforce, bass, every_operation

from carewheel.science.flywheel.practice_model import Move, Policy, practice_model
from carewheel.science.flywheel.practice_model.forecast import values_of
from carewheel.science.flywheel.stocks import Model, Refusal, simulate, to_xmile


def peer_values(python: Path, model: Model, values: dict[str, float], folder: Path) -> dict[str, np.ndarray]:
    path, out = folder / "model.xmile", folder / "out.npz"
    path.write_text(to_xmile(model, values), "utf-8")
    subprocess.run([python, HERE / "systemdynamics_run.py", path, out, "1"], check=True, capture_output=True)
    return dict(np.load(out))


def farthest(python: Path, model: Model, values: dict[str, float], folder: Path) -> float:
    """The largest difference of any variable at any step from either peer, relative to the variable's largest value."""
    theirs = peer_values(python, model, values, folder)
    ours = simulate(model, values, record=[*model.stock_names, *model.order])
    worst = 0.0
    for who in ("pysd", "simlin"):
        for name, series in ours.series.items():
            scale = max(float(np.abs(series).max()), 1e-12)
            worst = max(worst, float(np.abs(theirs[f"{who}:{name}"] - series[:, 0]).max()) / scale)
    return worst


@pytest.mark.parametrize("make", [bass, backlog_and_workforce, every_operation])
def test_models_run_alike_in_both_peers(systemdynamics_peer: Path, tmp_path: Path, make: object) -> None:
    model = make()  # type: ignore[operator]
    assert farthest(systemdynamics_peer, model, {}, tmp_path) <= 1e-9


def test_the_practice_under_strain_runs_alike_in_both_peers(
    systemdynamics_peer: Path, tmp_path: Path
) -> None:
    moves = [
        Move("operations.no_show_rate", -0.03, 6, 3, 5000, 100),
        Move("seats", -1.0, 12),
        Move("marketing", 2000.0, 2),
    ]
    built = practice_model(
        practice(), scales(), wheel_links(), policy=Policy(0.2, -0.1, 0.1, 0.2), moves=moves, months=36
    )
    values = {name: float(np.asarray(v)) for name, v in values_of(built, assumed_strengths()).items()}
    assert farthest(systemdynamics_peer, built.model, {**values, "cash": 9_000.0}, tmp_path) <= 1e-9


def test_the_document_has_the_parts_of_the_standard() -> None:
    root = ElementTree.fromstring(to_xmile(every_operation(), {"patience": 2.0}))
    space = {"x": "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"}
    assert root.tag == f"{{{space['x']}}}xmile"
    assert root.findtext("x:sim_specs/x:dt", namespaces=space) == "0.125"
    names = [v.get("name") for v in root.iterfind("x:model/x:variables/*", space)]
    assert len(names) == len(set(names))
    constant = root.find("x:model/x:variables/x:aux[@name='patience']/x:eqn", space)
    assert constant is not None
    assert constant.text == "2.0"
    for stock in root.iterfind("x:model/x:variables/x:stock", space):
        # The schema's order: equation, then inflows, then outflows, then documentation and units.
        tags = [child.tag.rpartition("}")[2] for child in stock]
        assert tags == sorted(tags, key=["eqn", "inflow", "outflow", "doc", "units"].index)
    assert "EXP" in ElementTree.tostring(root, encoding="unicode")


def test_a_value_of_what_is_not_there_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        to_xmile(bass(), {"adopting": 1.0})
    assert refused.value.code == "unknown"

"""How long visits take, on the consultations of one real physician; called by `tests.validation.forecasts`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tests.validation.face_validity import shared_data
from tests.validation.forecasts_data import hangu

from carewheel.science.forecasting.durations import duration_model, pinball

LEVELS = np.arange(0.05, 0.96, 0.05)


def durations_section(patients: bool = True) -> tuple[list[str], bool]:
    """The section of the page, and whether all of it holds."""
    data = shared_data()
    head = ["", "## How long it takes", ""]
    if data is None:
        return [*head, "Not run: `CAREWHEEL_DATA` is not set."], True
    h = hangu(data)
    ways: dict[str, dict[str, NDArray[np.str_]]] = {"by kinds and position": h.factors}
    if patients:
        ways["and each patient, leaning on all"] = h.factors | {"patient": h.patient}
    rows: dict[str, list[tuple[float, float, float, float]]] = {}
    for first, last in ((107, 160), (160, 213), (213, 267)):
        early, late = h.session < first, (h.session >= first) & (h.session < last)
        seen = h.minutes[late]
        told = {"all visits together": np.tile(np.quantile(h.minutes[early], LEVELS), (int(late.sum()), 1))}
        for name, factors in ways.items():
            model = duration_model(
                h.minutes[early],
                {k: x[early] for k, x in h.numbers.items()},
                {k: x[early] for k, x in factors.items()},
                width_by="visit",
            )
            told[name] = model.quantiles(
                {k: x[late] for k, x in h.numbers.items()}, {k: x[late] for k, x in factors.items()}, LEVELS
            )
        for name, q in told.items():
            inside = [float(np.mean((q[:, a] <= seen) & (seen <= q[:, b]))) for a, b in ((1, 17), (0, 18))]
            rows.setdefault(name, []).append(
                (pinball(seen, q, LEVELS), float(np.abs(seen - q[:, 9]).mean()), *inside)
            )
    means = {name: np.mean(found, axis=0) for name, found in rows.items()}
    lines = [
        *head,
        "4,531 consultations of one physician (Hangu), learnt on the sessions before and judged on three later stretches (from 107, 160 and 213 on). Pinball loss over 5",
        "to 95 %.",
        "",
        "| Distribution | Pinball, min | MAE of the median, min | Inside 10–90 % | Inside 5–95 % |",
        "|---|---|---|---|---|",
        *(f"| {name} | {p:.3f} | {mae:.2f} | {a:.3f} | {b:.3f} |" for name, (p, mae, a, b) in means.items()),
    ]
    best = means[list(ways)[-1]]
    fine = bool(
        best[0] < means["all visits together"][0] and abs(best[2] - 0.8) < 0.04 and abs(best[3] - 0.9) < 0.04
    )
    return lines, fine

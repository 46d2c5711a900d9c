"""Who waits for whom: the expected wait of each booked visit, in the book as it stood, with the scores as chances of coming.

Where those who may not come are booked close to others, they and their neighbours wait longer. If groups differ in that, the book treats
them differently, whoever meant it. Each half-day of a practitioner is evaluated exactly; arrivals are taken to be punctual.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from carewheel.science.scheduling import Minutes, Patient, Session, Weights, empirical, evaluate, lognormal
from carewheel.spokes.operations.contracts import BookedVisits, Ints
from carewheel.spokes.operations.rules.live import SPREAD

Floats = NDArray[np.float64]
DAY, NOON, USUAL = 86_400, 13 * 3600, 30
# A type's minutes are its own from so many measured visits on; else planned minutes, with the usual spread.
LEAST_MEASURED, LONGEST = 60, 240
# Half-days that are looked at, evenly over the weeks; and visits in one beyond which its times are no appointments any more.
MOST_SESSIONS, MOST_VISITS = 400, 40


def expected_waits(v: BookedVisits, rows: Ints, chance: Floats, measured: Mapping[str, Floats]) -> Floats:
    """Minutes (n,) that whoever comes to visit ``rows[i]`` waits; NaN where the practitioner is unknown or the half-day was not looked at.

    ``chance`` (n,): of a miss; ``measured``: by type of visit the minutes of those that the log knows.
    """
    found = np.full(rows.size, np.nan)
    laws = {kind: empirical(np.clip(taken, 1, LONGEST)) for kind, taken in measured.items() if taken.size >= LEAST_MEASURED}  # fmt: skip
    planned: dict[int, Minutes] = {}

    def law(row: int) -> Minutes:
        own = laws.get(str(v.visit_type[row]))
        if own is not None:
            return own
        minutes = int(np.clip(np.rint((v.minutes[row] or USUAL) / 5) * 5, 5, LONGEST))
        return planned.setdefault(minutes, lognormal(float(minutes), SPREAD))

    halves: dict[tuple[str, str, int], list[int]] = {}
    for i, row in enumerate(rows.tolist()):
        if v.provider[row]:
            half = int(v.starts[row] // DAY * 2 + (v.starts[row] % DAY >= NOON))
            halves.setdefault((str(v.provider[row]), str(v.location[row]), half), []).append(i)
    keys = sorted(
        (key for key, mine in halves.items() if len(mine) <= MOST_VISITS), key=lambda key: (key[2], key)
    )
    looked = (
        np.unique(np.linspace(0, len(keys) - 1, min(len(keys), MOST_SESSIONS)).astype(int)) if keys else ()
    )
    for at in looked:
        mine = np.array(halves[keys[at]])
        mine = mine[np.argsort(v.starts[rows[mine]], kind="stable")]
        times = (v.starts[rows[mine]] - v.starts[rows[mine[0]]]) / 60
        people = tuple(Patient(law(int(rows[i])), float(1 - chance[i])) for i in mine)
        found[mine] = np.maximum(evaluate(Session(people, Weights(1, 0)), np.rint(times)).waits, 0.0)
    return found

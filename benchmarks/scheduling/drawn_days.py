"""Dental days, drawn: the generator and the seeds on which the allocation of a day is judged.

Committed before anything was tuned on them; do not change them. A practice has 8 dentists, 10 rooms and 6 assistants for 60 visits and
in proportion for others, rounded up, 4, 5 and 3 at least, all from minute 0 to 720. A visit is on a grid of five minutes: preparation of one or two
steps, treatment of two to eight, aftercare of one to three. It needs a room from beginning to end, an assistant for preparation and
treatment, and for the treatment a dentist who can do it: each visit has two to four eligible ones. Wanted starts lie anywhere in the
first 480 minutes, crowded before noon and in the afternoon; nobody starts before the wanted minute, and each step of delay costs one, two or three.
"""

from __future__ import annotations

import numpy as np

from carewheel.science.scheduling.allocation.problem import DayProblem, Hours, Need, Resource, VisitRequest

SEED = 20261125
SIZES = (20, 40, 60, 80, 120)
DAYS = range(4)
LEAST = {"dentist": 4, "room": 5, "assistant": 3}
STEP, MINUTES, LAST_WANTED = 5, 720, 480


def drawn_day(visits: int, number: int, seed: int = SEED) -> DayProblem:
    """Day ``number`` (any whole number from 0) with so many visits."""
    rng = np.random.default_rng([seed, visits, number])
    counts = {kind: max(least, -(-visits * 2 * least // 60)) for kind, least in LEAST.items()}
    resources = tuple(
        Resource(f"{kind} {i + 1}", kind, (Hours(0, MINUTES),))
        for kind, n in counts.items()
        for i in range(n)
    )
    dentists = [r.name for r in resources if r.kind == "dentist"]
    requests = []
    for i in range(visits):
        before, treated, after = (int(rng.integers(a, b + 1)) for a, b in ((1, 2), (2, 8), (1, 3)))
        whole = before + treated + after
        peak = rng.choice([150.0, 360.0, -1.0], p=[0.3, 0.2, 0.5])
        at = rng.normal(peak, 60.0) if peak >= 0 else rng.uniform(0, LAST_WANTED)
        wanted = int(np.clip(at, 0, LAST_WANTED) // STEP) * STEP
        able = rng.choice(dentists, size=int(rng.integers(2, 5)), replace=False)
        needs = (
            Need("room", ((0, whole * STEP),)),
            Need("assistant", ((0, (before + treated) * STEP),)),
            Need("dentist", ((before * STEP, (before + treated) * STEP),), only=frozenset(map(str, able))),
        )
        requests.append(
            VisitRequest(f"visit {i + 1}", needs, wanted, earliest=wanted, late=int(rng.integers(1, 4)))
        )
    return DayProblem(resources, tuple(requests), step=STEP)

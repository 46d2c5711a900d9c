"""Sessions of unlike patients, drawn: the generator and the seeds on which sequences are judged.

Committed before anything was tuned on them; do not change them. A session has 16 patients: three in ten are first visits
(lognormal, mean 21.3 minutes, coefficient of variation 0.6), the others return (13.4 minutes, 0.46). Each comes with a
probability of its own, uniform from 0.6 to 1. Classes and probabilities are known, the order is free. A minute of one
patient's waiting costs 0.15, a minute of idling 0.85; the session ends when the last is seen. Minutes on a grid of one.
"""

from __future__ import annotations

import numpy as np

from carewheel.science.scheduling import Patient, Session, Weights, lognormal

PATIENTS, FIRST_VISITS, SEED = 16, 0.3, 20261125
SESSIONS = range(16)
FIRST, RETURN = lognormal(21.3, 0.6), lognormal(13.4, 0.46)
WEIGHTS = Weights(waiting=0.15, idle=0.85)


def drawn_session(number: int, patients: int = PATIENTS) -> Session:
    """Session ``number`` (any whole number from 0), its patients in the order in which they asked."""
    rng = np.random.default_rng([SEED, number])
    first = rng.random(patients) < FIRST_VISITS
    shows = rng.uniform(0.6, 1.0, patients)
    return Session(
        tuple(Patient(FIRST if f else RETURN, float(p)) for f, p in zip(first, shows, strict=True)), WEIGHTS
    )

"""What patients say and do after a visit: how it was for them, answers, reviews, recommendations, staying or leaving."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from carewheel.invented.book import QUESTIONS, SCALES
from carewheel.invented.draws import Floats
from carewheel.invented.parameters import parameters

Ints = npt.NDArray[np.int64]
# Weight of the last visit in how content a person is.
LAST_VISIT = 0.45
EASE, WAIT = QUESTIONS.index("ease"), QUESTIONS.index("wait")
ASKED = (1.0, 0.85, 0.80, 0.80)


def answers_of(felt: Floats, ease: Floats, wait_minutes: Floats, noise: Floats) -> Ints:
    """Scores of the four questions, one column each, from the latent experience of visits and ``noise`` (n, 4)."""
    latent = (
        8.7 + 1.5 * felt,
        4.2 + 0.65 * felt + 0.1 * noise[:, 1],
        4.05 + 0.25 * felt + ease + 0.7 * noise[:, 2],
        4.35 + 0.2 * felt - (wait_minutes - 8.0) / 14.0 + 0.6 * noise[:, 3],
    )
    scores = [np.clip(np.round(value), low, high) for value, (low, high) in zip(latent, SCALES, strict=True)]
    return np.stack(scores, axis=1).astype(np.int64)


def answers_at_all(felt: Floats, propensity: Floats, factor: float) -> Floats:
    """Probability that an invited person answers: the very content and the angry more than the rest."""
    p = parameters()
    base = p["voices.answer_share"]
    bias = p["voices.answer_bias"]
    odds = np.log(base / (1 - base)) - 0.12 + propensity + bias * np.abs(felt) + bias / 2 * felt
    return np.asarray(np.clip(factor / (1 + np.exp(-odds)), 0, 0.95))


def ratings_of(felt: Floats) -> Ints:
    """Stars of a public review."""
    return np.asarray(np.clip(np.round(4.62 + 0.8 * felt), 1, 5), dtype=np.int64)


def talk_rates(content: Floats, shift: float, talks: Floats, gain: float, ratio: float) -> Floats:
    """Probability a month that a person sends somebody. ``gain``: link strength, ``shift``: how much more content it feels.

    A rise of one reference SD of NPS (0.40 latent) moves the reproduction number by ``gain`` × ``ratio`` of itself.
    """
    p = parameters()
    step = p["calibration.experience_per_nps_sd"]
    slope = np.log(max(1 + ratio * gain, 0.05)) / step
    return np.asarray(
        np.clip(p["newcomers.talk_a_month"] * talks * np.exp(slope * (content + shift)), 0, 0.5)
    )


def leaving_rates(content: Floats, shift: float, gain: float, factor: float) -> Floats:
    """Probability a month that a patient leaves for good, by contentment.

    One reference SD of NPS more takes 1.6 × ``gain`` of the yearly leaving off, so that lifetime value moves by ``gain`` SDs.
    """
    p = parameters()
    off = p["calibration.leaving_per_value_sd"] * gain
    slope = -np.log(max(1 - off, 0.05)) / p["calibration.experience_per_nps_sd"]
    base = -np.log(1 - p["population.leaving_a_year"]) / 12
    # A steeper slope must not make the average person leave more: the mean of a log-normal is taken off.
    spread = p["voices.person_spread"] ** 2 + p["voices.visit_noise"] ** 2 * LAST_VISIT / (2 - LAST_VISIT)
    even = slope**2 * spread / 2
    return np.asarray(np.clip(factor * base * np.exp(-slope * (content + shift) - even), 0, 0.5))

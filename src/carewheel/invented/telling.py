"""After the visits: what people felt, answered, posted, told others, and whether they stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from carewheel.invented import attendance, voices
from carewheel.invented.book import NONE, QUESTIONS
from carewheel.invented.draws import normal
from carewheel.invented.parameters import parameters
from carewheel.invented.ports import sd_of
from carewheel.invented.visiting import ONLINE

if TYPE_CHECKING:
    from carewheel.invented.location import Place

Columns = dict[str, npt.NDArray[Any]]
DAY = 1440


def after_the_visits(place: Place, month: int, first: int, end: int, v: Columns) -> Columns:
    """Experience, answers, reviews, recommendations and leaving; what the month's measures and newcomers need."""
    p = parameters()
    pop = place.population
    kept = v["status"] == attendance.KEPT
    patient = v["patient"][kept]
    u = place.draws.uniform("voices", month, pop.size, 16)[patient]
    wait = (v["roomed_at"] - v["arrived_at"])[kept].astype(float)
    mean_wait = float(wait.mean()) if len(wait) else place.now["operations.wait_minutes"]
    step = p["calibration.experience_per_nps_sd"]
    csat = p["calibration.experience_per_csat_sd"]
    place.now["operations.wait_minutes"] = mean_wait
    by_wait = place.felt("C4-C1", month, "operations.wait_minutes") + place.ports.gain("C4-C1") * np.clip(
        (wait - mean_wait) / sd_of("operations.wait_minutes"), -2, 4
    )
    felt = (
        -pop["expectation"][patient] + place.manner + place.provider_manner[v["provider_index"][kept]]
        + p["voices.visit_noise"] * normal(u[:, 0]) + step * by_wait
        + step * place.felt("C5-C1", month, "people.burnout")
        + csat * place.felt("C3-C1", month, "finance.collections")
        + csat * place.felt("C4-C1-hours", month, "operations.utilisation")
        + place.play("experience", month, 0.0)
    )  # fmt: skip
    online = (v["channel"][kept] == ONLINE).astype(float)
    share = float(online.mean()) if len(online) else 0.0
    points = sd_of("experience.ease") / 25.0
    ease = points * (
        place.felt("C6-C1", month, "technology.online_booking")
        + place.ports.gain("C6-C1") * (online - share) / sd_of("technology.online_booking") * 0.5
    ) + place.play("ease", month, 0.0)
    scores = voices.answers_of(felt, ease, wait, normal(u[:, 1:5]))
    _answers(place, month, v["row"][kept], patient, v["done_at"][kept], felt, scores, u)
    _reviews(place, month, v["done_at"][kept], felt, u)
    # A person comes to terms with the last visit; a mended complaint counts double.
    won_back = (scores[:, 0] <= 6) & (u[:, 13] < place.play("recovery", month, 0.0))
    lived = np.where(won_back, np.abs(felt) * 0.5, felt)
    weight = voices.LAST_VISIT
    pop["content"][patient] += weight * (lived - pop["content"][patient])
    seen = np.zeros(pop.size, dtype=np.int64)
    np.maximum.at(seen, patient, v["starts"][kept] // DAY)
    told = _loyalty(place, month, first, end, seen)
    told["scores"] = scores
    return told


def _answers(
    place: Place,
    month: int,
    rows: npt.NDArray[Any],
    patient: npt.NDArray[Any],
    done: npt.NDArray[Any],
    felt: npt.NDArray[np.float64],
    scores: npt.NDArray[np.int64],
    u: npt.NDArray[np.float64],
) -> None:
    p = parameters()
    if month in place.silent:
        return
    invited = u[:, 5] < p["voices.invited_share"]
    propensity = place.population["answers"][patient]
    answers = invited & (
        u[:, 6] < voices.answers_at_all(felt, propensity, place.play("answering", month, 1.0))
    )
    sent = done + 120
    numbers = np.full(len(rows), NONE)
    numbers[invited] = place.writer.add(
        "invitation", patient=patient[invited], visit=rows[invited], sent_at=sent[invited],
        channel=(u[invited, 7] > place.population["digital"][patient[invited]]).astype(np.int64),
    )  # fmt: skip
    at = sent + 5 + (-1.6 * 1440 * np.log1p(-u[:, 8] * 0.9999)).astype(np.int64)
    for question in range(len(QUESTIONS)):
        mine = answers & (u[:, 9 + question] < voices.ASKED[question])
        place.writer.add(
            "answer",
            invitation=numbers[mine],
            question=question,
            score=scores[mine, question],
            answered_at=at[mine],
        )
        place.tally.add(f"answers_{QUESTIONS[question]}", at[mine] // 1440)
        place.tally.add(f"score_{QUESTIONS[question]}", at[mine] // 1440, scores[mine, question])
    nps = answers & (u[:, 9] < voices.ASKED[0])
    place.tally.add("promoters", at[nps & (scores[:, 0] >= 9)] // 1440)
    place.tally.add("detractors", at[nps & (scores[:, 0] <= 6)] // 1440)
    place.tally.add("invited", sent[invited] // 1440)


def _reviews(
    place: Place,
    month: int,
    done: npt.NDArray[Any],
    felt: npt.NDArray[np.float64],
    u: npt.NDArray[np.float64],
) -> None:
    p = parameters()
    rate = p["voices.review_share"] * place.play("reviewing", month, 1.0) * np.exp(0.45 * np.abs(felt))
    posts = u[:, 14] < rate
    stars = voices.ratings_of(felt[posts])
    at = done[posts] + 60 + (u[posts, 15] * 5 * 1440).astype(np.int64)
    replied = np.where(u[posts, 8] < 0.4, at + 2 * 1440, NONE)
    place.writer.add(
        "review", site=(u[posts, 7] > 0.75).astype(np.int64), rating=stars, posted_at=at, replied_at=replied
    )
    place.stars += [(month, int(s)) for s in stars]
    place.tally.add("reviews", at // 1440)
    place.tally.add("stars", at // 1440, stars)


def _loyalty(place: Place, month: int, first: int, end: int, seen: npt.NDArray[np.int64]) -> Columns:
    """Who tells others, who leaves, who dies this month, by how content they are; after ``seen``, their last visit."""
    pop = place.population
    step = parameters()["calibration.experience_per_nps_sd"]
    base = float(pop["content"][pop.active() & (pop["visits"] > 0)].mean())
    u = place.draws.uniform("loyalty", month, pop.size, 5)
    active = pop.active() & (pop["visits"] > 0)
    # The source is the NPS as it stands; persons differ from the mean by their own contentment.
    talk_felt = place.ports.felt("C1-C2a", month, place.now["experience.nps"])
    stay_felt = place.ports.felt("C1-C3", month, place.now["experience.nps"])
    own = pop["content"] - base
    talks = voices.talk_rates(
        own, step * (talk_felt - 0.2), pop["talks"] * place.play("talking", month, 1.0) * place.attraction,
        place.ports.gain("C1-C2a"), 0.5,
    )  # fmt: skip
    leaves = voices.leaving_rates(
        own, step * (stay_felt - 0.2), place.ports.gain("C1-C3"), 1.25 if month >= place.competitor else 1.0
    )
    dies = 1 - (1 - parameters()["population.death_a_year"]) ** (1 / 12)
    senders = np.flatnonzero(active & (u[:, 0] < talks))
    left = active & (u[:, 1] < leaves)
    died = active & ~left & (u[:, 2] < dies)
    day = np.maximum(first + (u[:, 3] * (end - first)).astype(np.int64), seen)
    pop["left_day"][left] = day[left]
    pop["deceased_day"][died] = day[died]
    order = np.argsort(u[senders, 4], kind="stable")
    return {
        "senders": senders[order],
        "leaving": np.array([float(leaves[active].mean()) if active.any() else np.nan]),
        "active": np.array([int(active.sum())]),
    }

"""A purchase put to a practice's own model: what its figures may be, what it brings each month, and the money that flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from carewheel.catalog.play_guesses import play_guesses
from carewheel.science.finance import Purchase, at_once, cash_flows, macrs, straight_line
from carewheel.science.flywheel.practice_model import Move, PracticeModel, practice_model
from carewheel.science.flywheel.practice_model.equations import EARNED
from carewheel.science.flywheel.practice_model.forecast import values_of
from carewheel.science.flywheel.practice_model.practice import LEVERS
from carewheel.science.flywheel.stocks import Refusal, Run, simulate
from carewheel.science.refusal import CannotTell
from carewheel.wheel.investments.described import VENDOR_WEIGHT, Described, Doubt, Promise
from carewheel.wheel.investments.refusals import PurchaseRefused
from carewheel.wheel.learnt import Learnt
from carewheel.wheel.present import Present, model_links, model_scales
from carewheel.wheel.roadmap import moves_of

Floats = NDArray[np.float64]
SEED = 20_251_101
# The 95 % point of the normal: where the high end of a figure lies.
Z = 1.6448536269514722
# A length of time can be one of three: weights of the 5 %, 50 % and 95 % points (extended Pearson-Tukey; Keefer & Bodily 1983,
# Management Science 29:595). The model is written once for each.
WEIGHTS = (0.185, 0.63, 0.185)
PRICE, TRAINING, UPKEEP, DOWNTIME, UPTAKE, ADOPTION = (
    "price",
    "training",
    "upkeep",
    "downtime",
    "uptake",
    "adoption",
)
EFFECT = "effect"


@dataclass(frozen=True)
class Case:
    """A purchase at a practice. ``places``: how many have it. ``promises``: with what a seller says already halved.

    Raises `PurchaseRefused` (``purchase.effect``) where the model has no such measure; its runs (``purchase.figure``) where the model
    leaves the finite numbers.
    """

    described: Described
    learnt: Learnt
    now: Present
    places: int
    promises: tuple[Promise, ...]

    @cached_property
    def without(self) -> PracticeModel:
        """The practice as it goes on, over the life of the purchase."""
        return self._model(())

    def _model(self, moves: Sequence[Move]) -> PracticeModel:
        return practice_model(
            self.now.practice, model_scales(), model_links(), months=self.described.months, moves=moves
        )

    @property
    def unmeasured(self) -> list[str]:
        """Measures that it shall move and that are not known here: they are taken to stand where they usually do."""
        known = self.now.practice.measures
        return [p.measure for p in self.promises if p.measure not in known and p.measure not in LEVERS]

    @property
    def doubts(self) -> dict[str, Doubt]:
        """Every figure by its name; effects are "effect 0", "effect 1" …, as promised at full use."""
        d = self.described
        effects = {f"{EFFECT} {i}": promise.size for i, promise in enumerate(self.promises)}
        return {PRICE: d.price, TRAINING: d.training, UPKEEP: d.upkeep, DOWNTIME: d.downtime_share, UPTAKE: d.uptake_months,
                ADOPTION: d.adoption, **effects}  # fmt: skip

    def drawn(self, count: int) -> dict[str, Floats]:
        """Draws (count,) of every figure but the uptake. A figure has the same chance whatever the others are."""
        found = {}
        for name, doubt in self.doubts.items():
            z = np.random.default_rng([SEED, *name.encode()]).standard_normal(count)
            side = np.where(z > 0, doubt.high - doubt.expected, doubt.expected - doubt.low) / Z
            found[name] = doubt.expected + z * side
        for name in (PRICE, TRAINING, UPKEEP):
            found[name] = np.maximum(found[name], 0.0)
        for name, most in ((DOWNTIME, 0.95), (ADOPTION, 1.0)):
            found[name] = np.clip(found[name], 0.0, most)
        return found

    def ramps(self, count: int) -> list[tuple[float, NDArray[np.intp]]]:
        """Months until full use, and the numbers of the draws that have it."""
        uptake = self.described.uptake_months
        order = np.random.default_rng([SEED, 1]).permutation(count)
        if uptake.certain:
            return [(uptake.expected, np.sort(order))]
        ends = np.round(np.cumsum((0, *WEIGHTS)) * count).astype(int)
        months = (uptake.low, uptake.expected, uptake.high)
        return [(m, np.sort(order[a:b])) for m, a, b in zip(months, ends[:-1], ends[1:], strict=True)]

    def sizes(self, figures: Mapping[str, Floats]) -> list[Floats]:
        """What each promise comes to in its measure's unit, at the use that is reached."""
        found = []
        for i, promise in enumerate(self.promises):
            size = figures[f"{EFFECT} {i}"]
            if promise.kind == "ratio":
                size = self.without.present[promise.measure] * (np.maximum(size, 0.0) - 1)
            found.append(size * figures[ADOPTION])
        return found

    def run_without(self, strengths: Mapping[str, Floats], shown: Sequence[str] = ()) -> Run:
        """The practice as it goes on, by month: net cash so far and the variables ``shown``."""
        return self._run(self.without, strengths, {}, shown)

    def run_with(
        self, strengths: Mapping[str, Floats], sizes: Sequence[Floats], downtime: Floats, ramp: float, shown: Sequence[str] = ()
    ) -> Run:  # fmt: skip
        """The practice with the purchase at work; ``sizes`` of each promise (draws,), full after ``ramp`` months."""
        d, lost = self.described, downtime * self.without.now.capacity
        moves = [Move(promise.measure, 0.0, d.starts, ramp) for promise in self.promises]
        drawn = [np.asarray(size) for size in sizes]
        if np.any(lost) and d.downtime_months > 0:
            moves += [Move("capacity", 0.0, 0.0), Move("capacity", 0.0, d.downtime_months)]
            drawn += [-lost, lost]
        given = {f"move_{i}_size": size for i, size in enumerate(drawn, 1)}
        return self._run(self._model(moves), strengths, given, shown)

    def _run(
        self, model: PracticeModel, strengths: Mapping[str, Floats], given: Mapping[str, Floats], shown: Sequence[str]
    ) -> Run:  # fmt: skip
        record = list(dict.fromkeys([*shown, EARNED]))
        values = {**values_of(model, strengths), **given}
        try:
            return simulate(model.model, values, record=record, every=round(1 / model.model.dt))
        except Refusal as cannot:
            raise PurchaseRefused("purchase.figure", f"The practice cannot be run with these figures: {cannot.message}", "Look at the largest figures of what it shall move.") from cannot  # fmt: skip

    def gains(self, with_it: Run, without: Run) -> Floats:
        """What the purchase brings each month at all its places, before what it costs: (draws, months)."""
        more = np.atleast_2d((with_it[EARNED] - without[EARNED]).T)
        return np.asarray(np.diff(more, axis=1) * self.places)

    def flows(self, figures: Mapping[str, Floats], gains: Floats, *, as_invoiced: bool = False) -> Floats:
        """Money (draws, months + 1), the first at once. ``as_invoiced``: as the books would show it, without loan and tax.

        Raises `PurchaseRefused` (``purchase.figure``) for figures that cannot be.
        """
        d, rows = self.described, []
        try:
            for i, gain in enumerate(gains):
                price, training, upkeep = (float(figures[name][i]) for name in (PRICE, TRAINING, UPKEEP))
                bought = Purchase(
                    price=price, months=d.months, financed=0.0 if as_invoiced else d.financed, loan_rate=d.loan_rate,
                    loan_months=d.loan_months, training=training, upkeep=upkeep, upkeep_growth=d.upkeep_growth, salvage=d.sold_for,
                    tax_rate=0.0 if as_invoiced else d.tax_rate, written_off=() if as_invoiced else self._written_off(price),
                )  # fmt: skip
                rows.append(cash_flows(bought, gain[None])[0])
        except CannotTell as reason:
            raise PurchaseRefused("purchase.figure", f"These figures cannot be: {reason.code}.", f"{reason.remedy.capitalize()}.") from reason  # fmt: skip
        return np.array(rows)

    def _written_off(self, price: float) -> tuple[float, ...]:
        d = self.described
        match d.write_off:
            case "straight-line":
                found = straight_line(price, d.write_off_years, min(d.sold_for, price))
            case "macrs-5" | "macrs-7":
                found = macrs(price, int(d.write_off[-1]))
            case "at-once":
                found = at_once(price, d.write_off_limit)
            case _:
                return ()
        return tuple(float(x) for x in found)


def case_of(
    what: Described,
    learnt: Learnt,
    beliefs: Mapping[tuple[str, str], tuple[float, float]],
    known_places: Sequence[str],
) -> Case:
    """The purchase at this practice, its money known. ``beliefs``: what verified changes have made of guesses, as the roadmap takes them.

    Raises `PurchaseRefused`: ``purchase.place``, ``purchase.currency``, ``purchase.effect``.
    """
    now, model = learnt.present, learnt.model
    assert now is not None
    assert model is not None
    if unknown := sorted(set(what.places) - set(known_places)):
        raise PurchaseRefused("purchase.place", f"There is no place {unknown[0]!r} here.", f"Places are: {', '.join(known_places)}.")  # fmt: skip
    if what.currency and what.currency != now.currency:
        raise PurchaseRefused("purchase.currency", f"It is priced in {what.currency}; this practice counts in {now.currency}.", "Give its prices in that currency.")  # fmt: skip
    promises = _of_play(what, model, beliefs) if what.play else tuple(_believed(p) for p in what.promises)
    for promise in promises:
        if promise.measure not in (*model.present, *LEVERS):
            raise PurchaseRefused("purchase.effect", f"The model of the practice does not have {promise.measure}: no arrow begins or ends at it.",
                                  f"Name one of: {', '.join(sorted(model.present))}.")  # fmt: skip
    return Case(what, learnt, now, len(what.places) or now.places, promises)


def _believed(promise: Promise) -> Promise:
    """A seller's word counts half: half of the change, or of the way from 1 of a ratio."""
    if not promise.vendor:
        return promise
    size = promise.size
    if promise.kind == "ratio":
        size = Doubt(*(1 + VENDOR_WEIGHT * (x - 1) for x in (size.low, size.expected, size.high)))
    else:
        size = size.times(VENDOR_WEIGHT)
    return Promise(promise.measure, promise.kind, size, promise.source, True)


def _of_play(
    what: Described, model: PracticeModel, beliefs: Mapping[tuple[str, str], tuple[float, float]]
) -> tuple[Promise, ...]:
    """The effects of a play as they are believed here: the house's guess, or what a verdict made of it."""
    moves, drawn = moves_of(play_guesses()[what.play], model.present, beliefs, priced=False)
    found = []
    for move, draws in zip(moves, drawn, strict=True):
        low, high = (float(np.quantile(draws, q)) for q in (0.05, 0.95))
        verified = (what.play, move.what) in beliefs
        words = f"play {what.play}, " + ("verified here" if verified else "guessed")
        found.append(Promise(move.what, "difference", Doubt(low, move.size, high), words, False))
    return tuple(found)

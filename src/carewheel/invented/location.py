"""One invented place, month by month: causes run round the whole wheel, through the ports of the links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from carewheel.invented import access, attendance, voices
from carewheel.invented.access import Desk, Requests
from carewheel.invented.arriving import newcomers
from carewheel.invented.billing import Billing, Terms, Visits
from carewheel.invented.book import NONE, ROLES, Book, BookWriter
from carewheel.invented.draws import Draws, normal
from carewheel.invented.group import MONTHS_AHEAD, Group
from carewheel.invented.growth import Growth
from carewheel.invented.memory import measures_of
from carewheel.invented.pages import close_book
from carewheel.invented.parameters import parameters, play_effects
from carewheel.invented.population import Population, founding_people, lean_months
from carewheel.invented.ports import Ports, sd_of
from carewheel.invented.purse import Purse
from carewheel.invented.supply import Stock
from carewheel.invented.tally import Tally
from carewheel.invented.team import Mood, Team
from carewheel.invented.telling import after_the_visits
from carewheel.invented.visiting import month_of_visits

Ints = npt.NDArray[np.int64]
DAY = 1440
KEPT, NOSHOW, CANCELLED = attendance.KEPT, attendance.NOSHOW, attendance.CANCELLED


@dataclass(slots=True)
class Lived:
    """What came out: the book, the world's own tally, the monthly measures that links join, and what ports felt."""

    book: Book
    tally: Tally
    measures: dict[str, list[float]]
    felt: dict[str, list[float]]
    net_cash: list[int]
    people: dict[str, npt.NDArray[Any]]


class Place:
    """The state of one place; `live()` runs all its months, or those that are left."""

    def __init__(self, group: Group, number: int, ports: Ports, book: bool = True) -> None:
        p = parameters()
        self.group, self.ports = group, ports
        self.facts = group.location(number)
        self.draws = Draws(group.seed, self.facts.location_id)
        self.writer = BookWriter(book)
        self.tally = Tally(group.month_starts, group.months)
        dental = self.facts.kind == "dental"
        lasting = normal(self.draws.uniform("lasting", 0, 1, 6)[0])
        self.size = float(np.exp(p["population.size_spread"] * lasting[0]))
        self.manner = p["voices.location_spread"] * float(lasting[1])
        self.pace = float(np.exp(0.05 * lasting[2]))
        self.forgetful = float(np.exp(0.15 * lasting[3]))
        self.attraction = float(np.exp(0.15 * lasting[4]))
        self.population = Population(self.draws, self.facts.kind)
        first = int(group.month_starts[0])
        founding_people(
            self.population, self.draws, first, round(p["population.active_patients"] * self.size)
        )
        # Two groups of providers, each with its own book; share of visits that the first one takes.
        self.first_share = 0.52 if dental else 0.24
        minutes = (60, 40) if dental else (20, 30)
        wanted = p["population.active_patients"] * self.size * p["population.need_visits_a_year"] * 1.06 / 52
        self.desks: list[Desk] = []
        roles: list[int] = []
        seat = 0
        for part, slot, role in zip(
            (self.first_share, 1 - self.first_share), minutes,
            ("hygienist", "dentist") if dental else ("nurse", "physician"), strict=True,
        ):  # fmt: skip
            days = np.ceil(wanted * part / p["access.fill"] / (2 * (240 // slot)) * 5) / 5
            seats = int(max(1, np.ceil((days + 1) / 5)))
            self.desks.append(
                Desk(tuple(range(seat, seat + seats)), tuple(range(seat, seat + seats)), slot, float(days))
            )
            roles += [ROLES.index(role)] * seats
            seat += seats
        self.provider_manner = p["voices.staff_spread"] * normal(self.draws.uniform("manner", 0, 40, 1)[:, 0])
        self.team = Team(self.draws, self.writer, roles, first)
        self.growth = Growth(self.draws, self.writer, self.size)
        self.billing = Billing(self.facts, self.draws, self.writer, self.tally)
        self.stock = Stock(self.draws, self.writer, wanted)
        self.stock.open(first)
        self.purse = Purse(self.draws, self.writer, self.tally, group.month_starts)
        self.silent = lean_months(self.draws, group.months)
        u = self.draws.uniform("competitor", 0, 1, 2)[0]
        self.competitor = int(6 + u[1] * (group.months - 8)) if u[0] < p["shocks.competitor_share"] else 10**6
        self.month = 0  # the next one to be lived through
        self.plays = [x for x in group.plays if number in x.locations]
        self.measures: dict[str, list[float]] = {}
        self.stars: list[tuple[int, int]] = []  # month, stars
        self.now: dict[str, float] = {
            "experience.nps": 55.0, "operations.wait_minutes": 12.0, "operations.utilisation": 0.8,
            "finance.clean_claim_rate": 0.92, "operations.third_next_available": 4.0, "people.turnover": 0.2,
            "people.burnout": 40.0, "people.engagement": 70.0, "technology.online_booking": 0.2,
            "growth.new_patients": 27.0 * self.size, "growth.review_rating": 4.5, "growth.organic_share": 0.65,
            "finance.collections": 55_000.0 * self.size, "technology.investment_share": 0.05,
        }  # fmt: skip
        self.third_free = self.now["operations.third_next_available"]
        self.bring = 0.0  # how many more newcomers than usual are felt, in reference standard deviations
        self.senders: Ints = np.empty(0, dtype=np.int64)
        self.leaving = [0.0] * 6
        self.employed = [1.0] * 6

    def play(self, mechanism: str, month: int, neutral: float) -> float:
        """What the plays under way do to a mechanism: factors are multiplied, points added."""
        value = neutral
        for planned in self.plays:
            if month >= planned.month:
                effect = play_effects()[planned.play].get(mechanism, neutral)
                value = value * effect if neutral == 1.0 else value + effect
        return value

    def felt(self, link: str, month: int, source: str) -> float:
        return self.ports.effect(link, month, self.now[source])

    def live(self) -> Lived:
        """Run all months, and the two after the window that its last day's book looks into."""
        self.live_until(self.group.months + MONTHS_AHEAD)
        self.team.close()
        book = close_book(self.group, self.facts, self.writer, self.population, self.team)
        people = self.population.columns
        own = people["content"] - float(people["content"].mean())
        leaves = voices.leaving_rates(own, 0.0, self.ports.gain("C1-C3"), 1.0)
        people["stays_a_year"] = (1 - leaves) ** 12 * (1 - parameters()["population.death_a_year"])
        return Lived(book, self.tally, self.measures, dict(self.ports.recorded), self.purse.net_cash, people)

    def live_until(self, month: int) -> None:
        """Run the months before ``month`` that have not been yet."""
        while self.month < month:
            self._month(self.month)
            self.month += 1

    def _month(self, month: int) -> None:
        p = parameters()
        first, end = int(self.group.month_starts[month]), int(self.group.month_starts[month + 1])
        self.ports.month = month
        newcomers(self, month, first, end, self.senders)
        # C5: what links, tools and money make of the team.
        mood = Mood(
            burnout=44 + self.team.offset_burnout + 12 * self.felt("C4-C5", month, "operations.utilisation")
            + 12 * self.felt("C2b-C5", month, "growth.new_patients") + self.play("burnout", month, 0.0),
            engagement=70 + self.team.offset_engagement + 10 * self.felt("C6-C5", month, "technology.online_booking")
            + 10 * self.felt("C3-C5", month, "finance.collections") + self.play("engagement", month, 0.0),
            training_hours_a_year=max(
                p["team.training_hours_a_year"] + 12 * self.felt("C4-C5-hours", month, "operations.utilisation"), 2.0
            ),
        )  # fmt: skip
        self.mood = mood
        leavers, person_years = self.team.month(month, first, end, mood)
        self.leaving, self.employed = [*self.leaving[1:], leavers], [*self.employed[1:], person_years]
        # C6: how far the bought technology is used.
        digital = float(np.clip(
            self.purse.adoption + 0.15 * self.felt("C4-C6-hours", month, "operations.utilisation")
            + self.play("online", month, 0.0), 0.01, 0.9,
        ))  # fmt: skip
        open_minutes = self._booked(month, first, end)
        visits = month_of_visits(self, month, first, end, digital)
        told = after_the_visits(self, month, first, end, visits)
        self.senders = told["senders"]
        self._money(month, first, end, visits)
        fresh = measures_of(self, month, first, end, visits, told, open_minutes)
        for name, value in fresh.items():
            self.measures.setdefault(name, []).append(value)
            if np.isfinite(value):
                self.now[name] = value

    def _booked(self, month: int, first: int, end: int) -> float:
        """Who wants a visit this month joins the desks; returns the open minutes of the month."""
        p = parameters()
        pop = self.population
        u = self.draws.uniform("wants", month, pop.size, 5)
        known = pop.active() & (pop["visits"] > 0)
        for desk in self.desks:
            known[desk.waiting.patient] = False
        rate = pop["need"] / 12 * self.group.season(month, self.facts.kind) * 1.02
        wants = np.flatnonzero(known & (u[:, 0] < 1 - np.exp(-rate)))
        lead = access.lead_days(u[wants, 1], p["access.planned_lead_days"], p["access.planned_lead_shares"])
        wanted = first * DAY + 480 + (u[wants, 2] * (end - first) * DAY).astype(np.int64)
        hers = Requests(wants, wanted, np.full(len(wants), NONE), lead)
        group = (u[wants, 3] < self.first_share).astype(np.int64)
        minutes = 0.0
        for index, desk in enumerate(self.desks):
            desk.waiting += hers.take(group == (1 - index))
            provider, room, starts, ends = desk.sessions(first, end)
            rows = self.team.holders(np.array(desk.providers)[provider], starts // DAY)
            self.writer.add("session", provider=rows, room=room, starts=starts, ends=ends)
            minutes += float((ends - starts).sum())
        return minutes

    def _money(self, month: int, first: int, end: int, v: dict[str, npt.NDArray[Any]]) -> None:
        p = parameters()
        kept = v["status"] == KEPT
        rows, patient = v["row"][kept], v["patient"][kept]
        pop = self.population
        newcomer = pop["joined_day"][patient] > int(self.group.month_starts[0]) - 1
        recent = newcomer & (v["starts"][kept] // DAY - pop["joined_day"][patient] < 365)
        u = self.draws.uniform("courtesy", month, pop.size, 1)[patient, 0]
        free = recent & (pop["pushed"][patient] == 0) & (u >= self.ports.weaken.get("C2b-C3", 1.0))
        more = self.felt("C6-C3", month, "technology.investment_share") * sd_of("finance.revenue_per_visit")
        # Newcomers bring money by coming; what the drawn strength is above that comes with every visit of a growing place.
        physical = self.ports.weaken.get("C2b-C3", 1.0) * p["calibration.newcomers_alone"]
        beyond = (self.ports.gain("C2b-C3") - physical) * self.bring * sd_of("finance.collections")
        more += beyond / max(len(rows), 100)
        price = self.billing.prices[9] / 100 * p["calibration.collected_per_charge"]
        sd_ratio = sd_of("finance.days_in_ar") / sd_of("finance.clean_claim_rate")
        self.ports.felt("C4-C3", month, self.now["finance.clean_claim_rate"])
        terms = Terms(
            price_factor=1 + 0.03 * month / 12,
            technology_share=float(np.clip(0.05 + more / price, 0, 0.6)),
            denial_factor=self.play("denial", month, 1.0),
            denial_shift=self.ports.pushed("C4-C3", month) * sd_of("finance.clean_claim_rate"),
            unclean_days=max(-self.ports.gain("C4-C3") * sd_ratio, 0.0),
            slow_payer=self.group.slow_payer,
        )
        visits = Visits(
            rows, patient, v["provider"][kept], v["kind"][kept], v["starts"][kept] // DAY, v["is_new"][kept].astype(bool), free
        )  # fmt: skip
        self.billing.bill(month, visits, pop["payer"][patient], pop["payer_index"][patient], terms)
        cost = self.stock.month(
            month, first, end, np.bincount(v["starts"][kept] // DAY - first, minlength=end - first)
        )
        self.purse.month(month, first, end, self, cost)
